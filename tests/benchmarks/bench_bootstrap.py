"""1000 refits of three curves on two processes: at most 180 s on two free cores.

Measured on fewer refits and scaled. On a machine with other work compare the CPU seconds, which
hardly depend on it, and the ratio to one evaluation of the objective.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from mplfit import read_curves
from mplfit.assess.bootstrap import bootstrap
from mplfit.estimate.fit import fit
from mplfit.estimate.objective import objective_of
from mplfit.laws.base import to_unknowns
from mplfit.readers.paths import split

ROOT = Path(__file__).parents[2]
REFITS, WORKERS = 200, 2


def rows() -> Iterator[tuple[str, str]]:
    for size in ("25", "400"):
        folder = (
            Path(os.environ.get("MPLFIT_SHARED") or ROOT.parent / "shared")
            / "curves"
            / f"csv_{size}"
        )
        folder = folder if folder.exists() else ROOT / "data" / f"simulated_{size}"
        train, _, _ = split(read_curves([folder]))
        for law in ("mpl", "effective"):
            result = fit(train, law)
            objective = objective_of(result, train)
            unknowns = to_unknowns(result.formula, result.values)
            begin = time.process_time()
            for _ in range(50):
                objective(unknowns)
            once = (time.process_time() - begin) / 50
            with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
                bootstrap(result, train, 2 * 10 * WORKERS, executor=pool)  # imports and compiles
                before, wall = _cpu(pool), time.perf_counter()
                found = bootstrap(result, train, REFITS, executor=pool)
                wall = time.perf_counter() - wall
                cpu = _cpu(pool) - before
            scale = 1000 / REFITS
            yield (
                f"1000 refits of three curves of {folder.name}, {law}, {WORKERS} processes",
                f"{scale * wall:.0f} s (load {os.getloadavg()[0]:.0f}); "
                f"{scale * cpu:.0f} s of CPU, {scale * cpu / WORKERS:.0f} s on free cores; "
                f"one refit is {cpu / REFITS / once:.1f} evaluations; "
                f"{len(found.draws)} of {REFITS} converged",
            )


def _cpu(pool: ProcessPoolExecutor) -> float:
    """CPU seconds of the workers so far (Linux)."""
    ticks = 0
    for pid in pool._processes:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
