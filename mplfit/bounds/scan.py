"""How the bound and the best base rate move with one property of a schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from mplfit.bounds import best_base, bound, last_positive
from mplfit.errors import ScheduleError
from mplfit.schedule.spec import parse_schedule, read_spec
from mplfit.types import FloatArray, Record

__all__ = ["SWEEPS", "Norms", "Scan", "Sweep", "power_norms", "scan"]

Sweep: TypeAlias = Literal["cooldown", "horizon", "base-lr", "cycle"]
Norms: TypeAlias = Callable[[int], FloatArray]
SWEEPS: tuple[Sweep, ...] = ("cooldown", "horizon", "base-lr", "cycle")


@dataclass(frozen=True, eq=False)
class Scan(Record):
    """The bound at the end of one kind of schedule, for some values of what is varied.

    value : shares of the steps (cooldown), updates (horizon), peak rates (base-lr), or multiples
    of the run (cycle).  base : the best peak rate.  best : the bound at it.
    given : the bound at the peak rate that was given (or is the value).
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("power_law", "root_law")

    over: Sweep
    value: FloatArray
    base: FloatArray = field(metadata={"key": "best_peak_lr"})
    best: FloatArray = field(metadata={"key": "best_bound"})
    given: FloatArray = field(metadata={"key": "bound"})
    name: str = ""

    @property
    def power_law(self) -> tuple[float, float] | None:
        """A and B of the line ln γ* = ln A + B ln T through three horizons or more.

        >>> from mplfit.bounds.scan import scan
        >>> horizons = [100, 200, 400, 800, 1600]
        >>> A, B = scan("linear:steps=400,peak=1", "horizon", values=horizons).power_law
        >>> round(B, 1)
        -0.5
        """
        if self.over != "horizon" or self.value.size < 3:
            return None
        slope, level = np.polyfit(np.log(self.value), np.log(self.base), 1)
        return float(np.exp(level)), float(slope)

    @property
    def root_law(self) -> float | None:
        """A of γ* = A/√T, in the mean of ln A."""
        if self.power_law is None:
            return None
        return float(np.exp(np.mean(np.log(self.base * np.sqrt(self.value)))))


def power_norms(alpha: float, steps: int) -> FloatArray:
    """The gradient norms t^alpha of the updates t = 1 … steps.

    >>> from mplfit.bounds.scan import power_norms
    >>> power_norms(-0.5, 4).round(3)
    array([1.   , 0.707, 0.577, 0.5  ])
    """
    return np.arange(1.0, steps + 1) ** alpha


def scan(
    text: str, over: Sweep, *, values: Sequence[float] = (), D: float = 1.0, G: float | Norms = 1.0
) -> Scan:
    """Vary one property of the schedule that a text describes (`mplfit.schedule.spec`).

    Parameters
    ----------
    text : one schedule; it must have a decay for "cooldown", and be a cosine for "cycle".
    over : what to vary. The cooldown keeps its share of the steps when the horizon varies.
    values : what to try, in ascending order; a usual range where there are none.
    G : the gradient norm, or a function of the number of updates that gives those of each.

    Raises
    ------
    ScheduleError
        If the form has no such property.

    Examples
    --------
    >>> from mplfit.bounds.scan import scan
    >>> scan("wsdld:steps=400,peak=1,decay=0.2", "cooldown", values=[0.2, 0.5]).base.round(4)
    array([0.0254, 0.0325])
    """
    if ":" not in text:
        raise ScheduleError(
            f"{text!r} cannot be varied: a sweep needs the text of one schedule, such as "
            "wsdld:steps=4000,peak=1,decay=0.2"
        )
    schedule = parse_schedule(text)
    steps, given = schedule.steps, schedule.peak
    if over == "base-lr":
        lr = schedule.lr[: last_positive(schedule.lr)]
        norm = G(lr.size) if callable(G) else G
        best = best_base(lr, D=D, G=norm)
        peaks = _chosen(values, best.rate * given * np.geomspace(1 / 16, 16, 17))
        bounds = [bound(peak / given * lr, D=D, G=norm) for peak in peaks]
        same = np.ones(peaks.size)
        return Scan(over, peaks, best.rate * given * same, best.bound * same, np.array(bounds))
    if over == "horizon":
        tried = np.unique(np.round(_chosen(values, steps * np.geomspace(0.25, 4, 9))))
        spec = read_spec(text)
        kept = {} if spec.decay_share is None else {"decay": spec.decay_share}
        specs = [spec.with_values(**kept, steps=int(horizon)) for horizon in tried]
    elif over == "cooldown":
        most = 1 - schedule.warmup / steps
        tried = _chosen(values, np.append(np.arange(0.05, 0.96, 0.05), 1.0).clip(max=most))
        spec = read_spec(text)
        specs = [spec.with_values(decay=max(1, round(share * steps))) for share in tried]
    else:
        tried = _chosen(values, np.array([0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 2.5, 3, 4, 5.0]))
        specs = [read_spec(text).with_values(cycle=float(cycle)) for cycle in tried]
    base, best_bounds, bounds = [], [], []
    for one in specs:
        made = one.schedule()
        lr = made.lr[: last_positive(made.lr)]
        norm = G(lr.size) if callable(G) else G
        found = best_base(lr, D=D, G=norm)
        base.append(found.rate * given)
        best_bounds.append(found.bound)
        bounds.append(bound(lr, D=D, G=norm))
    return Scan(over, tried, np.array(base), np.array(best_bounds), np.array(bounds))


def _chosen(values: Sequence[float], usual: FloatArray) -> FloatArray:
    if not len(values):
        return np.unique(usual)
    chosen = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(chosen) & (chosen > 0)):
        raise ScheduleError(
            f"the values of a sweep must be positive, got {chosen.tolist()}: give others"
        )
    return chosen
