"""The convex bound fitted to logs that have their gradient norms: C + M·Ω_t, G_t = G · logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.estimate.metrics import Group, measure_curves
from mplfit.estimate.objective import Objective
from mplfit.estimate.solver import AGREEMENT, Box, search
from mplfit.estimate.uncertainty import uncertainty
from mplfit.laws.base import to_unknowns
from mplfit.laws.bound import LoggedNormBound
from mplfit.results import Result
from mplfit.schedule import Schedule
from mplfit.tasks import Progress
from mplfit.types import FloatArray

__all__ = ["NormFit", "fit_logged_norms"]


@dataclass(frozen=True, eq=False, repr=False)
class NormFit(Result):
    """C, M and G with the Huber objective that they minimise, and how they meet the curves.

    standard_errors : by `estimate.uncertainty`, which allows for residuals that are correlated
        along a run, not for differences between runs; None for a parameter at a bound.
    agreeing : descents, of `descended`, that ended within 1e-6 of the lowest objective.
    """

    SCHEMA: ClassVar[str] = "mplfit.bound-fit/1"

    params: Mapping[str, float]
    standard_errors: Mapping[str, float | None]
    objective: float
    converged: bool
    agreeing: int
    descended: int
    metrics: Group


def fit_logged_norms(
    curves: Sequence[Curve],
    norms: Mapping[str, FloatArray],
    *,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> NormFit:
    """Fit C + M·Ω_t to curves, with the gradient norms of their logs in Ω_t.

    The objective and the search are those of `mplfit.estimate.fit`. A schedule alone does not tell
    the norms of a run, so that the result predicts no other run: for that there is the law
    `bound`, with a formula for the norms.

    Parameters
    ----------
    curves : the runs.
    norms : (T,) norms of every update, by the curve's name, gaps filled.

    Raises
    ------
    DataError
        If a curve has no norms, as many norms as updates are not there, or two runs of one
        schedule have different norms.
    """
    by_schedule: dict[Schedule, FloatArray] = {}
    for curve in curves:
        logged = norms.get(curve.name)
        if logged is None or logged.shape != (curve.schedule.steps,):
            got = "none" if logged is None else str(logged.size)
            raise DataError(
                f"{curve.name}: expected a gradient norm for each of {curve.schedule.steps} "
                f"updates, got {got}"
            )
        if not np.array_equal(by_schedule.setdefault(curve.schedule, logged), logged):
            raise DataError(
                f"{curve.name} has the schedule of another run, but other gradient norms: fit "
                "them one by one"
            )
    law = LoggedNormBound(by_schedule)
    objective = Objective.of(law, curves)
    ends = np.array([to_unknowns(law, edge) for edge in law.box(curves)])
    box = Box(ends.min(axis=0), ends.max(axis=0))
    found = search(objective, box, executor=executor, progress=progress)
    errors = uncertainty(objective, box, found[0].unknowns).errors
    params = objective.params(found[0].unknowns)
    lowest = found[0].value * (1 + AGREEMENT)
    measured = measure_curves(law, params, curves).train
    assert measured is not None  # a search without a curve has been refused
    return NormFit(
        params=dict(zip(law.names, params.tolist(), strict=True)),
        standard_errors={
            name: float(error) if np.isfinite(error) else None
            for name, error in zip(law.names, errors, strict=True)
        },
        objective=objective.value(params),
        converged=found[0].converged,
        agreeing=sum(end.value <= lowest for end in found),
        descended=len(found),
        metrics=measured,
    )
