"""Processes of this machine to share work among: they start fresh, and end when this one does."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, InvalidStateError, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import starmap
from multiprocessing import active_children, get_context
from typing import Any

__all__ = ["WithHelper", "processes"]

_LAST_SECONDS = 0.2  # to wait for a killed process


@contextmanager
def processes(
    count: int,
    environment: Mapping[str, str] | None = None,
    initializer: Callable[[], None] | None = None,
) -> Iterator[Executor]:
    """So many fresh processes, with these settings; after a failure they are killed at once.

    initializer : called in each of them when it starts.

    Ctrl-C is for this process alone to answer: they never see it.
    """
    before, kept = set(active_children()), dict(os.environ)
    os.environ.update(environment or {})
    # Fresh processes: a copy of one with threads (BLAS, matplotlib) may hang, or keep its settings.
    pool = _Pool(count, get_context("spawn"), initializer)
    try:
        yield pool
        pool.shutdown()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        threading.excepthook = _but_cancelled(threading.excepthook)
        workers = set(active_children()) - before
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.join(_LAST_SECONDS)
        raise
    finally:
        for name in environment or {}:
            if name in kept:
                os.environ[name] = kept[name]
            else:
                del os.environ[name]


def _but_cancelled(hook: Callable[[Any], object]) -> Callable[[Any], object]:
    """CPython's pool fails, in a thread of its own, on tasks that are cancelled when it breaks."""

    def report(what: Any) -> None:
        if not issubclass(what.exc_type, InvalidStateError):
            hook(what)

    return report


class _Pool(ProcessPoolExecutor):
    """Starts its processes, which happens when work is given, with SIGINT blocked in them."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if not hasattr(signal, "pthread_sigmask"):
            return super().submit(fn, *args, **kwargs)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class WithHelper(Executor):
    """Tasks shared with one other process: it takes them from the end, this one from the beginning.

    When it ends before its work does (out of memory?), this one does the rest.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._pool.submit(fn, *args, **kwargs)

    def map(self, fn: Callable[..., Any], *iterables: Any, **_: Any) -> Iterator[Any]:
        tasks = list(zip(*iterables, strict=False))
        try:
            futures = [self._pool.submit(fn, *task) for task in reversed(tasks)][::-1]
        except BrokenProcessPool:
            yield from starmap(fn, tasks)
            return
        for task, future in zip(tasks, futures, strict=True):
            yield fn(*task) if future.cancel() else _result(future, fn, task)


def _result(future: Future[Any], fn: Callable[..., Any], task: tuple[Any, ...]) -> Any:
    try:
        return future.result()
    except BrokenProcessPool:
        return fn(*task)
