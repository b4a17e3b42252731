"""ln and exp as plain arithmetic, which the compiler turns into vector code.

Calls of the C library stand in the way of vector registers, and near sources cost little else.
Both are accurate to an ulp or two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from mplfit.compiled import kernel

__all__ = ["exp", "log"]

_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # ln 2 in two parts
_LOG2_E = 1.4426950408889634
_MANTISSA = np.int64(0x000FFFFFFFFFFFFF)
_ROOT_HALF = np.int64(0x3FE6A09E667F3BCD)  # the bits of √½
_ROUNDING = 1.5 * 2.0**52  # added to a number, its last bits are the nearest integer
_ROUNDING_BITS = np.int64(0x4338000000000000)


def _reinterpreted(source: Any, target: Any, code: ir.Type) -> Any:
    """A function that takes the 64 bits of one type for those of another."""

    def cast(context: Any, x: Any) -> Any:
        return target(source), lambda _, builder, __, args: builder.bitcast(args[0], code)

    return intrinsic(cast)


_bits = _reinterpreted(types.float64, types.int64, ir.IntType(64))
_number = _reinterpreted(types.int64, types.float64, ir.DoubleType())


@kernel(strict=True, inner=True)
def log(x: Any) -> Any:
    """ln x of a positive normal number: x = 2^k m, √½ <= m < √2, ln m = 2 artanh((m-1)/(m+1))."""
    bits = _bits(x) - _ROOT_HALF
    k = _number((bits >> 52) + _ROUNDING_BITS) - _ROUNDING
    m = _number((bits & _MANTISSA) + _ROOT_HALF)
    f = (m - 1) / (m + 1)
    g = f * f
    total = 1 / 23
    total = total * g + 1 / 21
    total = total * g + 1 / 19
    total = total * g + 1 / 17
    total = total * g + 1 / 15
    total = total * g + 1 / 13
    total = total * g + 1 / 11
    total = total * g + 1 / 9
    total = total * g + 1 / 7
    total = total * g + 1 / 5
    total = total * g + 1 / 3
    return k * _LN2_HIGH + (2 * f + (2 * f * (g * total) + k * _LN2_LOW))


@kernel(strict=True, inner=True)
def exp(y: Any) -> Any:
    """e^y for -708 <= y <= 709: e^y = 2^k e^r, |r| <= ln 2 / 2, by Taylor's series."""
    y = min(max(y, -708.0), 709.0)
    rounded = y * _LOG2_E + _ROUNDING
    k = rounded - _ROUNDING
    r = (y - k * _LN2_HIGH) - k * _LN2_LOW
    total = 1 / 6227020800
    total = total * r + 1 / 479001600
    total = total * r + 1 / 39916800
    total = total * r + 1 / 3628800
    total = total * r + 1 / 362880
    total = total * r + 1 / 40320
    total = total * r + 1 / 5040
    total = total * r + 1 / 720
    total = total * r + 1 / 120
    total = total * r + 1 / 24
    total = total * r + 1 / 6
    total = total * r + 1 / 2
    total = total * r + 1
    total = total * r + 1
    return total * _number((_bits(rounded) - _ROUNDING_BITS + 1023) << 52)
