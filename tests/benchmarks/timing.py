"""How every benchmark measures."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["best"]


def best(function: Callable[[], object], times: int, *, warm: bool = True) -> float:
    """Seconds of the fastest of some calls, after one to warm up."""
    if warm:
        function()
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)
