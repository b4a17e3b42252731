"""The study's fits, on any executor, and what they say of runs that they have not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from mplfit import Curve, Schedule, tasks
from mplfit.estimate.constants import INTERVALS, IntervalConstants, held_out
from mplfit.estimate.fit import fit
from mplfit.estimate.result import Fit
from mplfit.laws import get_law
from tests.study.cases import Case, horizon
from tests.study.pooled import CurveCoverage, curve_coverage
from tests.study.ranking import Ranking, ranking


@dataclass(frozen=True)
class Job:
    """A case, a law and the name of its prior; None: what a fit has unless told.

    straight : without the exponent nu that fits to several peak rates have (`effective`).
    """

    case: Case
    law: str
    prior: str | None = None
    straight: bool = False

    @property
    def title(self) -> str:
        return self.law if self.prior is None else f"{self.law}, weak prior"


@dataclass(frozen=True)
class Result:
    job: Job
    fit: Fit

    @property
    def final_errors(self) -> dict[str, float]:
        """Predicted less observed loss in the last logged row, by held-out run."""
        ends = self.fit.metrics.test.final
        return {name: end.predicted - end.observed for name, end in ends.items()}

    @property
    def full_errors(self) -> dict[str, float]:
        """The same after the last update, for the loss over the whole validation set.

        That is a constant factor from the logged loss, which is of a part of the set; the factor
        is taken from the training runs alone.
        """
        case = self.job.case
        ratio = np.exp(np.mean([np.log(case.full[c.name] / self._end(c)) for c in case.train]))
        return {c.name: ratio * self._end(c) - case.full[c.name] for c in case.test}

    def _end(self, curve: Curve) -> float:
        last = np.array([curve.schedule.steps - 1])
        return float(self.fit.predict(curve.schedule, last)[0])

    def rankings(self, full: bool = False) -> dict[int, Ranking]:
        """By horizon, where it has three held-out runs: their order, predicted and observed."""
        errors = self.full_errors if full else self.final_errors
        groups: dict[int, list[Curve]] = {}
        for curve in self.job.case.test:
            groups.setdefault(horizon(curve.name), []).append(curve)
        found = {}
        for steps, curves in sorted(groups.items()):
            if len(curves) < 3:
                continue
            losses = [self.job.case.full[c.name] if full else c.loss[-1] for c in curves]
            observed = np.array(losses)
            found[steps] = ranking(observed, observed + [errors[c.name] for c in curves])
        return found

    def coverage(self, constants: IntervalConstants | None = None) -> list[CurveCoverage]:
        """Of the held-out curves, by constants that were not chosen on this collection.

        Raises
        ------
        FitError
            If these constants were chosen on it.
        """
        case = self.job.case
        fair = held_out(case.collection, constants)
        return [curve_coverage(self.fit, curve, case.train, fair) for curve in case.test]

    def coverage_in_sample(self) -> list[CurveCoverage]:
        """By the constants that commands use, which were chosen on both collections."""
        case = self.job.case
        return [curve_coverage(self.fit, curve, case.train, INTERVALS[0]) for curve in case.test]


def run(job: Job) -> Result:
    """The fit of a job; by one descent where a prior says where to begin, by the search else."""
    case = job.case
    law = get_law(job.law).trained_on(case.train)
    quick = law.default_prior != "none"
    constants = {"peak_rates": 1} if job.straight else None
    made = fit(
        case.train, job.law, prior=job.prior, test=case.test, quick=quick, constants=constants
    )
    return Result(job, made)


def run_all(
    jobs: Sequence[Job], executor: Executor | None, progress: tasks.Progress
) -> list[Result]:
    return tasks.run(run, jobs, executor=executor, progress=progress, what="fits")


def best_peak(made: Fit, curve: Curve) -> float:
    """The peak rate at which this run's schedule is predicted to end lowest."""
    factors = np.geomspace(0.25, 4, 161)
    last = curve.step[-1:]
    lr = curve.schedule.lr
    ends = [made.predict(Schedule(lr * f, curve.schedule.warmup), last)[0] for f in factors]
    return float(factors[int(np.argmin(ends))] * curve.schedule.peak)


@dataclass(frozen=True)
class OverPeaks:
    """The parabola through final losses over the logarithm of the peak rate: a·x² + b·x + c."""

    lowest: float
    highest: float
    a: float
    b: float
    c: float

    @property
    def best(self) -> float:
        return float(np.exp(-self.b / (2 * self.a)))

    def loss(self, peak: float) -> float:
        return float(np.polyval([self.a, self.b, self.c], np.log(peak)))


def observed_losses(curves: Sequence[Curve]) -> OverPeaks:
    """Of runs that differ in their peak rate alone, three of them or more."""
    peaks = [curve.schedule.peak for curve in curves]
    a, b, c = np.polyfit(np.log(peaks), [curve.loss[-1] for curve in curves], 2)
    return OverPeaks(min(peaks), max(peaks), float(a), float(b), float(c))


def mean_abs(errors: Mapping[str, float]) -> float:
    return float(np.mean(np.abs(list(errors.values()))))
