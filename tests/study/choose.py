"""`python -m tests.study.choose`: the intervals' constants, by the likelihood of held-out runs.

Of a grid of constants (`mplfit.assess.intervals`) that one is chosen under which the log
residuals of held-out runs are likeliest, as normal ones: the mean log density over runs, in which a
whole run, its rows after branching and its last row weigh a third each. The fits are those by the
two laws that have a prior by default, to runs of one peak rate; of each collection alone, and of
both.

What the constants chosen on both hold of a third kind of runs, the lab's own in data/, is printed
too: on those nothing was chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from mplfit import Curve, read_curves
from mplfit.assess.intervals import predict_interval
from mplfit.estimate.constants import M124, RELEASED, IntervalConstants, Sizes
from mplfit.estimate.result import Fit
from tests.study.cases import RATES, Case, of_rates, released
from tests.study.plan import SIZES
from tests.study.pooled import PARTS, curve_coverage, independent_runs, pool
from tests.study.results import Job, Result, run

DATA = Path(__file__).parents[2] / "data"
LAWS = ("effective", "amplitude")
PARAMETERS = (0.25, 0.5, 1.0)
SCATTER = (0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5)
RUNS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25)
TYPICAL = (0.002, 0.003, 0.004, 0.006, 0.008)
ALONE = 0.007  # not of these fits, each of which has several runs


def likeliest(results: Sequence[Result]) -> Sizes:
    """The constants of the grid under which the held-out runs of these fits are likeliest."""
    runs = [_terms(one.fit, one.job.case, curve) for one in results for curve in one.job.case.test]
    terms, square, weight = (np.concatenate(parts, axis=-1) for parts in zip(*runs, strict=True))

    def surprise(sizes: Sizes) -> float:
        a, b, k = sizes.parameters, sizes.scatter**2, sizes.runs**2
        variance = np.array([a, b, k, k * sizes.typical**2]) @ terms
        return float(weight @ (square / variance + np.log(variance)))

    return min(_grid(), key=surprise)


def _grid() -> Iterable[Sizes]:
    return (Sizes(*four, ALONE) for four in product(PARAMETERS, SCATTER, RUNS, TYPICAL))


def _terms(fit: Fit, case: Case, curve: Curve) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A run's (4, J) terms of the variance, its squared log residuals, and the weights of rows."""

    def variance(*four: float) -> np.ndarray:
        sizes = Sizes(*four, ALONE)
        constants = IntervalConstants(sizes, sizes, frozenset())
        return predict_interval(fit, curve.schedule, curve.step, constants).sd ** 2

    runs = variance(0, 0, 1, 0)
    terms = [variance(1, 0, 0, 0), variance(0, 1, 0, 0), runs, variance(0, 0, 1, 1) - runs]
    fresh = ~curve.shared_with(case.train)
    last = np.arange(len(curve)) == len(curve) - 1
    parts = [part / part.sum() for part in (np.ones(len(curve)), fresh, last) if part.any()]
    predicted = fit.predict(curve.schedule, curve.step)
    return np.array(terms), np.log(curve.loss / predicted) ** 2, np.mean(parts, axis=0)


def main() -> None:
    cases = [*(released(size) for size in SIZES), *(of_rates([rate]) for rate in RATES)]
    results = [run(Job(case, law)) for law in LAWS for case in cases]
    for chosen_on in ((RELEASED,), (M124,), (RELEASED, M124)):
        part = [one for one in results if one.job.case.collection in chosen_on]
        print(" and ".join(chosen_on), likeliest(part))
    for folder in ("lab_loop", "lab_loop_1000"):
        case = _lab(folder)
        made = run(Job(case, "effective")).fit
        pooled = pool(
            [curve_coverage(made, curve, case.train) for curve in case.test],
            independent_runs(case.test),
        )
        shares = {part: [round(100 * one.value) for one in pooled[part].values()] for part in PARTS}
        print(f"{folder}: in the 80 and 95 % intervals of {len(case.test)} runs: {shares}")


def _lab(folder: str) -> Case:
    """The closed loop's own split: three runs of seed 0 to fit."""
    runs = read_curves([DATA / folder / "runs"])
    train = [one for one in runs if one.name in ("constant-s0", "cosine-s0", "two_stage-s0")]
    return Case(folder, "lab", tuple(train), tuple(one for one in runs if one not in train))


if __name__ == "__main__":
    main()
