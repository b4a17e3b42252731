"""Standard errors and correlations of a fit.

The covariance of the unknowns is an M-estimator's sandwich, H⁻¹ (Σ_i ψ_i² j_i j_iᵀ) H⁻¹, with the
Huber slopes ψ and H = (share of the residuals in the quadratic zone) · JᵀJ. It is multiplied by
(1 + r) / (1 - r) for residuals that are correlated along the run, r being their lag-one
correlation, pooled over the curves. It knows nothing of differences between runs: two runs of one
schedule differ by more than their residuals say, so that it is a lower bound on the truth.

With a prior the covariance is the inverse of JᵀJ/(30 max(δ, s)²) + WᵀW, W being the prior's
whitening and s the scatter of the residuals: where they scatter by more than the objective's δ, 30
rows tell less than it takes them to. Either is built as a product from one factorisation of the
rows (`mplfit.estimate.covariance`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mplfit.estimate.covariance import Covariance, factorise
from mplfit.estimate.huber import DELTA, huber_slope, quadratic_share
from mplfit.estimate.objective import Objective
from mplfit.estimate.solver import Box
from mplfit.laws.base import unknown_slopes
from mplfit.types import FloatArray

__all__ = ["Uncertainty", "noise_unit", "scatter_of", "uncertainty"]


_ROUNDING = 1e-9  # log residuals below this are rounding of the sums, not noise


@dataclass(frozen=True)
class Uncertainty:
    """Errors of the parameters, correlations of the unknowns; NaN for those without an error.

    covariance : of the unknowns, with the reason where there is no error.
    lag_one : the correlation of the residuals from row to row.
    """

    errors: FloatArray
    covariance: Covariance
    correlations: FloatArray
    lag_one: float


def uncertainty(objective: Objective, box: Box, unknowns: FloatArray) -> Uncertainty:
    """The covariance at the minimum, of the unknowns that are not at a bound."""
    residual, jacobian = objective.linearise(unknowns)
    free = box.at_edge(unknowns) == 0
    lag_one = _lag_one(residual, objective)
    if objective.prior is None:
        found = factorise(jacobian[:, free])
        scores = np.maximum(np.abs(huber_slope(residual)), _ROUNDING)[:, None] * found.left
        inflation = np.sqrt((1 + lag_one) / (1 - lag_one)) / quadratic_share(residual)
        triangle = np.asarray(np.linalg.qr(scores, mode="r"), dtype=np.float64)
        inner = found.inverse @ triangle.T * inflation
    else:
        unit = np.sqrt(objective.prior.rows) * max(DELTA, scatter_of(residual))
        found = factorise(np.vstack([jacobian / unit, objective.prior.whitening])[:, free])
        inner = found.inverse
    names = np.array(objective.law.names)
    factor = np.full((free.size, inner.shape[1]), np.nan)
    factor[free] = inner
    why = np.full(free.size, "it is at a bound of its box", dtype=object)
    why[free] = found.reasons(names[free].tolist())
    covariance = Covariance(factor, found.rank, tuple(why.tolist()))
    spread = covariance.errors
    with np.errstate(divide="ignore", invalid="ignore"):
        correlations = covariance.matrix / np.outer(spread, spread)
    slopes = np.abs(unknown_slopes(objective.law, objective.params(unknowns)))
    return Uncertainty(spread * slopes, covariance, correlations, lag_one)


def scatter_of(residual: FloatArray) -> float:
    """1.25 · mean |residual|: the standard deviation of normal ones, hardly moved by outliers."""
    return 1.25 * float(np.abs(residual).mean())


def noise_unit(objective: Objective, unknowns: FloatArray) -> float:
    """What a rise of the objective by ½χ² = 1 amounts to: 30 δ² with a prior, which says how
    many rows count as one; else the variance of the Huber slopes over the share of residuals in
    the quadratic zone, inflated by (1 + r)/(1 - r) as in the sandwich covariance.
    """
    if objective.prior is not None:
        return objective.prior.unit
    residual = objective.linearise(unknowns)[0]
    quadratic = quadratic_share(residual)
    lag_one = _lag_one(residual, objective)
    power = float(np.mean(huber_slope(residual) ** 2))
    # Curves without noise (simulated ones) have no unit: rounding of the sums stands in.
    return max(power, _ROUNDING**2) / quadratic * (1 + lag_one) / (1 - lag_one)


def _lag_one(residual: FloatArray, objective: Objective) -> float:
    """The lag-one correlation of the residuals within curves, between 0 and 0.99."""
    same = objective.curve_of[1:] == objective.curve_of[:-1]
    power = float(np.mean(residual**2))
    if power <= _ROUNDING**2 or not same.any():
        return 0.0
    return float(np.clip(np.mean((residual[1:] * residual[:-1])[same]) / power, 0.0, 0.99))
