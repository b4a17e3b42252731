"""`python -m tests.study.random_sets`: what leaving runs out does to the prior of random fits.

Six random runs of csv_25, csv_400 and of the 124M runs at 1e-3, eight of all 28 of these, and eight
of the lab's 24 (`data/lab_peaks`) are fitted by `effective`, once with the prior "weak" and once
with the number of rows that the training runs choose (`mplfit.estimate.observations`); the other
runs are predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mplfit import Curve, fit
from mplfit.writers.files import write_file
from tests.study.cases import LAB_RATES, Case, lab_peaks, of_rates, released, runs_124m
from tests.study.plan import SIZES
from tests.study.results import Job, Result, mean_abs
from tests.study.tables import table

_PAGE = """# Random sets of training runs

Made by `python -m tests.study.random_sets`; change no number by hand. Mean errors of the final
losses of the runs that were not fitted, by `effective`, with the prior as it is ("weak") and with
the number of rows that leaving training runs out chooses ("weak:N"; "weak" where that is 30).

{table}
"""


def _errors(name: str, runs: Sequence[Curve], count: int, seed: int) -> list[str]:
    pick = np.random.default_rng(seed).permutation(len(runs))
    train, test = ([runs[i] for i in part] for part in (pick[:count], pick[count:]))
    cells = [f"{name}, set {seed}", f"{count}"]
    for prior in ("weak", None):
        made = fit(train, "effective", prior=prior, test=test, quick=True)
        job = Job(Case(name, "", tuple(train), tuple(test)), "effective", prior)
        cells.append(f"{mean_abs(Result(job, made).final_errors):.4f}")
    return [*cells, made.prior_name]


def main() -> None:
    of_one_rate = of_rates(["0.001"])
    families = {
        **{f"csv_{size}": (*released(size).train, *released(size).test) for size in SIZES},
        "124M, 0.001": (*of_one_rate.train, *of_one_rate.test),
    }
    rows = [_errors(name, runs, 6, seed) for name, runs in families.items() for seed in range(3)]
    lab = lab_peaks(LAB_RATES, ["constant"])
    several = {"124M, three rates": runs_124m()[0], "lab, four rates": (*lab.train, *lab.test)}
    rows += [_errors(name, runs, 8, seed) for name, runs in several.items() for seed in range(3)]
    header = ["runs", "fitted", "final error, weak", "final error, chosen", "chosen prior"]
    page = Path(__file__).with_name("RANDOM_SETS.md")
    write_file(page, _PAGE.format(table=table(header, rows)).encode(), force=True)


if __name__ == "__main__":
    main()
