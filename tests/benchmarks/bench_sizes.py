"""The law over sizes: seconds of the processors for one fit, and the memory it takes.

Each size has the same 12 or 20 schedules, which are summed once. The bars of the project, on two
cores: 13 sizes with 12 schedules 3 s, 100 sizes with 20 schedules 20 s, memory linear.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from mplfit import Curve
from mplfit.schedule import constant, wsdld
from mplfit.sizes.fit import fit_sizes
from tests.benchmarks.timing import peak_growth
from tests.sizes.runs import PEAK, runs


def many(sizes: int, schedules: int) -> list[Curve]:
    """So many sizes from 10M to 1B, each with constant runs and cooldowns of many lengths."""
    plans = {}
    for k in range(schedules):
        steps = 1000 * (4 + k // 2)
        rest = {"warmup": 100}
        plans[f"plan {k}"] = (
            constant(steps, PEAK, **rest) if k % 2 else wsdld(steps, PEAK, decay=steps // 5, **rest)
        )
    return runs(np.geomspace(1e7, 1e9, sizes).tolist(), plans=plans)


def rows() -> Iterator[tuple[str, str]]:
    fit_sizes(many(3, 2))  # compiles
    for sizes, schedules in ((13, 12), (50, 20), (100, 20)):
        curves = many(sizes, schedules)
        begin, used = time.perf_counter(), time.process_time()
        fit_sizes(curves)
        wall, cpu = time.perf_counter() - begin, time.process_time() - used
        memory = peak_growth(
            f"from tests.benchmarks.bench_sizes import fit_sizes, many; fit_sizes(many(3, 2)); "
            f"runs = many({sizes}, {schedules})",
            "fit_sizes(runs)",
        )
        yield (
            f"sizes: one fit of {sizes} sizes with {schedules} schedules",
            f"{wall:.1f} s, {cpu:.1f} s of CPU, {memory / 2**20:.0f} MB",
        )
