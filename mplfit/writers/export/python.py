"""A schedule as one Python file without dependencies: knots, and the rate by bisection.

The exports for frameworks are this file with a few lines for the framework at its end.
"""

from __future__ import annotations

from mplfit.schedule import Schedule
from mplfit.schedule.knots import exact_knots

__all__ = ["core", "python_file"]

_TEMPLATE = '''"""{title}

{about}
Written by mplfit. Steps are 0-based indices of optimizer updates: the run has {steps} of them,
0 … {last}, and lr(step) is the rate applied *in* update `step`. After the last one it stays.
"""

from bisect import bisect_right
{imports}
# (step, learning rate): the rate is linear between two knots.
KNOTS = [
{knots}
]
PEAK = {peak!r}  # the largest rate
STEPS = {steps}  # updates of the run
WARMUP = {warmup}  # of which so many are the warmup

_AT = [step for step, _ in KNOTS]


def lr(step):
    """The learning rate of update `step` (0 … STEPS - 1)."""
    right = bisect_right(_AT, step)
    if right == 0 or right == len(KNOTS):
        return KNOTS[min(right, len(KNOTS) - 1)][1]
    (a, low), (b, high) = KNOTS[right - 1], KNOTS[right]
    return low + (high - low) * ((step - a) / (b - a))
'''


def core(schedule: Schedule, title: str, about: str = "", imports: str = "") -> str:
    """The Python file up to where a framework's own lines begin."""
    knots = [f"    ({step}, {rate!r})," for step, rate in exact_knots(schedule)]
    return _TEMPLATE.format(
        title=title,
        about=f"{about}\n" if about else "",
        imports=f"\n{imports}\n" if imports else "",
        knots="\n".join(knots),
        peak=schedule.peak,
        steps=schedule.steps,
        last=schedule.steps - 1,
        warmup=schedule.warmup,
    )


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
