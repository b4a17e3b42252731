"""Convex bounds of a schedule: what theory says of it before any run.

For (sub)gradient descent on a convex function, with steps η_1 … η_t, gradient norms at most G_k and
a start within D of a minimiser, the last iterate is within

    Ω_t = D²/(2 Σ_{1..t} η) + Σ_{1..t} η²G²/(2 Σ_{1..t} η)
          + ½ Σ_{k=1..t-1} η_k/Σ_{k+1..t} η · Σ_{k..t} η²G²/Σ_{k..t} η

of the minimum (Defazio et al. 2023, arXiv:2310.07831, Theorem 10; Schaipp et al. 2025,
arXiv:2501.18965, Theorem 1). Since η_k/((S_t-S_k)(S_t-S_{k-1})) = 1/(S_t-S_k) - 1/(S_t-S_{k-1}),
summation by parts turns it into one sum of positive terms, in which nothing cancels:

    Ω_t = ½ · [ D²/S_t + η_t G_t² + Σ_{k<t} η_k² G_k² / (S_t - S_k) ]        S_t = Σ_{1..t} η

It is +inf where S_t = 0, and where a positive rate is followed only by zeros up to t; both are
where η_t = 0. Under the rates γ·η it is ½ (a/γ + γ b), a = D²/S_t and b the rest of the bracket:
the best base rate is γ* = √(a/b), and the best bound √(ab).

Here t counts finished updates, 1 … T, as in the papers: Ω_t belongs to the update of index t - 1.
A schedule of T+1 steps whose last rate is 0 is judged at T.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mplfit.bounds.sums import exact_sums, fast_sums
from mplfit.errors import DataError, FitError, ScheduleError
from mplfit.schedule import cumulative
from mplfit.types import FloatArray, IntArray

__all__ = [
    "BestBase",
    "Terms",
    "average_bound",
    "average_bound_curve",
    "best_base",
    "best_base_curve",
    "bound",
    "bound_curve",
    "bound_gradient",
    "bound_terms",
    "last_positive",
]

Rates: TypeAlias = npt.ArrayLike
Norms: TypeAlias = npt.ArrayLike
"""A gradient norm for all steps, or one for each."""


class Terms(NamedTuple):
    """The paper's three terms: of the start, of the average iterate, and of the last one."""

    distance: float
    noise: float
    last: float


@dataclass(frozen=True)
class BestBase:
    """The factor on all rates that minimises the bound, and the bound there."""

    rate: float
    bound: float


def bound(lr: Rates, *, D: float = 1.0, G: Norms = 1.0, at: int | None = None) -> float:
    """Ω_t, the bound on the loss of the last iterate after t updates; O(t).

    Parameters
    ----------
    lr : (T,) rates.
    D : distance of the start from a minimiser, > 0.
    G : gradient norm, or the (T,) norms of every update.
    at : the number t of updates, 1 … T; T where None.

    Raises
    ------
    ScheduleError, DataError, FitError
        If rates, norms, distance or t cannot be used.

    Examples
    --------
    >>> from mplfit.bounds import bound
    >>> bound([1.0, 1.0])  # ½ (1/2 + 1 + 1)
    1.25
    """
    lr, D, energy, t = _checked(lr, D, G, at)
    a, b = _parts(lr, D, energy, t)
    return 0.5 * (a + b)


def bound_curve(lr: Rates, *, D: float = 1.0, G: Norms = 1.0, exact: bool = False) -> FloatArray:
    """(T,) Ω_t of every t = 1 … T, in linear work; `exact` sums plainly, in quadratic work.

    >>> from mplfit.bounds import bound_curve
    >>> bound_curve([0.0, 1.0, 1.0, 0.0]).tolist()
    [inf, 1.0, 1.25, inf]
    """
    lr, D, energy, _ = _checked(lr, D, G, None)
    a, b = _part_curves(lr, D, energy, exact)
    curve: FloatArray = 0.5 * (a + b)
    return curve


