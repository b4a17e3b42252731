"""Runs by the size of their model, and what every size shares: the units of the law.

The scale-free law needs a rate that others are relative to. That of a size is on the line through
the logarithms of the sizes' peak rates against those of their parameters, so that it is known at
sizes without runs too; a size that lies beside the line is converted exactly, by the law itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mplfit.curve import Curve, RunSize, curves_of
from mplfit.errors import DataError, FitError
from mplfit.laws.base import scales
from mplfit.laws.effective import EffectiveLaw
from mplfit.laws.registry import get_law
from mplfit.types import Record

__all__ = [
    "SizeRuns",
    "SizeUnits",
    "common_decay",
    "group_sizes",
    "scale_free",
    "units_of",
]

_SAME = 1.02  # peak rates within this factor are one rate


@dataclass(frozen=True)
class SizeRuns:
    """The runs of one model size."""

    size: RunSize
    curves: tuple[Curve, ...]

    @property
    def parameters(self) -> float:
        """The number of parameters, or what stands for it (`RunSize.count`)."""
        return float(self.size.count or np.nan)

    @property
    def label(self) -> str:
        """The size for people."""
        return self.size.text

    @property
    def peak(self) -> float:
        """The largest rate of its runs, up to their last rows."""
        return scales(self.curves).peak

    @property
    def longest(self) -> float:
        """The longest Σ η/peak of its runs."""
        return scales(self.curves).S_max / self.peak


@dataclass(frozen=True, eq=False)
class SizeUnits(Record):
    """What the law must be told at any size.

    rate, rate_exponent : the reference rate is rate · (N / reference)^rate_exponent.
    reference : the geometric mean of the sizes, N0.
    weight_decay : AdamW's.  longest : the longest Σ η/η_ref, the unit of time without it.
    """

    rate: float
    rate_exponent: float
    reference: float
    weight_decay: float
    longest: float

    def law(self, parameters: float) -> EffectiveLaw:
        """The scale-free law in the units of this size."""
        return scale_free(self.peak(parameters), self.weight_decay, self.longest)

    def peak(self, parameters: float) -> float:
        """The reference rate at this size."""
        if self.rate_exponent == 0:
            return self.rate
        return float(self.rate * (parameters / self.reference) ** self.rate_exponent)


def scale_free(rate: float, weight_decay: float, longest: float) -> EffectiveLaw:
    """The scale-free law of runs of few peak rates, with these constants."""
    constants = {"eta_ref": rate, "weight_decay": weight_decay, "longest": longest, "peak_rates": 1}
    made: Any = get_law("effective", constants)
    law: EffectiveLaw = made
    return law


def group_sizes(curves: Curve | Iterable[Curve]) -> tuple[SizeRuns, ...]:
    """The runs by size, the smallest first.

    Runs of one width and depth are of one size, and so are others of equally many parameters. Where
    only some of the runs of a width and depth tell their parameters, these are those of all.

    Raises
    ------
    DataError
        If the size of a run is not known.
    """
    some = curves_of(curves)
    for curve in some:
        if curve.size.count is None:
            raise DataError(
                f"{curve.name}: the size of its model is not known: say it as in "
                f"sizes={{{curve.name!r}: '190M'}}, or name the run or its folder by it"
            )
    shapes: dict[tuple[float, float], RunSize] = {}
    for curve in some:
        own = curve.size
        if own.width is not None and own.depth is not None:
            key = (own.width, own.depth)
            shapes[key] = shapes[key].over(own) if key in shapes else own
    groups: dict[object, SizeRuns] = {}
    for curve in some:
        own = curve.size
        shape = (own.width or 0.0, own.depth or 0.0)
        size = own.over(shapes[shape]) if shape in shapes else own
        known: object = shape if shape in shapes else size.count
        before = groups.get(known)
        groups[known] = (
            SizeRuns(size, (curve,))
            if before is None
            else replace(before, size=before.size.over(size), curves=(*before.curves, curve))
        )
    return tuple(sorted(groups.values(), key=lambda group: group.parameters))


def units_of(groups: Sequence[SizeRuns], weight_decay: float | None = None) -> SizeUnits:
    """The units in which the sizes are alike.

    weight_decay : AdamW's; None for that of the runs' logs, or 0.1 where they tell none.

    Raises
    ------
    FitError
        If the logs name different weight decays, and none is given.
    """
    decay = common_decay(groups, weight_decay)
    peaks = np.array([group.peak for group in groups])
    n = np.log([group.parameters for group in groups])
    exponent, rate = 0.0, float(peaks.max())
    if peaks.max() > _SAME * peaks.min() and np.ptp(n) > 0:
        exponent, middle = (float(one) for one in np.polyfit(n - n.mean(), np.log(peaks), 1))
        rate = float(np.exp(middle))
    longest = max(group.longest for group in groups)
    return SizeUnits(rate, exponent, float(np.exp(n.mean())), decay, longest)


def common_decay(groups: Sequence[SizeRuns], weight_decay: float | None) -> float:
    """AdamW's weight decay: as given, or that of the logs, or 0.1 where they tell none.

    Raises
    ------
    FitError
        If the logs name different ones, and none is given.
    """
    told = sorted({c.weight_decay for g in groups for c in g.curves if c.weight_decay is not None})
    if weight_decay is None and len(told) > 1:
        raise FitError(
            f"the runs' logs name different weight decays ({', '.join(map(str, told))}): one law "
            "over sizes has one; leave runs out, or give weight_decay"
        )
    return weight_decay if weight_decay is not None else told[0] if told else 0.1
