"""`python -m tests.study.choose`: the intervals' constants, by the likelihood of held-out runs.

Those of fits whose shape parameters all have a prior (`mplfit.estimate.constants.Informed`):

- `run` is the run effect of families that have replicates (`mplfit.estimate.replicates`, all runs
  of the family) in units of the scatter of the fit to three of them: the root mean square over
  families, then over superfamilies.
- The others are those under which the log residuals of held-out runs (`tests.study.few_runs`) are
  likeliest, as normal ones: the mean log density, in which each superfamily counts the same; in it
  fits to one run, two and three, and predictions at other peak rates; in these each fit; and in a
  fit the last row of each run.

All of it on every superfamily, and without each. The variants that were tried are in
tests/study/FEW_RUNS.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.optimize import minimize

from mplfit.estimate.constants import Informed
from mplfit.estimate.replicates import run_effects
from mplfit.types import FloatArray
from tests.study.families import SUPERFAMILIES
from tests.study.few_runs import Few, Held, all_few_runs, squares

COUNTED = {
    "cosine": "one",
    "decaying": "one",
    "and constant": "two",
    "two cosines": "two",
    "three": "three",
    "three cosines": "three",
}
"""The protocols, and the number of runs that they count as."""

_START = np.log([0.75, 0.5, 4.0, 8.0])


def run_relation(results: Sequence[Few]) -> float:
    """The run effect in units of the scatter, over families that have replicates."""
    of: dict[str, list[float]] = {}
    for one in results:
        found = run_effects(one.family.runs)
        if one.protocol == "three" and found.degrees:
            assert one.made.spread is not None
            ratio = found.sd / one.made.spread.scatter
            of.setdefault(one.family.superfamily, []).append(ratio)
    return float(np.sqrt(np.mean([np.mean(np.square(some)) for some in of.values()])))


def likeliest(results: Sequence[Few]) -> Informed:
    """The constants under which the runs that these fits have not seen are likeliest."""
    run = run_relation(results)
    rows, weights = _rows(results)
    terms, square = rows[:-1], rows[-1]

    def sizes(unknowns: FloatArray) -> Informed:
        a, b, horizon, peak = np.exp(unknowns)
        return Informed(float(a), float(b), run, float(horizon), float(peak))

    def surprise(unknowns: FloatArray) -> float:
        variance = squares(sizes(unknowns)) @ terms
        fixed = 1e-3 * np.sum((unknowns - _START) ** 2)  # what no run tells stays as it was
        return float(weights @ (square / variance + np.log(variance)) + fixed)

    options = {"maxiter": 2000, "xatol": 1e-3, "fatol": 1e-6}
    return sizes(minimize(surprise, _START, method="Nelder-Mead", options=options).x)


def _rows(results: Sequence[Few]) -> tuple[FloatArray, FloatArray]:
    """(7, N) the terms of the variance and the squared residuals of last rows; (N,) weights."""
    groups: dict[tuple[str, str], list[tuple[Held, ...]]] = {}
    for one in results:
        if one.protocol in COUNTED:
            kind = one.family.superfamily
            groups.setdefault((kind, COUNTED[one.protocol]), []).append(one.own)
            elsewhere = tuple(run for run in one.held if run.elsewhere)
            if elsewhere:
                groups.setdefault((kind, "elsewhere"), []).append(elsewhere)
    kinds = [kind for kind, _ in groups]
    rows, weights = [], []
    for (kind, _), fits in groups.items():
        share = 1 / (len(set(kinds)) * kinds.count(kind) * len(fits))
        for runs in fits:
            for run in runs:
                rows.append([*run.terms[:, -1], run.residual[-1] ** 2])
                weights.append(share / len(runs))
    return np.array(rows).T, np.array(weights)


def rounded(sizes: Informed) -> str:
    """As `mplfit.estimate.constants` has it."""
    names = ("parameters", "scatter", "run", "horizon", "peak")
    return ", ".join(f"{name}={getattr(sizes, name):.2g}" for name in names)


def without(results: Iterable[Few], superfamily: str) -> list[Few]:
    return [one for one in results if one.family.superfamily != superfamily]


def main() -> None:
    results = all_few_runs()
    print(f"{'all':18s} {rounded(likeliest(results))}")
    for kind in SUPERFAMILIES:
        print(f"{'without ' + kind:18s} {rounded(likeliest(without(results, kind)))}")


if __name__ == "__main__":
    main()
