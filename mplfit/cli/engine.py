"""Where long work runs: here, on processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from importlib import import_module
from typing import Any, TypeAlias, TypeVar, cast
from urllib.parse import urlsplit

import click

from mplfit.cli.messages import one_line_warnings
from mplfit.errors import MplfitError
from mplfit.processes import WithHelper, processes

__all__ = ["Engine", "engine_options", "worker_count", "workers_option"]

F = TypeVar("F", bound=Callable[..., Any])

Engine: TypeAlias = Callable[[], AbstractContextManager[Executor | None]]
"""What a command with `engine_options` opens for its long work."""

_PATIENCE = 10.0  # seconds to wait for a scheduler


def workers_option(usual: str) -> Callable[[F], F]:
    """--workers, with what is usual as text; see `worker_count` and `engine`."""
    return click.option(
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        help="Share long work among N processes; 1: all of it here. The results are the same. "
        f"[default: MPLFIT_WORKERS, else {usual}]",
    )


def engine_options(command: F) -> F:
    """The options of every command with work to share; the command gets an `Engine`."""

    @functools.wraps(command)
    def wrapped(*args: Any, workers: int | None, dask: str | None, **kwargs: Any) -> Any:
        if workers is not None and dask is not None:
            raise click.UsageError("--workers and --dask exclude one another: choose one")
        return command(*args, engine=partial(_engine, workers, dask), **kwargs)

    made: Any = workers_option("this process and one beside it")(wrapped)
    text = "Share long work on the Dask cluster whose scheduler is at ADDRESS."
    return cast("F", click.option("--dask", metavar="ADDRESS", help=text)(made))


def worker_count(asked: int | None) -> int:
    """How many processes the user wants, by option or environment; else one a core."""
    return asked or _usual_workers() or _cores()


@contextmanager
def _engine(workers: int | None, address: str | None) -> Iterator[Executor | None]:
    """The executor that the user asked for; without a wish one process beside this one.

    None where all is to be done here: with --workers 1, where there is one core, or where no
    process can be started.

    Raises
    ------
    MplfitError
        If Dask is not installed, or no scheduler answers at the address.
    """
    workers = workers or _usual_workers()
    if address is not None:
        with _dask(address) as executor:
            yield executor
    elif workers is None and _cores() > 1:
        with ExitStack() as stack:
            shared = None
            with suppress(OSError, ImportError, NotImplementedError, BrokenProcessPool):
                pool = stack.enter_context(processes(1, None, one_line_warnings))
                _prepare(pool)
                shared = WithHelper(pool)
            yield shared
    elif workers is not None and workers > 1:
        try:
            with processes(workers, None, one_line_warnings) as pool:
                yield pool
        except BrokenProcessPool:
            raise MplfitError(
                "a worker process ended before its work did (out of memory?): give fewer --workers"
            ) from None
    else:
        yield None


def _usual_workers() -> int | None:
    text = os.environ.get("MPLFIT_WORKERS", "")
    if text and not (text.isdigit() and int(text) > 0):
        raise MplfitError(f"MPLFIT_WORKERS is {text!r}: expected a whole number, 1 or more")
    return int(text) if text else None


def _prepare(pool: Executor) -> None:
    """Compile and import here and there at once, which is most of the first fit ever."""
    from mplfit.powersum.fast import prepare

    longest = pool.submit(prepare, "interact")
    pool.submit(import_module, "mplfit.show.plot")
    prepare("gather", "spread")
    import_module("mplfit.estimate.fit")
    longest.result()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise MplfitError(
            "--dask needs the package distributed, which is not installed: "
            "pip install 'mplfit[dask]', or use --workers N"
        ) from None
    try:
        # First a plain connection: a client without a scheduler leaves threads that go on trying.
        place = urlsplit(address if "://" in address else f"tcp://{address}")
        if place.hostname and place.port:
            socket.create_connection((place.hostname, place.port), _PATIENCE).close()
        client = Client(  # type: ignore[no-untyped-call, unused-ignore]
            address, timeout=_PATIENCE, set_as_default=False
        )
    except (OSError, TimeoutError, ValueError) as error:
        raise MplfitError(
            f"no Dask scheduler answers at {address!r} ({type(error).__name__}): expected an "
            "address such as tcp://127.0.0.1:8786, as `dask scheduler` prints it"
        ) from None
    with client:
        executor: Executor = client.get_executor(  # type: ignore[no-untyped-call, unused-ignore]
            pure=False
        )
        with executor:
            yield executor
