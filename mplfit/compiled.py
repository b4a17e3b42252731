"""The one way mplfit compiles a kernel with numba.

Kernels take arrays and floats of one dtype (float64, int64), hold no GIL, and are kept in
numba's cache on disk, so that only the first run on a machine pays for the compiler. Where that
cache cannot be written, they are compiled afresh in every process instead of failing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

__all__ = ["kernel", "strict_kernel"]

F = TypeVar("F", bound=Callable[..., Any])

# Sums may be reordered and multiply-adds fused, which is what lets loops use vector registers.
# NaN and infinity keep their meaning: `nnan` and `ninf` are not among the flags.
_FASTMATH = {"reassoc", "contract", "nsz"}


def kernel(function: F) -> F:
    """Compile `function` with numba at its first call (decorator)."""
    return _compiled(function, _FASTMATH)


def strict_kernel(function: F) -> F:
    """The same with sums in the order written, where digits rest on it (decorator).

    A `kernel` that it calls may still reorder its own sums.
    """
    return _compiled(function, {"contract"})


def _compiled(function: F, fastmath: set[str]) -> F:
    options: dict[str, Any] = {"nogil": True, "fastmath": fastmath, "error_model": "numpy"}
    try:
        compiled: F = njit(cache=True, **options)(function)
    except RuntimeError:  # "no locator available": the cache folder cannot be written
        compiled = njit(**options)(function)
    return compiled
