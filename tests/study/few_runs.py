"""What one, two or three runs foretell of the others of their family: the first table of the study.

Every family (`tests.study.families`) is fitted with the prior that was learned without its
superfamily, to a cosine run, a decaying run (a WSD where there is one), that and a constant one,
these and a third; of the released curves also to the constant run alone. What is measured is the
loss of the last row of every other run of the family.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mplfit import Curve
from mplfit.assess.intervals import LEVELS, standardised
from mplfit.assess.posterior import covariance, log_slopes
from mplfit.estimate.fit import fit
from mplfit.estimate.prior import Prior
from mplfit.estimate.result import Fit
from mplfit.estimate.spread import drop_share
from mplfit.laws import Law, get_law
from mplfit.laws.learned import PRIORS
from tests.study.families import SUPERFAMILIES, Family, families
from tests.study.prior import of_family

__all__ = [
    "PROTOCOLS",
    "Few",
    "all_few_runs",
    "coverage_table",
    "few_runs",
    "page",
    "prior_without",
    "table",
]

PROTOCOLS = ("cosine", "decaying", "and constant", "three", "constant")
SHOWN = ("csv_25", "csv_400", "124m_0.001", "124m_0.0005", "owt_10_8", "sl_12_10")


@dataclass(frozen=True)
class Few:
    """A family's fit to some of its runs.

    made : the fit.  train, test : its curves and the others.
    """

    family: Family
    protocol: str
    made: Fit
    train: tuple[Curve, ...]
    test: tuple[Curve, ...]

    @property
    def errors(self) -> dict[str, float]:
        """Predicted less observed loss in the last row of every other run."""
        measured = self.made.metrics and self.made.metrics.test
        assert measured
        return {name: end.predicted - end.observed for name, end in measured.final.items()}

    @property
    def mean_error(self) -> float:
        return float(np.mean(np.abs(list(self.errors.values()))))

    def inside(self) -> dict[float, list[bool]]:
        """At each level, which of the other runs' last losses lie in the interval."""
        held: dict[float, list[bool]] = {level: [] for level in LEVELS}
        for run in self.test:
            found = standardised(self.made, run)
            assert found is not None
            for level, quantile in LEVELS.items():
                held[level].append(bool(abs(found[-1]) <= quantile))
        return held

    def standardised(self) -> list[dict[str, Any]]:
        """Of every other run what an interval can rest on: the last row's log residual and the
        standard deviation by the parameters; the training rows' scatter; the run's gain; how far it
        goes beyond the training runs, in log S and log peak rate; and the training runs' largest
        gain and final residuals when left out."""
        s = self.made.spread
        assert s is not None
        rows: list[dict[str, Any]] = []
        highest = max(one.schedule.peak for one in self.train)
        for run in self.test:
            loss, slope = log_slopes(self.made, run.schedule, run.step[-1:])
            variance = float((slope @ covariance(self.made) @ slope.T)[0, 0])
            own = drop_share(self.made.formula, self.made.values, run.schedule, run.step[-1:], loss)
            S = float(run.schedule.lr[: run.step[-1] + 1].sum())
            rows.append(
                {
                    "family": self.family.name,
                    "superfamily": self.family.superfamily,
                    "protocol": self.protocol,
                    "run": run.name,
                    "residual": float(np.log(run.loss[-1] / loss[0])),
                    "parameters": max(variance, 0.0) ** 0.5,
                    "scatter": s.scatter,
                    "gain": float(own[0]),
                    "longer": float(np.log(S / s.largest_S)),
                    "higher": float(np.log(run.schedule.peak / highest)),
                    "largest_gain": s.largest_gain,
                    "left_out": list(s.left_out),
                }
            )
        return rows


def prior_without(law: Law, superfamily: str) -> Prior:
    """The prior that was learned without a superfamily."""
    learned = PRIORS[law.key][f"without {superfamily}"]
    pairs = [learned.get(one.name, one.prior or (0.0, np.inf)) for one in law.parameters]
    mean, sd = np.array(pairs).T
    return Prior(f"without {superfamily}", mean, np.diag(1 / sd))


