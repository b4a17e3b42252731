"""The coordinate check: how large activations are, against the width, over the first updates.

Under muP every activation's scale, and the change of it in an update, hardly depends on the width;
in the standard parametrization some grow with it (Yang et al. 2022, appendix D.1). The scale is the
root mean square of an activation's entries on a fixed batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

import numpy as np

from mplfit.errors import DataError
from mplfit.estimate.mean import Mean
from mplfit.lab.ops import Array
from mplfit.lab.parametrization import KINDS
from mplfit.lab.run import Run, RunPlan
from mplfit.results import Result
from mplfit.schedule import constant
from mplfit.tasks import Progress
from mplfit.types import Record

__all__ = [
    "FLAT",
    "CoordinateCheck",
    "CoordinateChecks",
    "coordinate_check",
    "coordinate_checks",
]

Scales: TypeAlias = Mapping[str, tuple[tuple[Mean, ...], ...]]

FLAT = 0.2
"""A slope of ln(scale) against ln(width) up to this counts as flat: widths are not infinite."""


@dataclass(frozen=True, eq=False)
class CoordinateCheck(Record):
    """Scales of activations, and their growth with the width.

    steps : updates done.  names : of the activations.
    scale : by activation, for every width and then after every one of `steps`: root mean squares,
        averaged over seeds, with the standard errors of that.
    change : the same of the difference to the activations before any update.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("slopes", "slopes_of_change")

    parametrization: str
    widths: tuple[int, ...]
    steps: tuple[int, ...]
    names: tuple[str, ...]
    scale: Scales
    change: Scales

    @property
    def slopes(self) -> dict[str, Mean]:
        """By activation, the slope of its scale after the last update."""
        return {name: self.slope(name, self.steps[-1]) for name in self.names}

    @property
    def slopes_of_change(self) -> dict[str, Mean]:
        """By activation, the slope of what the updates have changed."""
        return {name: self.slope(name, self.steps[-1], change=True) for name in self.names}

    def slope(self, name: str, step: int, *, change: bool = False) -> Mean:
        """d ln(scale) / d ln(width) after so many updates, by least squares."""
        of = self.change if change else self.scale
        found = [after[self.steps.index(step)] for after in of[name]]
        values, errors = (np.array([getattr(one, k) for one in found]) for k in ("value", "error"))
        if min(values) <= 0 or not np.all(np.isfinite(values)):
            return Mean.of([])
        x = np.log(self.widths) - np.mean(np.log(self.widths))
        weights = x / (x @ x)
        error = float(np.linalg.norm(weights * errors / values))
        return Mean(float(weights @ np.log(values)), error, found[0].count)


@dataclass(frozen=True, eq=False, repr=False)
class CoordinateChecks(Result):
    """The same models in every parametrization, over so many seeds."""

    SCHEMA: ClassVar[str] = "mplfit.coordinates/2"

    checks: Mapping[str, CoordinateCheck]
    seeds: int


def coordinate_checks(
    plan: RunPlan,
    widths: Sequence[int],
    *,
    lr: float = 1e-2,
    updates: int = 4,
    seeds: int = 3,
    progress: Progress | None = None,
) -> CoordinateChecks:
    """`coordinate_check` in every parametrization."""
    made = {
        kind: coordinate_check(
            plan, kind, widths, lr=lr, updates=updates, seeds=seeds, progress=progress
        )
        for kind in KINDS
    }
    return CoordinateChecks(made, seeds)


def coordinate_check(
    plan: RunPlan,
    parametrization: str,
    widths: Sequence[int],
    *,
    lr: float = 1e-2,
    updates: int = 4,
    seeds: int = 3,
    progress: Progress | None = None,
) -> CoordinateCheck:
    """Train a few updates at every width and note every activation's scale before each.

    Parameters
    ----------
    plan : the task and the shape; width, parametrization and seed are replaced.
    lr : the constant rate.

    Raises
    ------
    DataError
        If there are fewer than two widths, or no update.
    """
    if len(set(widths)) < 2 or updates < 1 or seeds < 1:
        raise DataError("a coordinate check needs two widths or more, an update and a seed")
    widths = tuple(sorted(set(widths)))
    total: dict[str, list[list[list[float]]]] = {}  # by activation, width, step and seed
    moved: dict[str, list[list[list[float]]]] = {}
    for number, width in enumerate(widths):
        for seed in range(seeds):
            shape = replace(plan.shape.at(width, parametrization), dropout=0.0)
            run = Run(replace(plan, shape=shape, seed=seed, evaluated=0), constant(updates + 1, lr))
            batch = plan.task.held_out(plan.batch)
            begin: dict[str, Array] = {}
            for step in range(updates + 1):
                watch: dict[str, Array] = {}
                run.model.loss(batch, watch)
                begin = begin or watch
                for name, values in watch.items():
                    for made, of in ((total, values), (moved, values - begin[name])):
                        empty: list[list[list[float]]] = [
                            [[] for _ in range(updates + 1)] for _ in widths
                        ]
                        made.setdefault(name, empty)[number][step].append(_rms(of))
                if step < updates:
                    run.update()
        if progress is not None:
            progress(number + 1, len(widths), f"{parametrization}: widths")
    return CoordinateCheck(
        parametrization,
        widths,
        tuple(range(updates + 1)),
        tuple(total),
        _means(total),
        _means(moved),
    )


def _means(made: Mapping[str, list[list[list[float]]]]) -> Scales:
    return {
        name: tuple(tuple(Mean.of(seeds) for seeds in after) for after in widths)
        for name, widths in made.items()
    }


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
