"""The one text grammar for schedules, used by every command.

    SHAPE:KEY=VALUE,KEY=VALUE,…       one schedule, such as cosine:steps=24000,peak=3e-4,warmup=2160
    knots:STEP=LR,STEP=LR,…           piecewise-linear through the points (also warmup=, steps=)
    piecewise:STEP=LR,…,steps=N       constant from each step to the next
    SPEC + SPEC                       one after the other

Numbers may be written 24000, 24_000 or 3e-4; numbers of updates also 24k or 1.5M. A share may be
written 10%: of the peak (final, second, warmup-from) or of the steps (decay, warmup, switch); a
decay above 0 and up to 1 is a share of the steps, too. With zero=yes any shape has one more update,
at rate 0 (the papers' T+1 steps). Pure: text to `Schedule` and back. (A file's name is accepted
wherever a command asks for a schedule: see `mplfit.readers.schedules`.)
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from mplfit.errors import ScheduleError
from mplfit.schedule import shapes
from mplfit.schedule.core import Schedule, join, with_last_zero
from mplfit.schedule.knots import to_knots
from mplfit.types import FloatArray

__all__ = [
    "GRAMMAR",
    "SHAPES",
    "Spec",
    "format_schedule",
    "parse_count",
    "parse_schedule",
    "parse_share",
    "read_spec",
]

Value: TypeAlias = float | int | bool | str

SHAPES: dict[str, Callable[..., Schedule]] = {
    "constant": shapes.constant,
    "cosine": shapes.cosine,
    "linear": shapes.linear,
    "polynomial": shapes.polynomial,
    "wsd": shapes.wsd,
    "wsdld": shapes.wsdld,
    "sqrt": shapes.sqrt_cooldown,
    "wsds": shapes.wsds,
    "inverse-sqrt": shapes.inverse_sqrt,
    "power": shapes.power_law,
    "two-stage": shapes.two_stage,
    "piecewise": shapes.piecewise,
    "knots": shapes.from_knots,
}
"""The shapes by name. A constructor's signature is the shape's grammar: its parameters are the
keys (with - for _), those without a default are required, `knots` or `stages` are STEP=LR pairs,
and annotations tell whole numbers (int) and yes or no (bool) from other numbers."""

_POINTS = {"knots", "stages"}  # parameters that are STEP=LR pairs
_OF_PEAK = {
    "final",
    "second",
    "warmup-from",
}  # a percentage of these is one of the peak, of the others of steps
_SUFFIX = {"k": 1e3, "m": 1e6}


@dataclass(frozen=True)
class Spec:
    """One schedule of a known shape, as its text says it.

    shape : a key of `SHAPES`.  values : by key; a text such as "10%" where a share was given.
    points : the STEP=LR pairs of shapes that have them.

    >>> from mplfit.schedule.spec import read_spec
    >>> spec = read_spec("wsdld:steps=24k,peak=3e-4,decay=20%")
    >>> spec.values["steps"], spec.decay_share, spec.with_values(decay="10%").schedule().steps
    (24000, 0.2, 24000)
    """

    shape: str
    values: Mapping[str, Value]
    points: tuple[tuple[int, float], ...] = field(default=())

    def schedule(self) -> Schedule:
        """The schedule."""
        values = {key.replace("-", "_"): value for key, value in self.numbers().items()}
        last_zero = values.pop("zero", False)
        make = SHAPES[self.shape]
        made = make(self.points, **values) if _has_points(make) else make(**values)
        return with_last_zero(made) if last_zero else made

    def numbers(self) -> dict[str, float | int | bool]:
        """The values as the constructor takes them: no texts of shares."""
        return {key: self._number(key, value) for key, value in self.values.items()}

    @property
    def decay_share(self) -> float | None:
        """The length of the decay as a share of the steps; None for a shape that has none."""
        if "decay" not in self.values:
            return None
        decay, steps = self._number("decay", self.values["decay"]), float(self.values["steps"])
        return float(decay if isinstance(decay, float) else decay / steps)

    def with_values(self, **values: Value) -> Spec:
        """The same with other values, or more of them; a decay of a number of updates is an int.

        Raises
        ------
        ScheduleError
            If the shape does not have such a key.
        """
        for key in values:
            if key not in _keys(self.shape):
                having = ", ".join(shape for shape in SHAPES if key in _keys(shape))
                raise ScheduleError(f"{self.shape} has no {key} to vary: expected one of {having}")
        return replace(self, values={**self.values, **values})

    def __str__(self) -> str:
        """The text of the grammar."""
        parts = [f"{step}={rate!r}" for step, rate in self.points]
        for key, value in self.values.items():
            if key == "decay" and value == 1 and not isinstance(value, float):
                value = 1 / float(self.values["steps"])  # one update, where 1 is all of them
            text = ("no", "yes")[value] if isinstance(value, bool) else value
            parts.append(f"{key}={text}")
        return f"{self.shape}:{','.join(parts)}"

    def _number(self, key: str, value: Value) -> float | int | bool:
        """A value as the constructor takes it."""
        if not isinstance(value, str):
            return value
        share = parse_share(value)
        if key in _OF_PEAK:
            return share * float(self.values["peak"])
        return share if key == "decay" else round(share * float(self.values["steps"]))


def read_spec(text: str) -> Spec:
    """What a text says of one schedule.

    Raises
    ------
    ScheduleError
        If it is not the text of one schedule.
    """
    shape, _, rest = text.strip().partition(":")
    if len(_pieces(text)) > 1:
        raise ScheduleError(f"{text!r} is several schedules: expected the text of one schedule")
    if shape not in SHAPES:
        raise ScheduleError(
            f"{text!r} is not a schedule: expected an existing file (.csv, .npy, .json) or one of "
            + "; ".join(map(_usage, SHAPES))
        )
    keys, has_points = _keys(shape), _has_points(SHAPES[shape])
    values: dict[str, Value] = {}
    points = []
    for item in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, value = (part.strip() for part in item.partition("="))
        if has_points and equals and re.fullmatch(r"[0-9_.]+[kKmM]?", key):
            step = _checked(parse_count, shape, "STEP", key)
            points.append((int(step), _checked(_number, shape, f"lr at {key}", value)))
        elif not equals or key not in keys:
            raise ScheduleError(f"{shape} does not know {item!r}: expected {_usage(shape)}")
        elif key in values:
            raise ScheduleError(f"{shape} has {key} twice in {text!r}: give it once")
        else:
            values[key] = _value(shape, key, value)
    missing = ["STEP=LR points"] if has_points and not points else []
    missing += [key for key, one in keys.items() if one.required and key not in values]
    if missing:
        raise ScheduleError(
            f"{shape} lacks {', '.join(missing)} in {text!r}: expected {_usage(shape)}"
        )
    return Spec(shape, values, tuple(points))


def parse_schedule(text: str) -> Schedule:
    """The schedule that a text describes.

    Raises
    ------
    ScheduleError
        With a sentence that lists what is accepted.

    Examples
    --------
    >>> from mplfit import parse_schedule
    >>> parse_schedule("wsdld:steps=24k,peak=3e-4,final=10%,decay=4000,warmup=2160")
    Schedule(24000 steps, peak 0.0003, final 3.00675e-05, warmup 2160)
    >>> parse_schedule("knots:0=0,2=1,4=0.5").lr.tolist()
    [0.0, 0.5, 1.0, 0.75, 0.5]
    """
    pieces = [read_spec(piece).schedule() for piece in _pieces(text)]
    return pieces[0] if len(pieces) == 1 else join(pieces)


def format_schedule(schedule: Schedule) -> str:
    """A text that `parse_schedule` turns back into the schedule (to 1e-13 of its peak).

    The text is as long as the schedule has knots: short for piecewise-linear ones. The length of
    the warmup is kept where the warmup is linear, as the constructors make it.

    >>> from mplfit.schedule import wsdld
    >>> from mplfit.schedule.spec import format_schedule
    >>> format_schedule(wsdld(6, 1.0, decay=4))
    'knots:0=1.0,2=1.0,5=0.25'
    """
    points = ",".join(f"{step}={rate!r}" for step, rate in to_knots(schedule))
    warmup = schedule.warmup
    if 0 < warmup < schedule.steps:
        head, reached = schedule.lr[:warmup], schedule.lr[warmup]
        if _near(head, np.linspace(0.0, reached, warmup), schedule):
            points += f",warmup={warmup}"
        elif head[0] <= reached and _near(
            head, np.linspace(head[0], reached, warmup + 1)[:-1], schedule
        ):
            points += f",warmup={warmup},warmup-from={float(head[0])!r}"
    return f"knots:{points}"


def _near(rates: FloatArray, others: FloatArray, schedule: Schedule) -> bool:
    return bool(np.abs(rates - others).max() <= 1e-13 * schedule.peak)


def parse_count(text: str) -> int:
    """A number of updates: 24000, 24_000, 24k, 1.5M, 2.4e4.

    Raises
    ------
    ScheduleError
        If it is no whole number.

    >>> from mplfit.schedule.spec import parse_count
    >>> parse_count("24k"), parse_count("1.5M"), parse_count("2.4e4")
    (24000, 1500000, 24000)
    """
    scale = _SUFFIX.get(text[-1:].lower(), 1.0)
    number = _number(text[:-1]) * scale if scale > 1 else _number(text)
    whole = round(number)
    if abs(number - whole) > 1e-6:
        raise ScheduleError(f"must be a whole number of updates, got {text!r}")
    return whole


def parse_share(text: str) -> float:
    """A share: 0.1 or 10%.

    Raises
    ------
    ScheduleError
        If it is no number.

    >>> from mplfit.schedule.spec import parse_share
    >>> parse_share("10%"), parse_share("0.1")
    (0.1, 0.1)
    """
    return _number(text[:-1]) / 100 if text.endswith("%") else _number(text)


def _pieces(text: str) -> list[str]:
    """The texts of the schedules that a plus sign joins; it does only before a name: 1e+5."""
    return [piece.strip() for piece in re.split(r"\+\s*(?=[a-z])", text)]


@dataclass(frozen=True)
class _Key:
    kind: str  # the annotation of the constructor's parameter
    required: bool


def _keys(shape: str) -> dict[str, _Key]:
    """The keys that a shape may have, in the order of its constructor's parameters."""
    parameters = inspect.signature(SHAPES[shape]).parameters
    keys = {
        name.replace("_", "-"): _Key(
            str(parameter.annotation), parameter.default is parameter.empty
        )
        for name, parameter in parameters.items()
        if name not in _POINTS
    }
    return {**keys, "zero": _Key("bool", False)}


