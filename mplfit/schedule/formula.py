"""A schedule as a formula: which of the usual shapes its rates are, told from the rates alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mplfit.schedule.core import Schedule
from mplfit.types import FloatArray

__all__ = ["FALLS", "Formula", "formula_of"]

FALLS: dict[str, tuple[Callable[[FloatArray], FloatArray], str]] = {
    "linear": (lambda x: 1 - x, "1.0 - x"),
    "cosine": (lambda x: 0.5 * (1 + np.cos(np.pi * x)), "0.5 * (1.0 + cos(pi * x))"),
    "1-sqrt": (lambda x: 1 - np.sqrt(x), "1.0 - sqrt(x)"),
    "exponential": (lambda x: x, "x"),
}
"""What is left of a decay, from 1 to 0, by the share x of it that is past; as Python code, too.

The exponential decay is PEAK * (FINAL / PEAK) ** x instead.
"""

_RTOL = 1e-9


@dataclass(frozen=True)
class Formula:
    """A warmup from `first` to the peak, the peak held to `start`, then a decay over `length`.

    kind : a key of `FALLS`.  to_peak : whether the warmup's last update has the peak (else the
    first one after it).
    """

    kind: str
    peak: float
    final: float
    warmup: int
    first: float
    to_peak: bool
    start: int
    length: int

    def rates(self, steps: int) -> FloatArray:
        """The rates of so many updates."""
        x = np.maximum(np.arange(steps, dtype=np.float64) - self.start, 0) / self.length
        fall = FALLS[self.kind][0](x)
        if self.kind == "exponential":
            lr = self.peak * (self.final / self.peak) ** fall
        else:
            lr = self.final + (self.peak - self.final) * fall
        lr[: self.start + 1] = self.peak
        past = np.arange(self.warmup) / max(self.warmup - self.to_peak, 1)
        lr[: self.warmup] = self.first + (self.peak - self.first) * past
        made: FloatArray = lr
        return made


def formula_of(schedule: Schedule) -> Formula | None:
    """The formula whose rates are the schedule's to 1e-9 of each; None where there is none.

    >>> from mplfit.schedule import cosine, two_stage
    >>> from mplfit.schedule.formula import formula_of
    >>> found = formula_of(cosine(24000, 3e-4, 3e-5, warmup=2160))
    >>> found.kind, found.final, found.start, found.length
    ('cosine', 3e-05, 2160, 21840)
    >>> formula_of(two_stage(100, 1.0, 0.5, switch=40)) is None
    True
    """
    lr = schedule.lr
    for one in _candidates(schedule):
        if np.allclose(one.rates(lr.size), lr, rtol=_RTOL, atol=1e-16 * schedule.peak):
            return one
    return None


def _candidates(schedule: Schedule) -> Iterator[Formula]:
    lr, peak, warmup = schedule.lr, schedule.peak, schedule.warmup
    at_peak = np.flatnonzero(lr == peak)
    start, last = int(at_peak[-1]), lr.size - 1
    if start < warmup:
        return
    first = float(lr[0]) if warmup else 0.0
    to_peak = warmup < 2 or bool(lr[warmup - 1] == peak)
    for length in (lr.size - start, last - start):
        x = (last - start) / length if length else 0.0
        if start == last:
            yield Formula("linear", peak, peak, warmup, first, to_peak, start, 1)
            return
        for kind, (fall, _) in FALLS.items():
            left = float(fall(np.array(x)))
            if kind == "exponential":
                ends = [peak * (lr[-1] / peak) ** (1 / x)] if lr[-1] > 0 else []
            else:
                ends = [(lr[-1] - peak * left) / (1 - left)]
            for end in ends:
                for final in dict.fromkeys([float(f"{end:.6g}"), 0.0, float(end)]):
                    if 0 <= final <= peak and (final > 0 or kind != "exponential"):
                        yield Formula(kind, peak, final, warmup, first, to_peak, start, length)
