"""What others would do with the same runs: laws of final losses that know no schedule.

- Chinchilla's form, L(N, D) = E + A N^-alpha + B D^-beta (Hoffmann et al. 2022, arXiv:2203.15556),
  fitted to the final losses of decayed runs by their Huber objective.
- Power laws: of each size in D, then of these in N, straight lines on log axes, extrapolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import minimize

from mplfit.curve import Curve
from mplfit.estimate.huber import DELTA, huber, huber_slope
from mplfit.sizes.groups import SizeRuns
from mplfit.types import FloatArray, Record

__all__ = ["Chinchilla", "FinalRow", "decayed_rows", "fit_chinchilla", "power_law"]

_DECAYED = 0.35  # a last rate below this share of the peak
_END = 0.98  # of the schedule: a last row before it is no final loss
_PARAMETERS = 5
_STARTS = tuple(product((0.0, 1.0), (5.0, 12.0), (5.0, 12.0), (0.25, 0.5), (0.25, 0.5)))


@dataclass(frozen=True)
class FinalRow:
    """The final loss of a decayed run: N, D (tokens, or updates where no run tells tokens)."""

    parameters: float
    data: float
    loss: float


@dataclass(frozen=True, eq=False)
class Chinchilla(Record):
    """L(N, D) = E + A N^-alpha + B D^-beta, and how many final losses it was fitted to."""

    E: float
    A: float
    alpha: float
    B: float
    beta: float
    rows: int

    def __call__(self, parameters: float, data: float) -> float:
        """The loss of a decayed run."""
        return float(self.E + self.A * parameters**-self.alpha + self.B * data**-self.beta)

    def best(self, flops: float, per_token: float = 6.0) -> tuple[float, float]:
        """N and D of the lowest loss where per_token · N · D = flops."""
        a, b = self.alpha, self.beta
        G = (a * self.A / (b * self.B)) ** (1 / (a + b))
        C = flops / per_token
        return float(G * C ** (b / (a + b))), float(C ** (a / (a + b)) / G)


def decayed_rows(groups: Sequence[SizeRuns]) -> list[FinalRow]:
    """The final losses of the runs that end decayed."""
    tokens = [group.size.tokens_per_update for group in groups]
    known = all(tokens)
    return [
        FinalRow(
            group.parameters,
            (int(curve.step[-1]) + 1) * ((each or 1.0) if known else 1.0),
            float(curve.loss[-1]),
        )
        for group, each in zip(groups, tokens, strict=True)
        for curve in group.curves
        if _is_decayed(curve)
    ]


def _is_decayed(curve: Curve) -> bool:
    lr, last = curve.schedule.lr, int(curve.step[-1])
    return bool(lr[last] <= _DECAYED * lr.max() and last + 1 >= _END * curve.schedule.steps)


def fit_chinchilla(rows: Sequence[FinalRow]) -> Chinchilla | None:
    """The lowest of descents from a grid; None for fewer than five rows, or one N or one D.

    >>> from mplfit.sizes.baselines import FinalRow, fit_chinchilla
    >>> rows = [FinalRow(N, D, 1.7 + 400 * N**-0.34 + 400 * D**-0.28)
    ...         for N in (1e7, 1e8, 1e9) for D in (1e9, 1e10, 1e11)]
    >>> round(fit_chinchilla(rows)(1e10, 1e12), 2)  # 1.7 + 400 · 1e10^-.34 + 400 · 1e12^-.28
    2.03
    """
    N = np.array([row.parameters for row in rows])
    D = np.array([row.data for row in rows])
    loss = np.array([row.loss for row in rows])
    if loss.size < _PARAMETERS or np.unique(N).size < 2 or np.unique(D).size < 2:
        return None
    terms = -np.log(N), -np.log(D)

    def value(unknowns: FloatArray) -> tuple[float, FloatArray]:
        e, a, b, alpha, beta = unknowns
        parts = np.array([np.full_like(loss, e), a + alpha * terms[0], b + beta * terms[1]])
        log = np.logaddexp.reduce(parts, axis=0)
        residual, share = np.log(loss) - log, np.exp(parts - log)
        slope = -huber_slope(residual) / DELTA**2
        into = share @ slope
        gradient = [*into, (share[1] * terms[0]) @ slope, (share[2] * terms[1]) @ slope]
        return float(huber(residual).sum()) / DELTA**2, np.array(gradient)

    box = [(-10.0, 5.0), (-10.0, 40.0), (-10.0, 40.0), (0.02, 2.0), (0.02, 2.0)]
    ends = [
        minimize(value, np.array(start), jac=True, method="L-BFGS-B", bounds=box)
        for start in _STARTS
    ]
    e, a, b, alpha, beta = min(ends, key=lambda end: float(end.fun)).x
    return Chinchilla(
        float(np.exp(e)), float(np.exp(a)), float(alpha), float(np.exp(b)), float(beta), loss.size
    )


def power_law(rows: Sequence[FinalRow], parameters: float, data: float) -> float | None:
    """The loss by lines of ln L in ln D for each size, and in ln N of what these say at D.

    A size with one final loss counts where its D is within 5 %. None where fewer than two sizes
    tell.
    """
    told: dict[float, float] = {}
    for N in sorted({row.parameters for row in rows}):
        own = [row for row in rows if row.parameters == N]
        D = np.log([row.data for row in own])
        y = np.log([row.loss for row in own])
        if np.ptp(D) > 0:
            told[N] = float(np.polyval(np.polyfit(D, y, 1), np.log(data)))
        elif abs(D[0] - np.log(data)) < 0.05:
            told[N] = float(y.mean())
    if len(told) < 2:
        return None
    n = np.log(list(told))
    return float(np.exp(np.polyval(np.polyfit(n, list(told.values()), 1), np.log(parameters))))
