"""Many runs: a grid of rates, widths, parametrizations and seeds, each run to its final loss."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any

import numpy as np

from mplfit.errors import DataError
from mplfit.lab.run import Row, Run, RunPlan, train
from mplfit.schedule import Schedule
from mplfit.tasks import Progress

__all__ = [
    "HEADER",
    "Cell",
    "Job",
    "TrainedRun",
    "cells",
    "rates_between",
    "train_all",
    "train_job",
]


@dataclass(frozen=True, order=True)
class Cell:
    """One run of a grid."""

    parametrization: str
    width: int
    depth: int
    steps: int
    batch: int
    lr: float
    seed: int

    @classmethod
    def read(cls, row: Mapping[str, str]) -> Cell:
        """The cell of a row of a table with `HEADER`."""
        kinds: dict[str, Any] = {"parametrization": str, "lr": float}
        return cls(**{one.name: kinds.get(one.name, int)(row[one.name]) for one in fields(cls)})

    def row(self, loss: float, eval_loss: float, seconds: float) -> str:
        """Its line in such a table, without the line's end."""
        given = ",".join(str(getattr(self, one.name)) for one in fields(self))
        return f"{given},{loss:.6f},{eval_loss:.6f},{seconds:.1f}"

    def of(self, plan: RunPlan) -> RunPlan:
        """The plan with this cell's shape, batch and seed."""
        shape = replace(plan.shape.at(self.width, self.parametrization), layers=self.depth)
        return replace(plan, shape=shape, batch=self.batch, seed=self.seed)


HEADER = ",".join([*(one.name for one in fields(Cell)), "loss", "val_loss", "seconds"])
"""The columns of a table of runs, as `mplfit sweep` reads them."""


@dataclass(frozen=True)
class Job:
    """A run to its end, as a process gets it."""

    plan: RunPlan
    schedule: Schedule


@dataclass(frozen=True)
class TrainedRun:
    """A run's rows and the seconds that it took; `diverged` where a loss was not finite."""

    rows: tuple[Row, ...]
    seconds: float
    diverged: bool

    @property
    def loss(self) -> float:
        """The mean of the last updates' losses; NaN for a run that diverged."""
        return math.nan if self.diverged else self.rows[-1].loss

    @property
    def eval_loss(self) -> float:
        """The loss on held-out data at the end; NaN for a run that diverged."""
        return math.nan if self.diverged else self.rows[-1].eval_loss


def rates_between(low: float, high: float, count: int) -> list[float]:
    """Rates evenly spaced in their logarithm, to four digits.

    >>> from mplfit.lab.grid import rates_between
    >>> rates_between(1e-3, 1e-1, 5)
    [0.001, 0.003162, 0.01, 0.03162, 0.1]
    """
    if not (0 < low < high < math.inf) or count < 2:
        raise DataError(
            f"rates must be LOW:HIGH:COUNT with 0 < LOW < HIGH and COUNT of 2 or more, got "
            f"{low:g}:{high:g}:{count}"
        )
    return [float(f"{rate:.4g}") for rate in np.geomspace(low, high, count)]


def cells(
    *,
    parametrization: Sequence[str],
    width: Sequence[int],
    depth: Sequence[int],
    steps: Sequence[int],
    batch: Sequence[int],
    lr: Sequence[float],
    seed: Sequence[int],
) -> list[Cell]:
    """Every run of the grid: seed by seed, the longest runs first."""
    given: dict[str, Sequence[Any]] = {
        "parametrization": parametrization, "width": width, "depth": depth,
        "number of steps": steps, "batch": batch, "rate": lr, "seed": seed,
    }  # fmt: skip
    for name, values in given.items():
        if not values:
            raise DataError(f"a grid needs at least one {name}")
        if len(set(values)) < len(values):
            raise DataError(f"the grid has a {name} twice: {', '.join(map(str, values))}")
    made = [Cell(*one) for one in product(*given.values())]
    return sorted(
        made, key=lambda one: (one.seed, -one.depth * one.steps * one.batch * one.width**2)
    )


def train_job(job: Job) -> TrainedRun:
    """One run to its end, in this process."""
    begin = time.perf_counter()
    one = train(Run(job.plan, job.schedule))
    return TrainedRun(tuple(one.rows), time.perf_counter() - begin, one.diverged)


def train_all(
    jobs: Sequence[Job],
    *,
    executor: Executor | None = None,
    progress: Progress | None = None,
    each: Callable[[int, TrainedRun], None] | None = None,
) -> list[TrainedRun]:
    """Every run, on any executor; `each(number, outcome)` is called as soon as one has ended."""
    outcomes: dict[int, TrainedRun] = {}
    for number, outcome in _trained(jobs, executor):
        outcomes[number] = outcome
        if each is not None:
            each(number, outcome)
        if progress is not None:
            progress(len(outcomes), len(jobs), "runs")
    return [outcomes[number] for number in range(len(jobs))]


def _trained(jobs: Sequence[Job], executor: Executor | None) -> Iterator[tuple[int, TrainedRun]]:
    if executor is None:
        yield from enumerate(map(train_job, jobs))
        return
    futures = {executor.submit(train_job, job): number for number, job in enumerate(jobs)}
    for future in as_completed(futures):
        yield futures[future], future.result()
