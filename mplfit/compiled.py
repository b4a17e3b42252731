"""The one way mplfit compiles a kernel with numba.

Kernels take arrays and floats of one dtype (float64, int64), hold no GIL, and are kept in
numba's cache on disk, so that only the first run on a machine pays for the compiler. Where that
cache cannot be written, they are compiled afresh in every process instead of failing; a damaged
entry is replaced, with one `MplfitWarning` a process.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, overload

from numba import njit
from numba.core.caching import FunctionCache

from mplfit.errors import MplfitWarning

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
    compiled = njit(**options)(function)
    with suppress(RuntimeError):  # "no locator available": the cache folder cannot be written
        compiled._cache = _Cache(function)  # what njit(cache=True) does with a FunctionCache
    return compiled


class _Cache(FunctionCache):
    """numba's cache on disk, whose failures cost time instead of the result."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # unpickling damaged bytes can raise anything
            _say(f"an entry of numba's cache in {self.cache_path} is damaged", error)
            with suppress(OSError):
                self.flush()  # an empty index replaces the damaged one
            return None  # numba compiles the kernel, and saves that

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception as error:  # a full disk, or an index that could not be replaced
            _say(f"numba's cache in {self.cache_path} cannot be written", error)


_said: list[str] = []


def _say(what: str, error: Exception) -> None:
    """Warn of the first failure of the cache in this process: others have the same cause."""
    if not _said:
        _said.append(what)
        text = f"{what} ({type(error).__name__}): kernels are compiled afresh"
        warnings.warn(text, MplfitWarning, stacklevel=2)
