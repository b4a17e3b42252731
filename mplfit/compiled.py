"""The one way mplfit compiles a kernel with numba.

Kernels take arrays and floats of one dtype (float64, int64), hold no GIL, and are kept in
numba's cache on disk, so that only the first run on a machine pays for the compiler. Where that
cache cannot be written, they are compiled afresh in every process instead of failing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, overload

from numba import njit

__all__ = ["kernel"]

F = TypeVar("F", bound=Callable[..., Any])

# Sums may be reordered and multiply-adds fused, which is what lets loops use vector registers.
# NaN and infinity keep their meaning: `nnan` and `ninf` are not among the flags.
_FASTMATH = {"reassoc", "contract", "nsz"}
_STRICT = {"contract"}


@overload
def kernel(function: F) -> F: ...
@overload
def kernel(*, strict: bool = ..., inner: bool = ...) -> Callable[[F], F]: ...
def kernel(function: Any = None, *, strict: bool = False, inner: bool = False) -> Any:
    """Compile a function with numba at its first call (decorator, with or without options).

    strict : keep sums in the order written, where digits rest on it. What a strict kernel calls may
        still reorder its own sums.
    inner : for a kernel that others call, never Python. It is always inlined: left to itself, a
        compiler links a caller that was compiled just now to another copy of it than one from the
        cache, and the last digits differ.
    """
    if function is None:
        return partial(kernel, strict=strict, inner=inner)
    options: dict[str, Any] = {
        "nogil": True,
        "fastmath": _STRICT if strict else _FASTMATH,
        "error_model": "numpy",
        "forceinline": inner,
        # C calls none of them, and Python no inner one: a way in takes long to compile.
        "no_cfunc_wrapper": True,
        "no_cpython_wrapper": inner,
    }
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # "no locator available": the cache folder cannot be written
        return njit(**options)(function)
