"""Schedules as values at knots: a fixed past, then a line through K knots, linear in their values.

A schedule of T updates is lr = scale · (fixed + M v), with v the values at the knots in units of
the scale. M is never formed: it interpolates, and its transpose sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mplfit.types import FloatArray, IntArray

__all__ = ["KnotGrid", "knot_steps"]


def knot_steps(first: int, last: int, count: int) -> IntArray:
    """Steps of about `count` knots from `first` to `last`, denser toward the end.

    The gaps shrink in proportion to the distance from the end, where a decay bends most.

    >>> from mplfit.plan.knots import knot_steps
    >>> knot_steps(0, 100, 5).tolist()
    [0, 44, 75, 94, 100]
    """
    left = np.linspace(1.0, 0.0, count) ** 2
    return np.unique(np.round(first + (last - first) * (1 - left)).astype(np.int64))


@dataclass(frozen=True)
class KnotGrid:
    """Knots at some steps, after a fixed past or a warmup.

    past : (N,) rates that are given; empty where the schedule begins with a warmup.
    warmup : length of a linear warmup from 0 to the first knot's value (0 after a past).
    step : (K,) steps of the knots; the first is the first free update, the last is T - 1.
    """

    past: FloatArray
    warmup: int
    step: IntArray

    def rates(self, values: FloatArray) -> FloatArray:
        """The rate of every update, for values at the knots."""
        first, last = int(self.step[0]), int(self.step[-1])
        lr = np.empty(last + 1)
        lr[:first] = self.past if self.past.size else np.linspace(0.0, values[0], self.warmup)
        lr[first:] = np.interp(np.arange(first, last + 1), self.step, values)
        return lr

    @cached_property
    def _place(self) -> tuple[IntArray, FloatArray]:
        """The knot to the left of every free update, and how far it is on the way to the next."""
        at = np.arange(self.step[0], self.step[-1] + 1)
        left: IntArray = np.searchsorted(self.step, at, side="right") - 1
        left = np.clip(left, 0, self.step.size - 2)
        gap = self.step[left + 1] - self.step[left]
        share: FloatArray = (at - self.step[left]) / gap
        return left, share

    def gather(self, gradient: FloatArray) -> FloatArray:
        """The derivative in the knots' values, from that in every rate (the adjoint of `rates`)."""
        first, count = int(self.step[0]), self.step.size
        left, share = self._place
        free = gradient[first:]
        gathered = np.zeros(count)
        gathered += np.bincount(left, free * (1 - share), minlength=count)
        gathered += np.bincount(left + 1, free * share, minlength=count)
        if not self.past.size and self.warmup:
            gathered[0] += gradient[:first] @ np.linspace(0.0, 1.0, self.warmup)
        return gathered
