"""The schedule that minimises a law's final loss.

SLSQP over the values at K knots of a piecewise-linear, non-increasing schedule, with the gradient
in every rate from the law (prefix and suffix sums) and the adjoint of the interpolation.

The knots matter. With one variable for each update the Multi-Power Law's own optimum is a
staircase of about ten large jumps, whose predicted loss is about 1e-3 lower: the law credits a
jump at the speed of the *lower* rate, so that it pays to gather many small decrements into a few.
No run has confirmed that; a line through some 64 knots keeps the optimum smooth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from mplfit.errors import FitError
from mplfit.plan.knots import KnotGrid, knot_steps
from mplfit.schedule import Schedule
from mplfit.tasks import Progress
from mplfit.types import FloatArray

__all__ = ["FinalLoss", "OptimizedSchedule", "search_schedule"]

FinalLoss = Callable[[FloatArray], tuple[float, FloatArray]]
"""final(lr): the final loss, and its derivative in every rate (such as a law's)."""

_COARSE = 12  # knots of the first descents
_EXPONENT = 0.5  # knots are varied as v^0.5, in which the laws are less singular near rate 0


@dataclass(frozen=True)
class OptimizedSchedule:
    """The best schedule found, its predicted final loss, and how the descents agree.

    starts : final losses of the coarse descents, best first.
    """

    schedule: Schedule
    loss: float
    knots: tuple[tuple[int, float], ...]
    starts: tuple[float, ...]
    converged: bool


def search_schedule(
    final: FinalLoss,
    *,
    steps: int = 24000,
    warmup: int = 2160,
    peak: float | tuple[float, float] = 3e-4,
    end: float | None = None,
    minimum: float = 1e-10,
    knots: int = 64,
    past: Schedule | None = None,
    past_steps: int = 0,
    start: Schedule | None = None,
    falling: bool = True,
    progress: Progress | None = None,
) -> OptimizedSchedule:
    """Minimise a final loss over schedules through `knots` knots, non-increasing ones by default.

    Parameters
    ----------
    final : the final loss of an array of rates and its gradient, such as a law's.
    steps, warmup : length of the run, and of its linear warmup from 0 to the first knot.
    peak : rate after the warmup, or (lowest, highest) to choose it too.
    end : rate of the last update; chosen where None.
    minimum : no rate may be below this after the warmup.
    knots : number of knots, denser toward the end.
    past, past_steps : the first `past_steps` updates of a run that is under way; only the rest is
        chosen, from the rate of the last of them downwards. `warmup` and `peak` are then its.
    start : a schedule of as many steps to descend from, instead of from several coarse ones.
    falling : no rate may be above the one before it; else no more than above the peak.
    progress : called as progress(done, total, what).

    Raises
    ------
    FitError
        If the numbers leave no room for a schedule, or the final loss is not finite.

    Examples
    --------
    >>> from mplfit import load_fit
    >>> from mplfit.laws import get_law
    >>> from mplfit.plan.search import search_schedule
    >>> law, params = get_law("mpl"), load_fit("400").values
    >>> final = lambda lr: law.final_gradient(params, lr)
    >>> best = search_schedule(final, steps=6000, warmup=300, knots=16)
    >>> round(best.loss, 3)
    2.942
    """
    first = past_steps if past is not None else warmup
    lowest, highest = _peak_range(peak, past, past_steps, minimum)
    _check(steps, first, highest, end, minimum, knots, past)
    given = past.lr[:past_steps] if past is not None else np.empty(0)

    def descend(count: int, guess: Callable[[FloatArray], FloatArray]) -> _Descent:
        grid = KnotGrid(given, warmup if past is None else 0, knot_steps(first, steps - 1, count))
        return _descend(final, grid, guess, (lowest, highest), end, minimum, falling)

    coarse: list[_Descent] = []
    shapes = _shapes(highest, minimum if end is None else end) if start is None else ()
    for done, shape in enumerate(shapes):
        coarse.append(descend(min(_COARSE, knots), lambda x, shape=shape: shape(x)))  # type: ignore[misc]
        if progress is not None:
            progress(done + 1, len(shapes) + 1, "descents")
    coarse.sort(key=lambda one: one.loss)
    if start is None:
        at, values = coarse[0].grid.step, coarse[0].values
    else:
        at, values = np.arange(first, steps), start.lr[first:]
    place = (at - first) / max(steps - 1 - first, 1)
    best = descend(knots, lambda x: np.interp(x, place, values))
    if coarse and coarse[0].loss < best.loss:
        best = coarse[0]
    if progress is not None:
        progress(len(shapes) + 1, len(shapes) + 1, "descents")
    lr = best.grid.rates(best.values)
    return OptimizedSchedule(
        schedule=Schedule(lr, warmup if past is None else past.warmup),
        loss=best.loss,
        knots=tuple(zip(best.grid.step.tolist(), lr[best.grid.step].tolist(), strict=True)),
        starts=tuple(one.loss for one in coarse) or (best.loss,),
        converged=best.converged,
    )


@dataclass(frozen=True)
class _Descent:
    grid: KnotGrid
    values: FloatArray
    loss: float
    converged: bool


def _descend(
    final: FinalLoss,
    grid: KnotGrid,
    guess: Callable[[FloatArray], FloatArray],
    peak: tuple[float, float],
    end: float | None,
    minimum: float,
    falling: bool,
) -> _Descent:
    """SLSQP over w = (rate / highest peak)^0.5 at the knots, w_i >= w_{i+1} where `falling`."""
    highest, count = peak[1], grid.step.size
    low = np.full(count, (minimum / highest) ** _EXPONENT)
    high = np.ones(count)
    low[0] = (peak[0] / highest) ** _EXPONENT
    if end is not None:
        low[:] = np.maximum(low, (end / highest) ** _EXPONENT)
        high[-1] = low[-1]
    fall = np.eye(count - 1, count) - np.eye(count - 1, count, 1)
    place = (grid.step - grid.step[0]) / max(grid.step[-1] - grid.step[0], 1)
    begin = np.clip((guess(place) / highest) ** _EXPONENT, low, high)
    begin = np.maximum(np.minimum.accumulate(begin), low)
    unit = abs(final(grid.rates(highest * begin ** (1 / _EXPONENT)))[0]) * 1e-3
    if not np.isfinite(unit) or unit == 0:
        raise FitError("the final loss of the starting schedule is not finite: check the rates")

    def objective(w: FloatArray) -> tuple[float, FloatArray]:
        w = np.clip(w, low, high)
        values = highest * w ** (1 / _EXPONENT)
        loss, gradient = final(grid.rates(values))
        return loss / unit, grid.gather(gradient) * values / (w * _EXPONENT) / unit

    result = minimize(
        objective,
        begin,
        jac=True,
        method="SLSQP",
        bounds=list(zip(low, high, strict=True)),
        constraints=[{"type": "ineq", "fun": lambda w: fall @ w, "jac": lambda w: fall}]
        if falling
        else [],
        options={"maxiter": 300, "ftol": 1e-8},
    )
    w = np.clip(result.x, low, high)
    if falling:
        w = np.clip(np.minimum.accumulate(w), low, high)
    values = highest * w ** (1 / _EXPONENT)
    return _Descent(grid, values, final(grid.rates(values))[0], bool(result.success))


def _shapes(highest: float, lowest: float) -> Sequence[Callable[[FloatArray], FloatArray]]:
    """Starting schedules over the place x from 0 to 1: linear, late linear, and a convex decay."""
    drop = highest - lowest
    return (
        lambda x: highest - drop * x,
        lambda x: highest - drop * np.clip((x - 0.6) / 0.4, 0, 1),
        lambda x: lowest + drop * (1 - x) ** 2,
    )


def _peak_range(
    peak: float | tuple[float, float], past: Schedule | None, past_steps: int, minimum: float
) -> tuple[float, float]:
    if past is None:
        return peak if isinstance(peak, tuple) else (peak, peak)
    if not past.warmup <= past_steps <= past.steps or past_steps < 1:
        raise FitError(
            f"the run's past must end after its warmup ({past.warmup} updates) and inside its "
            f"schedule ({past.steps} updates), got step {past_steps}"
        )
    return minimum, float(past.lr[past_steps - 1])


def _check(
    steps: int,
    first: int,
    highest: float,
    end: float | None,
    minimum: float,
    knots: int,
    past: Schedule | None,
) -> None:
    if knots < 3:
        raise FitError(f"at least 3 knots are needed to shape a schedule, got {knots}")
    if first < 0 or steps - first < 3:
        what = "the past" if past is not None else "the warmup"
        raise FitError(
            f"{steps} steps leave {max(steps - first, 0)} updates after {what} of {first}: give "
            "more steps" + ("" if past is not None else ", or a shorter warmup")
        )
    if not 0 < minimum < highest:
        raise FitError(
            f"the smallest rate must lie between 0 and the peak {highest:g}, got {minimum:g}"
        )
    if end is not None and not minimum <= end <= highest:
        raise FitError(
            f"the final rate must lie between the smallest rate {minimum:g} and the peak "
            f"{highest:g}, got {end:g}"
        )
