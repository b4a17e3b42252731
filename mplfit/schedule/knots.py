"""Schedules as knots: those that give a schedule back, and simpler schedules near a given one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mplfit.errors import ScheduleError
from mplfit.schedule.core import Schedule
from mplfit.types import FloatArray, IntArray

__all__ = ["as_wsd", "describe", "drawn_steps", "exact_knots", "to_knots", "with_knots"]

_RTOL = 1e-12
_DECAYS = 400  # beginnings of the decay that `as_wsd` tries
_STEADY = 2e-3  # of the peak: a rate that is held, to people
_PIECES = 5  # that are described one by one


def to_knots(schedule: Schedule, rtol: float = 1e-13) -> list[tuple[int, float]]:
    """The fewest (step, lr) knots found greedily that give the schedule back by interpolation.

    Every rate is met to `rtol` of the peak. A jump becomes two neighbouring knots; a curved
    stretch keeps nearly all its steps.

    >>> from mplfit.schedule import to_knots, wsdld
    >>> to_knots(wsdld(6, 1.0, decay=4))
    [(0, 1.0), (2, 1.0), (5, 0.25)]
    """
    lr = schedule.lr
    kept = _line_knots(lr, np.full(lr.size, rtol * schedule.peak))
    return [(step, float(lr[step])) for step in kept]


def drawn_steps(schedule: Schedule, count: int = 1200) -> IntArray:
    """Steps enough to draw a schedule: evenly spaced ones, and both sides of every jump.

    >>> from mplfit.schedule import constant
    >>> from mplfit.schedule.knots import drawn_steps
    >>> drawn_steps(constant(9, 1.0), 3).tolist()
    [0, 4, 8]
    """
    if schedule.steps <= count:
        return np.arange(schedule.steps)
    even = np.linspace(0, schedule.steps - 1, count).astype(np.int64)
    jumps = np.flatnonzero(np.abs(np.diff(schedule.lr)) > 0.02 * schedule.peak)[:count]
    shown: IntArray = np.unique(np.concatenate([even, jumps, jumps + 1]))
    return shown


def describe(schedule: Schedule) -> str:
    """A schedule in words: its warmup, where rates are held, drop at once, or decay, and to what.

    >>> from mplfit.schedule import two_stage, wsdld
    >>> from mplfit.schedule.knots import describe
    >>> describe(wsdld(400, 1e-3, decay=100, warmup=20))
    'warmup over 20 updates, peak 0.001 held to step 300, then a linear decay to 1e-05'
    >>> describe(two_stage(400, 1e-3, 6e-4, switch=300))
    'peak 0.001 held to step 299, a drop at once to 0.0006 in step 300, then held to the end'
    """
    peak, warmup = schedule.peak, schedule.warmup
    rest = schedule.lr[warmup:]
    pieces, last = _pieces(rest / peak), rest.size - 1
    parts = [f"warmup over {warmup} updates"] if warmup else []
    if len(pieces) <= 1 and rest[0] == rest[-1]:
        return ", ".join([*parts, f"rate {peak:.4g} held to the end"])
    said = []
    for kind, start, stop in pieces:
        to, by = _rate(rest[stop], peak), "" if stop == last else f" by step {warmup + stop}"
        if kind == "held":
            until = "the end" if stop == last else f"step {warmup + stop}"
            said.append(f"held to {until}")
        elif kind == "drop":
            said.append(f"a drop at once to {to} in step {warmup + stop}")
        elif kind == "rise":
            said.append(f"a rise to {to}{by}")
        else:
            said.append(f"a {_bend(rest[start : stop + 1])}decay to {to}{by}")
    if len(said) > _PIECES:
        said = [said[0], f"{len(said) - 1} falls, rises and steady stretches, to {to}"]
    first = f"peak {peak:.4g}" if rest[0] == peak else f"rate {_rate(rest[0], peak)}"
    if pieces[0][0] == "held":
        said[0] = f"{first} {said[0]}"
    else:
        said.insert(0, first)
    return ", ".join([*parts, *said[:-1], f"then {said[-1]}"])


def _pieces(share: FloatArray) -> list[tuple[str, int, int]]:
    """Rates (as shares of the peak) as stretches that are held, fall or rise, and single drops."""
    ends = _line_knots(share, np.full(share.size, _STEADY))
    slopes = [(share[b] - share[a]) / (b - a) for a, b in pairwise(ends)]
    pieces: list[tuple[str, int, int]] = []
    for k, (a, b) in enumerate(pairwise(ends)):
        change = share[b] - share[a]
        around = max(map(abs, [*slopes[max(k - 1, 0) : k], *slopes[k + 1 : k + 2], 0.0]))
        kind = "held" if abs(change) <= _STEADY else "fall" if change < 0 else "rise"
        if b == a + 1 and change < -0.05 and change < -3 * around:
            kind = "drop"
        if kind == "held" and pieces and b - a < 0.01 * share.size:
            kind = pieces[-1][0] if pieces[-1][0] != "drop" else kind
        if pieces and pieces[-1][0] == kind != "drop":
            a = pieces.pop()[1]
        pieces.append((kind, a, b))
    return pieces


def _bend(rates: FloatArray) -> str:
    """What a decay is called: linear, convex (fast at first), concave, or nothing."""
    height = (rates - rates[-1]) / (rates[0] - rates[-1])
    off = height - np.linspace(1, 0, rates.size)
    if np.abs(off).max() < 0.02:
        return "linear "
    return "convex " if off.mean() < -0.05 else "concave " if off.mean() > 0.05 else ""


def _rate(rate: float, peak: float) -> str:
    return f"{rate:.3g}" if rate > 2e-3 * peak else "nearly 0" if rate > 0 else "0"


def exact_knots(schedule: Schedule) -> list[tuple[int, float]]:
    """Knots through which a line meets every rate to 1e-12 *of that rate* (1e-10 near 0).

    `to_knots` keeps to a share of the peak, which is coarse for the last rates of
    a decay to nearly 0. A curved stretch keeps nearly all its steps.

    >>> from mplfit.schedule.knots import exact_knots
    >>> from mplfit.schedule import wsdld
    >>> exact_knots(wsdld(6, 1.0, decay=4))
    [(0, 1.0), (2, 1.0), (5, 0.25)]
    """
    lr = schedule.lr
    # Interpolation itself rounds to an ulp of the larger knot.
    allowed = np.maximum(_RTOL * lr, np.minimum(1e-16 * schedule.peak, 1e-10 * lr))
    return [(step, float(lr[step])) for step in _line_knots(lr, allowed)]


def with_knots(schedule: Schedule, count: int) -> Schedule:
    """The schedule through `count` of its own points: each next one where the line is farthest off.

    The first and last update and the end of the warmup are always among them.

    >>> from mplfit.schedule.knots import exact_knots, with_knots
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
    >>> from mplfit.schedule.knots import as_wsd
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
    miss = _chord_miss(lr, a, b)
    return (float(miss.max()), a + 1 + int(miss.argmax())) if miss.size else (0.0, a)