def bound_terms(lr: Rates, *, D: float = 1.0, G: Norms = 1.0, at: int | None = None) -> Terms:
    """The three terms of Ω_t as published; their sum equals `bound`. O(t).

    For a constant rate γ they are D²/(2γt), γG²/2 and (γ/2)·G²·(1 + 1/2 + … + 1/(t-1)).

    >>> from mplfit.bounds import bound_terms
    >>> bound_terms([0.5, 0.5, 0.5])
    Terms(distance=0.3333333333333333, noise=0.25, last=0.375)
    """
    lr, D, energy, t = _checked(lr, D, G, at)
    rates = lr[:t]
    remaining = cumulative(rates[::-1])[::-1]  # Σ_{k..t} η
    noise = cumulative(energy[:t][::-1])[::-1]
    if rates[-1] == 0:
        start = 0.5 * D**2 / remaining[0] if remaining[0] > 0 else np.inf
        return Terms(float(start), float(0.5 * noise[0] / max(remaining[0], 1e-300)), np.inf)
    last = np.sum(rates[:-1] / remaining[1:] * noise[:-1] / remaining[:-1])
    total = remaining[0]
    return Terms(float(D**2 / (2 * total)), float(noise[0] / (2 * total)), float(0.5 * last))


def average_bound(lr: Rates, *, D: float = 1.0, G: Norms = 1.0, at: int | None = None) -> float:
    """The standard rate: (D² + Σ η²G²) / (2 Σ η), of the average iterate after t updates.

    >>> from mplfit.bounds import average_bound
    >>> average_bound([0.5, 0.5, 0.5])
    0.5833333333333334
    """
    lr, D, energy, t = _checked(lr, D, G, at)
    return float(_average_curve(lr[:t], D, energy[:t])[-1])


def average_bound_curve(lr: Rates, *, D: float = 1.0, G: Norms = 1.0) -> FloatArray:
    """(T,) the standard rate after every t = 1 … T updates; +inf before the first positive rate.

    >>> from mplfit.bounds import average_bound_curve
    >>> average_bound_curve([0.0, 1.0, 1.0]).tolist()
    [inf, 1.0, 0.75]
    """
    lr, D, energy, _ = _checked(lr, D, G, None)
    return _average_curve(lr, D, energy)


def best_base(
    lr: Rates,
    *,
    D: float = 1.0,
    G: Norms = 1.0,
    at: int | None = None,
    average: bool = False,
) -> BestBase:
    """The factor γ on all rates that minimises Ω_t, and the least Ω_t: √(a/b) and √(ab).

    With `average`, of the standard rate instead: D/√(Σ η²G²) and D·√(Σ η²G²)/Σ η. For rates whose
    peak is 1 the factor is the best peak rate.

    >>> from mplfit.bounds import best_base
    >>> from mplfit.schedule import linear
    >>> best = best_base(linear(400, 1.0).lr)
    >>> round(best.rate, 7), round(best.bound, 7)
    (0.0495631, 0.1006299)
    """
    lr, D, energy, t = _checked(lr, D, G, at)
    if average:
        total, noise = lr[:t].sum(), energy[:t].sum()
        a, b = (D**2 / total, noise / total) if total > 0 else (np.inf, np.inf)
    else:
        a, b = _parts(lr, D, energy, t)
    rate, least = _best(np.array([a]), np.array([b]))
    return BestBase(float(rate[0]), float(least[0]))


def best_base_curve(
    lr: Rates, *, D: float = 1.0, G: Norms = 1.0, exact: bool = False
) -> tuple[FloatArray, FloatArray]:
    """The best factor and the least bound for every horizon t = 1 … T: two (T,) arrays.

    Where the bound is +inf whatever the factor, the factor is NaN.

    >>> from mplfit.bounds import best_base_curve
    >>> best_base_curve([1.0, 1.0])[0].round(6).tolist()
    [1.0, 0.5]
    """
    lr, D, energy, _ = _checked(lr, D, G, None)
    return _best(*_part_curves(lr, D, energy, exact))


def bound_gradient(lr: Rates, *, D: float = 1.0, G: Norms = 1.0) -> tuple[float, FloatArray]:
    """Ω_T and its derivative in the rate of every update, by prefix and suffix sums; O(T).

    Raises
    ------
    ScheduleError
        Where the last rate is 0: the bound is infinite there.

    Examples
    --------
    >>> from mplfit.bounds import bound_gradient
    >>> bound_gradient([1.0, 1.0])
    (1.25, array([ 0.875, -0.125]))
    """
    lr, D, energy, t = _checked(lr, D, G, None)
    if lr[-1] == 0:
        raise ScheduleError(
            "the bound of a schedule whose last rate is 0 is infinite and has no gradient: drop "
            f"the zeros at its end (the last positive rate is that of step {last_positive(lr) - 1})"
        )
    ahead = cumulative(lr[::-1])[::-1]  # Σ_{k..T} η
    norm2 = np.broadcast_to(np.asarray(G, dtype=np.float64) ** 2, lr.shape)
    share = energy[:-1] / ahead[1:]
    slope = np.full(t, -(D**2) / ahead[0] ** 2)
    slope[-1] += norm2[-1]
    slope[:-1] += 2 * lr[:-1] * norm2[:-1] / ahead[1:]
    slope[1:] -= np.cumsum(share / ahead[1:])
    value = 0.5 * (D**2 / ahead[0] + lr[-1] * norm2[-1] + share.sum())
    return float(value), 0.5 * slope


