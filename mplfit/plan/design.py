"""Which run to do next: how much each candidate would shrink the interval of one target.

Laplace's covariance is the inverse of H = JᵀDJ/(30 δ²) + prior. A further run adds the Fisher
information of the rows that it would log, J_cᵀJ_c · w, whatever their losses turn out to be, with w
the information that one logged row has in the fit at hand: D/(30 δ²) at the scatter of its
residuals (some 30 neighbouring rows count as one observation), or without a prior that of the
sandwich covariance. The target is a final loss, or the gain of one schedule over another; its
variance jᵀH⁻¹j falls, and what no parameter explains (differences between runs, the law's own
error) stays. The runs are chosen greedily: each the one that shrinks the target's standard
deviation most for each step that it costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from scipy.stats import norm

from mplfit.assess.intervals import predict_interval
from mplfit.assess.posterior import factor, log_slopes
from mplfit.assess.reach import Reach, check_loss, held_warnings, reach, reach_sentences
from mplfit.errors import FitError
from mplfit.estimate.constants import TAU
from mplfit.estimate.covariance import updated
from mplfit.estimate.huber import huber_slope, huber_weight, quadratic_share
from mplfit.estimate.result import Fit
from mplfit.results import Result
from mplfit.schedule import Schedule
from mplfit.types import FloatArray, Record

__all__ = ["ChosenRun", "Design", "Target", "design", "row_information", "target"]

_ROWS = 200  # rows that a run is taken to log, where nothing else is said


@dataclass(frozen=True)
class Target:
    """What is to be known better: a final loss, or a gain (a difference of two).

    value : the prediction.  slope : its derivative in the unknowns.
    share : of the parameters' variance that counts.
    rest : the standard deviation that no parameter explains, and no run takes away.
    """

    what: str
    value: float
    slope: FloatArray
    share: float
    rest: float

    def sd(self, G: FloatArray) -> float:
        """Its standard deviation where G·Gᵀ is the covariance of the unknowns."""
        variance = max(self.share, 0.0) * float(np.sum((self.slope @ G) ** 2))
        return float(np.sqrt(variance + self.rest**2))


@dataclass(frozen=True, eq=False)
class ChosenRun(Record):
    """One run of the sequence.

    sd : of the target after this run and those before it.  steps : what the run costs.
    others : the same, had another candidate been taken here.
    """

    name: str
    steps: int
    sd: float
    others: Mapping[str, float] = field(metadata={"key": "sd_of_each"})


@dataclass(frozen=True, eq=False, repr=False)
class Design(Result):
    """Which runs to do next; see `design`.

    params : what the fit is called.  schedule, over : what the target's schedules are called.
    what, value : the target, "final loss" or "gain", and its prediction.
    before : its standard deviation now.  floor : what no run takes away of it.
    choices : the runs in order.  reach : how far the target goes beyond the fit's runs.
    """

    SCHEMA: ClassVar[str] = "mplfit.design/1"

    params: str
    schedule: str = field(metadata={"key": "target"})
    over: str | None
    what: str
    value: float
    before: float = field(metadata={"key": "sd"})
    floor: float = field(metadata={"key": "sd_left"})
    choices: tuple[ChosenRun, ...] = field(metadata={"key": "runs"})
    reach: Reach
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def target(fit: Fit, schedule: Schedule, over: Schedule | None = None) -> Target:
    """The final loss of a schedule, or what it gains over another."""
    end = [np.array([one.steps - 1]) for one in (schedule, *([over] if over else []))]
    loss, slope = log_slopes(fit, schedule, end[0])
    value, in_loss = float(loss[0]), loss[0] * slope[0]
    scatter = fit.spread.scatter if fit.spread else 0.0
    if over is not None:
        other, other_slope = log_slopes(fit, over, end[1])
        return Target(
            "gain", float(other[0]) - value, other[0] * other_slope[0] - in_loss, 1.0,
            TAU * scatter * value,
        )  # fmt: skip
    G = factor(fit)
    whole = predict_interval(fit, schedule, end[0])
    known = predict_interval(_without_covariance(fit), schedule, end[0])
    assert whole is not None  # `factor` has refused fits without
    assert known is not None
    rest, of_parameters = float(known.sd[0]) * value, float(np.sum((in_loss @ G) ** 2))
    share = ((float(whole.sd[0]) * value) ** 2 - rest**2) / max(of_parameters, 1e-300)
    return Target("final loss", value, in_loss, share, rest)


def design(
    fit: Fit,
    schedule: Schedule,
    candidates: Mapping[str, Schedule],
    *,
    over: Schedule | None = None,
    runs: int = 3,
    every: int | None = None,
    name: str = "",
    called: tuple[str, str | None] = ("the target", None),
) -> Design:
    """The order in which to do some of the candidates.

    Parameters
    ----------
    schedule : the schedule whose final loss is to be known better.
    candidates : runs that could be done, by name; each is done once at most.
    over : the gain over this schedule is to be known better instead.
    runs : how many to choose.
    every : steps between logged rows; as in the fit's own runs where None.
    name, called : what the fit, and the schedules of the target, are called in the result.

    Raises
    ------
    FitError
        If there is no candidate, the fit has no covariance, or it predicts a loss that no run can
        have, or none at all.
    """
    if not candidates or runs < 1:
        raise FitError("give at least one candidate run, and choose at least one")
    if every is not None and every < 1:
        raise FitError(f"every must be at least 1 step, got {every}")
    warnings = [*held_warnings(fit), *check_loss(fit, schedule, "the target")]
    goal = target(fit, schedule, over)
    G = factor(fit)
    gap = every or _spacing(fit)
    weight = row_information(fit)
    added = {}
    for key, candidate in candidates.items():
        at = np.arange(min(candidate.warmup + gap - 1, candidate.steps - 1), candidate.steps, gap)
        added[key] = np.sqrt(weight) * log_slopes(fit, candidate, at)[1]
        if not np.isfinite(added[key] @ G).all():
            raise FitError(f"the fit gives no finite losses for {key}: choose another run to add")
    before = goal.sd(G)
    left, now = dict(candidates), before
    chosen: list[ChosenRun] = []
    while left and len(chosen) < runs:
        after = {key: updated(G, added[key]) for key in left}
        sds = {key: goal.sd(one) for key, one in after.items()}
        best = max(left, key=lambda key: (now - sds[key]) / left[key].steps)
        chosen.append(ChosenRun(best, left[best].steps, sds[best], sds))
        G, now = after[best], sds[best]
        del left[best]
    return Design(
        name, called[0], called[1], goal.what, goal.value, before, goal.rest, tuple(chosen),
        reach(fit, schedule), tuple(warnings),
        tuple(reach_sentences(fit, {"the target": schedule})),
    )  # fmt: skip


def row_information(fit: Fit) -> float:
    """The information of one logged row (per squared log residual), as the fit's covariance has it.

    >>> from mplfit.plan.design import row_information
    >>> import numpy as np
    >>> from mplfit.estimate.prior import Prior
    >>> from mplfit.estimate.result import Fit, Spread
    >>> fit = Fit("onepower", {"L0": 2.0, "A": 1.0, "alpha": 0.5},
    ...           prior=Prior("mine", np.zeros(3), np.eye(3)),
    ...           spread=Spread(np.eye(3).tolist(), 1e-6, 1.0))
    >>> round(row_information(fit) * 30 * 1e-6, 6)  # residuals in the quadratic zone
    1.0
    """
    scatter = max(fit.spread.scatter if fit.spread else 0.0, 1e-9)
    residual = scatter * norm.ppf((np.arange(200) + 0.5) / 200)
    if fit.prior is not None:
        return float(huber_weight(residual).mean()) / fit.prior.unit
    inside = quadratic_share(residual)
    correlation = fit.residual_correlation
    noise = float(np.mean(huber_slope(residual) ** 2)) * (1 + correlation) / (1 - correlation)
    return inside**2 / noise


def _without_covariance(fit: Fit) -> Fit:
    """The fit, had it known its parameters."""
    assert fit.spread is not None
    none = tuple((0.0,) * len(fit.params) for _ in fit.params)
    return replace(fit, spread=replace(fit.spread, covariance=none))


def _spacing(fit: Fit) -> int:
    """Steps between the logged rows of the fit's longest run."""
    runs = [record for record in fit.trained if record.points > 1]
    if not runs:
        return _ROWS
    run = max(runs, key=lambda record: record.points)
    return max(round((run.last_step - run.first_step) / (run.points - 1)), 1)
