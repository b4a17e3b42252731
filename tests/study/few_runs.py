"""What one, two or three runs foretell of the others of their family: the first table of the study.

Every family (`tests.study.families`) is fitted with the prior that was learned without its
superfamily, to a cosine run, a decaying run (a WSD where there is one), that and a constant one,
these and a third; of the released curves also to the constant run alone. What is measured is the
loss of the last row of every other run of the family.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mplfit import Curve, fit
from mplfit.estimate.posterior import covariance, log_slopes
from mplfit.estimate.prior import Prior
from mplfit.estimate.result import Fit
from mplfit.laws import Law, get_law
from mplfit.laws.learned import PRIORS
from tests.study.families import SUPERFAMILIES, Family, families
from tests.study.prior import of_family

__all__ = ["PROTOCOLS", "Few", "all_few_runs", "few_runs", "prior_without", "table"]

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
        ends = self.made.metrics["test"]["final"]
        return {name: end["predicted"] - end["observed"] for name, end in ends.items()}

    @property
    def mean_error(self) -> float:
        return float(np.mean(np.abs(list(self.errors.values()))))

    def standardised(self) -> list[dict[str, float | str]]:
        """Of every other run what an interval can rest on: the last row's log residual and the
        standard deviation by the parameters; the training rows' scatter; and how far the run goes
        beyond the training runs, in log S and log peak rate."""
        s = self.made.spread
        assert s is not None
        rows: list[dict[str, float | str]] = []
        highest = max(one.schedule.peak for one in self.train)
        for run in self.test:
            loss, slope = log_slopes(self.made, run.schedule, run.step[-1:])
            variance = float((slope @ covariance(self.made) @ slope.T)[0, 0])
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
                    "longer": float(np.log(S / s.largest_S)),
                    "higher": float(np.log(run.schedule.peak / highest)),
                    "largest_gain": s.largest_gain,
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
        leave_out=False,
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
    found = {(one.family.name, one.protocol): one.mean_error for one in results}
    kinds = {one.family.name: one.family.superfamily for one in results}
    rows = [["fitted to", *SHOWN, *SUPERFAMILIES], ["---"] * (1 + len(SHOWN) + len(SUPERFAMILIES))]
    for protocol in PROTOCOLS:
        row = [protocol]
        row += [
            _cell([found[name, protocol]] if (name, protocol) in found else []) for name in SHOWN
        ]
        for kind in SUPERFAMILIES:
            own = [
                value for (name, p), value in found.items() if p == protocol and kinds[name] == kind
            ]
            row.append(_cell(own))
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(errors: Sequence[float]) -> str:
    return f"{1e3 * float(np.exp(np.mean(np.log(errors)))):.1f}" if errors else "–"
