"""Where long work runs: here, on processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from mplfit.errors import MplfitError

__all__ = ["engine", "engine_options"]

F = TypeVar("F", bound=Callable[..., Any])

_SAID = "mplfit.engine"
_PATIENCE = 10.0  # seconds to wait for a scheduler


def _keep(context: click.Context, option: click.Parameter, value: Any) -> None:
    context.meta.setdefault(_SAID, {})[option.name] = value


def engine_options(command: F) -> F:
    """The options of every command with work to share; the command opens `engine()`."""
    for names, settings in (
        (
            ("--workers",),
            {
                "type": click.IntRange(min=1),
                "metavar": "N",
                "help": "Share long work among N processes. The results are the same.",
            },
        ),
        (
            ("--dask",),
            {
                "metavar": "ADDRESS",
                "help": "Share long work on the Dask cluster whose scheduler is at ADDRESS.",
            },
        ),
    ):
        command = click.option(*names, expose_value=False, callback=_keep, **settings)(command)
    return command


@contextmanager
def engine() -> Iterator[Executor | None]:
    """The executor that the user asked for; None, for this process, without a wish.

    Raises
    ------
    MplfitError
        If Dask is not installed, or no scheduler answers at the address.
    """
    said = click.get_current_context().meta.get(_SAID, {})
    workers, address = said.get("workers"), said.get("dask")
    if workers is not None and address is not None:
        raise click.UsageError("--workers and --dask exclude one another: choose one")
    if address is not None:
        with _dask(address) as executor:
            yield executor
    elif workers is not None and workers > 1:
        from concurrent.futures import ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool
        from multiprocessing import get_context

        # Fresh processes: a copy of one with threads (BLAS, matplotlib) may hang.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            try:
                yield pool
            except BrokenProcessPool:
                raise MplfitError(
                    "a worker process ended before its work did (out of memory?): give fewer "
                    "--workers"
                ) from None
            except BaseException:  # do not wait for work that nobody wants any more
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    else:
        yield None


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
        # A knock first: a client that found nobody leaves threads behind that go on looking.
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
