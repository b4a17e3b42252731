"""The decay that runs through sparse rates of a log, and what it tells of the updates without one.

A log may begin hundreds of updates after its run, and end before it. Where all its rates lie on one
straight line or one half cosine, that shape says what came before the first row, how long the
warmup can have been, and where the decay ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mplfit.types import FloatArray, IntArray

__all__ = ["Trend", "collinear", "trend_of"]

_TOLERANCE = 1e-3  # of the range of the rates: text logs print some four digits
_SAMPLES = 24  # rows that are enough to know a cosine; farther apart, they tell it better


@dataclass(frozen=True)
class Trend:
    """A falling shape through all rates: a + b·t, or floor + amplitude·cos(omega·(t - peak_at)).

    warmup : the update in which the fall begins: the warmup's last.
    end : where a line is 0, and a half cosine at its floor.
    """

    form: str
    warmup: int
    end: float
    values: tuple[float, float, float, float]

    def __call__(self, step: IntArray | FloatArray | int) -> FloatArray:
        """The rates of these updates, from the start of the fall on."""
        if self.form == "linear":
            a, b, _, _ = self.values
            return np.maximum(a + b * np.asarray(step, dtype=np.float64), 0.0)
        floor, amplitude, omega, top = self.values
        phase = np.clip(omega * (np.asarray(step, dtype=np.float64) - top), 0.0, np.pi)
        return np.maximum(floor + amplitude * np.cos(phase), 0.0)


def collinear(step: IntArray, lr: FloatArray) -> bool:
    """Whether three rates or more lie on a line, to a thousandth of their range."""
    if step.size < 3 or lr[0] == lr[-1]:
        return False
    line = lr[0] + (lr[-1] - lr[0]) * (step - step[0]) / (step[-1] - step[0])
    return bool(np.abs(lr - line).max() <= _TOLERANCE * abs(lr[-1] - lr[0]))


def trend_of(step: IntArray, lr: FloatArray) -> Trend | None:
    """The line or half cosine through all rates, if they fall from the first one on.

    >>> import numpy as np
    >>> from mplfit.trend import trend_of
    >>> step = np.arange(500, 5001, 500)
    >>> trend = trend_of(step, 2e-5 * (1 - step / 5490))
    >>> trend.form, trend.warmup, round(trend.end), float(trend(0).round(9))
    ('linear', 0, 5490, 2e-05)
    """
    if step.size < 3 or not np.all(np.diff(lr) < 0):
        return None
    if collinear(step, lr):
        b = (lr[-1] - lr[0]) / (step[-1] - step[0])
        a = lr[0] - b * step[0]
        warmup = _fall_begins(float(a), float(b), int(step[0]))
        return Trend("linear", warmup, float(-a / b), (float(a), float(b), 0.0, 0.0))
    return _cosine(step, lr)


def _fall_begins(a: float, b: float, first: int) -> int:
    """In which update up to the first row the fall on the line a + b·t began.

    The line alone does not tell. But people set round peak rates, such as 2e-5 or 1.5e-4, and the
    line takes such a rate in a whole update if the fall began there. Otherwise: in update 0.
    """
    unit = 10.0 ** np.floor(np.log10(a * (1 + 1e-6)))
    for part in (1.0, 0.5, 0.25, 0.1):
        for start in (0, first):
            multiple = (a + b * start) / (part * unit)
            if part < 1 and abs(multiple - round(multiple)) < 1e-6 * multiple:
                return start
        rate = np.floor(a / (part * unit) * (1 + 1e-6)) * part * unit
        start = (rate - a) / b
        if start <= min(first, -0.2 * a / b) + 0.02 and abs(start - round(start)) < 0.02:
            return max(0, round(float(start)))
    return 0


def _cosine(step: IntArray, lr: FloatArray) -> Trend | None:
    """A half cosine: rates h apart have y₋ + y₊ = 2 cos(ωh) y + 2 floor (1 - cos(ωh))."""
    gap = int(np.median(np.diff(step))) * max(1, step.size // _SAMPLES)
    if (step[-1] - step[0]) // gap >= step.size:  # else below: more updates than there is memory
        return None
    even = np.arange(step[0], step[-1] + 1, gap)
    on = np.isin(step, even)
    y = lr[on]
    if on.sum() != even.size or y.size < 5:
        return None
    columns = np.column_stack([y[1:-1], np.ones(y.size - 2)]) / [y[0], 1.0]
    slope, offset = np.linalg.lstsq(columns, y[:-2] + y[2:], rcond=None)[0]
    cosine = slope / (2 * y[0])
    if not -1 < cosine < 1:
        return None
    floor = offset / (2 * (1 - cosine))
    omega = float(np.arccos(cosine) / (even[1] - even[0]))
    waves = np.column_stack([np.cos(omega * step), np.sin(omega * step), np.ones(step.size)])
    first, second, floor = np.linalg.lstsq(waves, lr, rcond=None)[0]
    amplitude, top = float(np.hypot(first, second)), float(np.arctan2(second, first) / omega)
    end = top + np.pi / omega
    slack = 0.01 * (end - top)
    trend = Trend("cosine", max(0, round(top)), end, (float(floor), amplitude, omega, top))
    fits = np.abs(trend(step) - lr).max() <= _TOLERANCE * (lr[0] - lr[-1])
    inside = -slack <= top <= step[0] + slack and step[-1] <= end + slack
    return trend if fits and inside and floor >= amplitude * (1 - 2 * _TOLERANCE) else None
