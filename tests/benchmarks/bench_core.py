"""Timings of the ground floor: sums, laws, fit, optimize, and whole processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mplfit import read_curves, schedule
from mplfit.estimate.fit import fit
from mplfit.estimate.objective import Objective
from mplfit.laws import get_law
from mplfit.laws.base import to_unknowns
from mplfit.laws.mpl import PUBLISHED
from mplfit.plan.search import search_schedule
from mplfit.readers.paths import split
from tests.benchmarks.timing import best

ROOT = Path(__file__).parents[2]
PARAMS = np.array(PUBLISHED["400"])
LAW = get_law("mpl")


def rows() -> Iterator[tuple[str, str]]:
    yield from sums()
    yield from scaling()
    yield from estimation()
    yield from processes()


def cosine(steps: int) -> schedule.Schedule:
    return schedule.cosine(steps, 3e-4, 3e-5, warmup=2160)


def sums() -> Iterator[tuple[str, str]]:
    step = np.arange(2160, 24000, 128)
    quick, slow = (LAW.at(cosine(24000), step, exact=exact) for exact in (False, True))
    fast = best(lambda: quick.loss_and_gradient(PARAMS), 100)
    exact = best(lambda: slow.loss_and_gradient(PARAMS), 5)
    yield (
        "loss and gradient, cosine of 24,000 steps, 171 points: fast, exact, ratio",
        f"{1e3 * fast:.1f} ms, {1e3 * exact:.0f} ms, {exact / fast:.0f}",
    )


def scaling() -> Iterator[tuple[str, str]]:
    sizes = (24_000, 100_000, 300_000, 1_000_000)
    for name, steps_of in (
        ("171 points", lambda steps: np.linspace(2160, steps - 1, 171).astype(int)),
        ("every step", lambda steps: np.arange(1, steps)),
    ):
        seconds = []
        for steps in sizes:
            prepared = LAW.at(cosine(steps), steps_of(steps))
            seconds.append(
                best(lambda p=prepared: p.loss_and_gradient(PARAMS), 3 if steps > 10**5 else 10)
            )
        slope = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
        times = ", ".join(f"{1e3 * one:.3g} ms" for one in seconds)
        yield f"loss and gradient at {name}, T = 24k, 100k, 300k, 1M", f"{times}: T^{slope:.2f}"


def estimation() -> Iterator[tuple[str, str]]:
    shared = Path(os.environ.get("MPLFIT_SHARED") or ROOT.parent / "shared") / "curves" / "csv_400"
    folder = shared if shared.exists() else ROOT / "data" / "simulated_400"
    curves, _, _ = split(read_curves([folder]))
    objective, at = Objective.of(LAW, curves), to_unknowns(LAW, PARAMS)
    name = folder.name
    yield (
        f"objective and gradient of the three training curves of {name}",
        f"{1e3 * best(lambda: objective(at), 100):.1f} ms",
    )
    yield f"fit of {name} in a warm process", f"{best(lambda: fit(curves), 2):.1f} s"
    for steps in (24_000, 72_000):
        seconds = best(
            lambda n=steps: search_schedule(lambda lr: LAW.final_gradient(PARAMS, lr), steps=n), 3
        )
        yield f"optimize, {steps} steps, 64 knots, 3 starts", f"{seconds:.2f} s"


def processes() -> Iterator[tuple[str, str]]:
    def run(*arguments: str, cache: str | None = None) -> float:
        environment = {**os.environ, **({"NUMBA_CACHE_DIR": cache} if cache else {})}
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "mplfit", *arguments],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - begin

    data = str(ROOT / "data" / "simulated_400")
    yield "whole process: mplfit --help", f"{min(run('--help') for _ in range(5)):.2f} s"
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/run"
        cold = run("fit", data, "--out", out, cache=f"{folder}/cache")
        yield "whole process: first fit ever (cold numba cache, with plots)", f"{cold:.1f} s"
        warm = run("fit", data, "--out", out, "--force", cache=f"{folder}/cache")
        yield "whole process: fit again (warm cache, with plots)", f"{warm:.1f} s"
        bare = run("fit", data, "--no-save", cache=f"{folder}/cache")
        yield "whole process: fit again, without writing", f"{bare:.1f} s"
    yield (
        "whole process: mplfit optimize --params 400",
        f"{run('optimize', '--params', '400'):.1f} s",
    )
