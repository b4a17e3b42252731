"""The minimum of a loss against log rate, by parabolas, for many resampled sweeps at once."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.stats import f as f_distribution

from mplfit.types import FloatArray, IntArray

__all__ = ["Minimum", "minimum"]

_LEVEL = 0.2  # a window is too wide when a parabola that fits would miss it so much so rarely
_WIDEST = 12  # rates on each side, at most


class Minimum(NamedTuple):
    """Where the loss is lowest, one entry a row of the losses.

    at : shape (b,), the index of the rate with the lowest loss.
    x, y : shape (b,), the interpolated minimum: log rate and loss.
    reach : shape (b,), rates on each side in the parabola; 0 where there is none.
    curve : shape (b,), half the parabola's second derivative; NaN where there is none.
    """

    at: IntArray
    x: FloatArray
    y: FloatArray
    reach: IntArray
    curve: FloatArray


def minimum(x: FloatArray, y: FloatArray, error: FloatArray, freedom: int) -> Minimum:
    """The minimum of each row of losses over log rates, interpolated by a local parabola.

        y_i ≈ c + ½ k (x_i − x*)²   for the rates next to the lowest, weighted by 1/error_i²

    The window begins as the lowest rate and its neighbours and widens by a rate on each side for as
    long as a parabola misses the losses by no more than their errors explain (an F test): a wide
    window averages noise away, a narrow one follows an asymmetric basin. Losses far from the
    basin, of rates that nearly diverge, never enter. Where no parabola opens upwards with its
    vertex between the window's ends, the lowest rate itself is the answer.

    Parameters
    ----------
    x : shape (m,), rising log rates. y : shape (b, m), losses, all finite.
    error : shape (m,), standard errors of the losses; freedom : degrees of freedom of these.

    >>> import numpy as np
    >>> from mplfit.sweeps.parabola import minimum
    >>> x = np.arange(5.0)
    >>> found = minimum(x, 3 + (x[None, :] - 1.7) ** 2, np.full(5, 0.01), 10)
    >>> float(found.x[0].round(9)), float(found.y[0].round(9)), int(found.at[0])
    (1.7, 3.0, 2)
    """
    rows, rates = y.shape
    at = y.argmin(axis=1)
    best_x, best_y = x[at].copy(), y[np.arange(rows), at].copy()
    reach = np.zeros(rows, dtype=np.int64)
    bend = np.full(rows, np.nan)
    for lowest in np.unique(at):
        active = np.flatnonzero(at == lowest)
        previous = None
        for wide in range(1, min(rates, _WIDEST + 1)):
            window = slice(max(0, lowest - wide), min(rates, lowest + wide + 1))
            count = window.stop - window.start
            inside = 0 < lowest < rates - 1
            if (window.start, window.stop) == previous or active.size == 0:
                break
            previous = (window.start, window.stop)
            if count < (3 if inside else 4):
                continue
            centred = x[window] - x[lowest]
            weight = 1 / error[window]
            design = np.stack([np.ones(count), centred, centred**2], axis=1) * weight[:, None]
            inverse = np.linalg.pinv(design)
            target = y[active, window] * weight
            coefficients = target @ inverse.T
            if count > 3:
                misfit = ((target - coefficients @ design.T) ** 2).sum(axis=1) / (count - 3)
                kept = misfit <= _limit(count - 3, freedom)
                active, coefficients = active[kept], coefficients[kept]
            slope, curve = coefficients[:, 1], coefficients[:, 2]
            with np.errstate(divide="ignore", invalid="ignore"):
                vertex = -slope / (2 * curve)
            valid = (curve > 0) & (vertex > centred[0]) & (vertex < centred[-1])
            chosen = active[valid]
            best_x[chosen] = x[lowest] + vertex[valid]
            best_y[chosen] = (coefficients[:, 0] + slope * vertex / 2)[valid]
            reach[chosen], bend[chosen] = wide, curve[valid]
    return Minimum(at, best_x, best_y, reach, bend)


@lru_cache(maxsize=4096)
def _limit(count: int, freedom: int) -> float:
    return float(f_distribution.isf(_LEVEL, count, freedom))
