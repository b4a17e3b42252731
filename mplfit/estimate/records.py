"""The parts of a `Fit`: what it was made from and how, how sure it is, and what stands beside it.

All of them are written into fit.json and read from it by `mplfit.types`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from mplfit.curve import NO_SIZE, Curve, RunSize
from mplfit.errors import DataError
from mplfit.estimate.huber import DELTA
from mplfit.types import FloatArray, Plain, Record

__all__ = [
    "BootstrapRecord",
    "CurveRecord",
    "Direction",
    "FinalInterval",
    "FitOptions",
    "Identification",
    "Move",
    "Spread",
    "Starts",
    "rows",
]

_SHOWN = 3  # open directions that get sentences
_LARGEST = 1e6  # of residuals in ln loss, which floating point itself keeps below 1,500
_WIDEST = 1e30  # variance of an unknown; what the rows leave open has none
_ROUNDING = 1e-6  # of a covariance, relative to the standard deviations


@dataclass(frozen=True, eq=False)
class CurveRecord(Record):
    """A curve that a fit was made from (role "train") or measured on (role "test").

    path, sha256 : of the log, where the curve was read from one.
    points : logged rows.  first_step, last_step : of these.
    steps, warmup, peak : of the schedule.
    notes, warnings : what was assumed, dropped or mended in reading, and what looked odd.
    highest_loss : of the rows.
    reading : what the reader was told about the log, where that is not the default (the fields of
        `mplfit.readers.options.ReadOptions`); None where that is not known.
    size : of its model and its updates; None where nothing of it is known.
    beside : other files that it was made from.
    """

    name: str
    role: Literal["train", "test"]
    path: str | None
    sha256: str | None
    points: int
    first_step: int
    last_step: int
    steps: int
    warmup: int
    peak: float
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    highest_loss: float | None = None
    reading: Mapping[str, Plain] | None = None
    size: RunSize | None = None
    beside: tuple[str, ...] = ()

    @classmethod
    def of(cls, curve: Curve, role: Literal["train", "test"]) -> CurveRecord:
        """The record of a curve."""
        origin = curve.origin
        return cls(
            name=curve.name,
            role=role,
            path=origin.path if origin else None,
            sha256=origin.sha256 if origin else None,
            points=len(curve),
            first_step=int(curve.step[0]),
            last_step=int(curve.step[-1]),
            steps=curve.schedule.steps,
            warmup=curve.schedule.warmup,
            peak=curve.schedule.peak,
            notes=origin.notes if origin else (),
            warnings=origin.warnings if origin else (),
            highest_loss=float(curve.loss.max()),
            reading=origin.reading if origin else None,
            size=None if curve.size == NO_SIZE else curve.size,
            beside=origin.beside if origin else (),
        )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.first_step <= self.last_step < self.steps:
            raise DataError(
                f"the rows of steps {self.first_step}–{self.last_step} do not lie in a run of "
                f"{self.steps} updates"
            )
        if not 1 <= self.points <= self.last_step - self.first_step + 1:
            raise DataError(f"{self.points} rows do not fit in those steps")
        if not (0 <= self.warmup <= self.steps and self.peak > 0):
            raise DataError(f"a warmup of {self.warmup} or a peak of {self.peak:g} is none")


@dataclass(frozen=True, eq=False)
class FitOptions(Record):
    """What a fit was asked for: the arguments of `mplfit.fit`.

    law, prior : as asked ("auto" where no law was); `Fit.law` and `Fit.prior` are what was fitted.
        A prior of None is the law's default; a `Prior` of one's own is here by its name.
    delta : of the Huber loss.
    """

    law: str
    prior: str | None = None
    quick: bool = False
    leave_out: bool = True
    solver: Literal["trust", "lbfgs"] = "trust"
    constants: Mapping[str, float] = field(default_factory=dict)
    delta: float = DELTA


@dataclass(frozen=True)
class Starts:
    """Where the solver began and how far its ends agree.

    screened : points that span the law's box, or the prior's mean and draws from it.
    descended : the best of them, each minimised; all where they are the prior's.
    agreeing : ends within 1e-6 (relative) of the best.  objectives : of all ends, best first.
    paths : (iterations, P) unknowns of each descent, where this process made the fit.
    """

    screened: int
    descended: int
    agreeing: int
    objectives: tuple[float, ...]
    paths: tuple[FloatArray, ...] = field(
        default=(), compare=False, repr=False, metadata={"written": False}
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "objectives", tuple(self.objectives))
        if not 1 <= self.agreeing <= self.descended == len(self.objectives):
            raise DataError(
                f"{self.agreeing} of {self.descended} descents cannot agree where there are "
                f"{len(self.objectives)} objectives"
            )

    @property
    def origin(self) -> str:
        """Where the descents began, for people."""
        if self.screened > self.descended:
            return f"from the best of {self.screened} points that span the law's box"
        drawn = f" and {self.screened - 1} draws from it" if self.screened > 1 else ""
        return f"from the prior's mean{drawn}"


@dataclass(frozen=True, eq=False)
class Spread(Record):
    """What prediction intervals need to know of a fit (`mplfit.assess.intervals`).

    covariance : of the solver's unknowns; None where a parameter is at a bound.
    scatter : 1.25 · mean |training log residual|.
    largest_S : the largest cumulative rate at a training point.
    largest_gain : the largest predicted difference of a training run to the same run at a rate
        that never falls, at a training point and relative to the loss.
    left_out : the log residual of the final loss of each training curve that was left out in turn.
    informed : whether every shape parameter has a prior.
    run_effect : the standard deviation, in ln loss, of the factor by which runs of one schedule
        differ, as the training runs show it; 0 where no two of them have one schedule.
    replicates : how many independent differences it was measured on.
    """

    covariance: tuple[tuple[float | None, ...], ...]
    scatter: float
    largest_S: float
    largest_gain: float = 0.0
    left_out: tuple[float, ...] = ()
    informed: bool = False
    run_effect: float = 0.0
    replicates: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scatter < 0 or self.largest_S <= 0 or self.largest_gain < 0:
            raise DataError("a scatter, a largest S or a largest gain is negative")
        if self.run_effect < 0 or self.replicates < 0:
            raise DataError("a run effect or a number of replicates is negative")
        sizes = (self.scatter, self.largest_gain, self.run_effect, *map(abs, self.left_out))
        if max(sizes) > _LARGEST:
            raise DataError(f"a scatter, a gain or a residual of {max(sizes):.3g} is of no loss")
        if any(len(row) != len(self.covariance) for row in self.covariance):
            raise DataError("the covariance is not square")
        matrix = np.array(self.covariance, dtype=np.float64)
        unknown = np.isnan(np.diag(matrix))
        if not np.array_equal(np.isnan(matrix), unknown[:, None] | unknown):
            raise DataError("the covariance lacks single numbers")
        known = matrix[np.ix_(~unknown, ~unknown)]
        variance = np.diag(known)
        if np.any(variance < 0):
            raise DataError("the covariance has a negative variance")
        if np.any(variance > _WIDEST):
            raise DataError(f"the covariance has a variance of {variance.max():.3g}")
        scale = np.sqrt(np.where(variance > 0, variance, 1.0))
        if not np.allclose(
            known, known.T, rtol=_ROUNDING, atol=_ROUNDING * float(scale.min(initial=1))
        ):
            raise DataError("the covariance is not symmetric")
        with np.errstate(over="ignore"):
            relative = known / scale / scale[:, None]
        if np.any(np.abs(relative) > 1 + _ROUNDING) or (
            relative.size and np.linalg.eigvalsh(relative)[0] < -_ROUNDING * len(relative)
        ):
            raise DataError("the covariance is not positive semidefinite")


@dataclass(frozen=True)
class FinalInterval:
    """The intervals of a run's last logged loss, by level ("0.80", "0.95").

    of_run : the prediction intervals there, which differences between runs make wider.
    """

    step: int
    intervals: Mapping[str, tuple[float, float]]
    of_run: Mapping[str, tuple[float, float]] | None = None


@dataclass(frozen=True, eq=False)
class BootstrapRecord(Record):
    """What a fit keeps of a bootstrap (`mplfit.assess.bootstrap`).

    refits, seed : how many were asked for, and the seed of their SeedSequence.
    converged : how many converged.  blocks : rows in a block, by curve.
    standard_errors : by parameter.  intervals : by level ("0.80", "0.95") and parameter.
    predictions : of the last logged loss, by curve.
    draws : (converged, P) parameters in the law's order.
    """

    refits: int
    converged: int
    seed: int
    blocks: Mapping[str, int]
    standard_errors: Mapping[str, float]
    intervals: Mapping[str, Mapping[str, tuple[float, float]]]
    predictions: Mapping[str, FinalInterval]
    draws: FloatArray

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.draws.ndim != 2 or self.draws.shape[0] != self.converged or self.converged < 2:
            raise DataError(f"there are not draws of {self.converged} converged refits")
        for level, ends in self.intervals.items():
            if set(ends) != set(self.standard_errors):
                raise DataError(f"the {level} intervals are not those of all parameters")


@dataclass(frozen=True)
class Move:
    """How a parameter moves along a direction: by a factor ("×") or a difference ("+")."""

    kind: Literal["×", "+"]
    by: float

    def __str__(self) -> str:
        if self.kind == "+":
            return f"{self.by:+.2g}"
        if self.by >= 2:
            return f"{self.by:.2g} times as large"
        if self.by <= 0.5:
            return f"{1 / self.by:.2g} times as small"
        if abs(self.by - 1) < 0.0005:
            return "hardly moved"
        digits = 0 if abs(self.by - 1) >= 0.02 else 1
        return f"{'up' if self.by > 1 else 'down'} {100 * abs(self.by - 1):.{digits}f} %"

    def __post_init__(self) -> None:
        if self.kind == "×" and self.by <= 0:
            raise DataError(f"a factor must be positive, got {self.by:g}")


@dataclass(frozen=True, eq=False)
class Direction(Record):
    """A combination of parameters.

    moves : by name, those of a move along the direction that changes the objective by at most
        ½χ² = ½.
    reach : the same as a multiple of 10 % moves: above 1 the data leave it open.
    with_prior : the reach once the prior is counted; equal to `reach` without one.
    shrink : by candidate run, the standard error along it after that run over that before.
    """

    moves: Mapping[str, Move]
    reach: float
    with_prior: float
    shrink: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether a move of 10 % changes the fit by less than the noise."""
        return self.reach > 1

    def text(self) -> str:
        """The direction in words, at a move that shows nothing yet (or at one standard error)."""
        first, *rest = [f"{name} {move}" for name, move in self.moves.items()]
        if rest:
            *some, last = rest
            first += f" with {', '.join(some)} and {last}" if some else f" with {last}"
        return f"{first} changes the fit by no more than the noise"

    def best(self) -> tuple[str, float] | None:
        """The candidate run that tells most of it, and what is left of the standard error."""
        if not self.shrink:
            return None
        name = min(self.shrink, key=lambda run: self.shrink[run])
        return name, self.shrink[name]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.moves and self.reach > 0 and self.with_prior > 0):
            raise DataError("a direction needs a move, and a positive reach")


