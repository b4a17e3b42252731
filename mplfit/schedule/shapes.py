"""Learning-rate schedules: the rate applied in every update of a run.

The constructors below build the schedules of the literature. They share three conventions:

* **Warmup** is ``numpy.linspace(0, peak, warmup)``: the rate is 0 in update 0 and reaches the
  peak in update ``warmup - 1``. With ``warmup_from`` it begins at that rate and reaches the peak in
  update ``warmup``, one later; so warmup_from = peak/(warmup + 1) is the rule (t + 1)/(warmup + 1).
  Without a warmup it has no effect.
* **Decays** run over the fraction x = (t - start) / (steps - start) of their stretch, so that x
  is 0 in its first update and would be 1 in update ``steps``, one past the end: the *final rate is
  approached but not reached*, as in the released curves of Luo et al. (2025). With
  ``endpoint=True`` x is (t - start) / (steps - 1 - start) instead, and the last update has the
  final rate.
* ``decay`` (the cooldown's length) is an int, which counts updates, or a float, of which one above
  0 and up to 1 is a share of all steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from mplfit.errors import ScheduleError
from mplfit.schedule.core import MAX_STEPS, Schedule, is_whole
from mplfit.types import FloatArray, IntArray

__all__ = [
    "constant",
    "cosine",
    "from_knots",
    "inverse_sqrt",
    "linear",
    "piecewise",
    "polynomial",
    "power_law",
    "sqrt_cooldown",
    "two_stage",
    "wsd",
    "wsdld",
    "wsds",
]


def constant(
    steps: int, peak: float, *, warmup: int = 0, warmup_from: float | None = None
) -> Schedule:
    """η_t = peak after the warmup.

    >>> from mplfit.schedule import constant
    >>> constant(4, 3e-4, warmup=2).lr.tolist()
    [0.0, 0.0003, 0.0003, 0.0003]
    """
    return _decayed(steps, peak, peak, steps, (warmup, warmup_from), False, lambda x: x)


def cosine(
    steps: int,
    peak: float,
    final: float = 0.0,
    *,
    cycle: float = 1.0,
    warmup: int = 0,
    warmup_from: float | None = None,
    endpoint: bool = False,
) -> Schedule:
    """η_t = final + (peak - final)/2 · (1 + cos πx), x over the steps after the warmup.

    Loshchilov & Hutter 2017 (arXiv:1608.03983). The final rate is not reached unless
    ``endpoint`` is set (see the module's conventions). `cycle` is the length of the decay in units
    of the steps after the warmup: beyond 1 the run ends before the decay does, below 1 the rate
    stays at `final` for the rest.

    >>> from mplfit.schedule import cosine
    >>> cosine(24000, 3e-4, 3e-5, warmup=2160).lr[[2160, 2288]].tolist()
    [0.0003, 0.0002999771173709568]
    """
    if not (np.isfinite(cycle) and cycle > 0):
        raise ScheduleError(
            f"the cycle of a cosine must be a positive multiple of the run, got {cycle:g}"
        )
    return _decayed(
        steps,
        peak,
        final,
        warmup,
        (warmup, warmup_from),
        endpoint,
        lambda x: 0.5 * (1 + np.cos(np.pi * np.minimum(x / cycle, 1.0))),
    )


def linear(
    steps: int,
    peak: float,
    final: float = 0.0,
    *,
    warmup: int = 0,
    warmup_from: float | None = None,
    endpoint: bool = False,
) -> Schedule:
    """η_t = peak + (final - peak)·x, x over the steps after the warmup.

    >>> from mplfit.schedule import linear
    >>> linear(5, 1.0, endpoint=True).lr.tolist()
    [1.0, 0.75, 0.5, 0.25, 0.0]
    """
    return polynomial(
        steps, peak, final, power=1.0, warmup=warmup, warmup_from=warmup_from, endpoint=endpoint
    )


def polynomial(
    steps: int,
    peak: float,
    final: float = 0.0,
    *,
    power: float,
    backward: bool = False,
    warmup: int = 0,
    warmup_from: float | None = None,
    endpoint: bool = False,
) -> Schedule:
    """η_t = final + (peak - final)·(1 - x)^power, x over the steps after the warmup.

    With `backward` the shape is 1 - x^power instead, which falls late where the other falls early.

    >>> from mplfit.schedule import polynomial
    >>> polynomial(4, 1.0, power=2.0).lr.tolist()
    [1.0, 0.5625, 0.25, 0.0625]
    >>> polynomial(4, 1.0, power=2.0, backward=True).lr.tolist()
    [1.0, 0.9375, 0.75, 0.4375]
    """
    if not (np.isfinite(power) and power > 0):
        raise ScheduleError(f"the power of a polynomial decay must be positive, got {power:g}")

    def shape(x: FloatArray) -> FloatArray:
        return 1 - x**power if backward else (1 - x) ** power

    return _decayed(steps, peak, final, warmup, (warmup, warmup_from), endpoint, shape)


def wsd(
    steps: int,
    peak: float,
    final: float,
    *,
    decay: float,
    warmup: int = 0,
    warmup_from: float | None = None,
    endpoint: bool = False,
) -> Schedule:
    """Warmup-stable-decay with an exponential decay: η_t = peak · (final/peak)^x.

    Hu et al. 2024 (arXiv:2404.06395). `decay` is the length of the cooldown.

    >>> from mplfit.schedule import wsd
    >>> wsd(24000, 3e-4, 3e-5, decay=4000, warmup=2160).lr[[20000, 22000]].round(7).tolist()
    [0.0003, 9.49e-05]
    """
    if not final > 0:
        raise ScheduleError(
            f"an exponential decay never reaches {final:g}: give wsd a positive final rate, or "
            "use wsdld (linear) or sqrt (1-sqrt)"
        )
    steps, warmup = _check_warmup(steps, warmup)
    start = _cooldown_start(steps, decay, warmup)
    _check_rates(peak, final)
    # Written on the rates themselves, as the release does, so that no digit differs.
    head = constant(steps, peak, warmup=warmup, warmup_from=warmup_from).lr.copy()
    head[start:] = peak * (final / peak) ** _fraction(steps, start, endpoint)
    return Schedule(head, warmup)


def wsdld(
    steps: int,
    peak: float,
    final: float = 0.0,
    *,
    decay: float,
    warmup: int = 0,
    warmup_from: float | None = None,
    endpoint: bool = False,
) -> Schedule:
    """Warmup-stable-decay with a linear decay: η_t = peak + (final - peak)·x over `decay` updates.

    >>> from mplfit.schedule import wsdld
    >>> wsdld(6, 1.0, decay=4).lr.tolist()
    [1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    start = _cooldown_start(steps, decay, warmup)
    return _decayed(steps, peak, final, start, (warmup, warmup_from), endpoint, lambda x: 1 - x)


def sqrt_cooldown(
    steps: int,
    peak: float,
    final: float = 0.0,
    *,
    decay: float,
    warmup: int = 0,
    warmup_from: float | None = None,
    endpoint: bool = False,
) -> Schedule:
    """Warmup-stable-decay with the 1-sqrt decay: η_t = final + (peak - final)·(1 - √x).

    Hägele et al. 2024 (arXiv:2405.18392).

    >>> from mplfit.schedule import sqrt_cooldown
    >>> sqrt_cooldown(6, 1.0, decay=4).lr.round(4).tolist()
    [1.0, 1.0, 1.0, 0.5, 0.2929, 0.134]
    """
    start = _cooldown_start(steps, decay, warmup)
    return _decayed(
        steps, peak, final, start, (warmup, warmup_from), endpoint, lambda x: 1 - np.sqrt(x)
    )


def wsds(
    steps: int,
    peak: float,
    final: float = 0.0,
    *,
    decay: float,
    cycles: int,
    warmup: int = 0,
    warmup_from: float | None = None,
    endpoint: bool = False,
) -> Schedule:
    """WSD-S: `cycles` equal cycles of a stable rate and a linear cooldown, the peak after each.

    Wen et al. 2024 (arXiv:2410.05192). `decay` is the length of every cooldown; as a share it is
    one of its cycle, and thereby the share of all steps that the cooldowns have together.

    >>> from mplfit.schedule import wsds
    >>> wsds(8, 1.0, decay=2, cycles=2).lr.tolist()
    [1.0, 1.0, 1.0, 0.5, 1.0, 1.0, 1.0, 0.5]
    """
    steps, warmup = _check_warmup(steps, warmup)
    if not is_whole(cycles) or not 1 <= cycles <= steps:
        raise ScheduleError(
            f"the number of cycles must be a whole number from 1 to the {steps} steps, got {cycles}"
        )
    _check_rates(peak, final)
    lr = constant(steps, peak, warmup=warmup, warmup_from=warmup_from).lr.copy()
    ends = [round(steps * (cycle + 1) / cycles) for cycle in range(int(cycles))]
    for begin, end in zip([0, *ends], ends, strict=False):
        start = begin + _cooldown_start(end - begin, decay, max(warmup - begin, 0))
        lr[start:end] = final + (peak - final) * (1 - _fraction(end, start, endpoint))
    return Schedule(lr, warmup)


def inverse_sqrt(
    steps: int,
    peak: float,
    final: float = 0.0,
    *,
    decay: float | None = None,
    sqrt: bool = False,
    warmup: int = 0,
    warmup_from: float | None = None,
    endpoint: bool = False,
) -> Schedule:
    """η_t = peak · √(w / (t + 1)), w = max(warmup, 1), then a cooldown to `final`.

    Vaswani et al. 2017 (arXiv:1706.03762); with a cooldown of `decay` updates (none where None) as
    in Schaipp et al. 2025 (arXiv:2501.18965): linear, or with `sqrt` 1-sqrt.

    >>> from mplfit.schedule import inverse_sqrt
    >>> inverse_sqrt(6, 1.0, decay=2).lr.round(4).tolist()
    [1.0, 0.7071, 0.5774, 0.5, 0.4472, 0.2236]
    """
    return power_law(
        steps, peak, final, power=0.5, decay=decay, sqrt=sqrt, warmup=warmup,
        warmup_from=warmup_from, endpoint=endpoint,
    )  # fmt: skip


def power_law(
    steps: int,
    peak: float,
    final: float = 0.0,
    *,
    power: float,
    decay: float | None = None,
    sqrt: bool = False,
    warmup: int = 0,
    warmup_from: float | None = None,
    endpoint: bool = False,
) -> Schedule:
    """η_t = peak · (w / (t + 1))^power, w = max(warmup, 1), then a cooldown to `final`.

    The cooldown is that of `inverse_sqrt`, which has power 1/2.

    >>> from mplfit.schedule import power_law
    >>> power_law(4, 1.0, power=1.0).lr.round(4).tolist()
    [1.0, 0.5, 0.3333, 0.25]
    """
    if not (np.isfinite(power) and power > 0):
        raise ScheduleError(f"the power of a power law must be positive, got {power:g}")
    start = steps if decay is None else _cooldown_start(steps, decay, warmup)
    lr = constant(steps, peak, warmup=warmup, warmup_from=warmup_from).lr.copy()
    past = np.arange(warmup, steps)
    lr[warmup:] = peak * (max(warmup, 1) / (past + 1)) ** power
    if start < steps:
        _check_final(final, float(lr[start]), "the rate at which the cooldown begins,")
        x = _fraction(steps, start, endpoint)
        lr[start:] = lr[start] + (final - lr[start]) * (np.sqrt(x) if sqrt else x)
    return Schedule(lr, warmup)


def two_stage(
    steps: int,
    peak: float,
    second: float,
    *,
    switch: int,
    warmup: int = 0,
    warmup_from: float | None = None,
) -> Schedule:
    """`peak` before update `switch` (warmup included), `second` from it on.

    >>> from mplfit.schedule import two_stage
    >>> two_stage(4, 3e-4, 9e-5, switch=2).lr.tolist()
    [0.0003, 0.0003, 9e-05, 9e-05]
    """
    return piecewise([(0, peak), (switch, second)], steps, warmup=warmup, warmup_from=warmup_from)


def piecewise(
    stages: Sequence[tuple[int, float]],
    steps: int,
    *,
    warmup: int = 0,
    warmup_from: float | None = None,
) -> Schedule:
    """Constant rates in stages: each (step, lr) holds from its step to the next one's.

    >>> from mplfit.schedule import piecewise
    >>> piecewise([(0, 1.0), (2, 0.5)], 4).lr.tolist()
    [1.0, 1.0, 0.5, 0.5]
    """
    starts, rates = _points(stages, "stage")
    steps, warmup = _check_warmup(steps, warmup)
    if starts[-1] >= steps:
        raise ScheduleError(
            f"the last stage begins at step {starts[-1]}, but the schedule has {steps} steps"
        )
    if warmup and len(starts) > 1 and starts[1] < warmup:
        raise ScheduleError(
            f"the second stage begins at step {starts[1]}, inside the warmup of {warmup} updates"
        )
    lr = rates[np.searchsorted(starts, np.arange(steps), side="right") - 1]
    lr[:warmup] = _warm(rates[0], warmup, warmup_from)
    return Schedule(lr, warmup)


def from_knots(
    knots: Iterable[tuple[int, float]],
    steps: int | None = None,
    *,
    warmup: int = 0,
    warmup_from: float | None = None,
) -> Schedule:
    """Piecewise-linear through (step, lr) knots, constant after the last one.

    `steps` is one more than the last knot's step where it is not given. A jump is two knots at
    neighbouring steps. With `warmup`, the first `warmup` updates are replaced by a linear warmup
    that ends at the rate which the knots have there.

    >>> from mplfit.schedule import from_knots
    >>> from_knots([(0, 0.0), (2, 1.0), (4, 0.5)]).lr.tolist()
    [0.0, 0.5, 1.0, 0.75, 0.5]
    """
    at, rates = _points(knots, "knot")
    total, warmup = _check_warmup(int(at[-1]) + 1 if steps is None else steps, warmup)
    if at[-1] >= total:
        raise ScheduleError(
            f"the last knot is at step {at[-1]}, but the schedule has {total} steps"
        )
    lr = np.interp(np.arange(total), at, rates)
    if warmup:
        lr[:warmup] = _warm(lr[warmup], warmup, warmup_from)
    return Schedule(lr, warmup)


def _decayed(
    steps: int,
    peak: float,
    final: float,
    start: int,
    warm: tuple[int, float | None],
    endpoint: bool,
    shape: Callable[[FloatArray], FloatArray],
) -> Schedule:
    """Warmup, then `peak`, then final + (peak - final)·shape(x) from update `start` on."""
    steps, warmup = _check_warmup(steps, warm[0])
    _check_rates(peak, final)
    start = int(start)
    lr = np.full(steps, float(peak))
    lr[:warmup] = _warm(peak, warmup, warm[1])
    if start < steps:
        lr[start:] = final + (peak - final) * shape(_fraction(steps, start, endpoint))
    return Schedule(lr, warmup)


def _fraction(steps: int, start: int, endpoint: bool) -> FloatArray:
    """x of every update from `start` on; see the module's conventions."""
    past = np.arange(steps - start, dtype=np.float64)
    if endpoint:  # a stretch of one update is its own last
        return past / (past.size - 1) if past.size > 1 else np.ones(past.size)
    return past / past.size


def _warm(peak: float, warmup: int, start: float | None) -> FloatArray:
    """The rates of the warmup to `peak`; see the module's conventions."""
    if start is None:
        return np.linspace(0.0, peak, warmup)
    if not 0 <= start <= peak:
        raise ScheduleError(
            f"the rate that the warmup begins at must lie between 0 and the rate that it reaches, "
            f"{peak:g}, got {start:g}"
        )
    return np.linspace(start, peak, warmup + 1)[:-1]


def _cooldown_start(steps: int, decay: float, warmup: int) -> int:
    steps, warmup = _check_warmup(steps, warmup)
    share = isinstance(decay, float) and 0 < decay <= 1
    length = round(decay * steps) if share else decay
    if not is_whole(length) or not 1 <= length <= steps - warmup:
        got = f"{100 * decay:g} % of {steps} updates" if share else f"{decay:g} updates"
        raise ScheduleError(
            f"a decay of {got} does not fit: expected a whole number of updates from 1 to "
            f"{steps - warmup} (the steps after the warmup), or a share of all steps up to "
            f"{100 * (1 - warmup / steps):.4g} %"
        )
    return steps - int(length)


def _check_warmup(steps: int, warmup: int) -> tuple[int, int]:
    """Both as integers, checked."""
    if not is_whole(steps) or not 1 <= steps <= MAX_STEPS:
        raise ScheduleError(
            f"a schedule needs a whole number of steps from 1 to {MAX_STEPS:,}, got {steps}"
        )
    if not is_whole(warmup) or not 0 <= warmup < steps:
        raise ScheduleError(
            f"a warmup of {warmup} does not fit {steps} steps: expected a whole number from 0 "
            f"to {steps - 1}"
        )
    return int(steps), int(warmup)


def _check_rates(peak: float, final: float) -> None:
    if not (np.isfinite(peak) and peak > 0):
        raise ScheduleError(f"the peak rate must be positive and finite, got {peak:g}")
    _check_final(final, peak, "the peak")


def _check_final(final: float, highest: float, what: str) -> None:
    if not 0 <= final <= highest:
        raise ScheduleError(
            f"the final rate must lie between 0 and {what} {highest:g}, got {final:g}"
        )


def _points(points: Iterable[tuple[int, float]], what: str) -> tuple[IntArray, FloatArray]:
    """Steps and rates of knots or stages, checked: from step 0 on, ascending."""
    pairs = list(points)
    if not pairs:
        raise ScheduleError(f"no {what}s given: expected at least one (step, lr) pair")
    at = np.array([step for step, _ in pairs], dtype=np.float64)
    whole = np.isfinite(at).all() and np.array_equal(at, np.floor(at))
    if not whole or at[0] != 0 or np.any(np.diff(at) <= 0):
        raise ScheduleError(
            f"the {what}s' steps must be whole numbers that begin at 0 and ascend, got "
            + ", ".join(f"{step:g}" for step in at[:6])
            + (" …" if at.size > 6 else "")
        )
    if at[-1] >= MAX_STEPS:
        raise ScheduleError(
            f"a {what} at step {at[-1]:.0f} is beyond the {MAX_STEPS:,} updates that a schedule "
            "may have: give steps, not tokens or samples"
        )
    return at.astype(np.int64), np.array([rate for _, rate in pairs], dtype=np.float64)
