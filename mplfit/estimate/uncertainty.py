"""Standard errors and correlations of a fit.

The covariance of the unknowns is an M-estimator's sandwich, H⁻¹ (Σ_i ψ_i² j_i j_iᵀ) H⁻¹, with the
Huber slopes ψ and H = (share of the residuals in the quadratic zone) · JᵀJ. It is multiplied by
(1 + r) / (1 - r) for residuals that are correlated along the run, r being their lag-one
correlation, pooled over the curves. It knows nothing of differences between runs: two runs of one
schedule differ by more than their residuals say, so that it is a lower bound on the truth.

With a prior the covariance is Laplace's: the inverse of JᵀDJ/(30 δ²) + diag(σ⁻²).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mplfit.estimate.huber import huber_slope, quadratic_share
from mplfit.estimate.objective import Objective
from mplfit.estimate.solver import Box
from mplfit.laws.base import unknown_slopes
from mplfit.types import FloatArray

__all__ = ["Uncertainty", "noise_unit", "uncertainty"]


@dataclass(frozen=True)
class Uncertainty:
    """Errors of the parameters, correlations of the unknowns; NaN for those held at a bound."""

    errors: FloatArray
    covariance: FloatArray  # of the unknowns
    correlations: FloatArray
    lag_one: float


def uncertainty(objective: Objective, box: Box, unknowns: FloatArray) -> Uncertainty:
    """The sandwich covariance at the minimum, of the unknowns that are not at a bound."""
    residual, jacobian = objective.linearise(unknowns)
    free = box.at_edge(unknowns) == 0
    inside = jacobian[:, free]
    lag_one = _lag_one(residual, objective)
    if objective.prior is None:
        quadratic = quadratic_share(residual)
        inverse = np.linalg.pinv(quadratic * (inside.T @ inside), rcond=1e-14)
        scores = huber_slope(residual)[:, None] * inside
        inner = inverse @ (scores.T @ scores) @ inverse * (1 + lag_one) / (1 - lag_one)
    else:
        hessian = objective.curvature(unknowns)[np.ix_(free, free)]
        inner = np.asarray(np.linalg.inv(hessian / objective.prior.unit), np.float64)
    covariance = np.full((free.size, free.size), np.nan)
    covariance[np.ix_(free, free)] = inner
    spread = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlations = covariance / np.outer(spread, spread)
    slopes = np.abs(unknown_slopes(objective.law, objective.params(unknowns)))
    return Uncertainty(spread * slopes, covariance, correlations, lag_one)


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
    # Curves without noise (simulated ones) have no unit: rounding of the losses stands in.
    return max(power, 1e-30) / quadratic * (1 + lag_one) / (1 - lag_one)


def _lag_one(residual: FloatArray, objective: Objective) -> float:
    """The lag-one correlation of the residuals within curves, between 0 and 0.99."""
    same = objective.curve_of[1:] == objective.curve_of[:-1]
    power = float(np.mean(residual**2))
    if power == 0 or not same.any():
        return 0.0
    return float(np.clip(np.mean((residual[1:] * residual[:-1])[same]) / power, 0.0, 0.99))
