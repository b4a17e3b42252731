"""The coordinate check: how large activations are, against the width, over the first updates.

Under muP every activation's scale, and the change of it in an update, hardly depends on the width;
in the standard parametrization some grow with it (Yang et al. 2022, appendix D.1). The scale is the
root mean square of an activation's entries on a fixed batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mplfit.errors import DataError
from mplfit.estimate.mean import Mean
from mplfit.lab.ops import Array
from mplfit.lab.parametrization import KINDS
from mplfit.lab.run import Plan, Run
from mplfit.results import Shown
from mplfit.schedule import constant
from mplfit.tasks import Progress

__all__ = [
    "FLAT",
    "CoordinateCheck",
    "CoordinateChecks",
    "coordinate_check",
    "coordinate_checks",
]

FLAT = 0.2
"""A slope of ln(scale) against ln(width) up to this counts as flat: widths are not infinite."""


@dataclass(frozen=True)
class CoordinateCheck:
    """Scales by (width, updates done, activation), and their growth with the width.

    scale : root mean squares, averaged over seeds, with the standard errors of that.
    change : the same of the difference to the activations before any update.
    """

    parametrization: str
    widths: tuple[int, ...]
    steps: tuple[int, ...]
    names: tuple[str, ...]
    scale: dict[tuple[int, int, str], Mean]
    change: dict[tuple[int, int, str], Mean]

    def slope(self, name: str, step: int, *, change: bool = False) -> Mean:
        """d ln(scale) / d ln(width) after so many updates, by least squares."""
        of = self.change if change else self.scale
        found = [of[width, step, name] for width in self.widths]
        values, errors = (np.array([getattr(one, k) for one in found]) for k in ("value", "error"))
        if min(values) <= 0 or not np.all(np.isfinite(values)):
            return Mean.of([])
        x = np.log(self.widths) - np.mean(np.log(self.widths))
        weights = x / (x @ x)
        error = float(np.linalg.norm(weights * errors / values))
        return Mean(float(weights @ np.log(values)), error, found[0].count)


@dataclass(frozen=True, repr=False)
class CoordinateChecks(Shown):
    """The same models in every parametrization, over so many seeds."""

    checks: Mapping[str, CoordinateCheck]
    seeds: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the scales after the last update."""
        entries = [_entry(check, name) for check in self.checks.values() for name in check.names]
        return {"schema": "mplfit.coordinates/1", "checks": entries}


def _entry(check: CoordinateCheck, name: str) -> dict[str, Any]:
    last = check.steps[-1]
    sizes = [check.scale[width, last, name] for width in check.widths]
    slope, grown = (check.slope(name, last, change=change) for change in (False, True))
    return {
        "parametrization": check.parametrization,
        "activation": name,
        "updates": last,
        "widths": list(check.widths),
        "rms": [one.value for one in sizes],
        "rms_error": [one.error for one in sizes],
        "slope": slope.value,
        "slope_error": slope.error,
        "slope_of_change": grown.value,
        "slope_of_change_error": grown.error,
    }


def coordinate_checks(
    plan: Plan,
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
    plan: Plan,
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
    total: dict[tuple[int, int, str], list[float]] = {}
    moved: dict[tuple[int, int, str], list[float]] = {}
    names: tuple[str, ...] = ()
    for number, width in enumerate(widths):
        for seed in range(seeds):
            shape = replace(plan.shape, width=width, parametrization=parametrization, dropout=0.0)
            run = Run(replace(plan, shape=shape, seed=seed, evaluated=0), constant(updates + 1, lr))
            batch = plan.task.held_out(plan.batch)
            begin: dict[str, Array] = {}
            for step in range(updates + 1):
                watch: dict[str, Array] = {}
                run.model.loss(batch, watch)
                begin = begin or watch
                names = tuple(watch)
                for name, values in watch.items():
                    key = (width, step, name)
                    total.setdefault(key, []).append(_rms(values))
                    moved.setdefault(key, []).append(_rms(values - begin[name]))
                if step < updates:
                    run.update()
        if progress is not None:
            progress(number + 1, len(widths), f"{parametrization}: widths")
    return CoordinateCheck(
        parametrization,
        widths,
        tuple(range(updates + 1)),
        names,
        {key: Mean.of(values) for key, values in total.items()},
        {key: Mean.of(values) for key, values in moved.items()},
    )


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