def last_positive(lr: Rates) -> int:
    """The number of updates up to the last positive rate: where the bound is to be judged.

    >>> from mplfit.bounds import last_positive
    >>> last_positive([1.0, 0.5, 0.0])
    2
    """
    return int(np.flatnonzero(np.asarray(lr))[-1]) + 1


def _checked(
    lr: Rates, D: float, G: Norms, at: int | None
) -> tuple[FloatArray, float, FloatArray, int]:
    """Rates, distance, η²G² and t, refused in a sentence where they make no bound."""
    rates = np.asarray(lr, dtype=np.float64)
    if rates.ndim != 1 or rates.size == 0:
        raise ScheduleError(
            f"a bound needs a 1-D array with a rate for each update, got shape {rates.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(rates) | (rates < 0))
    if bad.size:
        raise ScheduleError(
            f"learning rates must be finite and not negative: the rate of step {bad[0]} is "
            f"{rates[bad[0]]:g}"
        )
    if not rates.any():
        raise ScheduleError(
            f"all {rates.size} learning rates are 0, so that every bound is infinite: give at "
            "least one positive rate"
        )
    t = rates.size if at is None else at
    if t != int(t) or not 1 <= t <= rates.size:
        raise ScheduleError(
            f"a bound after {t} updates was asked for, but the schedule has {rates.size}: expected "
            f"a whole number from 1 to {rates.size}"
        )
    if not (np.isfinite(D) and D > 0):
        raise FitError(f"the distance D to the minimum must be positive and finite, got {D:g}")
    return rates, float(D), (rates * _norms(G, rates.size)) ** 2, int(t)


def _norms(G: Norms, steps: int) -> FloatArray:
    norms = np.asarray(G, dtype=np.float64)
    if norms.ndim and norms.shape != (steps,):
        raise DataError(
            f"gradient norms must be one number, or one for each of the {steps} updates: got shape "
            f"{norms.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(norms) | (norms < 0))
    if bad.size:
        where = f" of step {bad[0]}" if norms.ndim else ""
        raise DataError(
            f"gradient norms must be finite and not negative: the one{where} is "
            f"{norms.ravel()[bad[0]]:g} (fill gaps in a log before it is used)"
        )
    if not norms.any():
        raise DataError("all gradient norms are 0: the bound then says nothing; give positive ones")
    return norms


def _parts(lr: FloatArray, D: float, energy: FloatArray, t: int) -> tuple[float, float]:
    """a = D²/S_t and b, the rest of the bracket, at one t; differences summed from the rates."""
    if lr[t - 1] == 0:
        return np.inf, np.inf
    ahead = cumulative(lr[:t][::-1])[::-1]  # Σ_{k..t} η, so that S_t - S_k = ahead[k + 1]
    b = energy[t - 1] / lr[t - 1] + np.sum(energy[: t - 1] / ahead[1:])
    return float(D**2 / ahead[0]), float(b)


def _part_curves(
    lr: FloatArray, D: float, energy: FloatArray, exact: bool
) -> tuple[FloatArray, FloatArray]:
    """a and b at every t; both +inf where the rate is 0."""
    step: IntArray = np.arange(lr.size)
    sums = (exact_sums if exact else fast_sums)(lr, energy[None, :], step)[0]
    moving = lr > 0
    a, b = np.full(lr.size, np.inf), np.full(lr.size, np.inf)
    a[moving] = D**2 / cumulative(lr)[moving]
    b[moving] = sums[moving] + energy[moving] / lr[moving]
    return a, b


def _average_curve(lr: FloatArray, D: float, energy: FloatArray) -> FloatArray:
    S = cumulative(lr)
    curve = np.full(lr.size, np.inf)
    np.divide(D**2 + cumulative(energy), 2 * S, out=curve, where=S > 0)
    return curve


def _best(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """√(a/b) and √(ab); where every norm so far is 0, any rate improves: inf and 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(a / b), np.sqrt(a * b)