def few_runs(family: Family, protocol: str, key: str = "effective") -> Few | None:
    """A family's fit by a protocol; None where it has no such run."""
    count = {"cosine": 0, "constant": 0, "decaying": 1, "and constant": 2, "three": 3}[protocol]
    names = family.first[:count]
    if protocol == "cosine":
        names = (family.cosine,)
    if protocol == "constant":
        names = family.first[1:2]
        if family.superfamily != "released":
            return None
    train, test = family.split(names)
    law = of_family(get_law(key), family, train)
    made = fit(
        train,
        key,
        prior=prior_without(law, family.superfamily),
        constants={k: v for k, v in law.constants.items() if k in ("weight_decay", "peak_rates")},
        quick=True,
        test=test,
    )
    return Few(family, protocol, made, tuple(train), tuple(test))


def all_few_runs(chosen: Sequence[Family] | None = None) -> list[Few]:
    every = families() if chosen is None else chosen
    made = [few_runs(family, protocol) for family in every for protocol in PROTOCOLS]
    return [one for one in made if one is not None]


def table(results: Iterable[Few]) -> str:
    """The errors in thousandths, as markdown: of some families, and the geometric mean over the
    families of each superfamily."""
    kinds = {one.family.name: one.family.superfamily for one in results}
    found = {(one.family.name, one.protocol): one.mean_error for one in results}
    rows = [["fitted to", *SHOWN, *SUPERFAMILIES]]
    for protocol in PROTOCOLS:
        own = {name: error for (name, of), error in found.items() if of == protocol}
        groups = [[own[name]] if name in own else [] for name in SHOWN]
        groups += [[own[n] for n in own if kinds[n] == kind] for kind in SUPERFAMILIES]
        rows.append([protocol, *map(_thousandths, groups)])
    return markdown(rows)


def coverage_table(results: Iterable[Few]) -> str:
    """How many of a superfamily's last losses the 80 and the 95 % intervals hold, in per cent, and
    the mean over superfamilies."""
    rows = [["fitted to", *SUPERFAMILIES, "mean"]]
    for protocol in PROTOCOLS:
        row, shares = [protocol], []
        for kind in SUPERFAMILIES:
            some = [r for r in results if (r.family.superfamily, r.protocol) == (kind, protocol)]
            held = [np.concatenate([r.inside()[level] for r in some]) for level in LEVELS if some]
            shares += [[100 * float(one.mean()) for one in held]] if some else []
            row.append(f"{_pair(shares[-1])} of {held[0].size}" if some else "–")
        rows.append([*row, _pair(np.mean(shares, axis=0)) if shares else "–"])
    return markdown(rows)


def page(results: Sequence[Few]) -> str:
    """The section of the study, as markdown."""
    return TEXT.format(errors=table(results), coverage=coverage_table(results))


TEXT = """# What one, two or three runs foretell

Made by `python -m tests.study few` (in `make study`); change no number by hand. `effective` is
fitted to some runs of a family (one model, data set and peak rate) with the prior learned without
that family's superfamily. Fitted to: a cosine run; a decaying run (a WSD where there is one); that
and a constant one; these and a third; a constant run alone (released curves).

Mean error of the other runs' last losses, in thousandths; of a superfamily the geometric mean over
its families:

{errors}

Last losses held by the 80 / 95 % interval, in per cent. The intervals' constants were chosen on the
released curves and the 124M runs (of the superfamily epfml) with another form of the law; no run of
olmo or lab was in view:

{coverage}
"""


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row is its head."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _thousandths(errors: Sequence[float]) -> str:
    return f"{1e3 * float(np.exp(np.mean(np.log(errors)))):.1f}" if errors else "–"


def _pair(shares: Sequence[float]) -> str:
    return " / ".join(f"{share:.0f}" for share in shares)
