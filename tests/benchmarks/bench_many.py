"""Many runs: `mplfit fit` and `mplfit compare` as whole processes, with intervals; time and memory.

The runs are simulated from the scale-free law, 200 logged rows each, written as csv logs. Figures
beside the bars of the project: 3 runs of 24,000 updates 1.5 s, 28 of 50,000 15 s, 100 of 50,000
60 s, nine of 152,000 in `compare` 20 s, on two free cores. CPU seconds (of the process and the one
beside it) hardly depend on other work of the machine.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mplfit import schedule
from mplfit.curve import Curve
from mplfit.estimate.simulate import simulate
from mplfit.laws import get_law

ROOT = Path(__file__).parents[2]
LAW = get_law("effective", {"eta_ref": 1e-3, "weight_decay": 0.1})
PARAMS = np.array([2.4, 0.2, 0.5, 1.4, 9.0, 0.22, 0.8, 0.26])


def runs(count: int, updates: int) -> list[Curve]:
    """Runs of half to all of so many updates, with four kinds of schedule in turn."""
    rng = np.random.default_rng(0)
    made = []
    for k in range(count):
        steps = int(updates * rng.uniform(0.5, 1))
        plan = (
            schedule.constant(steps, 1e-3, warmup=500),
            schedule.cosine(steps, 1e-3, 1e-4, warmup=500),
            schedule.wsdld(steps, 1e-3, 1e-5, decay=steps // 5, warmup=500),
            schedule.two_stage(steps, 1e-3, 3e-4, switch=steps // 2, warmup=500),
        )[k % 4]
        at = np.linspace(2000, steps - 1, 200).astype(np.int64)
        made.append(simulate(LAW, PARAMS, plan, at, name=f"run{k}", noise=2e-3, rng=rng))
    return made


def write(curves: list[Curve], folder: Path) -> None:
    """Logs with a row a step, the loss where it was logged."""
    for curve in curves:
        loss = dict(zip(curve.step.tolist(), curve.loss.tolist(), strict=True))
        rows = (f"{t},{lr:.8g},{loss.get(t, '')}" for t, lr in enumerate(curve.schedule.lr))
        (folder / f"{curve.name}.csv").write_text("\n".join(["step,lr,loss", *rows]) + "\n")


def rows() -> Iterator[tuple[str, str]]:
    for command, count, updates, words in (
        ("fit", 3, 24_000, ("--law", "effective")),
        ("fit", 3, 24_000, ()),
        ("fit", 28, 50_000, ("--law", "effective")),
        ("fit", 28, 50_000, ()),
        ("fit", 100, 50_000, ("--law", "effective")),
        ("fit", 100, 50_000, ()),
        ("compare", 9, 152_000, ()),
    ):
        with tempfile.TemporaryDirectory() as name:
            write(runs(count, updates), Path(name))
            saved = ["--no-save", "--no-rival"] if command == "fit" else []
            yield (
                f"process: {command} of {count} runs of {updates:,} updates {' '.join(words)}",
                measured([command, name, *words, "--weight-decay", "0.1", *saved]),
            )


def measured(words: list[str]) -> str:
    """Seconds, CPU seconds and the largest memory of one process, with those beside it."""
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "mplfit", *words], cwd=ROOT, check=True, capture_output=True
    )
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{wall:.1f} s, {cpu:.1f} s of CPU, {after.ru_maxrss / 1024:.0f} MB at most so far"
