"""How long `mplfit sweep` takes on tables of 100,000 runs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from mplfit.readers.sweep_table import read_sweep
from mplfit.sweeps.analysis import analyse
from mplfit.sweeps.optimum import DRAWS
from tests.benchmarks.timing import best
from tests.support.sweeps import simulate_sweep, sweep_csv

_RATES = np.geomspace(1e-5, 1e-1, 25).tolist()
_EXPONENTS = {"standard": -0.8, "muP": 0.0}


def rows() -> list[tuple[str, str]]:
    """(what was measured, the value with its unit)."""
    made = []
    for settings, widths, seeds in ((20, 10, 200), (200, 100, 20)):
        growth = 2.0 ** (10 / widths)
        table = simulate_sweep(
            (64 * growth ** np.arange(widths)).round(4).tolist(),
            _RATES,
            exponents=_EXPONENTS,
            seeds=seeds,
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sweep.csv"
            path.write_bytes(sweep_csv(table))
            reading = best(lambda p=path: read_sweep([p]), 2)
            read = read_sweep([path])
        analysis = best(lambda r=read: analyse(r), 2)
        label = f"sweep of {len(table):,} runs, {settings} settings"
        made.append((f"{label}: read", f"{reading:.2f} s"))
        made.append((f"{label}: analyse, {DRAWS:,} draws", f"{analysis:.2f} s"))
    return made


if __name__ == "__main__":
    for label, value in rows():
        print(f"{label}: {value}")
