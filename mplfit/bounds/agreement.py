"""Theory and practice: convex bounds beside the final losses of real runs.

The bound Ω = ½ (D² a + G² b), a = 1/S_T and b = η_T + Σ_{k<T} η_k²/(S_T - S_k), ranks schedules
without any run where each may have its own best base rate (√(ab), free of D and G). To rank runs at
the rates that they had it needs one number for all of them, D/G: the least-squares line
loss = C + p·a + q·b gives it, D/G = √(p/q). Ranks are compared by Spearman's correlation. After
Schaipp et al. 2025 (arXiv:2501.18965). Each run is left out of the line in turn: that tells how far
the line moves with the runs (the jackknife), and how well it predicts a run that it has not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from scipy.optimize import nnls
from scipy.stats import spearmanr

from mplfit.bounds import best_base, bound, last_positive
from mplfit.errors import DataError
from mplfit.results import Result
from mplfit.schedule import Schedule
from mplfit.types import FloatArray, IntArray, MaybeNaN, Record

__all__ = ["Agreement", "Outcome", "RunGroup", "agreement", "spearman", "spearman_interval"]


@dataclass(frozen=True)
class Outcome:
    """A run that is finished: its schedule and its final (validation) loss.

    kind : its shape, such as "wsd linear" or "cosine to 0".
    cooldown : the share of its steps that decay; None where the shape has no such share.
    step, losses : its logged validation losses; empty where they are not known.
    """

    name: str
    schedule: Schedule
    loss: float
    kind: str
    cooldown: float | None = None
    step: IntArray = field(default_factory=lambda: np.empty(0, np.int64), compare=False)
    losses: FloatArray = field(default_factory=lambda: np.empty(0), compare=False)


@dataclass(frozen=True, eq=False)
class RunGroup(Record):
    """Runs that differ in one thing, and how far bound and loss order them alike.

    varies : "cooldown", "base rate" or "everything".  value : what varies, for each run.
    omega : the bounds at the rates the runs had, in units of the loss (C + M·Ω).
    best : the bounds at each run's best base rate (D = G = 1); where only the base rate varies
    they hardly differ, and `spearman_best` is None.
    """

    DERIVED: ClassVar[tuple[str, ...]] = (
        *("spearman_interval", "spearman_best_interval", "rate_law"),
    )

    title: str
    varies: str
    names: tuple[str, ...] = field(metadata={"key": "runs"})
    value: FloatArray
    loss: FloatArray
    omega: FloatArray = field(metadata={"key": "fitted_bound"})
    best: FloatArray = field(metadata={"key": "best_bound"})
    spearman: MaybeNaN
    spearman_best: MaybeNaN | None

    @property
    def spearman_interval(self) -> tuple[float, float] | None:
        """Of `spearman`; see the function `spearman_interval`."""
        return spearman_interval(self.spearman, len(self.names))

    @property
    def spearman_best_interval(self) -> tuple[float, float] | None:
        """Of `spearman_best`."""
        if self.spearman_best is None:
            return None
        return spearman_interval(self.spearman_best, len(self.names))

    @property
    def rate_law(self) -> tuple[float, float, float] | None:
        """A, B and C (none negative) of loss = A/γ + B·γ + C, the bound's form in the base rate γ.

        None where not the base rate varies. The lowest loss is at √(A/B).
        """
        if self.varies != "base rate":
            return None
        terms = np.column_stack([1 / self.value, self.value, np.ones_like(self.value)])
        A, B, C = _line(terms, self.loss).tolist()
        return A, B, C


@dataclass(frozen=True, eq=False, repr=False)
class Agreement(Result):
    """The comparison of all runs, then of each group of runs that differ in one thing.

    ratio : D/G of the least-squares line.  floor : its C.  error : its root-mean-square error.
    ratio_error, floor_error : their standard errors, by the jackknife over runs.
    left_out_error : the root-mean-square error at each run of the line through the others.
    compared : all runs as one group, then the groups.
    """

    SCHEMA: ClassVar[str] = "mplfit.agreement/1"

    ratio: MaybeNaN = field(metadata={"key": "D_over_G"})
    ratio_error: MaybeNaN = field(metadata={"key": "D_over_G_error"})
    floor: float = field(metadata={"key": "C"})
    floor_error: MaybeNaN = field(metadata={"key": "C_error"})
    error: float = field(metadata={"key": "rms_error"})
    left_out_error: float = field(metadata={"key": "rms_error_left_out"})
    compared: tuple[RunGroup, ...] = field(metadata={"key": "groups"})

    @property
    def everything(self) -> RunGroup:
        """All runs."""
        return self.compared[0]

    @property
    def groups(self) -> tuple[RunGroup, ...]:
        """Runs that differ in one thing."""
        return self.compared[1:]


def spearman(x: FloatArray, y: FloatArray) -> float:
    """Spearman's rank correlation; NaN where one side has no two different values.

    >>> import numpy as np
    >>> from mplfit.bounds.agreement import spearman
    >>> spearman(np.array([1.0, 2.0, 5.0]), np.array([3.0, 9.0, 27.0]))
    1.0
    """
    if min(np.unique(x).size, np.unique(y).size) < 2:
        return float("nan")
    return round(float(spearmanr(x, y).statistic), 12)


def spearman_interval(correlation: float, count: int) -> tuple[float, float] | None:
    """The 95 % interval of a rank correlation of so many runs, were they a sample of such runs.

    tanh(artanh r ± 1.96 √((1 + r²/2)/(n - 3))), Bonett & Wright 2000 (Psychometrika 65, 23). None
    for fewer than four runs, and for a perfect order, which it cannot tell from a certain one.

    >>> from mplfit.bounds.agreement import spearman_interval
    >>> [round(end, 2) for end in spearman_interval(0.9, 28)]
    [0.76, 0.96]
    """
    if count < 4 or not abs(correlation) < 1:
        return None
    reach = 1.96 * np.sqrt((1 + correlation**2 / 2) / (count - 3))
    low, high = np.tanh(np.arctanh(correlation) + np.array([-reach, reach]))
    return float(low), float(high)


def agreement(runs: Sequence[Outcome]) -> Agreement:
    """Compare the bounds of some runs with their final losses.

    Groups are runs of one kind and number of steps: those of one peak rate that differ in the
    cooldown, and those of one cooldown that differ in the peak rate; with three runs at least.

    Raises
    ------
    DataError
        If there are fewer than four runs: the line through them has three unknowns.
    """
    if len(runs) < 4:
        raise DataError(
            f"{len(runs)} finished runs are too few to compare with theory: give at least 4"
        )
    ends = [run.schedule.lr[: last_positive(run.schedule.lr)] for run in runs]
    a = np.array([1 / lr.sum() for lr in ends])
    b = np.array([2 * bound(lr) for lr in ends]) - a
    best = np.array([best_base(lr).bound for lr in ends])
    loss = np.array([run.loss for run in runs])
    terms = np.column_stack([np.ones_like(a), a, b])
    line = _line(terms, loss)
    omega = terms @ line
    lines = np.array([_line(np.delete(terms, i, 0), np.delete(loss, i)) for i in range(len(runs))])

    def group(title: str, varies: str, chosen: Sequence[int], value: Sequence[float]) -> RunGroup:
        order = np.asarray(chosen)[np.argsort(value, kind="stable")]
        apart = varies != "base rate"
        return RunGroup(
            title=title,
            varies=varies,
            names=tuple(runs[i].name for i in order),
            value=np.sort(np.asarray(value, dtype=np.float64)),
            loss=loss[order],
            omega=omega[order],
            best=best[order],
            spearman=spearman(omega[order], loss[order]),
            spearman_best=spearman(best[order], loss[order]) if apart else None,
        )

    return Agreement(
        ratio=_ratio(line),
        ratio_error=_jackknife([_ratio(one) for one in lines]),
        floor=float(line[0]),
        floor_error=_jackknife(lines[:, 0].tolist()),
        error=float(np.sqrt(np.mean((omega - loss) ** 2))),
        left_out_error=float(np.sqrt(np.mean((np.sum(terms * lines, axis=1) - loss) ** 2))),
        compared=(
            group("all runs", "everything", range(len(runs)), loss.tolist()),
            *(
                group(title, varies, chosen, [_varying(runs[i], varies) for i in chosen])
                for title, varies, chosen in _groups(runs)
            ),
        ),
    )


def _line(terms: FloatArray, loss: FloatArray) -> FloatArray:
    """C, p and q of the least-squares line; none of them is negative."""
    unit = terms.mean(axis=0)
    found: FloatArray = nnls(terms / unit, loss)[0] / unit
    return found


def _ratio(line: FloatArray) -> float:
    """D/G."""
    return float(np.sqrt(line[1] / line[2])) if line[2] > 0 else float("inf")


def _jackknife(values: Sequence[float]) -> float:
    """A standard error from what an estimate is without each of the runs; NaN where one is not
    finite."""
    if not np.all(np.isfinite(values)):
        return float("nan")
    return float(np.sqrt(len(values) - 1) * np.std(values))


def _groups(runs: Sequence[Outcome]) -> list[tuple[str, str, list[int]]]:
    """Runs that differ in the cooldown only, or in the peak rate only; three or more."""
    by_cooldown = _collect(
        runs,
        lambda run: None if run.cooldown is None else (run.kind, _peak(run), run.schedule.steps),
    )
    by_rate = _collect(
        runs,
        lambda run: (run.kind, -1.0 if run.cooldown is None else run.cooldown, run.schedule.steps),
    )
    found = [
        (f"cooldown: {kind}, base rate {peak:g}, {steps} steps", "cooldown", chosen)
        for (kind, peak, steps), chosen in by_cooldown.items()
    ]
    found += [
        (f"base rate: {_shape(kind, cooldown)}, {steps} steps", "base rate", chosen)
        for (kind, cooldown, steps), chosen in by_rate.items()
    ]
    return [one for one in found if len(one[2]) >= 3]


def _collect(
    runs: Sequence[Outcome], key: Callable[[Outcome], tuple[str, float, int] | None]
) -> dict[tuple[str, float, int], list[int]]:
    groups: dict[tuple[str, float, int], list[int]] = {}
    for i, run in enumerate(runs):
        found = key(run)
        if found is not None:
            groups.setdefault(found, []).append(i)
    return dict(sorted(groups.items()))


def _shape(kind: str, cooldown: float) -> str:
    if cooldown < 0:
        return kind
    return f"{kind}, {100 * cooldown:.0f} % cooldown" if cooldown else "constant"


def _varying(run: Outcome, varies: str) -> float:
    return float(run.cooldown or 0.0) if varies == "cooldown" else _peak(run)


def _peak(run: Outcome) -> float:
    return float(f"{run.schedule.peak:.6g}")
