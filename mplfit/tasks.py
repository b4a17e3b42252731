"""Independent tasks in order, here or on any `concurrent.futures.Executor`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import TypeAlias, TypeVar

__all__ = ["Progress", "run"]

Item = TypeVar("Item")
Result = TypeVar("Result")

Progress: TypeAlias = Callable[[int, int, str], None]
"""progress(done, total, what): called as work goes on; it may draw, and must not fail."""


def run(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    executor: Executor | None = None,
    progress: Progress | None = None,
    what: str = "",
) -> list[Result]:
    """function(item) for every item, in the items' order, whichever ends first.

    Without an executor the tasks run here, one after the other; the results are the same.

    >>> from mplfit.tasks import run
    >>> run(abs, [-2, 3])
    [2, 3]
    """
    todo = list(items)
    results: list[Result] = []
    done: Iterator[Result] = (
        map(function, todo) if executor is None else executor.map(function, todo)
    )
    for result in done:
        results.append(result)
        if progress is not None:
            progress(len(results), len(todo), what)
    return results
