"""Forecasts of every real run from 30, 50 and 70 % of its length: `python -m tests.study.forecast`.

Writes FORECAST.md beside itself. `--workers N` runs on N processes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mplfit.assess.intervals import LEVELS
from mplfit.curve import Curve
from mplfit.estimate.constants import CHOSEN_ON, FORECAST_LAW
from mplfit.estimate.fit import fit
from mplfit.plan.forecast import forecast, forecast_interval
from tests.study.real_runs import Family, families, short

SHARES = (0.3, 0.5, 0.7)
METHODS = ("effective", "amplitude", "power law", "last value", "with runs", "with fit")
_LAST = 5  # rows whose mean is the last value


@dataclass(frozen=True)
class Result:
    """One forecast of one run: the final loss, and how many of the later rows are covered."""

    collection: str
    run: str
    share: float
    method: str
    error: float
    final: tuple[bool, ...] | None  # inside, by level
    rest: tuple[float, ...] | None  # share of the later rows inside, by level


def prefix(run: Curve, share: float) -> Curve:
    """The rows of the first part of a run, with the schedule of the whole."""
    rows = int(np.searchsorted(run.step, share * run.schedule.steps))
    return Curve(run.name, run.step[:rows], run.loss[:rows], run.schedule, None, run.weight_decay)


def forecasts(task: tuple[Family, int]) -> list[Result]:
    """Every method on one run at every share."""
    family, number = task
    run = family.runs[number]
    others = family.without(run)
    known = fit(others, FORECAST_LAW, quick=True)
    results = []
    for share in SHARES:
        seen = prefix(run, share)
        value = float(np.mean(seen.loss[-_LAST:]))
        where = (family.collection, short(run.name), share)
        results.append(Result(*where, "last value", value - float(run.loss[-1]), None, None))
        for method, found in (
            ("effective", forecast(seen, law="effective")),
            ("amplitude", forecast(seen, law="amplitude")),
            ("power law", forecast(seen, law="onepower")),
            ("with runs", forecast(seen, earlier=others)),
            ("with fit", forecast(seen, known=known)),
        ):
            later = slice(len(seen), None)
            rest = forecast_interval(found.fit, run.schedule, run.step[later])
            off = np.abs(np.log(run.loss[later] / rest.loss))
            inside = [off <= quantile * rest.sd for quantile in LEVELS.values()]
            results.append(
                Result(
                    *where,
                    method,
                    float(rest.loss[-1] - run.loss[-1]),
                    tuple(bool(one[-1]) for one in inside),
                    tuple(float(one.mean()) for one in inside),
                )
            )
    return results


def table(results: list[Result], collections: tuple[str, ...]) -> list[str]:
    """Markdown: one row a method and share."""
    lines = [
        "| method | of the run seen | runs | mean abs. error | median | worst | mean error "
        "| final loss in 80 / 95 % | later rows in 80 / 95 % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for method in METHODS:
        for share in SHARES:
            some = [
                one
                for one in results
                if one.method == method and one.share == share and one.collection in collections
            ]
            error = np.array([one.error for one in some])
            size = np.abs(error)
            final = mean_of(one.final for one in some if one.final is not None)
            rest = mean_of(one.rest for one in some if one.rest is not None)
            lines.append(
                f"| {method} | {100 * share:.0f} % | {len(some)} | {size.mean():.4f} | "
                f"{np.median(size):.4f} | {size.max():.4f} | {error.mean():+.4f} "
                f"| {final} | {rest} |"
            )
    return lines


def mean_of(values: Iterable[tuple[float, ...]]) -> str:
    """Means by level, in per cent."""
    rows = [tuple(float(value) for value in one) for one in values]
    return " / ".join(f"{100 * value:.0f}" for value in np.mean(rows, axis=0)) if rows else "–"


def report(results: list[Result]) -> str:
    """FORECAST.md."""
    constants = "; ".join(
        f"{name}: {', '.join(where)}"
        for name, where in CHOSEN_ON.items()
        if name.startswith("FORECAST")
    )
    lines = [
        "# Forecasts of runs in progress",
        "",
        "Every real run, cut at 30, 50 and 70 % of its steps; error of the forecast of its last "
        "logged loss, and how often the intervals held. Written by "
        "`python -m tests.study.forecast`.",
        "",
        "- `effective`, `amplitude`: the law fitted to the rows so far, with its weak prior and "
        "the planned schedule, nothing else. The prior comes from other families of runs.",
        "- `power law`: L0 + A·S^−alpha of the same rows (S from the planned schedule).",
        f"- `last value`: the mean of the last {_LAST} rows; it has no interval.",
        "- `with runs`: `effective` fitted to the rows so far and to the earlier runs (released: "
        "the released training curves; 124M: constant 50k, cosine 25k, WSD-20 % 25k of the same "
        "rate), without the run itself. `with fit`: a fit to those runs as the prior. Where a run "
        "branched off an earlier one, `with runs` counts the rows that both have once; a fit has "
        "no rows to compare, so that `with fit` counts them twice.",
        "- Rows of one run are correlated, and so are runs that branched from one another: count "
        "the runs, not the rows.",
        "",
        f"Chosen on: {constants}. So the law's choice is held out on the released curves, the "
        "intervals' constants on the 124M runs. (The same two numbers are those of the first "
        "intervals of mplfit, chosen with both collections in view; a search over the released "
        "curves alone gives them again.)",
        "",
    ]
    for title, collections in (
        ("Released curves (25M and 400M, 18 runs)", ("csv_25", "csv_400")),
        ("124M runs (28, validation losses)", ("epfml_124m",)),
        ("All", ("csv_25", "csv_400", "epfml_124m")),
    ):
        lines += [f"## {title}", "", *table(results, collections), ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("FORECAST.md"))
    options = parser.parse_args()
    tasks = [(family, i) for family in families() for i in range(len(family.runs))]
    results: list[Result] = []
    began = time.monotonic()
    with ProcessPoolExecutor(options.workers) as pool:
        for done, found in enumerate(pool.map(forecasts, tasks), 1):
            results += found
            print(f"{done}/{len(tasks)} runs, {time.monotonic() - began:.0f} s", file=sys.stderr)
    options.out.write_text(report(results), encoding="utf-8")


if __name__ == "__main__":
    main()