def _has_points(make: Callable[..., Schedule]) -> bool:
    return bool(_POINTS & inspect.signature(make).parameters.keys())


def _usage(shape: str) -> str:
    parts = ["STEP=LR"] if _has_points(SHAPES[shape]) else []
    keys = [(name, key) for name, key in _keys(shape).items() if name != "zero"]
    parts += [f"{name}=" for name, key in keys if key.required]
    parts += [f"[{name}=]" for name, key in keys if not key.required]
    return f"{shape}:{','.join(parts)}"


GRAMMAR = "\n".join(map(_usage, SHAPES))
"""One line for each shape, for help texts and messages."""


def _value(shape: str, key: str, text: str) -> Value:
    kind = _keys(shape)[key].kind
    if kind == "bool":
        if text.lower() not in ("true", "false", "yes", "no", "1", "0"):
            raise ScheduleError(f"{key} of {shape} must be yes or no, got {text!r}")
        return text.lower() in ("true", "yes", "1")
    of_peak = key in _OF_PEAK and "peak" in _keys(shape)
    if text.endswith("%") and (of_peak or key in ("decay", "warmup", "switch")):
        _checked(parse_share, shape, key, text)
        return text
    if key == "decay":
        number = _checked(_number, shape, key, text) if text[-1:].lower() not in _SUFFIX else 2.0
        return number if 0 < number <= 1 else _checked(parse_count, shape, key, text)
    return _checked(parse_count if kind.startswith("int") else _number, shape, key, text)


def _checked(parse: Callable[[str], float], shape: str, key: str, text: str) -> float:
    """What a text says, or a refusal that names the key."""
    try:
        return parse(text)
    except ScheduleError as error:
        raise ScheduleError(f"{key} of {shape} {error}") from None


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ScheduleError(f"must be a number, got {text!r}") from None
    if not abs(number) < 1e15:  # also refuses NaN
        raise ScheduleError(f"must be a finite number below 1e15, got {text!r}")
    return number
