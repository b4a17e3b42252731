"""Which small run to add next, in FLOPs, so that the losses at a size become surer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mplfit.curve import RunSize
from mplfit.errors import FitError
from mplfit.results import Result
from mplfit.sizes.checks import level_sd
from mplfit.sizes.frontier import PER_TOKEN
from mplfit.sizes.predictions import tokens_at
from mplfit.sizes.result import Sizes
from mplfit.sizes.usual import usual_schedules
from mplfit.types import Record

__all__ = ["NextRun", "SizeDesign", "design_sizes"]

_CANDIDATES = 16
_SMALLER = 4.0  # than the smallest size
_LARGEST = 0.75  # of the target
_TOKENS = 20.0  # a parameter, where no run tells tokens


@dataclass(frozen=True, eq=False)
class NextRun(Record):
    """A run to add: its size, tokens and cost, and the standard deviation at the target with it
    and with those before it.
    """

    size: str
    parameters: float
    tokens: float
    flops: float
    sd: float


@dataclass(frozen=True, eq=False, repr=False)
class SizeDesign(Result):
    """Runs to add, in order; each given the ones before it.

    target : the size that is to be known better.  sd : of a usual run's final loss there, now,
    relative.
    """

    SCHEMA: ClassVar[str] = "mplfit.size_design/1"

    target: str
    sd: float
    runs: tuple[NextRun, ...]


def design_sizes(
    law: Sizes,
    target: RunSize,
    *,
    runs: int = 3,
    budget: float | None = None,
    tokens_per_update: float | None = None,
    per_token: float = PER_TOKEN,
) -> SizeDesign:
    """The runs of smaller models that tell most of the losses at a size for each FLOP.

    Of the candidate sizes, the one comes first that lowers the logarithm of the standard deviation
    most for each FLOP among those that lower it by at least half as much as the best one; then the
    next, given the first. No loss need be known for that.

    Parameters
    ----------
    law : a law over sizes.
    target : the size whose losses are to be known better.
    runs : how many to choose.
    budget : FLOPs that one run may cost; any where None.
    tokens_per_update, per_token : as in `mplfit.sizes.frontier.frontier`.

    Raises
    ------
    FitError
        If the size is not known, or no candidate is within the budget.
    """
    if target.count is None:
        raise FitError("the size is not known: give its parameters, or its width and depth")
    each = tokens_at(law, tokens_per_update)
    grid = np.geomspace(
        law.sizes[0].parameters / _SMALLER, _LARGEST * target.count, _CANDIDATES
    ).tolist()
    costs = {N: _cost(law, N, each, per_token) for N in grid}
    allowed = [N for N in grid if budget is None or costs[N][1] <= budget]
    if not allowed:
        cheapest = min(cost for _, cost in costs.values())
        raise FitError(f"no run costs {budget:g} FLOPs or less: the smallest costs {cheapest:.3g}")
    chosen: list[RunSize] = []
    found = []
    now = before = level_sd(law, target)
    for _ in range(min(runs, len(allowed))):
        after = {N: level_sd(law, target, [*chosen, RunSize(parameters=N)]) for N in allowed}
        gains = {N: float(np.log(before / sd)) for N, sd in after.items()}
        good = [N for N, gain in gains.items() if gain >= 0.5 * max(gains.values())]
        best = max(good, key=lambda N: gains[N] / costs[N][1])
        tokens, flops = costs[best]
        size = RunSize(parameters=float(f"{best:.3g}"))
        found.append(NextRun(size.text, best, tokens, flops, after[best]))
        chosen.append(RunSize(parameters=best))
        allowed.remove(best)
        before = after[best]
    return SizeDesign(target.text, now, tuple(found))


def _cost(
    law: Sizes, parameters: float, each: float | None, per_token: float
) -> tuple[float, float]:
    """Tokens and FLOPs of a usual run: as long as the longest one, or 20 tokens a parameter."""
    steps = usual_schedules(law, RunSize(parameters=parameters))["wsdld"].steps
    tokens = steps * each if each is not None else _TOKENS * parameters
    return tokens, per_token * parameters * tokens
