"""The bound at work in one dimension: the subgradient method on f(x) = g·|x|."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mplfit.errors import DataError
from mplfit.types import FloatArray

__all__ = ["WorstRun", "worst_run"]

_SLOPES, _STARTS = 100, 101


class WorstRun(NamedTuple):
    """The slope g and the start x_0 with the largest last loss, and the losses of that run."""

    slope: float
    start: float
    losses: FloatArray


def worst_run(lr: FloatArray, *, D: float = 1.0, G: float = 1.0) -> WorstRun:
    """The worst of f(x) = g·|x|, 0 < g ≤ G, from a start in [0, D], by its last loss.

    x_{t+1} = x_t − η_t·g·sign(x_t) (sign(0) = 1); the loss of index t is f(x_t), before update t,
    which is what the bound on the last iterate after t + 1 updates holds for: f(x_t) ≤ Ω_{t+1}. So
    the last loss is a lower bound on the worst case of a schedule, as Ω is an upper one.

    Parameters
    ----------
    lr : shape (T,), rates in updates 0 … T−1. Slopes and starts are on grids of 100 and 101.

    Raises
    ------
    DataError
        If the distance or the gradient norm is not one positive number.

    Examples
    --------
    >>> from mplfit.bounds import best_base, bound
    >>> from mplfit.bounds.example import worst_run
    >>> from mplfit.schedule import constant
    >>> lr = constant(100, 1.0).lr
    >>> lr = best_base(lr).rate * lr
    >>> bool(0.2 * bound(lr) < worst_run(lr).losses[-1] <= bound(lr))
    True
    """
    if np.ndim(G) or not (D > 0 and G > 0):
        raise DataError("the example needs a positive distance and one positive gradient norm")
    slopes, starts = (
        axis.ravel()
        for axis in np.meshgrid(
            G * np.arange(1.0, _SLOPES + 1) / _SLOPES, np.linspace(0, D, _STARTS), indexing="ij"
        )
    )
    # Where no slope lets a start come to the minimum, half the way is the worst: g = D/(2 Ση).
    half = min(G, D / (2 * float(lr[:-1].sum()))) if lr.size > 1 else G
    slopes, starts = np.append(slopes, half), np.append(starts, D)
    x = starts
    for rate in lr[:-1].tolist():
        x = x - np.copysign(rate * slopes, x)
    worst = int((slopes * np.abs(x)).argmax())
    slope, at = float(slopes[worst]), float(starts[worst])
    losses = np.empty(lr.size)
    for t, rate in enumerate(lr.tolist()):
        losses[t] = slope * abs(at)
        at -= float(np.copysign(rate * slope, at))
    return WorstRun(slope, float(starts[worst]), losses)
