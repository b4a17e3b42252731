"""How many logged rows count as one observation against a prior, where the runs can tell.

A law's error is one of whole runs: what it cannot describe bends every row of a run alike, so that
a thousand rows of nine runs know less than their scatter says, and the prior of other people's runs
should weigh more. Fits to runs of several peak rates show it most, for no law here describes every
rate. With `ENOUGH` training runs or more the number is found by leaving each run out in turn: of
the prior's own 30, of 480 and of 7680 (which quarter the prior's standard deviations, and quarter
them again) the one with which the final losses of the left-out runs are predicted best, in the root
mean square. A larger one than 30 must not be paid for by the runs that are fitted: their final
losses have to be described as well as before. With fewer runs all that would be guessing from two
or three numbers, and 30 stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial

import numpy as np

from mplfit import tasks
from mplfit.estimate.constants import ENOUGH
from mplfit.estimate.leave_out import spread_evenly
from mplfit.estimate.objective import Objective
from mplfit.estimate.solver import Box, approach, from_prior
from mplfit.types import FloatArray

__all__ = ["counted"]

_MORE = (16.0, 256.0)


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
    start = from_prior(objective, box).unknowns
    tried, sizes = [objective], [_size(_ends(objective, start))]
    for more in _MORE:
        prior = objective.prior.counting(objective.prior.rows * more)
        tried.append(replace(objective, prior=prior))
        sizes.append(_size(_ends(tried[-1], approach(tried[-1], box, start))))
    allowed = [one for one, size in zip(tried, sizes, strict=True) if size <= sizes[0]]
    if len(allowed) == 1:
        return objective
    chosen = spread_evenly(curves)
    starts, errors = [start] * len(chosen), []
    for one in allowed:
        found = tasks.run(
            partial(_left_out, one, box),
            zip(chosen, starts, strict=True),
            executor=executor,
            progress=progress,
            what="curves left out",
        )
        starts = [end for _, end in found]
        errors.append(_size([residual for residual, _ in found]))
    return allowed[int(np.argmin(errors))]


def _ends(objective: Objective, unknowns: FloatArray) -> list[float]:
    """The log residual of every curve's last row."""
    residuals = objective.residuals(objective.params(unknowns))
    last = np.flatnonzero(np.diff(objective.curve_of, append=-1))
    ends: list[float] = residuals[last].tolist()
    return ends


def _size(residuals: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(residuals))))


def _left_out(
    objective: Objective, box: Box, task: tuple[int, FloatArray]
) -> tuple[float, FloatArray]:
    """The log residual of a curve's last row by a fit to the others, and that fit's unknowns."""
    index, start = task
    part = objective.without(index)
    end = approach(part, box, start)
    return _ends(objective, end)[index], end
