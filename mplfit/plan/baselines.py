"""The schedules that everybody uses, as what an optimized one has to beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from mplfit import schedule as schedules
from mplfit.schedule import Schedule, join
from mplfit.types import FloatArray

__all__ = ["LINEAR", "Baseline", "usual_schedules"]

LINEAR = "linear to 0"

Value = Callable[[FloatArray], float]
Make = Callable[[int], Schedule]  # a schedule for a number of steps

_LONGEST = 8.0
"""How many times the steps a baseline may take to reach the loss, before it is said not to."""


@dataclass(frozen=True)
class Baseline:
    """A usual schedule at the same peak and steps.

    make : a schedule of this kind for a number of steps.  value : the final loss of a schedule.
    """

    name: str
    schedule: Schedule
    loss: float
    make: Make
    value: Value

    def needed(self, loss: float) -> int | None:
        """Steps from which on a run of this kind has at most that loss, at least its own; None
        where even `_LONGEST` times the steps do not give it."""
        return _steps_needed(
            lambda n: self.value(self.make(n).lr), loss, self.schedule.steps, self.loss
        )

    def saved(self, gain: float) -> float:
        """The share of a run of this kind that a schedule saves which gains so much over it.

        0 for no gain, 1 - 1/`_LONGEST` where even the longest run does not make up for it.
        """
        needed = self.needed(self.loss - gain)
        return 1 - (1 / _LONGEST if needed is None else self.schedule.steps / needed)


def usual_schedules(
    value: Value,
    *,
    steps: int,
    warmup: int,
    peak: float,
    past: Schedule | None = None,
    past_steps: int = 0,
) -> list[Baseline]:
    """The usual schedules with their final losses.

    Constant, cosine to a tenth and to zero, linear to zero, and warmup-stable-decay (linear, 1-sqrt
    and exponential to a tenth), each with the decay fraction that is best at these steps and is
    kept for longer runs. A run that is under way (`past`) goes on from its last rate.
    """

    def build(make: Make) -> Make:
        if past is None:
            return make
        head = Schedule(past.lr[:past_steps], past.warmup)
        return lambda total: join([head, make(total - past_steps)])

    found = []
    for name, make in _families(value, build, steps, 0 if past is not None else warmup, peak):
        schedule = make(steps)
        found.append(Baseline(name, schedule, value(schedule.lr), make, value))
    return found


def _families(
    value: Value,
    build: Callable[[Make], Make],
    steps: int,
    warmup: int,
    peak: float,
) -> Iterator[tuple[str, Make]]:
    tenth = peak / 10
    yield "constant", build(lambda n: schedules.constant(n, peak, warmup=warmup))
    yield "cosine to 10 %", build(lambda n: schedules.cosine(n, peak, tenth, warmup=warmup))
    yield "cosine to 0", build(lambda n: schedules.cosine(n, peak, warmup=warmup))
    yield LINEAR, build(lambda n: schedules.linear(n, peak, warmup=warmup))
    for name, final, cooldown in (
        ("WSD linear", 0.0, schedules.wsdld),
        ("WSD 1-sqrt", 0.0, schedules.sqrt_cooldown),
        ("WSD exponential to 10 %", tenth, schedules.wsd),
    ):

        def with_decay(
            fraction: float,
            cooldown: Callable[..., Schedule] = cooldown,
            final: float = final,
        ) -> Make:
            def make(n: int) -> Schedule:
                decay = int(np.clip(round(fraction * (n - warmup)), 1, n - warmup))
                return cooldown(n, peak, final, decay=decay, warmup=warmup)

            return build(make)

        best = minimize_scalar(
            lambda fraction, with_decay=with_decay: value(with_decay(fraction)(steps).lr),
            bounds=(0.02, 1.0),
            method="bounded",
            options={"xatol": 5e-3},
        )
        yield f"{name}, {100 * best.x:.0f} % decay", with_decay(float(best.x))


def _steps_needed(
    loss_at: Callable[[int], float], target: float, steps: int, loss: float
) -> int | None:
    """The smallest number of steps from `steps` on whose final loss is at most the target."""
    if loss <= target:
        return steps
    low, high = steps, steps
    while loss_at(high) > target:
        if high >= _LONGEST * steps:
            return None
        low, high = high, min(int(high * 1.5), int(_LONGEST * steps))
    while high - low > max(1, steps // 2000):
        middle = (low + high) // 2
        low, high = (low, middle) if loss_at(middle) <= target else (middle, high)
    return high
