"""AdamW's weight decay from the losses alone, where no log has it: its profile.

The scale-free law is fitted (quickly, with its prior) at one weight decay λ after another. With
m(λ) the penalised objective, 2 (m(λ) - m) / (30 δ²) crosses z² at the ends of the interval of level
z, as in the profile of a parameter (`mplfit.assess.profile`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from mplfit.assess.intervals import LEVELS
from mplfit.curve import Curve
from mplfit.errors import FitError
from mplfit.estimate.fit import fit
from mplfit.estimate.prior import Prior

__all__ = ["LAW", "USUAL", "profiled_weight_decay"]

LAW = "effective"
USUAL = 0.1
"""The weight decay around which the profile is looked for."""

_FACTOR, _GRID = 32.0, 11  # of the range to a side, and values in it


def profiled_weight_decay(
    train: Sequence[Curve], *, prior: str | Prior | None = None
) -> tuple[float, tuple[float | None, float | None]]:
    """The weight decay with the lowest objective, between 1/32 and 32 times 0.1, and its 95 %
    interval, an end of which is None where the profile does not cross within that range.

    Raises
    ------
    FitError
        If there is no prior on the shapes: then the weight decay trades against them.
    """
    if prior == "none":
        raise FitError("the weight decay is fitted with a prior alone: leave prior out")

    @cache
    def deviance(log: float) -> float:
        try:
            made = fit(
                train, LAW, prior=prior, quick=True, leave_out=False,
                constants={"weight_decay": float(np.exp(log))},
            )  # fmt: skip
        except FitError:  # so large a decay that weights turn over at once
            return 1e12
        unit = made.prior.unit if made.prior else 1.0
        return 2 * ((made.objective or 0.0) + made.penalty) / unit

    grid = np.log(USUAL) + np.log(_FACTOR) * np.linspace(-1, 1, _GRID)
    values = [deviance(float(log)) for log in grid]
    if min(values) >= 1e12:
        raise FitError(f"the law {LAW} has no fit to these curves at any weight decay")
    k = int(np.argmin(values))
    near = (float(grid[max(k - 1, 0)]), float(grid[min(k + 1, _GRID - 1)]))
    best = float(
        minimize_scalar(deviance, bounds=near, method="bounded", options={"xatol": 0.01}).x
    )
    best = min((best, float(grid[k])), key=deviance)
    level = deviance(best) + LEVELS[0.95] ** 2
    above = [float(log) for log in grid if log > best]
    below = [float(log) for log in grid[::-1] if log < best]
    low, high = (
        _crossing(lambda log: deviance(log) - level, best, side) for side in (below, above)
    )
    return float(np.exp(best)), (low, high)


def _crossing(excess: Callable[[float], float], best: float, side: Sequence[float]) -> float | None:
    """Where the profile first crosses the level, going outward over the grid."""
    inner = best
    for log in side:
        if excess(log) > 0:
            return float(np.exp(brentq(excess, *sorted((inner, log)), xtol=0.01)))
        inner = log
    return None
