"""What the intervals need to know of a fit: its covariance, its scatter and its reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mplfit.curve import Curve
from mplfit.estimate.metrics import CurveReport
from mplfit.estimate.objective import Objective
from mplfit.estimate.records import Spread, rows
from mplfit.estimate.replicates import run_effects
from mplfit.estimate.uncertainty import scatter_of
from mplfit.laws.base import Law, scales
from mplfit.schedule import Schedule
from mplfit.types import FloatArray, IntArray

__all__ = ["drop_share", "spread_of"]


def drop_share(
    law: Law, params: FloatArray, schedule: Schedule, step: IntArray, loss: FloatArray
) -> FloatArray:
    """How far the loss is from that at a rate that never falls, relative to the loss."""
    steady = Schedule(np.maximum.accumulate(schedule.lr), schedule.warmup)
    return np.abs(law.at(steady, step).loss(params) - loss) / loss


def spread_of(
    objective: Objective,
    params: FloatArray,
    covariance: FloatArray,
    curves: Sequence[Curve],
    left_out: Mapping[str, CurveReport],
) -> Spread:
    """The spread of a fit with these parameters.

    Parameters
    ----------
    objective : what the fit minimised.
    params : the law's parameters.
    covariance : of the solver's unknowns.
    curves : the training curves.
    left_out : each of them as it was predicted when the others were fitted; may be empty.
    """
    law = objective.law
    drops = [
        float(drop_share(law, params, curve.schedule, curve.step, predictor.loss(params)).max())
        for curve, predictor in zip(curves, objective.predictors, strict=True)
    ]
    replicates = run_effects(curves)
    return Spread(
        covariance=rows(covariance),
        scatter=scatter_of(objective.residuals(params)),
        largest_S=scales(curves).S_max,
        largest_gain=max(drops),
        left_out=tuple(report.final_residual for report in left_out.values()),
        informed=objective.prior is not None and objective.prior.covers(law),
        run_effect=replicates.sd,
        replicates=replicates.degrees,
    )
