"""Simpler schedules near a given one, as frameworks have them: few knots, or a stable-decay."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mplfit.errors import ScheduleError
from mplfit.schedule import Schedule, chord_miss, line_knots
from mplfit.types import FloatArray

__all__ = ["as_wsd", "exact_knots", "with_knots"]

_RTOL = 1e-12
_DECAYS = 400  # beginnings of the decay that `as_wsd` tries


def exact_knots(schedule: Schedule) -> list[tuple[int, float]]:
    """Knots through which a line meets every rate to 1e-12 *of that rate* (1e-10 near 0).

    `mplfit.schedule.to_knots` keeps to a share of the peak, which is coarse for the last rates of
    a decay to nearly 0. A curved stretch keeps nearly all its steps.

    >>> from mplfit.plan.compress import exact_knots
    >>> from mplfit.schedule import wsdld
    >>> exact_knots(wsdld(6, 1.0, decay=4))
    [(0, 1.0), (2, 1.0), (5, 0.25)]
    """
    lr = schedule.lr
    # Interpolation itself rounds to an ulp of the larger knot.
    allowed = np.maximum(_RTOL * lr, np.minimum(1e-16 * schedule.peak, 1e-10 * lr))
    return [(step, float(lr[step])) for step in line_knots(lr, allowed)]


def with_knots(schedule: Schedule, count: int) -> Schedule:
    """The schedule through `count` of its own points: each next one where the line is farthest off.

    The first and last update and the end of the warmup are always among them.

    >>> from mplfit.plan.compress import exact_knots, with_knots
    >>> from mplfit.schedule import cosine
    >>> len(exact_knots(with_knots(cosine(1000, 1.0, warmup=100), 9)))
    9
    """
    lr, last = schedule.lr, schedule.steps - 1
    kept = sorted({0, max(schedule.warmup - 1, 0), min(schedule.warmup, last), last})
    if count < len(kept):
        raise ScheduleError(
            f"{count} knots are too few: the warmup and the end alone need {len(kept)}"
        )
    stretches = {a: _worst(lr, a, b) for a, b in pairwise(kept)}
    ends = dict(pairwise(kept))
    while len(stretches) + 1 < count:
        start = max(stretches, key=lambda a: stretches[a][0])
        miss, middle = stretches[start]
        if miss == 0:
            break
        ends[start], ends[middle] = middle, ends[start]
        for a in (start, middle):
            stretches[a] = _worst(lr, a, ends[a])
    at = np.array([*sorted(stretches), last])
    return Schedule(np.interp(np.arange(last + 1), at, lr[at]), schedule.warmup)


def as_wsd(schedule: Schedule) -> Schedule:
    """The warmup-stable-decay schedule (linear decay) nearest to a schedule in least squares.

    The warmup is the schedule's own, scaled; the stable rate, the beginning of the decay and the
    last rate are chosen.

    >>> import numpy as np
    >>> from mplfit.plan.compress import as_wsd
    >>> from mplfit.schedule import wsdld
    >>> given = wsdld(400, 1.0, 0.1, decay=100, warmup=20, endpoint=True)
    >>> bool(np.allclose(as_wsd(given).lr, given.lr, atol=0.01))
    True
    """
    lr, total, warmup = schedule.lr, schedule.steps, schedule.warmup
    if total - warmup < 3:
        raise ScheduleError(f"{total - warmup} updates after the warmup are too few for a decay")
    rest, step = lr[warmup:], np.arange(total - warmup, dtype=np.float64)
    best: tuple[float, FloatArray] | None = None
    for start in np.unique(np.linspace(0, rest.size - 2, _DECAYS).astype(int)).tolist():
        share = np.clip((step - start) / (rest.size - 1 - start), 0, 1)
        basis = np.stack([1 - share, share])
        high, low = np.linalg.solve(basis @ basis.T, basis @ rest)
        if low < 0:  # the nearest with a last rate of 0
            low, high = 0.0, float(basis[0] @ rest / (basis[0] @ basis[0]))
        line = high * basis[0] + low * basis[1]
        error = float(np.sum((line - rest) ** 2))
        if best is None or error < best[0]:
            best = (error, line)
    assert best is not None
    head = np.linspace(0.0, best[1][0], warmup)
    return Schedule(np.concatenate([head, np.maximum(best[1], 0.0)]), warmup)


def _worst(lr: FloatArray, a: int, b: int) -> tuple[float, int]:
    miss = chord_miss(lr, a, b)
    return (float(miss.max()), a + 1 + int(miss.argmax())) if miss.size else (0.0, a)
