"""How many logged rows count as one observation against a prior, where the runs can tell.

A law's error is one of whole runs: what it cannot describe bends every row of a run alike, so that
a thousand rows of nine runs know less than their scatter says, and the prior of other people's runs
should weigh more. Fits to runs of several peak rates show it most, for no law here describes every
rate. With `ENOUGH` training runs or more the number is found by leaving each run out in turn: it is
quadrupled (which halves the prior's standard deviations) for as long as the final losses of the
left-out runs are predicted better, in the root mean square. With fewer runs that would be guessing
from two or three numbers, and the prior's own 30 stays.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import replace
from functools import partial

import numpy as np

from mplfit import tasks
from mplfit.estimate.constants import ENOUGH
from mplfit.estimate.leave_out import spread_evenly
from mplfit.estimate.objective import Objective
from mplfit.estimate.solver import Box, approach, from_prior
from mplfit.schedule import FloatArray

__all__ = ["counted"]

_MORE = 4.0
_TRIED = 6


def counted(
    objective: Objective,
    box: Box,
    *,
    executor: Executor | None = None,
    progress: tasks.Progress | None = None,
) -> Objective:
    """The objective with the prior that predicts left-out runs best; as it is for few runs.

    Parameters
    ----------
    objective, box : of the fit to all of the curves; its prior covers the law's shapes
        (`Prior.covers`).
    """
    curves = len(objective.predictors)
    if objective.prior is None or curves < ENOUGH:
        return objective
    chosen = spread_evenly(curves)
    start = from_prior(objective, box).unknowns
    starts = [start] * len(chosen)
    best, lowest = objective, np.inf
    for power in range(_TRIED):
        tried = objective
        if power:
            prior = objective.prior.counting(objective.prior.rows * _MORE**power)
            tried = replace(objective, prior=prior)
        found = tasks.run(
            partial(_left_out, tried, box),
            zip(chosen, starts, strict=True),
            executor=executor,
            progress=progress,
            what="curves left out",
        )
        error = float(np.sqrt(np.mean([residual**2 for residual, _ in found])))
        if error >= lowest:
            break
        best, lowest = tried, error
        starts = [end for _, end in found]
    return best


def _left_out(
    objective: Objective, box: Box, task: tuple[int, FloatArray]
) -> tuple[float, FloatArray]:
    """The log residual of a curve's last row by a fit to the others, and that fit's unknowns."""
    index, start = task
    part = objective.without(index)
    end = approach(part, box, start)
    residuals = objective.residuals(part.params(end))
    return float(residuals[objective.curve_of == index][-1]), end