@dataclass(frozen=True, eq=False)
class Identification(Record):
    """The directions of a fit, the least determined first.

    candidates : the runs that were tried, by what they are called; how many updates each has.
    at_bounds : parameters that stopped at a bound of the box.
    rank : directions that the rows (and a prior) determine at all.
    undetermined : why a parameter has no standard error, by name.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("sentences", "open_count")

    directions: tuple[Direction, ...]
    candidates: Mapping[str, int]
    at_bounds: tuple[str, ...]
    rank: int = 0
    undetermined: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for direction in self.directions:
            if direction.shrink and set(direction.shrink) != set(self.candidates):
                raise DataError("what runs would tell of a direction is not of the candidates")

    @property
    def open(self) -> tuple[Direction, ...]:
        """The directions that the data leave open."""
        return tuple(one for one in self.directions if one.is_open)

    @property
    def open_count(self) -> int:
        """How many there are."""
        return len(self.open)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the data leave open, and which run would tell, in plain words."""
        said = []
        for one in self.open[:_SHOWN]:
            text = one.text()
            if one.with_prior < 0.8 * one.reach:
                text += f"; the prior leaves {100 * one.with_prior / one.reach:.0f} % of that"
            best = one.best()
            if best is not None and best[1] < 0.9:
                text += f"; {best[0]} would leave {100 * best[1]:.0f} % of what is open now"
            elif best is not None:
                text += "; no single run of the usual kinds would tell"
            said.append(text)
        if len(self.open) > _SHOWN:
            more = len(self.open) - _SHOWN
            said.append(f"{more} more direction{'s are' if more > 1 else ' is'} open")
        return tuple(said)


def rows(matrix: FloatArray) -> tuple[tuple[float | None, ...], ...]:
    """A matrix as it is stored: None where it is not finite."""
    return tuple(
        tuple(value if np.isfinite(value) else None for value in row) for row in matrix.tolist()
    )
