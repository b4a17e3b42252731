"""What a sweep says about transfer, in sentences that claim no more than it shows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from mplfit.sweeps.optimum import Optimum
from mplfit.sweeps.transfer import EVIDENT, Transfer

if TYPE_CHECKING:
    from mplfit.sweeps.analysis import Part

__all__ = ["headline", "sentences"]

_SERIES = 12  # moves of the best rate that are told, at most
_TOLD = 20  # series of settings that differ in one size, at most


def headline(part: Part) -> str:
    """One line: whether the best rate moves, and with which size."""
    moving = list(dict.fromkeys(t.slice.size for t in part.transfers if t.verdict == "moves"))
    if not part.transfers:
        return "there are no two settings to compare"
    if moving:
        return f"the best rate moves with {_and(moving)}"
    if not any(t.known for t in part.transfers):
        return "whether the best rate moves cannot be told: the noise of the runs is not known"
    still = list(dict.fromkeys(t.slice.size for t in part.transfers))
    settled = all(t.verdict == "stays" for t in part.transfers)
    doubt = "" if settled else ", but a move is not excluded"
    return f"no sign that the best rate moves with {_or(still)}{doubt}"


def sentences(part: Part) -> list[str]:
    """The grid optima, how firm they are, and slope and loss paid along every slice."""
    found = [optimum for optimum in part.optima if "no optimum" not in optimum.flags]
    tried = [optimum for optimum in found if "single rate" not in optimum.flags]
    said = _grid(tried, part) if len(tried) > 1 else []
    for optimum in found:
        if "single rate" in optimum.flags:
            runs = int(optimum.group.count.sum())
            said.append(
                f"{optimum.group.name}: all {runs} runs have the rate {optimum.grid_lr:.4g}, so "
                "that it says nothing about the best one."
            )
    for along in part.transfers[:_TOLD]:
        said += [_slope(along), _carried(along)]
    left = len(part.transfers) - _TOLD
    if left > 0:
        said.append(f"And {left} more such series of settings (--json has them).")
    return said


def _grid(tried: Sequence[Optimum], part: Part) -> list[str]:
    rates = {optimum.grid_lr for optimum in tried}
    steps = [optimum.step for optimum in tried]
    step = f"{min(steps):.2g}" + (f" to {max(steps):.2g}" if max(steps) > 1.05 * min(steps) else "")
    if len(rates) == 1:
        first = (
            f"The lowest loss on the grid is at the rate {tried[0].grid_lr:.4g} in all "
            f"{len(tried)} settings. The grid steps by a factor of {step}, so that smaller moves "
            "do not show on it."
        )
    elif len(part.transfers) == 1:
        first = (
            f"The rate of the lowest loss on the grid: {_series(part.transfers[0])}. The grid "
            f"steps by a factor of {step} there."
        )
    else:
        first = (
            f"The lowest loss on the grid is at rates from {min(rates):.4g} to {max(rates):.4g}; "
            f"the grid steps by a factor of {step} there."
        )
    runs = np.concatenate([optimum.group.count[optimum.group.usable] for optimum in tried])
    share = [100 * optimum.support for optimum in tried]
    many = f"{runs.min()}" + (f" to {runs.max()}" if runs.max() > runs.min() else "")
    second = (
        f"With {many} run{'s' if runs.max() > 1 else ''} a rate, a repeated sweep of a setting "
        f"would find the same rate lowest in {min(share):.0f} to {max(share):.0f} % of cases."
    )
    return [first, second] if tried[0].noise.freedom else [first]


def _slope(along: Transfer) -> str:
    size, values = along.slice.size, along.slice.values
    where = _where(along)
    if along.slope is None or along.drift is None:
        return f"{size}{where}: fewer than two optima lie inside their grids, so there is no slope."
    slope = f"slope {along.slope:+.2f} [{along.interval[0]:+.2f}, {along.interval[1]:+.2f}]"
    low, high = along.drift_interval
    drift = f"×{along.drift:.2g} [×{low:.2g}, ×{high:.2g}] from {values[0]:g} to {values[-1]:g}"
    if not along.known:
        return (
            f"{size}{where}: {slope}, {drift}, of the grid's resolution alone: no run is repeated, "
            "so that the noise is not known and the sweep does not settle whether the best rate "
            "moves."
        )
    if along.verdict == "moves":
        way = "falls" if along.slope < 0 else "rises"
        return f"{size}{where}: the best rate {way}, {slope}, {drift}."
    if along.verdict == "stays":
        return (
            f"{size}{where}: no sign that the best rate moves, {slope}, {drift}; slopes beyond "
            f"±{EVIDENT:g} are excluded."
        )
    return (
        f"{size}{where}: no sign that the best rate moves, but the sweep does not settle it: "
        f"{slope}, {drift}."
    )


def _carried(along: Transfer) -> str:
    size, values, cost = along.slice.size, along.slice.values, along.carried
    start = f"  The rate {cost.rate:.4g} of {size} {values[0]:g}, used at {values[-1]:g}, "
    low, high = cost.interval
    more = "at least " if cost.at_least else ""
    price = f"{more}{cost.paid:.4f} ({100 * cost.relative:.1f} %)"
    price += f" [{low:.4f}, {high:.4f}] in loss" if along.known else " in loss"
    if cost.used != cost.rate:
        return (
            f"{start}lies outside the rates tried there; even the nearest, {cost.used:.4g}, costs "
            f"{price}."
        )
    return f"{start}costs {price}."


def _series(along: Transfer) -> str:
    """0.00243 at width 256; 0.00081 at 512 and 1024."""
    pairs = zip(along.grid, along.slice.values, strict=True)
    parts = []
    for rate, same in groupby(pairs, key=lambda pair: pair[0]):
        sizes = [f"{value:g}" for _, value in same]
        where = _and(sizes) if len(sizes) < 7 else f"{sizes[0]} to {sizes[-1]}"
        parts.append(f"{rate:.4g} at {where}")
    if len(parts) > _SERIES:
        parts = [*parts[: _SERIES // 2], "…", *parts[-_SERIES // 2 :]]
    return f"along {along.slice.size}, " + "; ".join(parts)


def _where(along: Transfer) -> str:
    fixed = ", ".join(f"{name}={value:g}" for name, value in along.fixed.items())
    return f" (at {fixed})" if fixed else ""


def _and(words: Sequence[str], last: str = "and") -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _or(words: Sequence[str]) -> str:
    return _and(words, "or")
