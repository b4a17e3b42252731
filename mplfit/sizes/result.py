"""`Sizes`: the law over model sizes with how it was estimated; the contents of sizes.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from mplfit.curve import RunSize
from mplfit.errors import DataError, FitError
from mplfit.estimate.records import CurveRecord, Spread
from mplfit.estimate.result import Fit
from mplfit.laws.base import to_params, unknown_slopes
from mplfit.laws.effective import EffectiveLaw
from mplfit.results import Result
from mplfit.schedule import Schedule
from mplfit.sizes.constants import RUN_EFFECT
from mplfit.sizes.groups import SizeUnits
from mplfit.sizes.size_law import COMMON, OWN, mean_and_slopes, place_of
from mplfit.types import FloatArray, Record

__all__ = ["SCHEMA", "Final", "SizeRecord", "Sizes"]

SCHEMA = "mplfit.sizes/1"

_SAME = 1.01  # parameters within this factor are one size


@dataclass(frozen=True, eq=False)
class SizeRecord(Record):
    """One of the sizes that the law was fitted to.

    own : (8,) its unknowns, ln L0, ln A and the shapes.  covariance : (8, 8) of these.
    scatter : of its rows around the fit, relative.
    steps : of its longest run, up to the last row.  largest_gain : of its runs, relative.
    """

    size: RunSize
    runs: tuple[str, ...]
    own: FloatArray
    covariance: FloatArray
    scatter: float
    steps: int
    largest_gain: float

    @property
    def label(self) -> str:
        """The size for people."""
        return self.size.text

    @property
    def parameters(self) -> float:
        """The number of parameters, or what stands for it."""
        return float(self.size.count or np.nan)


@dataclass(frozen=True)
class Final:
    """A final loss, its relative standard deviation, and what it is made of.

    floor : L0 of the size.  gain : how far below the loss at the schedule's largest rate throughout
    it is, with the standard deviation of that.
    """

    loss: float
    sd: float
    floor: float
    gain: float
    gain_sd: float


@dataclass(frozen=True, eq=False, repr=False)
class Sizes(Result):
    """The scale-free law over sizes: what it says of every size, and how sure.

    sizes : those with runs, the smallest first.
    common : (16,) the law's unknowns (`mplfit.sizes.size_law.COMMON`).  covariance : of these.
    spreads : (8,) standard deviations of a size's own unknowns around the law.
    units : what the law is told at any size.  value : of the objective.
    converged : whether the common shapes stayed.  largest_S : of the runs, as in `Spread`.
    has_shapes : whether the law has terms in width and depth.
    data : the runs.  made_by : the command line that made it, for people.

    >>> from mplfit.sizes.result import Sizes
    >>> Sizes.SCHEMA
    'mplfit.sizes/1'
    """

    SCHEMA: ClassVar[str] = SCHEMA
    DERIVED: ClassVar[tuple[str, ...]] = ("named",)

    sizes: tuple[SizeRecord, ...]
    common: FloatArray
    covariance: FloatArray
    spreads: FloatArray
    units: SizeUnits
    value: float
    converged: bool
    largest_S: float
    has_shapes: bool
    warnings: tuple[str, ...] = ()
    data: tuple[CurveRecord, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    made_by: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        count, own = len(COMMON), len(OWN)
        sizes = [size.own.shape == (own,) for size in self.sizes]
        sizes += [size.covariance.shape == (own, own) for size in self.sizes]
        shapes = (self.common.shape, self.covariance.shape, self.spreads.shape)
        if shapes != ((count,), (count, count), (own,)) or not all(sizes) or not sizes:
            raise DataError("this law over sizes has numbers of other shapes than it should")

    @property
    def named(self) -> dict[str, float]:
        """The law's numbers by name, for people: E, F and A as they are, F and A at the sizes'
        geometric mean."""
        made = dict(zip(COMMON, self.common.tolist(), strict=True))
        return {**made, **{name: float(np.exp(made[name])) for name in ("E", "F", "A")}}

    @property
    def largest(self) -> float:
        """The largest number of parameters among the sizes."""
        return self.sizes[-1].parameters

    def of(self, size: RunSize) -> SizeRecord | None:
        """The size among those with runs, if it is one of them."""
        if size.count is None:
            raise FitError("the size is not known: give its parameters, or its width and depth")
        for one in self.sizes:
            near = max(size.count, one.parameters) <= _SAME * min(size.count, one.parameters)
            apart = any(
                mine is not None and theirs is not None and mine != theirs
                for mine, theirs in (
                    (size.width, one.size.width),
                    (size.depth, one.size.depth),
                )
            )
            if near and not apart:
                return one
        return None

    def place(self, size: RunSize) -> tuple[float, float]:
        """n and x of a size; a shape that is not known is the middle one of the sizes'."""
        if size.count is None:
            raise FitError("the size is not known: give its parameters, or its width and depth")
        reference = self.units.reference
        if not self.has_shapes:
            return place_of(size.count, reference, None, None)
        if size.width and size.depth:
            return place_of(size.count, reference, size.width, size.depth)
        ratios = [(size.size.width or 1) / (size.size.depth or 1) for size in self.sizes]
        return place_of(size.count, reference, float(np.median(ratios)), 1.0)

    def law_slopes(self, size: RunSize) -> tuple[FloatArray, FloatArray]:
        """(8,) what the law says of a size's unknowns, and their (8, 16) slopes in its own."""
        return mean_and_slopes(self.common, *self.place(size))

    def unknowns(self, size: RunSize) -> tuple[FloatArray, FloatArray]:
        """(8,) ln L0, ln A and shapes at a size, and their (8, 8) covariance.

        Those of its runs, where it has some; else those of the law and its spreads.
        """
        known = self.of(size)
        if known is not None:
            return known.own, known.covariance
        mean, slopes = self.law_slopes(size)
        return mean, slopes @ self.covariance @ slopes.T + np.diag(self.spreads**2)

    def slopes(self, size: RunSize, schedule: Schedule) -> FloatArray:
        """(8,) of the log final loss in a size's own unknowns, where the law has them."""
        loss, slopes = _at_end(
            self.units.law(size.count or np.nan), self.law_slopes(size)[0], schedule
        )
        return slopes / loss

    def final(self, size: RunSize, schedule: Schedule) -> Final:
        """The loss after the last update of a schedule at a size, and how sure it is.

        The variance is that of the unknowns at the size, and that between two runs of one schedule.
        """
        law = self.units.law(size.count or np.nan)
        own, covariance = self.unknowns(size)
        steady = Schedule(np.maximum.accumulate(schedule.lr), schedule.warmup)
        loss, slopes = _at_end(law, own, schedule)
        high, high_slopes = _at_end(law, own, steady)
        apart = high_slopes - slopes
        return Final(
            loss=loss,
            sd=float(np.sqrt(slopes @ covariance @ slopes / loss**2 + RUN_EFFECT**2)),
            floor=float(np.exp(own[0])),
            gain=high - loss,
            gain_sd=float(np.sqrt(apart @ covariance @ apart)),
        )

    def at(self, size: RunSize) -> Fit:
        """The fit at a size, which plans, predicts and exports as any other.

        Raises
        ------
        FitError
            If the size is not known.
        """
        own, covariance = self.unknowns(size)
        count = size.count or np.nan
        law = self.units.law(count)
        names, params = law.names, to_params(law, own)
        errors = np.sqrt(np.diag(covariance)) * np.abs(unknown_slopes(law, params))
        known = self.of(size)
        nearest = known or min(self.sizes, key=lambda one: abs(np.log(one.parameters / count)))
        data = [record for record in self.data if record.name in nearest.runs]
        return Fit(
            law=law.key,
            params=dict(zip(names, params.tolist(), strict=True)),
            constants=dict(law.constants),
            converged=self.converged,
            warnings=tuple(self.warnings),
            standard_errors=dict(zip(names, errors.tolist(), strict=True)),
            spread=Spread(
                covariance=_rows(covariance),
                scatter=nearest.scatter,
                largest_S=self.largest_S,
                largest_gain=nearest.largest_gain,
                left_out=(),
                informed=True,
            ),
            data=tuple(data),
            made_by=self.made_by,
            versions=self.versions,
        )


def _at_end(law: EffectiveLaw, own: FloatArray, schedule: Schedule) -> tuple[float, FloatArray]:
    """The final loss and its (8,) derivatives in the unknowns."""
    params = to_params(law, own)
    loss, slopes = law.at(schedule, np.array([schedule.steps - 1])).loss_and_gradient(params)
    return float(loss[0]), slopes[0] * unknown_slopes(law, params)


def _rows(matrix: FloatArray) -> tuple[tuple[float, ...], ...]:
    symmetric = 0.5 * (matrix + matrix.T)
    return tuple(tuple(row) for row in symmetric.tolist())
