"""What a fit would have predicted of each of its own curves, had it not seen them.

Each training curve is left out in turn and the others are fitted again, from the whole fit's
minimum. Where one curve in many is left out that is near by: Gauss-Newton steps go there, the first
of which needs no evaluation, until the next one would lower the objective by less than a thousandth
of ½χ² = 1. Then the parameters are within a twentieth of their standard errors of the minimum, and
the prediction of the curve within less than a tenth of its interval. A step that does not lower the
objective, or promises no less than the one before, is followed by damped steps
(`mplfit.estimate.refit`), and these, where they do not arrive, by a descent. From the minimum of a
fit to few curves, whose parameters are hardly determined, a descent follows at once: damped steps
may end elsewhere in a valley, where the objective is as low and the prediction another one.
The law's constants and box are those of the whole fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial

import numpy as np

from mplfit import tasks
from mplfit.curve import Curve
from mplfit.estimate.constants import PER_OBSERVATION
from mplfit.estimate.huber import DELTA
from mplfit.estimate.metrics import CurveReport, measure_curve
from mplfit.estimate.objective import Objective
from mplfit.estimate.refit import refit
from mplfit.estimate.solver import FEW, Box, descend, newton_step
from mplfit.types import FloatArray, IntArray

__all__ = ["MOST", "leave_each_out", "spread_evenly"]

MOST = 8
"""With more training curves than this, only so many are left out, evenly spread in their order."""

_ENOUGH = 1e-3  # of the objective's unit, ½χ² = 1
_SLOWEST = 0.7  # a step that promises more than this share of what the last one did
_STEPS = 6


def leave_each_out(
    objective: Objective,
    box: Box,
    unknowns: FloatArray,
    curves: Sequence[Curve],
    *,
    executor: Executor | None = None,
    progress: tasks.Progress | None = None,
) -> dict[str, CurveReport]:
    """The report of each training curve by a fit to the others; none where nothing would be left.

    Parameters
    ----------
    objective, box, unknowns : of the fit to all of the curves, and its minimum.
    curves : the training curves, in the objective's order.
    """
    parameters = len(objective.law.names)
    chosen = [
        index
        for index in spread_evenly(len(curves))
        if objective.log_loss.size - len(curves[index]) > parameters
    ]
    found = tasks.run(
        partial(_without, objective, box, unknowns, objective.linearise(unknowns)),
        chosen,
        executor=executor,
        progress=progress,
        what="curves left out",
    )
    reports: dict[str, CurveReport] = {}
    for index, params in zip(chosen, found, strict=True):
        others = [*curves[:index], *curves[index + 1 :]]
        curve = curves[index]
        reports[curve.name] = measure_curve(objective.law, params, curve, others)
    return reports


def spread_evenly(count: int) -> list[int]:
    """Which of so many curves are left out: all, or `MOST` of them; none of one."""
    if count < 2:
        return []
    at: IntArray = np.linspace(0, count - 1, min(count, MOST)).round().astype(np.int64)
    return [int(index) for index in at]


def _without(
    objective: Objective,
    box: Box,
    unknowns: FloatArray,
    linear: tuple[FloatArray, FloatArray],
    index: int,
) -> FloatArray:
    """The parameters of a fit to the other curves; `linear` is of all curves at the minimum."""
    part, kept = objective.without(index), objective.curve_of != index
    # Run effects are those of the other curves among themselves, as the fit to them has them.
    residual = linear[0][kept] + part.log_loss - objective.log_loss[kept]
    jacobian = linear[1][kept]
    enough = _ENOUGH * (part.prior.unit if part.prior else PER_OBSERVATION * DELTA**2)
    at, before = unknowns, np.inf
    for _ in range(_STEPS):
        step, lower = newton_step(part, box, at, residual, jacobian)
        if lower <= enough:
            return part.params(at)
        if lower > _SLOWEST * before:
            break
        value, before = part.summed(at, residual, jacobian)[0], lower
        moved = np.clip(at + step, box.low, box.high)
        residual, jacobian = part.linearise(moved)
        if not part.summed(moved, residual, jacobian)[0] < value:
            break
        at = moved
    if len(part.predictors) >= FEW:
        near = refit(part, box, at, enough / _ENOUGH)
        if near.converged:
            return part.params(near.unknowns)
        at = near.unknowns
    return part.params(descend(part, box, at).unknowns)