def _line_knots(lr: FloatArray, allowed: FloatArray) -> list[int]:
    """Steps, found greedily, whose chords meet every rate to what is `allowed` at its step.

    >>> import numpy as np
    >>> from mplfit.schedule.knots import _line_knots
    >>> _line_knots(np.array([1.0, 0.9, 0.5, 0.0]), np.full(4, 0.2))
    [0, 1, 3]
    """
    bends = np.flatnonzero(np.abs(np.diff(lr, 2)) > allowed[1:-1]) + 1
    kept = [0]
    # Between two bends the rates lie on a line up to rounding, which adds up: check each stretch.
    for bend in [*bends.tolist(), lr.size - 1]:
        if bend == kept[-1] + 1:
            kept.append(bend)
        elif bend > kept[-1]:
            _keep_line(lr, kept, bend, allowed)
    return kept


def _chord_miss(lr: FloatArray, start: int, stop: int) -> FloatArray:
    """How far the rates strictly between two steps are from the line that joins these.

    >>> import numpy as np
    >>> from mplfit.schedule.knots import _chord_miss
    >>> _chord_miss(np.array([1.0, 0.5, 0.5, 0.25]), 0, 3).tolist()
    [0.25, 0.0]
    """
    place = (np.arange(start + 1, stop) - start) / (stop - start)
    missed: FloatArray = np.abs(lr[start] + (lr[stop] - lr[start]) * place - lr[start + 1 : stop])
    return missed


def _keep_line(lr: FloatArray, kept: list[int], end: int, allowed: FloatArray) -> None:
    """Append to `kept` the steps up to `end` whose chords meet every rate as `allowed`."""
    ends = [end]
    while ends:
        start, stop = kept[-1], ends[-1]
        excess = _chord_miss(lr, start, stop) - allowed[start + 1 : stop]
        if excess.size and excess.max() > 0:
            ends.append(start + 1 + int(excess.argmax()))
        else:
            kept.append(ends.pop())
