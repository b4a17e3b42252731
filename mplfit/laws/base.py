"""What a law is: named parameters, a box for them, predictions and gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from mplfit.curve import Curve
from mplfit.errors import FitError, ScheduleError
from mplfit.schedule import Schedule
from mplfit.types import FloatArray, IntArray

__all__ = [
    "Law",
    "Parameter",
    "Predictor",
    "ascending",
    "check_params",
    "power_term",
    "scales",
    "to_params",
    "to_unknowns",
    "unknown_slopes",
]

Transform = Literal["log", "log1m", "none"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a law, and the unknown that the solver sees in its place.

    transform : "log" (unknown ln θ) for a positive one, "log1m" (unknown ln(1 - θ)) for one that
    approaches 1 from below, "none" for one that may have any sign.
    linear : the law is linear in it, given the others.
    prior : mean and standard deviation of the unknown in the weak prior; None where it has none.
    lowest : draws from a posterior stay above this value.
    """

    name: str
    meaning: str
    transform: Transform = "log"
    linear: bool = False
    prior: tuple[float, float] | None = None
    lowest: float = -math.inf


class Predictor(Protocol):
    """A law prepared for one schedule and some of its steps: cheap to call with many parameters."""

    def loss(self, params: FloatArray) -> FloatArray:
        """(J,) predicted losses."""

    def loss_and_gradient(self, params: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(J,) predicted losses and their (J, P) derivatives in the parameters.

        However much cancels (a rate that falls to a billionth), the derivative g in a solver's
        unknown is within 1e-5 · max(|g|, 1e-6 · loss); in ordinary schedules it is far nearer.
        """


class Law(Protocol):
    """A formula that predicts the loss at step t from the schedule up to t.

    Everything in mplfit that needs a loss, be it to fit, evaluate, predict, plot or optimize,
    reaches the law through these members.
    """

    @staticmethod
    def register(law: Law, summary: str) -> None:
        """Add a law of one's own; see `mplfit.laws.registry.register`."""
        from mplfit.laws import registry  # which needs this class

        registry.register(law, summary)

    @property
    def key(self) -> str:
        """What commands and files call the law."""

    @property
    def title(self) -> str:
        """What people call it."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Its parameters, in order."""

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def constants(self) -> Mapping[str, float]:
        """What the law knows of the runs beside their schedules; kept in a fit."""
        return {}

    @property
    def default_prior(self) -> str:
        """The prior of a fit that is told none: "weak" where it was measured to help, or "none"."""
        return "none"

    @property
    def rival(self) -> str:
        """The law that a fit of this one is compared with: another one that is quick to fit."""
        return "effective"

    @property
    def has_best_peak(self) -> bool:
        """Whether its loss has a minimum in the peak rate; without one a higher rate is better."""
        return False

    @property
    def usually_compared(self) -> bool:
        """Whether it is among the laws that are compared where none is named."""
        return True

    @property
    def at_constant_rate(self) -> str | None:
        """The law that runs at one constant rate determine instead; None for that law itself."""
        return "onepower"

    def with_constants(self, constants: Mapping[str, float]) -> Law:
        """The law with these constants; a law without any refuses them."""
        if constants:
            raise FitError(f"the law {self.key} has no constant {', '.join(constants)}")
        return self

    def trained_on(self, curves: Sequence[Curve]) -> Law:
        """The law with the constants that its training curves set."""
        return self

    def box(self, curves: Sequence[Curve]) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest value of every parameter that a fit to these curves may take."""

    def at(self, schedule: Schedule, step: IntArray, *, exact: bool = False) -> Predictor:
        """The law prepared for these steps of a schedule; `exact` sums plainly.

        Raises
        ------
        ScheduleError
            If the steps do not ascend (`Fit.predict` takes them in any order), or one is no
            integer, or no update of the schedule.
        """

    def final(self, params: FloatArray, lr: FloatArray) -> float:
        """The loss after the last update of a schedule, by direct summation."""

    def final_gradient(self, params: FloatArray, lr: FloatArray) -> tuple[float, FloatArray]:
        """The final loss and its derivative in the rate of every update."""


def ascending(schedule: Schedule, step: IntArray) -> IntArray:
    """The steps, if a law can take them: each sees the past of those before it, and more."""
    _, place = schedule.in_order(step)
    if np.any(np.diff(place) < 0):
        raise ScheduleError("the steps that a law is prepared for must ascend")
    return np.asarray(step)


_SPANS = {
    "log": (0.0, np.inf, "positive and finite"),
    "log1m": (0.0, 1.0, "between 0 and 1"),
    "none": (-np.inf, np.inf, "finite"),
}


def check_params(law: Law, params: FloatArray) -> FloatArray:
    """The parameters as an array of the right length, finite and within their transforms."""
    values = np.asarray(params, dtype=np.float64)
    if values.shape != (len(law.parameters),):
        raise FitError(
            f"the law {law.key} has {len(law.parameters)} parameters ({' '.join(law.names)}), "
            f"got {values.size}"
        )
    for parameter, value in zip(law.parameters, values, strict=True):
        low, high, wanted = _SPANS[parameter.transform]
        if not low < value < high:
            raise FitError(
                f"{parameter.name} = {value:g} is not a parameter of {law.key}: it must be {wanted}"
            )
    return values


def to_unknowns(law: Law, params: FloatArray) -> FloatArray:
    """The solver's unknowns φ for these parameters."""
    return _each(law, {"log": math.log, "log1m": lambda one: math.log1p(-one)}, params)


def to_params(law: Law, unknowns: FloatArray) -> FloatArray:
    """The parameters for these unknowns."""
    return _each(law, {"log": math.exp, "log1m": lambda one: -math.expm1(one)}, unknowns)


def unknown_slopes(law: Law, params: FloatArray) -> FloatArray:
    """dθ/dφ of every parameter."""
    slopes = {"log": float, "log1m": lambda one: one - 1, "none": lambda _: 1.0}
    return _each(law, slopes, params)


def _each(
    law: Law, functions: Mapping[str, Callable[[float], float]], values: FloatArray
) -> FloatArray:
    """Each value through the function of its parameter's transform, unchanged without one."""
    pairs = zip(law.parameters, values.tolist(), strict=True)
    return np.array([functions.get(one.transform, float)(value) for one, value in pairs])


def power_term(S: FloatArray, A: float, alpha: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A·S^-alpha and its derivatives in A and alpha; infinite before the first positive rate."""
    with np.errstate(divide="ignore"):
        shape = S**-alpha
        return A * shape, shape, -A * shape * np.log(S)


@dataclass(frozen=True)
class Scales:
    """Typical sizes in a set of curves, from which laws make boxes that fit any unit."""

    loss_min: float
    loss_max: float
    S_max: float
    peak: float


def scales(curves: Sequence[Curve]) -> Scales:
    """The scales of some curves."""
    return Scales(
        loss_min=min(float(curve.loss.min()) for curve in curves),
        loss_max=max(float(curve.loss.max()) for curve in curves),
        S_max=max(float(curve.schedule.lr[: curve.step[-1] + 1].sum()) for curve in curves),
        peak=max(float(curve.schedule.lr[: curve.step[-1] + 1].max()) for curve in curves),
    )
