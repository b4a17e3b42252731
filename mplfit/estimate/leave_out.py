"""What a fit would have predicted of each of its own curves, had it not seen them.

Each training curve is left out in turn and the others are fitted again, from the whole fit's
minimum: one descent each, so that this costs little beside the fit. (`mplfit.assess.refit` is for
minima nearer by: from here it does not always arrive.) The law's constants and box are those of the
whole fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial

import numpy as np

from mplfit import tasks
from mplfit.curve import Curve
from mplfit.estimate.metrics import CurveReport, measure_curve
from mplfit.estimate.objective import Objective
from mplfit.estimate.solver import Box, descend
from mplfit.types import FloatArray, IntArray

__all__ = ["MOST", "leave_each_out", "spread_evenly"]

MOST = 8
"""With more training curves than this, only so many are left out, evenly spread in their order."""


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
        partial(_without, objective, box, unknowns),
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


def _without(objective: Objective, box: Box, unknowns: FloatArray, index: int) -> FloatArray:
    part = objective.without(index)
    return part.params(descend(part, box, unknowns).unknowns)
