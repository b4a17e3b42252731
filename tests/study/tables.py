"""The study's tables, as markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch

import numpy as np

from mplfit.assess.intervals import LEVELS
from mplfit.estimate.constants import INTERVALS, M124, RELEASED
from mplfit.estimate.metrics import evaluate
from mplfit.estimate.result import published_fit
from tests.study.cases import Case
from tests.study.pooled import PARTS, CurveCoverage, independent_runs, pool
from tests.study.results import OverPeaks, Result, best_peak, mean_abs, observed_losses

_TITLES = {RELEASED: "released curves", M124: "124M runs"}
_METRICS = ("r2", "mae", "rmse", "prede", "worste")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def constants() -> str:
    """Of the intervals of fits whose shape parameters have no prior."""
    rows = []
    for one in INTERVALS[:3]:
        origins = sorted(one.chosen_on & {*_TITLES}, reverse=True)
        sizes = one.plain
        numbers = (sizes.parameters, sizes.scatter, sizes.runs, sizes.typical, sizes.alone)
        where = " and ".join(_TITLES[name] for name in origins)
        rows.append([where, "else", *(f"{number:g}" for number in numbers)])
    return table(["chosen on", "fits", "a", "b", "k", "K0", "K alone"], rows)


def released(results: Sequence[Result], case: Case, size: str) -> str:
    reports = evaluate(published_fit(size), [*case.train, *case.test], train=case.train).test
    rows = [["published parameters", *_metric_cells(reports)]]
    rows += [[one.job.title, *_metric_cells(one.fit.metrics.test)] for one in results]
    header = ["law", "R2", "MAE", "RMSE", "PredE", "WorstE", "MAE after branching", "final error"]
    return table(header, rows)


def _metric_cells(group) -> list[str]:
    mean, branched = group.mean, group.unshared.mean.mae
    final = group.final_error.value
    cells = [f"{getattr(mean, key):.{4 if key == 'r2' else 5}f}" for key in _METRICS]
    return [*cells, f"{branched:.5f}", f"{final:.4f}"]


def finals(results: Sequence[Result]) -> str:
    """Errors of final losses at one rate, with ranks and regrets."""
    horizons = sorted(results[0].rankings())
    rows = []
    for one in results:
        errors = np.array(list(one.final_errors.values()))
        cells = [f"{np.abs(errors).mean():.4f}", f"{errors.mean():+.4f}"]
        cells += [f"{np.abs(errors).max():.4f}", f"{mean_abs(one.full_errors):.4f}"]
        for full in (False, True):
            found = one.rankings(full)
            cells += [f"{found[steps].spearman:.2f}" for steps in horizons]
            cells += [f"{found[steps].regret:.4f}" for steps in horizons]
        rows.append([one.job.title, *cells])
    header = ["law", "mean final error", "bias", "largest", "mean error, whole set"]
    for measure in ("", ", whole set"):
        header += [f"rank {steps // 1000}k{measure}" for steps in horizons]
        header += [f"regret {steps // 1000}k{measure}" for steps in horizons]
    return table(header, rows)


def coverage(groups: dict[str, list[Result]], in_sample: bool) -> str:
    """One row a law and collection; then pooled."""
    rows = []
    for law, results in groups.items():
        by_collection: dict[str, list[Result]] = {}
        for one in results:
            by_collection.setdefault(one.job.case.collection, []).append(one)
        parts = {_TITLES[name]: kept for name, kept in by_collection.items()}
        for title, kept in {**parts, "both": results}.items():
            curves = [c for one in kept for c in _covered(one, in_sample)]
            count = sum(independent_runs(one.job.case.test) for one in kept)
            pooled = pool(curves, count)
            cells = [
                f"{100 * share.value:.0f} [{100 * share.low:.0f}, {100 * share.high:.0f}]"
                for level in LEVELS
                for share in (pooled[part][level] for part in PARTS)
            ]
            rows.append([law, title, f"{len(curves)} ({count})", *cells])
    header = ["law", "runs", "curves (independent)"]
    header += [f"{100 * level:.0f} %: {part}" for level in LEVELS for part in PARTS]
    return table(header, rows)


def _covered(one: Result, in_sample: bool) -> list[CurveCoverage]:
    return one.coverage_in_sample() if in_sample else one.coverage()


def sensitivity(rows: Iterable[tuple[str, Result]]) -> str:
    """What a constant of the estimator changes."""
    cells = []
    for what, one in rows:
        mean = one.fit.metrics.test.mean
        numbers = [f"{getattr(mean, key):.5f}" for key in ("mae", "rmse", "worste")]
        cells.append([what, one.job.case.name, *numbers, f"{mean_abs(one.final_errors):.4f}"])
    return table(["", "runs", "MAE", "RMSE", "WorstE", "mean final error"], cells)


def _fitted(one: Result) -> str:
    fixed = ", nu = 1" if one.job.straight else ""
    return f"{one.job.law}{fixed}, prior {one.fit.prior_name}, {len(one.job.case.train)} runs"


def _peak(rate: float, observed: OverPeaks) -> str:
    """A predicted best peak, and what it costs where the rates were tried."""
    if not observed.lowest <= rate <= observed.highest:
        return f"{rate:.3g}"
    return f"{rate:.3g} (+{observed.loss(rate) - observed.loss(observed.best):.4f})"


def _rate(name: str) -> float:
    """The peak rate in the name of a run."""
    return float(name.split("_")[1])


def peaks(results: Sequence[Result], schedules: Sequence[str]) -> str:
    """One fit to runs of several peak rates: errors by rate, and the best peaks it finds.

    schedules : the names of runs of these schedules, with * for the peak rate.
    """
    case = results[0].job.case
    curves = (*case.train, *case.test)
    rates = sorted({_rate(curve.name) for curve in curves})
    by_rate = sorted(curves, key=lambda curve: _rate(curve.name))
    alike = [[c for c in by_rate if fnmatch(c.name, pattern)] for pattern in schedules]
    observed = [observed_losses(runs) for runs in alike]
    rows = [["observed", *[""] * (len(rates) + 1), *(f"{one.best:.3g}" for one in observed), ""]]
    for one in results:
        errors = one.final_errors
        of_rate = [{n: error for n, error in errors.items() if _rate(n) == r} for r in rates]
        means = [mean_abs(errors), *map(mean_abs, of_rate)]
        best = [
            _peak(best_peak(one.fit, runs[1]), seen)
            for runs, seen in zip(alike, observed, strict=True)
        ]
        nu = f"{one.fit.params['nu']:.2f}" if "nu" in one.fit.params else ""
        rows.append([_fitted(one), *(f"{mean:.4f}" for mean in means), *best, nu])
    header = ["law, fitted to", "mean final error", *(f"at {rate:g}" for rate in rates)]
    header += [f"best peak of {pattern.replace('_*', '')}" for pattern in schedules]
    return table([*header, "nu"], rows)
