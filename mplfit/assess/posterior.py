"""A fit as a distribution: draws of its parameters, and of the losses that they predict.

Draws are normal in the solver's unknowns, with the covariance of the fit (Laplace's approximation
with a prior, a sandwich without one). One draw predicts the final losses of many schedules at
once, so that a *gain* between two schedules is far better known than either loss: what the draws
share cancels. What no draw has, the law's own error and the differences between runs, is added by
`mplfit.assess.intervals` for a loss, and by `mplfit.assess.gains` for a gain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mplfit.errors import FitError
from mplfit.estimate.covariance import root
from mplfit.estimate.result import Fit
from mplfit.laws.base import to_params, to_unknowns, unknown_slopes
from mplfit.schedule import Schedule
from mplfit.types import FloatArray, IntArray

__all__ = ["covariance", "draw", "factor", "final_losses", "held", "log_slopes"]

_FARTHEST = 3.0  # standard normals beyond this are drawn again: far out the laws make no sense


def covariance(fit: Fit) -> FloatArray:
    """Of the solver's unknowns; 0 for a parameter at a bound, which is taken as known.

    Raises
    ------
    FitError
        If the fit does not know its own (the published parameters).
    """
    if fit.spread is None:
        raise FitError(
            "this fit has no covariance, as published parameters have none: fit the runs "
            "themselves (mplfit fit) to know how sure a prediction is"
        )
    return np.nan_to_num(np.array(fit.spread.covariance, dtype=np.float64))


def factor(fit: Fit) -> FloatArray:
    """(P, P) G with G·Gᵀ the covariance: |Gᵀj|² is the variance along j, never negative."""
    return root(covariance(fit))


def held(fit: Fit) -> list[str]:
    """Parameters that stopped at a bound: draws take them as known, which nobody knows them to be.

    >>> from mplfit import load_fit
    >>> from mplfit.assess.posterior import held
    >>> held(load_fit("400"))
    []
    """
    if fit.spread is None:
        return []
    return [name for i, name in enumerate(fit.formula.names) if fit.spread.covariance[i][i] is None]


def draw(fit: Fit, count: int, seed: int = 0) -> FloatArray:
    """(count, P) parameters from the posterior: the same for the same seed, in opposite pairs.

    >>> from mplfit import load_fit, simulate
    >>> from mplfit.estimate.fit import fit
    >>> from mplfit.assess.posterior import draw
    >>> import numpy as np
    >>> from mplfit.laws import get_law
    >>> from mplfit.schedule import constant
    >>> law, step = get_law("onepower"), np.arange(10, 1000, 10)
    >>> run = simulate(law, np.array([2.0, 1.0, 0.5]), constant(1000, 1e-2), step, noise=1e-3)
    >>> draw(fit([run], "onepower"), 4).shape
    (4, 3)
    """
    law = fit.formula
    centre = to_unknowns(law, fit.values)
    rng = np.random.default_rng(seed)
    half = rng.standard_normal(((count + 1) // 2, centre.size))
    while (far := np.abs(half) > _FARTHEST).any():
        half[far] = rng.standard_normal(int(far.sum()))
    normals = np.concatenate([half, -half])[:count]
    moved = centre + normals @ factor(fit).T
    low, high = _meaningful(fit, centre)
    return np.array([to_params(law, one) for one in np.clip(moved, low, high)])


def final_losses(fit: Fit, schedules: Sequence[Schedule], params: FloatArray) -> FloatArray:
    """(N, K) final losses of K schedules for N draws of the parameters."""
    law = fit.formula
    return np.array([[law.final(one, schedule.lr) for schedule in schedules] for one in params])


def log_slopes(fit: Fit, schedule: Schedule, step: IntArray) -> tuple[FloatArray, FloatArray]:
    """Predicted losses, and the (J, P) derivatives of their logarithms in the unknowns."""
    law, params = fit.formula, fit.values
    loss, gradient = law.at(schedule, step).loss_and_gradient(params)
    return loss, gradient * unknown_slopes(law, params) / loss[:, None]


def _meaningful(fit: Fit, centre: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How far draws may go: a factor of 20, or 0.5 for a parameter that is its own unknown.

    Where the data leave a direction open, a normal would reach parameters of no meaning.
    """
    width = np.array(
        [
            0.5 if parameter.transform == "none" else np.log(20.0)
            for parameter in fit.formula.parameters
        ]
    )
    lowest = np.array([parameter.lowest for parameter in fit.formula.parameters])
    return np.maximum(centre - width, lowest), centre + width
