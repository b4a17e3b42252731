"""How wrong the law over sizes has been: fitted to the sizes up to each, and scored on the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from mplfit.assess.intervals import LEVELS
from mplfit.curve import Curve, curves_of
from mplfit.errors import FitError
from mplfit.estimate.fit import fit
from mplfit.results import Result
from mplfit.schedule import Schedule
from mplfit.sizes.baselines import decayed_rows, fit_chinchilla, power_law
from mplfit.sizes.fit import fit_sizes
from mplfit.sizes.groups import SizeRuns, group_sizes
from mplfit.sizes.predictions import tokens_at
from mplfit.tasks import Progress
from mplfit.types import FloatArray, Record

__all__ = ["Rollout", "RolloutRow", "roll_out"]

_BELOW = 0.98  # sizes nearer than this to the next one are not below it
_FEWEST = 2  # sizes that a law needs
_HALF = 0.5  # of a constant run


@dataclass(frozen=True, eq=False)
class RolloutRow(Record):
    """One size, predicted from the smaller ones.

    trained : how many sizes; factor : how much larger this one is than the largest of them.
    names, observed, predicted, sd : of its scored runs' final losses; sd is relative.
    chinchilla, power : mean absolute errors of the baselines; None where they say nothing.
    short : the rows of the size's own that were given besides.  with_short, alone : the mean
        absolute errors with them, and of a fit to them alone.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("error",)

    size: str
    parameters: float
    trained: int
    factor: float
    names: tuple[str, ...]
    observed: FloatArray
    predicted: FloatArray
    sd: FloatArray
    chinchilla: float | None
    power: float | None
    short: str | None
    with_short: float | None
    alone: float | None

    @property
    def error(self) -> float:
        """The mean absolute error of the final losses."""
        return float(np.abs(self.observed - self.predicted).mean())


@dataclass(frozen=True, eq=False, repr=False)
class Rollout(Result):
    """Rollouts over sizes, the smallest predicted size first."""

    SCHEMA: ClassVar[str] = "mplfit.rollout/1"
    DERIVED: ClassVar[tuple[str, ...]] = ("error", "inside")

    rows: tuple[RolloutRow, ...]

    @property
    def error(self) -> float:
        """The mean over sizes of the mean absolute error."""
        return float(np.mean([row.error for row in self.rows]))

    @property
    def inside(self) -> dict[str, tuple[int, int]]:
        """By level, how many of how many final losses lie inside their intervals."""
        off = np.concatenate(
            [np.abs(np.log(row.observed / row.predicted)) / row.sd for row in self.rows]
        )
        return {
            f"{level:.2f}": (int((off <= width).sum()), off.size) for level, width in LEVELS.items()
        }


def roll_out(
    curves: Curve | Sequence[Curve],
    *,
    weight_decay: float | None = None,
    shapes: tuple[FloatArray, FloatArray] | None = None,
    progress: Progress | None = None,
) -> Rollout:
    """Fit on the sizes below each in turn, and score the final losses of its runs.

    Runs that decay are scored, where the size has some. Each size is predicted twice: from the
    smaller ones alone, and with a short run of its own besides, the first half of its longest
    constant run, or its shortest run (which is then not scored).

    Parameters
    ----------
    curves : runs of three sizes or more.
    weight_decay, shapes : as in `fit_sizes`.
    progress : called as progress(done, total, what).

    Raises
    ------
    FitError
        If there are not two sizes below another.
    """
    groups = group_sizes(curves_of(curves))
    targets = [group for group in groups if len(_below(groups, group)) >= _FEWEST]
    if not targets:
        raise FitError(
            f"a rollout needs two sizes below another, got {len(groups)} sizes: add runs of others"
        )
    rows = []
    for done, target in enumerate(targets):
        if progress is not None:
            progress(done, len(targets), "sizes")
        rows.append(_row(_below(groups, target), target, weight_decay, shapes))
    if progress is not None:
        progress(len(targets), len(targets), "sizes")
    return Rollout(tuple(rows))


def _below(groups: Sequence[SizeRuns], target: SizeRuns) -> list[SizeRuns]:
    return [group for group in groups if group.parameters < _BELOW * target.parameters]


def _row(
    below: Sequence[SizeRuns],
    target: SizeRuns,
    weight_decay: float | None,
    shapes: tuple[FloatArray, FloatArray] | None,
) -> RolloutRow:
    known = [curve for group in below for curve in group.curves]
    law = fit_sizes(known, weight_decay=weight_decay, shapes=shapes)
    scored = _decaying(target.curves) or list(target.curves)
    finals = [law.final(target.size, _course(curve)) for curve in scored]
    observed = np.array([float(curve.loss[-1]) for curve in scored])
    rows = decayed_rows(below)
    form, each = fit_chinchilla(rows), tokens_at(law, target.size.tokens_per_update) or 1.0
    data = [(int(curve.step[-1]) + 1) * each for curve in scored]
    by_form = [form(target.parameters, D) for D in data] if form is not None else []
    by_power = [power_law(rows, target.parameters, D) for D in data]
    short, left = _short(target, scored)
    with_short = alone = None
    if short is not None and left:
        both = fit_sizes([*known, short], weight_decay=weight_decay, shapes=shapes)
        own = fit(
            [short], "effective", quick=True, leave_out=False,
            constants=both.units.law(target.parameters).constants,
        )  # fmt: skip
        there = np.array([float(curve.loss[-1]) for curve in left])
        with_short = _mean(there, [both.final(target.size, _course(curve)).loss for curve in left])
        alone = _mean(there, [float(own.loss(_course(curve))[-1]) for curve in left])
    return RolloutRow(
        size=target.label,
        parameters=target.parameters,
        trained=len(below),
        factor=target.parameters / below[-1].parameters,
        names=tuple(curve.name for curve in scored),
        observed=observed,
        predicted=np.array([one.loss for one in finals]),
        sd=np.array([one.sd for one in finals]),
        chinchilla=_mean(observed, by_form),
        power=_mean(observed, by_power),
        short=short.name if short is not None and left else None,
        with_short=with_short,
        alone=alone,
    )


def _mean(observed: FloatArray, predicted: Sequence[float | None]) -> float | None:
    some = [prediction for prediction in predicted if prediction is not None]
    if not some or len(some) < observed.size:
        return None
    return float(np.abs(observed - np.array(some)).mean())


def _course(curve: Curve) -> Schedule:
    """The schedule up to the last row."""
    end = int(curve.step[-1]) + 1
    return Schedule(curve.schedule.lr[:end], min(curve.schedule.warmup, end))


def _decaying(curves: Sequence[Curve]) -> list[Curve]:
    return [
        curve
        for curve in curves
        if curve.schedule.lr[curve.step[-1]] < 0.9 * curve.schedule.lr[: curve.step[-1] + 1].max()
    ]


def _short(target: SizeRuns, scored: Sequence[Curve]) -> tuple[Curve | None, list[Curve]]:
    """Half of the longest run that does not decay, or the shortest run; what is still scored."""
    steady = [curve for curve in target.curves if not _decaying([curve])]
    if steady:
        longest = max(steady, key=lambda curve: int(curve.step[-1]))
        kept = longest.step < _HALF * (longest.step[-1] + 1)
        if kept.sum() >= 3:
            part = replace(longest, step=longest.step[kept], loss=longest.loss[kept])
            return part, [curve for curve in scored if curve.name != longest.name]
    first = min(target.curves, key=lambda curve: int(curve.step[-1]))
    return first, [curve for curve in scored if curve.name != first.name]
