"""What one, two or three runs foretell of the others of their family: the first page of the study.

Every family (`tests.study.families`) is fitted with the prior that was learned without its
superfamily, to some of its runs (`PROTOCOLS`). What is measured is every other run of the family:
the loss of its last row, its rows, and how much of either the intervals hold, whose constants were
chosen without that superfamily too. Where a setting has families at other peak rates, their runs
are predicted as well, apart from the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mplfit import Curve
from mplfit.assess.intervals import predict_interval
from mplfit.estimate.constants import BOTH, Informed, IntervalConstants, held_out
from mplfit.estimate.fit import fit
from mplfit.estimate.prior import Prior
from mplfit.estimate.result import Fit
from mplfit.laws import Law, get_law
from mplfit.laws.learned import PRIORS
from mplfit.types import BoolArray, FloatArray
from tests.study.families import SUPERFAMILIES, Family, families
from tests.study.prior import of_family
from tests.study.ranking import ranking

__all__ = ["COSINES", "PROTOCOLS", "Few", "Held", "all_few_runs", "few_runs", "prior_without"]

COSINES = ("two cosines", "three cosines")
PROTOCOLS = ("cosine", "decaying", "and constant", "three", "constant", *COSINES)
_UNITS = np.vstack([np.zeros(5), np.eye(5)])


@dataclass(frozen=True)
class Held:
    """A run as a fit predicts it, which has not seen it.

    predicted, observed : (J,) losses in its rows.
    terms : (6, J) of the variance of ln loss: what no constant counts by, and what those of
        `Informed`, squared (but the first), count by.
    fresh : (J,) rows that are no training run's.
    elsewhere : whether its peak rate is not that of the family.
    """

    name: str
    steps: int
    peak: float
    predicted: FloatArray
    observed: FloatArray
    terms: FloatArray
    fresh: BoolArray
    elsewhere: bool = False

    @property
    def residual(self) -> FloatArray:
        return np.log(self.observed / self.predicted)

    def sd(self, sizes: Informed) -> FloatArray:
        """(J,) of ln loss."""
        return np.sqrt(squares(sizes) @ self.terms)

    def off(self, sizes: Informed) -> FloatArray:
        """(J,) how far the rows lie off, in standard deviations."""
        return np.abs(self.residual) / self.sd(sizes)


def squares(sizes: Informed) -> FloatArray:
    """What the terms of a run are multiplied with."""
    rest = (sizes.scatter, sizes.run, sizes.horizon, sizes.peak)
    return np.array([1.0, sizes.parameters, *(one**2 for one in rest)])


@dataclass(frozen=True)
class Few:
    """A family's fit to some of its runs.

    made : the fit.  train, test : its curves and the others.
    held : these, and the runs at other peak rates, as they are predicted.
    """

    family: Family
    protocol: str
    made: Fit
    train: tuple[Curve, ...]
    test: tuple[Curve, ...]
    held: tuple[Held, ...]

    @property
    def own(self) -> tuple[Held, ...]:
        """The other runs of the family."""
        return tuple(one for one in self.held if not one.elsewhere)

    @property
    def errors(self) -> dict[str, float]:
        """Predicted less observed loss in the last row of every other run."""
        return {one.name: float(one.predicted[-1] - one.observed[-1]) for one in self.own}

    @property
    def mean_error(self) -> float:
        return float(np.mean(np.abs(list(self.errors.values()))))

    @property
    def sizes(self) -> Informed:
        """The intervals' constants that were chosen without this superfamily."""
        return held_out(self.family.superfamily).informed

    def rankings(self) -> list[tuple[float, float]]:
        """Rank correlation and regret, of each length that three other runs have."""
        lengths: dict[int, list[Held]] = defaultdict(list)
        for one in self.own:
            lengths[one.steps].append(one)
        found = []
        for some in lengths.values():
            ends = np.array([[one.observed[-1], one.predicted[-1]] for one in some])
            if len(some) >= 3:
                own = ranking(ends[:, 0], ends[:, 1])
                found.append((own.spearman, own.regret))
        return found


def prior_without(law: Law, superfamily: str) -> Prior:
    """The prior that was learned without a superfamily."""
    learned = PRIORS[law.key][f"without {superfamily}"]
    pairs = [learned.get(one.name, one.prior or (0.0, np.inf)) for one in law.parameters]
    mean, sd = np.array(pairs).T
    return Prior(f"without {superfamily}", mean, np.diag(1 / sd))


def names_of(family: Family, protocol: str) -> tuple[str, ...]:
    """The runs that a protocol fits; none where the family has not so many."""
    if protocol in COSINES:
        count = 2 + COSINES.index(protocol)
        return family.cosines[:count] if len(family.cosines) >= count else ()
    if protocol == "cosine":
        return (family.cosine,)
    if protocol == "constant":
        return family.first[1:2] if family.superfamily == "released" else ()
    return family.first[: {"decaying": 1, "and constant": 2, "three": 3}[protocol]]


def few_runs(
    family: Family, protocol: str, elsewhere: Iterable[Curve] = (), key: str = "effective"
) -> Few | None:
    """A family's fit by a protocol; None where it has no such run.

    elsewhere : runs of the setting at other peak rates.
    """
    names = names_of(family, protocol)
    if not names:
        return None
    train, test = family.split(names)
    law = of_family(get_law(key), family, train)
    made = fit(
        train,
        key,
        prior=prior_without(law, family.superfamily),
        constants={k: v for k, v in law.constants.items() if k in ("weight_decay", "peak_rates")},
        quick=True,
        leave_out=False,  # nothing here rests on it
    )
    held = [*(_held(made, run, train) for run in test)]
    held += [_held(made, run, train, elsewhere=True) for run in elsewhere]
    return Few(family, protocol, made, tuple(train), tuple(test), tuple(held))


def _held(made: Fit, run: Curve, train: Sequence[Curve], elsewhere: bool = False) -> Held:
    terms, predicted = [], np.zeros(0)
    for unit in _UNITS:
        one = IntervalConstants(Informed(*unit), BOTH.plain, frozenset())
        interval = predict_interval(made, run.schedule, run.step, one)
        assert interval is not None
        predicted = interval.loss
        terms.append(interval.sd**2)
    fresh = ~run.shared_with(train)
    every = np.array(terms)
    every[1:] -= every[0]
    plan = run.schedule
    return Held(run.name, plan.steps, plan.peak, predicted, run.loss, every, fresh, elsewhere)


def all_few_runs(chosen: Sequence[Family] | None = None) -> list[Few]:
    """Every protocol of every family."""
    every = families() if chosen is None else chosen
    found = []
    for family in every:
        other = [
            run
            for one in every
            if family.setting and one.setting == family.setting and one is not family
            for run in one.runs
        ]
        made = [few_runs(family, protocol, other) for protocol in PROTOCOLS]
        found += [one for one in made if one is not None]
    return found


def of_superfamily(results: Iterable[Few], protocol: str) -> dict[str, list[Few]]:
    """The fits by a protocol, by superfamily."""
    found: dict[str, list[Few]] = {kind: [] for kind in SUPERFAMILIES}
    for one in results:
        if one.protocol == protocol:
            found[one.family.superfamily].append(one)
    return found
