"""Tokens against parameters under a compute budget, every point at its own best schedule.

A run of D tokens at N parameters costs 6·N·D FLOPs. At each N the schedule is a warmup, a constant
rate and a linear cooldown to zero whose share of the run is the best one under the law; the best N
is where the final loss is lowest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy.optimize import minimize_scalar

from mplfit.assess.intervals import LEVELS
from mplfit.curve import RunSize
from mplfit.errors import FitError
from mplfit.laws.base import to_params
from mplfit.results import Result
from mplfit.schedule import Schedule, wsdld
from mplfit.sizes.baselines import Chinchilla
from mplfit.sizes.checks import far_warnings
from mplfit.sizes.result import Sizes
from mplfit.types import Record

__all__ = ["PER_TOKEN", "Budget", "Frontier", "frontier"]

PER_TOKEN = 6.0
"""FLOPs for one parameter and one token of training."""

_SIZES = 15  # of the grid in N
_SHORTEST, _LONGEST = 200, 1_000_000  # updates of a run that is considered
_SMALLER, _LARGER = 4.0, 30.0  # than the sizes with runs
_SHARES = (0.02, 0.9)


@dataclass(frozen=True, eq=False)
class Budget(Record):
    """The best run for a budget.

    parameters, tokens, steps : of it.  cooldown : the share of the run that its cooldown is.
    loss, interval : predicted, 95 %.  at_edge : whether a run beyond those that were considered may
    be better.  chinchilla : N and D of Chinchilla's form, and what the law says of the loss there,
    at that point's own best schedule; None without the form.
    """

    flops: float
    parameters: float
    tokens: float
    steps: int
    cooldown: float
    loss: float
    interval: tuple[float, float]
    at_edge: bool
    chinchilla: tuple[float, float, float | None] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Frontier(Result):
    """The best runs for some budgets, the smallest budget first."""

    SCHEMA: ClassVar[str] = "mplfit.frontier/1"

    budgets: tuple[Budget, ...]
    per_token: float
    tokens_per_update: float
    warnings: tuple[str, ...] = ()


def frontier(
    law: Sizes,
    budgets: Sequence[float],
    *,
    tokens_per_update: float,
    chinchilla: Chinchilla | None = None,
    per_token: float = PER_TOKEN,
) -> Frontier:
    """The compute-optimal run for each budget of FLOPs.

    Parameters
    ----------
    law : a law over sizes.
    budgets : FLOPs.
    tokens_per_update : of the runs; a run has D / tokens_per_update updates.
    chinchilla : the form of the same runs' final losses, to compare with; its D in tokens.
    per_token : FLOPs for one parameter and one token.

    Raises
    ------
    FitError
        If a budget pays for no run of 200 updates, or an argument is not positive.
    """
    if not (tokens_per_update > 0 and per_token > 0 and all(C > 0 for C in budgets)):
        raise FitError("budgets, tokens_per_update and per_token must be positive")
    warnings: list[str] = []
    found = []
    for C in sorted(budgets):
        best = _best(law, C, tokens_per_update, per_token)
        warnings += far_warnings(law, RunSize(parameters=best.parameters))
        theirs = None
        if chinchilla is not None:
            N, D = chinchilla.best(C, per_token)
            steps = round(D / tokens_per_update)
            loss = _at(law, N, steps)[0] if _SHORTEST <= steps <= _LONGEST else None
            theirs = (N, D, loss)
        found.append(replace(best, chinchilla=theirs))
    return Frontier(tuple(found), per_token, tokens_per_update, tuple(dict.fromkeys(warnings)))


def _best(law: Sizes, C: float, each: float, per_token: float) -> Budget:
    low = max(law.sizes[0].parameters / _SMALLER, C / (per_token * _LONGEST * each))
    high = min(law.largest * _LARGER, C / (per_token * _SHORTEST * each))
    if high <= low:
        raise FitError(
            f"a budget of {C:g} FLOPs pays for no run of {_SHORTEST} to {_LONGEST:,} updates of "
            f"{each:g} tokens at a size from {law.sizes[0].parameters / _SMALLER:.3g} to "
            f"{law.largest * _LARGER:.3g} parameters: give another"
        )

    def steps_at(n: float) -> int:
        return max(1, round(float(C / (per_token * np.exp(n) * each))))

    grid = np.linspace(np.log(low), np.log(high), _SIZES)
    losses = [_at(law, float(np.exp(n)), steps_at(n))[0] for n in grid]
    k = int(np.argmin(losses))
    ends = grid[max(0, k - 1)], grid[min(k + 1, _SIZES - 1)]
    refined = minimize_scalar(
        lambda n: _at(law, float(np.exp(n)), steps_at(n))[0],
        bounds=ends, method="bounded", options={"xatol": 0.02},
    )  # fmt: skip
    n = float(refined.x) if refined.fun < losses[k] else float(grid[k])
    N, steps = float(np.exp(n)), steps_at(n)
    loss, share, schedule = _at(law, N, steps)
    sd = law.final(RunSize(parameters=N), schedule).sd
    half = LEVELS[0.95] * sd
    return Budget(
        C, N, steps * each, steps, share, loss,
        (float(loss * np.exp(-half)), float(loss * np.exp(half))), k in (0, _SIZES - 1),
    )  # fmt: skip


def _at(law: Sizes, parameters: float, steps: int) -> tuple[float, float, Schedule]:
    """The lowest final loss over cooldowns, the cooldown's share, and the schedule."""
    size = RunSize(parameters=parameters)
    formula, params = (
        law.units.law(parameters),
        to_params(law.units.law(parameters), law.law_slopes(size)[0]),
    )
    peak, warmup = law.units.peak(parameters), min(law.data[0].warmup, steps // 10)

    def schedule(share: float) -> Schedule:
        return wsdld(steps, peak, decay=max(1, round(share * (steps - warmup))), warmup=warmup)

    best = minimize_scalar(
        lambda share: formula.final(params, schedule(share).lr),
        bounds=_SHARES, method="bounded", options={"xatol": 0.02},
    )  # fmt: skip
    return float(best.fun), float(best.x), schedule(float(best.x))
