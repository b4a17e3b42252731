"""Every law on the same curves: which one predicts held-out runs best, and how it is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from mplfit.assess.intervals import coverage
from mplfit.curve import Curve
from mplfit.errors import FitError, MplfitError
from mplfit.estimate.constants import PER_OBSERVATION
from mplfit.estimate.fit import fit
from mplfit.estimate.huber import DELTA
from mplfit.estimate.metrics import Group, Metrics
from mplfit.estimate.paired import Difference, difference
from mplfit.estimate.result import Fit
from mplfit.laws.registry import LAWS, get_law
from mplfit.results import Result
from mplfit.tasks import Progress
from mplfit.types import Record

__all__ = ["ComparedLaw", "Comparison", "compare_laws", "held_out_group"]


@dataclass(frozen=True, eq=False)
class ComparedLaw(Record):
    """One law's fit to the training curves, and its errors on curves that it has not seen.

    left_out : whether these are the training curves, each predicted by a fit to the others, as
        there is no test curve.
    criterion : 2 · (objective + penalty) / (30 δ²) + 2 · parameters, an AIC in which 30 logged rows
        count as one observation; comparable between laws on the same curves alone. (A prior
        "weak:N" has its penalty divided by N δ², so that it is ½ Σ ((φ - μ)/σ)² for every law.)
    coverage, coverage_intervals : by level, the share of the held-out points inside the intervals,
        and the 95 % binomial interval of such a share of as many curves.
    less_best : the errors less those of the best law; None for that one itself.
    failed : why there is no fit, if there is none.
    """

    OPEN: ClassVar[bool] = True
    DERIVED: ClassVar[tuple[str, ...]] = (
        "held_out", "after_branching", "final_error", "standard_errors",
    )  # fmt: skip

    law: str
    fit: Fit | None
    left_out: bool
    criterion: float | None = None
    coverage: Mapping[str, float] | None = None
    coverage_intervals: Mapping[str, tuple[float, float]] | None = None
    less_best: Difference | None = None
    failed: str | None = None

    @property
    def group(self) -> Group | None:
        """The metrics of the curves that the law has not seen; None where there are none."""
        return None if self.fit is None else held_out_group(self.fit, self.left_out)

    @property
    def held_out(self) -> Metrics | None:
        """The mean metrics of whole held-out curves."""
        return self.group.mean if self.group else None

    @property
    def after_branching(self) -> Metrics | None:
        """The same without the rows shared with training curves."""
        return self.group.unshared.mean if self.group else None

    @property
    def final_error(self) -> float | None:
        """Mean |predicted - observed| final loss of the held-out curves."""
        return self.group.final_error.value if self.group else None

    @property
    def standard_errors(self) -> dict[str, Metrics | float | None]:
        """Those of these three."""
        group = self.group
        return {
            "held_out": group.standard_error if group else None,
            "after_branching": group.unshared.standard_error if group else None,
            "final_error": group.final_error.error if group else None,
        }


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """Laws fitted to the same curves, the best on curves that they have not seen first.

    command : the command line that made it, for people.
    """

    SCHEMA: ClassVar[str] = "mplfit.comparison/1"
    OPEN: ClassVar[bool] = True

    laws: tuple[ComparedLaw, ...]
    command: str | None = None

    def __iter__(self) -> Iterator[ComparedLaw]:
        return iter(self.laws)

    def __getitem__(self, index: int) -> ComparedLaw:
        return self.laws[index]

    def __len__(self) -> int:
        return len(self.laws)


def held_out_group(fit: Fit, left_out: bool) -> Group | None:
    """A fit's metrics on its test curves, or on its training curves left out in turn."""
    if left_out or fit.metrics is None:
        return fit.left_out if left_out else None
    return fit.metrics.test


def compare_laws(
    train: Sequence[Curve],
    test: Sequence[Curve] = (),
    laws: Sequence[str] | None = None,
    *,
    constants: Mapping[str, float] | None = None,
    command: str | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Fit several laws, each with its default prior; the best on held-out curves first.

    With no test curve each training curve is left out in turn, and the law fitted to the others
    predicts it. A law that cannot be fitted to these curves is listed with the reason.

    Parameters
    ----------
    train, test : the curves to learn from, and the held-out ones.
    laws : keys of the laws; all of them where None.
    constants : given to the laws that have them, such as {"weight_decay": 0.1}.
    command : the command line that asks for this, to be recorded.
    """
    rows = []
    keys = list(LAWS) if laws is None else list(laws)
    for done, key in enumerate(keys):
        known = {
            name: value
            for name, value in (constants or {}).items()
            if name in get_law(key).constants
        }
        try:
            rows.append(_compare(key, train, test, known))
        except MplfitError as error:
            rows.append(ComparedLaw(key, None, not test, failed=str(error)))
        if progress is not None:
            progress(done + 1, len(keys), "laws")
    rows.sort(key=lambda row: (bool(row.failed), row.held_out.mae if row.held_out else np.inf))
    best = rows[0].group
    for number, row in enumerate(rows):
        if row.fit is not None:
            own = row.group
            apart = difference(own, best) if number and own and best else None
            rows[number] = replace(row, fit=replace(row.fit, made_by=command), less_best=apart)
    return Comparison(tuple(rows), command)


def _compare(
    key: str, train: Sequence[Curve], test: Sequence[Curve], constants: Mapping[str, float]
) -> ComparedLaw:
    result = fit(train, key, constants=constants, test=test)
    if result.law != key:  # runs at a constant rate determine less than the law
        raise FitError(result.warnings[0])
    misfit = (result.objective or 0.0) / (PER_OBSERVATION * DELTA**2)
    misfit += result.penalty / ((result.prior.rows if result.prior else PER_OBSERVATION) * DELTA**2)
    criterion = 2 * misfit + 2 * len(result.params)
    held = coverage(result, test, train)
    shares = None if held is None else {key: one.points for key, one in held.items()}
    ends = None if held is None else {key: one.points_interval for key, one in held.items()}
    return ComparedLaw(key, result, not test, criterion, shares, ends)
