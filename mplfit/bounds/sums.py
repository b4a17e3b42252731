"""The sums that convex bounds are made of: Σ_{k<t} q_k / (S_t - S_k), for some or all t.

A causal power-law sum with p = 1 (`mplfit.powersum`), apart from its nearest sources: where S_t and
S_k agree to more than six digits their difference is summed from the rates between, so that no
digit is lost where the rate decays to zero. Two functions of one signature:

* `exact_sums` adds one term after the other in numpy, with every difference summed from the rates.
* `fast_sums` needs linear work, and equals it to 1e-9.

Both are +inf where the rate η_t is 0 although rates before it were positive: then S_t = S_k for
the last of them. Nothing is checked here; `mplfit.bounds.omega` does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mplfit.compiled import kernel
from mplfit.powersum import fast
from mplfit.powersum.terms import PLAIN
from mplfit.schedule import cumulative
from mplfit.types import FloatArray, IntArray

__all__ = ["exact_sums", "fast_sums"]

_NEAR = 1e-6
"""Differences below this share of S_t are summed from the rates: rounding S costs 1e-16 / 1e-6."""


def exact_sums(lr: FloatArray, charges: FloatArray, step: IntArray) -> FloatArray:
    """Σ_{k<t} q_k / (S_t - S_k) by direct summation, for the steps t (0-based, ascending).

    lr : (T,) rates.  charges : (rows, T).  step : (J,).  Returns (rows, J).

    >>> import numpy as np
    >>> from mplfit.bounds.sums import exact_sums
    >>> exact_sums(np.array([1.0, 1.0, 2.0]), np.array([[1.0, 4.0, 9.0]]), np.array([1, 2]))
    array([[1.        , 2.33333333]])
    """
    sums = np.zeros((len(charges), step.size))
    for j, t in enumerate(step.tolist()):
        if lr[t] == 0:
            sums[:, j] = np.inf if lr[:t].any() else 0.0
            continue
        ahead = np.cumsum(lr[t:0:-1])  # S_t - S_k for k = t-1, t-2, …, 0
        for row, charge in enumerate(charges):
            sums[row, j] = np.sum(charge[:t][::-1] / ahead)
    return sums


def fast_sums(lr: FloatArray, charges: FloatArray, step: IntArray) -> FloatArray:
    """The same in linear work: the distant sources by `mplfit.powersum.fast`, the nearest directly.

    A stretch of n updates within a millionth of S_t costs n²/2 terms: the last 0.15 % of a decay
    to zero, or a tail at a rate that is negligible beside S_t.

    >>> import numpy as np
    >>> from mplfit.bounds.sums import fast_sums
    >>> fast_sums(np.array([1.0, 1.0, 2.0]), np.array([[1.0, 4.0, 9.0]]), np.array([1, 2]))
    array([[1.        , 2.33333333]])
    """
    S = np.maximum.accumulate(cumulative(lr))
    moving = lr[step] > 0
    sums = np.where(S[step] > 0, np.inf, 0.0) * np.ones((len(charges), 1))
    at = step[moving]
    count = np.searchsorted(S, S[at] * (1 - _NEAR), side="right").astype(np.int64)
    count = np.minimum(count, at)
    terms = tuple((row, PLAIN) for row in range(len(charges)))
    found = fast.power_sums(S[at], count, S, np.zeros(S.size), charges, 1.0, terms)
    _add_nearest(found, lr, charges, at, count)
    sums[:, moving] = found
    return sums


@kernel
def _add_nearest(sums: Any, lr: Any, charges: Any, step: Any, count: Any) -> None:
    """Add the sources from count[j] to step[j] - 1, the rates between them summed backwards."""
    for j in range(len(step)):
        distance = 0.0
        for k in range(step[j] - 1, count[j] - 1, -1):
            distance += lr[k + 1]
            inverse = 1 / distance
            for row in range(len(charges)):
                sums[row, j] += charges[row, k] * inverse
