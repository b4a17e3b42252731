"""Minimising again from nearby: an objective that differs a little from one whose minimum is known.

Bootstraps and profiles minimise thousands of such neighbours. Levenberg-Marquardt steps from the
old minimum need 5 to 20 evaluations where a search needs hundreds. Without a prior the minimum lies
in a long curved valley (a larger B with a slower drop), along which straight steps are short: there
every step is followed by the exact fit of the parameters in which the law is linear. The arithmetic
is plain sums, no BLAS, so that the result is the same to the last bit whatever number of threads a
process has. The normal equations are damped, so that they are definite, and only say where to step:
the errors at the end are those of `mplfit.estimate.covariance`.
"""

from __future__ import annotations

import numpy as np

from mplfit.estimate.huber import DELTA, huber, huber_slope, huber_weight
from mplfit.estimate.objective import Objective
from mplfit.estimate.solver import Box, Descent
from mplfit.types import FloatArray

__all__ = ["refit"]

_MOST = 40
_ENOUGH = 1e-3  # of the unit: what remains to be gained when the descent stops
_STALLED = 2e-2  # the same, where rounding (of the fast sums) hides any further gain


def refit(
    objective: Objective,
    box: Box,
    start: FloatArray,
    unit: float,
    *,
    fixed: int | None = None,
) -> Descent:
    """The minimum near `start`.

    Parameters
    ----------
    unit : what the objective gains per unit of ½χ² (`uncertainty.noise_unit`). The descent has
        converged when a full step would gain less than 1e-3 of it: some 4 % of a standard error
        away from the minimum.
    fixed : an unknown that stays where it is, if any.
    """
    linear = [
        i
        for i, parameter in enumerate(objective.law.parameters)
        if parameter.linear and parameter.transform == "log" and i != fixed
    ]
    valley = objective.prior is None and len(linear) < len(objective.law.parameters)
    unknowns = np.clip(start, box.low, box.high)
    value, gradient, hessian = _expand(objective, unknowns)
    damping = 1e-4
    for _ in range(_MOST):
        free = box.at_edge(unknowns) * gradient >= 0  # not pressed against a bound
        if fixed is not None:
            free[fixed] = False
        if not free.any():
            return Descent(unknowns, value, True)
        H, g = hessian[np.ix_(free, free)], gradient[free]
        size = np.sqrt(np.maximum(np.diag(H), 1e-300))
        scaled = H / np.outer(size, size)
        full = np.linalg.solve(scaled + 1e-9 * np.eye(g.size), g / size)
        gain = 0.5 * float(np.sum(full * g / size))
        if gain < _ENOUGH * unit:
            return Descent(unknowns, value, True)
        while True:
            step = np.linalg.solve(scaled + damping * np.eye(g.size), g / size) / size
            moved = unknowns.copy()
            moved[free] -= step
            moved = np.clip(moved, box.low, box.high)
            if valley and damping < 1:  # near the end the plain step knows better
                moved = _along(objective, box, moved, linear)
            there = _expand(objective, moved)
            if there[0] < value:
                break
            damping *= 8
            if damping > 1e6:
                return Descent(unknowns, value, gain < _STALLED * unit)
        unknowns, (value, gradient, hessian) = moved, there
        damping = max(damping / 8, 1e-9)
    return Descent(unknowns, value, False)


def _along(objective: Objective, box: Box, unknowns: FloatArray, linear: list[int]) -> FloatArray:
    """The same shape with the linear parameters that fit it best (reweighted least squares).

    The loss is Σ θ_i s_i: the derivatives of its logarithm in ln θ_i are the terms' shares.
    """
    residual, jacobian = objective.linearise(unknowns)
    terms = np.exp(-residual)[:, None] * jacobian[:, linear]  # θ_i s_i / observed
    rest = np.exp(-residual) - terms.sum(axis=1)
    factors = np.ones(len(linear))
    for _ in range(3):
        off = np.log(np.maximum(rest + np.einsum("ji,i->j", terms, factors), 1e-3))
        weight = np.minimum(1.0, DELTA / np.maximum(np.abs(off), 1e-300))
        normal = np.einsum("ji,j,jk->ik", terms, weight, terms)
        size = np.sqrt(np.diag(normal))
        right = np.einsum("ji,j->i", terms, weight * (1 - rest)) / size
        scaled = normal / np.outer(size, size) + 1e-13 * np.eye(size.size)
        factors = np.linalg.solve(scaled, right) / size
        if factors.min() < 0.05 or factors.max() > 20:
            return unknowns
    moved = unknowns.copy()
    moved[linear] += np.log(factors)
    return np.clip(moved, box.low, box.high)


def _expand(objective: Objective, unknowns: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Value, gradient and Gauss-Newton curvature."""
    residual, jacobian = objective.linearise(unknowns)
    value = float(huber(residual).sum())
    gradient = -np.einsum("j,ji->i", huber_slope(residual), jacobian)
    weighted = huber_weight(residual)[:, None] * jacobian
    hessian = np.einsum("ji,jk->ik", weighted, jacobian)
    if objective.prior is not None:
        value += objective.prior.penalty(unknowns)
        gradient += objective.prior.penalty_gradient(unknowns)
        hessian += objective.prior.curvature()
    return value, gradient, hessian
