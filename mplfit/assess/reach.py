"""How far a prediction goes beyond the runs of a fit, and losses that no run can have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import wrap

import numpy as np

from mplfit.assess.posterior import held
from mplfit.errors import FitError
from mplfit.estimate.result import Fit
from mplfit.estimate.spread import drop_share
from mplfit.schedule import Schedule
from mplfit.types import Record

__all__ = [
    "Reach",
    "check_loss",
    "check_peak",
    "held_warnings",
    "reach",
    "reach_lines",
    "reach_sentences",
    "trained_updates",
]

_SAME = 1.005  # ratios nearer to 1 are shown as 1


@dataclass(frozen=True, eq=False)
class Reach(Record):
    """A schedule relative to the training runs; each None where these are not known.

    updates : its length over the last trained update.
    peak : its peak rate over the largest trained one, or, below the smallest, over that.
    gain : its gain over a rate that never falls, over the largest one in training; infinite where
    the rate fell in no training run and falls in this one.
    """

    updates: float | None
    peak: float | None
    gain: float | None

    @property
    def inside(self) -> bool:
        """Whether nothing is outside of what was trained."""
        return not self._parts()

    def text(self) -> str:
        """What is outside, in words; the empty text where nothing is."""
        return ", ".join(self._parts())

    def _parts(self) -> list[str]:
        parts = []
        if self.updates is not None and self.updates > _SAME:
            parts.append(f"{self.updates:.3g} times the updates")
        if self.peak is not None and not 1 / _SAME <= self.peak <= _SAME:
            which = "largest" if self.peak > 1 else "smallest"
            parts.append(f"{self.peak:.3g} times the {which} peak rate")
        if self.gain == np.inf:
            parts.append("a rate that falls, as it did in none of them")
        elif self.gain is not None and self.gain > _SAME:
            parts.append(f"{self.gain:.3g} times the largest gain from a falling rate")
        return parts


def trained_updates(fit: Fit) -> int | None:
    """The updates up to the last training row, where they are known."""
    return fit.longest


def reach(fit: Fit, schedule: Schedule) -> Reach:
    """How far the prediction of a schedule's final loss goes beyond the training runs.

    >>> from mplfit import load_fit, parse_schedule
    >>> from mplfit.assess.reach import reach
    >>> reach(load_fit("25"), parse_schedule("constant:steps=48k,peak=3e-4,warmup=2160")).text()
    '2 times the updates'
    """
    updates, peaks, spread = trained_updates(fit), fit.peaks, fit.spread
    peak = of_gain = None
    if peaks is not None:
        peak = max(1.0, schedule.peak / peaks[1]) * min(1.0, schedule.peak / peaks[0])
    if spread is not None:
        last = np.array([schedule.steps - 1])
        loss = np.array([fit.formula.final(fit.values, schedule.lr)])
        gained = float(drop_share(fit.formula, fit.values, schedule, last, loss)[0])
        if spread.largest_gain > 0:
            of_gain = gained / spread.largest_gain
        else:
            fallen = np.any(np.diff(schedule.lr) < 0)
            of_gain = np.inf if fallen else 0.0
    return Reach(updates and schedule.steps / updates, peak, of_gain)


def reach_lines(fit: Fit, schedules: Mapping[str, Schedule]) -> list[str]:
    """The sentences of `reach_sentences` in lines of 100 characters."""
    said = reach_sentences(fit, schedules)
    return [line for text in said for line in wrap(text, 100, subsequent_indent="  ")]


def reach_sentences(fit: Fit, schedules: Mapping[str, Schedule]) -> list[str]:
    """One for the schedules inside the training runs, and one for each that is not."""
    updates, peaks = trained_updates(fit), fit.peaks
    if updates is None or peaks is None:
        return ["reach: the fit does not tell how long its training runs were"]
    low, high = (f"{peak:g}" for peak in peaks)
    trained = f"{updates} updates, peak rate {high if low == high else f'{low}–{high}'}"
    found = {name: reach(fit, schedule) for name, schedule in schedules.items()}
    inside = [name for name, one in found.items() if one.inside]
    who = ", ".join(inside) if len(inside) <= 3 else f"{len(inside)} schedules"
    said = [f"reach: {who} inside the training runs ({trained})"] if inside else []
    said += [
        f"reach: {name} beyond the training runs ({trained}): {one.text()}"
        for name, one in found.items()
        if not one.inside
    ]
    return said


def check_loss(fit: Fit, schedule: Schedule, name: str = "") -> list[str]:
    """Refuse a final loss that no run can have; warnings where one of its terms is out of bounds.

    Raises
    ------
    FitError
        If the predicted final loss is not positive and finite.
    """
    which = f"{name}: the" if name else "the"
    loss = fit.formula.final(fit.values, schedule.lr)
    if not 0 < loss < np.inf:
        raise FitError(
            f"{which} predicted final loss is {loss:.4g}, which no run can have: the law {fit.law} "
            f"with these parameters does not hold for {schedule!r}; choose a schedule nearer to "
            "the training runs, or fit with a prior (law='effective')"
        )
    last = np.array([schedule.steps - 1])
    drop = loss * float(drop_share(fit.formula, fit.values, schedule, last, np.array([loss]))[0])
    seen = [record.highest_loss for record in fit.data if record.highest_loss is not None]
    most = max(seen, default=loss)
    if drop > most:
        return [
            f"{which} falling rate is predicted to take off {drop:.3g}, more than "
            + ("any training loss" if seen else "the loss that is left")
            + f" ({most:.3g}): the law does not hold there"
        ]
    return []


def check_peak(fit: Fit, peak: float, name: str = "") -> list[str]:
    """A warning where a peak rate lies outside those of the training runs."""
    if fit.peaks is None:
        return []
    (lowest, largest), which = fit.peaks, f"{name}: the" if name else "the"
    if peak > largest * (1 + 1e-9):
        return [
            f"{which} peak rate {peak:g} is {peak / largest:.3g} times the largest training rate "
            f"{largest:g}: the law was not fitted there and knows nothing of instability"
        ]
    if peak < lowest * (1 - 1e-9):
        how_many = "the only one" if lowest == largest else "the smallest one"
        return [
            f"{which} peak rate {peak:g} is {peak / lowest:.3g} times the peak {lowest:g} of the "
            f"training runs ({how_many}): the law was not fitted there"
        ]
    return []


def held_warnings(fit: Fit) -> list[str]:
    """A warning where a parameter at a bound makes intervals too narrow."""
    names = held(fit)
    if not names:
        return []
    return [
        f"{', '.join(names)} stopped at a bound of the law's box and counts as known: the "
        "intervals are too narrow; fit with a prior (the law effective)"
    ]
