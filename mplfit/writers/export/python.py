"""A schedule as one Python file without dependencies: its formula, or knots and bisection.

The exports for frameworks are this file with a few lines for the framework at its end.
"""

from __future__ import annotations

import textwrap

import numpy as np

from mplfit.schedule import Schedule
from mplfit.schedule.formula import FALLS, Formula, formula_of
from mplfit.schedule.knots import describe, exact_knots, to_knots

__all__ = ["coarse", "core", "python_file"]

_HEAD = '''"""{title}

{about}
Written by mplfit. Steps are 0-based indices of optimizer updates: the run has {steps} of them,
0 … {last}, and lr(step) is the rate applied *in* update `step`. After the last one it stays.

The schedule: {words}.
"""

{python}
{imports}
'''
_NUMBERS = """PEAK = {peak!r}  # the largest rate
STEPS = {steps}  # updates of the run
WARMUP = {warmup}  # of which so many are the warmup
"""
_KNOTS = '''# (step, learning rate): the rate is linear between two knots.
KNOTS = [
{knots}
]
{numbers}
_AT = [step for step, _ in KNOTS]


def lr(step):
    """The learning rate of update `step` (0 … STEPS - 1)."""
    right = bisect_right(_AT, step)
    if right == 0 or right == len(KNOTS):
        return KNOTS[min(right, len(KNOTS) - 1)][1]
    (a, low), (b, high) = KNOTS[right - 1], KNOTS[right]
    return low + (high - low) * ((step - a) / (b - a))
'''
_FORMULA = '''{numbers}FINAL = {final!r}  # where the decay leads to
START = {start}  # the last update with the peak: from here on the rate decays ({kind})
LENGTH = {length}  # updates of the decay


def lr(step):
    """The learning rate of update `step` (0 … STEPS - 1)."""
    step = min(step, STEPS - 1)
    if step < WARMUP:
        return {warm}
    if step <= START:
        return PEAK
    x = (step - START) / LENGTH
    return {fall}
'''
_MANY = 1000  # knots, from which on rates are met to _NEAR of the peak and not exactly
_NEAR = 1e-6


def core(
    schedule: Schedule, title: str, about: str = "", imports: str = "", *, knots: bool = False
) -> str:
    """The Python file up to where a framework's own lines begin.

    knots : whether these lines need KNOTS; else a formula is written where the shape is known.
    """
    found = None if knots else formula_of(schedule)
    numbers = _NUMBERS.format(peak=schedule.peak, steps=schedule.steps, warmup=schedule.warmup)
    if found is None:
        python, body = "from bisect import bisect_right", _with_knots(schedule, numbers)
    else:
        used = [name for name in ("cos", "pi", "sqrt") if name in FALLS[found.kind][1]]
        python = f"from math import {', '.join(used)}" if used else ""
        body = _with_formula(found, numbers)
    words = (
        textwrap.fill(f"The schedule: {describe(schedule)}.", 100, break_on_hyphens=False)
        .removeprefix("The schedule: ")
        .removesuffix(".")
    )
    head = _HEAD.format(
        title=title,
        about=f"{about}\n" if about else "",
        steps=schedule.steps,
        last=schedule.steps - 1,
        words=words,
        python=python,
        imports=f"\n{imports}\n" if imports else "",
    )
    return head.replace("\n\n\n", "\n\n") + body


def coarse(schedule: Schedule) -> Schedule:
    """The schedule itself, or one near it with far fewer knots, where it would have very many."""
    if len(exact_knots(schedule)) <= _MANY:
        return schedule
    step, rate = zip(*to_knots(schedule, _NEAR), strict=True)
    return Schedule(np.interp(np.arange(schedule.steps), step, rate), schedule.warmup)


def _with_knots(schedule: Schedule, numbers: str) -> str:
    rows = exact_knots(schedule)
    lines = [f"    ({step}, {rate!r})," for step, rate in rows]
    return _KNOTS.format(knots="\n".join(lines), numbers=numbers)


def _with_formula(found: Formula, numbers: str) -> str:
    last = "WARMUP - 1" if found.to_peak else "WARMUP"
    warm = f"PEAK * step / max({last}, 1)"
    if found.first > 0:
        warm = f"{found.first!r} + (PEAK - {found.first!r}) * step / max({last}, 1)"
    fall = f"FINAL + (PEAK - FINAL) * ({FALLS[found.kind][1]})"
    if found.kind == "exponential":
        fall = "PEAK * (FINAL / PEAK) ** x"
    return _FORMULA.format(
        numbers=numbers, final=found.final, start=found.start, length=found.length,
        kind=found.kind, warm=warm, fall=fall,
    )  # fmt: skip


def python_file(schedule: Schedule) -> str:
    """The rate of every update, to 1e-12 of it, in plain Python.

    >>> from mplfit.schedule import wsdld
    >>> from mplfit.writers.export.python import python_file
    >>> names = {}
    >>> exec(python_file(wsdld(6, 1.0, decay=4)), names)
    >>> [names["lr"](step) for step in range(6)]
    [1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    return core(schedule, "A learning-rate schedule in plain Python.")
