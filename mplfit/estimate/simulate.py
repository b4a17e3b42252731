"""Simulated curves: what a law predicts, with noise that is correlated along the run."""

from __future__ import annotations

import numpy as np

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.laws.base import Law
from mplfit.schedule import Schedule
from mplfit.types import FloatArray, IntArray

__all__ = ["simulate"]


def simulate(
    law: Law,
    params: FloatArray,
    schedule: Schedule,
    step: IntArray,
    *,
    name: str = "simulated",
    noise: float = 0.0,
    correlation: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Curve:
    """A curve drawn from a law: ln loss = ln L(t) + e_t, e an AR(1) sequence over the logged rows.

    Parameters
    ----------
    law, params, schedule, step : what to predict, and at which steps.
    noise : standard deviation of e (relative to the loss).
    correlation : correlation of e between neighbouring logged rows, in [0, 1).
    rng : numpy generator of the noise.

    Examples
    --------
    >>> import numpy as np
    >>> from mplfit.estimate.simulate import simulate
    >>> from mplfit.laws import get_law
    >>> from mplfit.schedule import constant
    >>> simulate(get_law("onepower"), np.array([2.0, 1.0, 0.5]), constant(9, 0.1), np.array([3, 8]))
    Curve('simulated', 2 points in steps 3–8 of 9)
    """
    if not noise >= 0:
        raise DataError(f"the noise must be 0 or positive, got {noise:g}")
    if not 0 <= correlation < 1:
        raise DataError(f"the correlation must lie in [0, 1), got {correlation:g}")
    loss = law.at(schedule, step).loss(params)
    if noise > 0:
        shocks = (rng or np.random.default_rng(0)).standard_normal(step.size)
        shocks[1:] *= np.sqrt(1 - correlation**2)
        error = np.empty(step.size)
        error[0] = shocks[0]
        for i in range(1, step.size):
            error[i] = correlation * error[i - 1] + shocks[i]
        loss = loss * np.exp(noise * error)
    return Curve(name, step, loss, schedule)
