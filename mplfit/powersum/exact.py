"""Causal power-law sums, summed one term after the other: the definition.

Slow (targets × sources powers) and plain. It shares no line with `mplfit.powersum.fast`, whose
main test is to equal it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mplfit.powersum.terms import LOG, PLAIN, STEEP, Term
from mplfit.types import FloatArray, IntArray

__all__ = ["power_sums"]


def power_sums(
    x: FloatArray,
    count: IntArray,
    s: FloatArray,
    c: FloatArray,
    charges: FloatArray,
    p: float,
    terms: Sequence[Term] = ((0, PLAIN),),
) -> FloatArray:
    """Causal power-law sums by direct summation; see `mplfit.powersum`.

    >>> import numpy as np
    >>> from mplfit.powersum import exact
    >>> s, c, q = np.array([0.0, 1.0]), np.array([1.0, 1.0]), np.array([[1.0, 4.0]])
    >>> exact.power_sums(np.array([1.0, 3.0]), np.array([1, 2]), s, c, q, 2.0).round(6).tolist()
    [[0.25, 0.506944]]
    """
    sums = np.zeros((len(terms), x.size))
    for j in range(x.size):
        before = slice(0, count[j])
        distance = (x[j] - s[before]) + c[before]
        kernels = {
            PLAIN: distance**-p,
            LOG: distance**-p * np.log(distance),
            STEEP: distance ** -(p + 1),
        }
        for i, (row, kind) in enumerate(terms):
            sums[i, j] = np.sum(charges[row, before] * kernels[kind])
    return sums
