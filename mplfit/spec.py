"""The one text grammar for schedules, used by every command.

    NAME:KEY=VALUE,KEY=VALUE,…        one schedule, such as cosine:steps=24000,peak=3e-4,warmup=2160
    knots:STEP=LR,STEP=LR,…           piecewise-linear through the points (also warmup=, steps=)
    piecewise:STEP=LR,…,steps=N       constant from each step to the next
    SPEC + SPEC                       one after the other

Numbers may be written 24000, 24_000 or 3e-4; numbers of updates also 24k or 1.5m, a final or second
rate also as a share of the peak, final=10%. With zero=yes any form has one more update, at rate 0
(the papers' T+1 steps). Pure: text to `Schedule` and back. (A file's name is also accepted wherever
a command asks for a schedule: see `mplfit.readers.schedules`.)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mplfit import schedule as schedules
from mplfit.errors import ScheduleError
from mplfit.schedule import Schedule

__all__ = ["GRAMMAR", "format_schedule", "parse_schedule", "values_of", "with_values"]


@dataclass(frozen=True)
class _Form:
    """One name of the grammar: its constructor, and the keys that it must and may have."""

    make: Callable[..., Schedule]
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    points: bool = False  # whether STEP=LR pairs are given


_FORMS = {
    "constant": _Form(schedules.constant, ("steps", "peak"), ("warmup",)),
    "cosine": _Form(schedules.cosine, ("steps", "peak"), ("final", "cycle", "warmup", "endpoint")),
    "linear": _Form(schedules.linear, ("steps", "peak"), ("final", "warmup", "endpoint")),
    "polynomial": _Form(
        schedules.polynomial,
        ("steps", "peak", "power"),
        ("final", "backward", "warmup", "endpoint"),
    ),
    "wsd": _Form(schedules.wsd, ("steps", "peak", "final", "decay"), ("warmup", "endpoint")),
    "wsdld": _Form(schedules.wsdld, ("steps", "peak", "decay"), ("final", "warmup", "endpoint")),
    "sqrt": _Form(
        schedules.sqrt_cooldown, ("steps", "peak", "decay"), ("final", "warmup", "endpoint")
    ),
    "inverse-sqrt": _Form(
        schedules.inverse_sqrt, ("steps", "peak"), ("final", "decay", "warmup", "endpoint")
    ),
    "two-stage": _Form(schedules.two_stage, ("steps", "peak", "second", "switch"), ("warmup",)),
    "piecewise": _Form(schedules.piecewise, ("steps",), ("warmup",), points=True),
    "knots": _Form(schedules.from_knots, (), ("steps", "warmup"), points=True),
}

_YES_NO = {"endpoint", "backward", "zero"}
_OF_PEAK = {"final", "second"}  # may be given as a share of the peak
_WHOLE = {"steps", "warmup", "switch"}
_COUNTS = _WHOLE | {"decay", "STEP"}  # may have a suffix; a rate may not, as 3m could mean 3e-3
_SUFFIX = {"k": 1e3, "m": 1e6}


def _usage(name: str) -> str:
    form = _FORMS[name]
    keys = ["STEP=LR"] if form.points else []
    keys += [f"{key}=" for key in form.required] + [f"[{key}=]" for key in form.optional]
    return f"{name}:{','.join(keys)}"


GRAMMAR = "\n".join(_usage(name) for name in _FORMS)
"""One line for each form, for help texts and messages."""


def parse_schedule(text: str) -> Schedule:
    """The schedule that a text describes.

    Raises
    ------
    ScheduleError
        With a sentence that lists what is accepted.

    Examples
    --------
    >>> from mplfit import parse_schedule
    >>> parse_schedule("wsdld:steps=24k,peak=3e-4,final=3e-5,decay=4000,warmup=2160")
    Schedule(24000 steps, peak 0.0003, final 3.00675e-05, warmup 2160)
    >>> parse_schedule("knots:0=0,2=1,4=0.5").lr.tolist()
    [0.0, 0.5, 1.0, 0.75, 0.5]
    """
    # A plus sign joins only before a name, so that 1e+5 stays a number.
    parts = re.split(r"\s*\+\s*(?=[a-z])", text.strip())
    if len(parts) > 1:
        return schedules.join([parse_schedule(part) for part in parts])
    name, _, rest = text.strip().partition(":")
    if name not in _FORMS:
        raise ScheduleError(
            f"{text!r} is not a schedule: expected an existing file (.csv, .npy, .json) or one of "
            + "; ".join(_usage(known) for known in _FORMS)
        )
    form, values, points = _FORMS[name], {}, []
    for item in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, value = (part.strip() for part in item.partition("="))
        if form.points and equals and re.fullmatch(r"[0-9_]+[km]?", key):
            points.append((int(_number(name, "STEP", key)), _number(name, f"lr at {key}", value)))
        elif not equals or key not in (*form.required, *form.optional, "zero"):
            raise ScheduleError(f"{name} does not know {item!r}: expected {_usage(name)}")
        elif key in values:
            raise ScheduleError(f"{name} has {key} twice in {text!r}: give it once")
        else:
            values[key] = _value(name, key, value)
    missing = [key for key in form.required if key not in values]
    if missing or (form.points and not points):
        what = ", ".join([*(["STEP=LR points"] if form.points and not points else []), *missing])
        raise ScheduleError(f"{name} lacks {what} in {text!r}: expected {_usage(name)}")
    for key in _OF_PEAK & values.keys():
        if isinstance(values[key], _Share):
            values[key] *= values["peak"]
    last_zero = values.pop("zero", False)
    made = form.make(points, **values) if form.points else form.make(**values)
    return schedules.with_last_zero(made) if last_zero else made


def values_of(text: str) -> dict[str, str]:
    """The KEY=VALUE pairs of a text that describes one schedule, as they are written.

    >>> from mplfit.spec import values_of
    >>> values_of("linear:steps=24k,peak=3e-4")
    {'steps': '24k', 'peak': '3e-4'}
    """
    _, _, rest = text.strip().partition(":")
    pairs = (item.partition("=") for item in rest.split(",") if item.strip())
    return {key.strip(): value.strip() for key, _, value in pairs}


def with_values(text: str, **values: object) -> str:
    """The same text with other values; keys that it lacks are added.

    Raises
    ------
    ScheduleError
        If the text is not that of one schedule whose form knows the keys.

    Examples
    --------
    >>> from mplfit.spec import with_values
    >>> with_values("wsdld:steps=100,peak=1,decay=0.2", decay=0.5)
    'wsdld:steps=100,peak=1,decay=0.5'
    """
    name = text.strip().partition(":")[0]
    form = _FORMS.get(name)
    if form is None or re.search(r"\s*\+\s*(?=[a-z])", text):
        raise ScheduleError(
            f"{text!r} has no {' or '.join(values)} to vary: expected the text of one schedule, "
            f"such as {_usage('wsdld')}"
        )
    unknown = [key for key in values if key not in (*form.required, *form.optional)]
    if unknown:
        having = [
            known
            for known, other in _FORMS.items()
            if unknown[0] in (*other.required, *other.optional)
        ]
        raise ScheduleError(
            f"{name} has no {unknown[0]} to vary: expected one of {', '.join(having)}"
        )
    merged = {**values_of(text), **{key: str(value) for key, value in values.items()}}
    return f"{name}:{','.join(f'{key}={value}' for key, value in merged.items())}"


def format_schedule(schedule: Schedule) -> str:
    """A text that `parse_schedule` turns back into the schedule (to 1e-13 of its peak).

    The text is as long as the schedule has knots: short for piecewise-linear ones. The length of
    the warmup is kept where the warmup is linear from 0, as the constructors make it.

    >>> from mplfit.schedule import wsdld
    >>> from mplfit.spec import format_schedule
    >>> format_schedule(wsdld(6, 1.0, decay=4))
    'knots:0=1.0,2=1.0,5=0.25'
    """
    points = ",".join(f"{step}={rate!r}" for step, rate in schedules.to_knots(schedule))
    warmup = schedule.warmup
    if 0 < warmup < schedule.steps:
        linear = np.linspace(0.0, schedule.lr[warmup], warmup)
        if np.abs(schedule.lr[:warmup] - linear).max() <= 1e-13 * schedule.peak:
            points += f",warmup={warmup}"
    return f"knots:{points}"


class _Share(float):
    """A share of the peak."""


def _value(name: str, key: str, text: str) -> float | int | bool:
    if key in _YES_NO:
        if text.lower() not in ("true", "false", "yes", "no", "1", "0"):
            raise ScheduleError(f"{key} of {name} must be yes or no, got {text!r}")
        return text.lower() in ("true", "yes", "1")
    if key in _OF_PEAK and text.endswith("%"):
        return _Share(_number(name, key, text[:-1]) / 100)
    number = _number(name, key, text)
    if key not in _WHOLE:
        return number
    if number != int(number):
        raise ScheduleError(f"{key} of {name} must be a whole number of updates, got {text!r}")
    return int(number)


def _number(name: str, key: str, text: str) -> float:
    scale = _SUFFIX.get(text[-1:].lower(), 1.0) if key in _COUNTS else 1.0
    try:
        number = round(float(text[:-1]) * scale, 3) if scale > 1 else float(text)
    except ValueError:
        raise ScheduleError(f"{key} of {name} must be a number, got {text!r}") from None
    if not abs(number) < 1e15:  # also refuses NaN
        raise ScheduleError(f"{key} of {name} must be a finite number below 1e15, got {text!r}")
    return number
