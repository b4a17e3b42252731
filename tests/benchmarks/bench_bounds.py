"""Timings of the convex bounds: the whole curve, plain and fast."""

from __future__ import annotations

import time

import numpy as np

from mplfit.bounds import best_base, bound_curve, bound_gradient
from mplfit.bounds.sums import exact_sums
from mplfit.schedule import wsdld
from tests.benchmarks.timing import best

_SAMPLED = 400  # targets of the quadratic sum that are timed where all of them would take minutes
_WHOLE = 50_000  # steps up to which all of them are


def rows() -> list[tuple[str, str]]:
    """The bound curve at T = 4,000, 50,000 and 1,000,000, and what is linear anyway."""
    bound_curve(wsdld(100, 1.0, decay=0.2).lr)  # compile
    table = []
    for steps in (4_000, 50_000, 1_000_000):
        lr = wsdld(steps, 1.0, decay=0.2).lr
        fast = best(lambda lr=lr: bound_curve(lr), 5 if steps <= _WHOLE else 2)
        if steps <= _WHOLE:
            exact, how = best(lambda lr=lr: bound_curve(lr, exact=True), 1, warm=False), ""
        else:
            exact, how = _sampled(lr), f" (from {_SAMPLED} of its terms)"
        table.append(
            (
                f"bound curve of {steps:,} steps: fast, exact, ratio",
                f"{1e3 * fast:.3g} ms, {exact:.3g} s{how}, {exact / fast:.0f}",
            )
        )
    lr = wsdld(1_000_000, 1.0, decay=0.2).lr
    for what, function in (("best base rate", best_base), ("gradient", bound_gradient)):
        seconds = best(lambda f=function: f(lr), 3)
        table.append((f"{what} at the end of 1,000,000 steps", f"{1e3 * seconds:.0f} ms"))
    return table


def _sampled(lr: np.ndarray) -> float:
    """Seconds of the quadratic sum, from evenly spaced targets: its cost grows evenly with t."""
    step = np.linspace(0, lr.size - 1, _SAMPLED).astype(np.int64)
    begin = time.perf_counter()
    exact_sums(lr, lr[None, :] ** 2, step)
    return (time.perf_counter() - begin) * lr.size / _SAMPLED
