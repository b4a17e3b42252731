"""Runs of one schedule: how far two of them differ, as a constant factor in loss.

    ln L_i(t) = ln L(t) + d_i + noise

Two runs are replicates for as long as their schedules agree: to the end, or up to where one of them
decays. A run that branched off another one has its rows, and counts as the same run. The
differences d_i - d_j are means over the later half of the rows that two runs have at the same
steps (early on, two runs differ by more); the effects d_i, whose mean over replicates is 0, are
their least-squares solution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mplfit.curve import Curve
from mplfit.types import FloatArray, IntArray

__all__ = ["Replicates", "RunEffects", "run_effects"]

_LEAST = 8  # rows in common: fewer say little of a constant factor
_EQUAL = 1e-9  # rates that differ by less, relative to the peak, are one


@dataclass(frozen=True)
class RunEffects:
    """How far the runs of one schedule differ.

    effects : (N,) d by curve, in ln loss; 0 where a curve has no replicate.
    sd : their standard deviation, less what the noise of the rows adds; 0 without replicates.
    degrees : how many independent differences it was measured on.
    """

    effects: FloatArray
    sd: float
    degrees: int


@dataclass(frozen=True)
class Replicates:
    """Some curves compared two by two, once: what the run effects of any of them follow from.

    count : of the curves.
    branches : places of two curves that are one run.
    apart : of two replicates, by their places: the rows compared, the mean of their differences,
        and the variance that it has from the rows' noise.
    """

    count: int
    branches: tuple[tuple[int, int], ...]
    apart: Mapping[tuple[int, int], tuple[int, float, float]]

    @classmethod
    def of(cls, curves: Sequence[Curve]) -> Replicates:
        """Compare curves."""
        branches: list[tuple[int, int]] = []
        apart: dict[tuple[int, int], tuple[int, float, float]] = {}
        for i, j in combinations(range(len(curves)), 2):
            difference = _difference(curves[i], curves[j])
            if difference.size and difference[0] == 0 and curves[i].shares(curves[j]).any():
                branches.append((i, j))
            elif difference.size >= _LEAST:
                late = difference[difference.size // 2 :]
                apart[i, j] = late.size, float(late.mean()), float(late.var() / late.size)
        return cls(len(curves), tuple(branches), apart)

    def of_curves(self, chosen: Sequence[int]) -> Replicates:
        """Those of some of the curves alone, by their places."""
        places = {k: at for at, k in enumerate(chosen)}
        return Replicates(
            len(places),
            tuple((places[i], places[j]) for i, j in self.branches if {i, j} <= places.keys()),
            {
                (places[i], places[j]): measured
                for (i, j), measured in self.apart.items()
                if {i, j} <= places.keys()
            },
        )

    def effects(self) -> RunEffects:
        """The run effects."""
        run = list(range(self.count))  # the run that each curve is of
        for i, j in self.branches:
            run = [run[i] if other == run[j] else other for other in run]
        longest: dict[tuple[int, int], tuple[int, float, float]] = {}
        for (i, j), (size, mean, noise) in self.apart.items():
            a, b = run[i], run[j]
            key = (min(a, b), max(a, b))
            # Curves that branched off one run repeat its rows: the longest comparison is surest.
            if a != b and (key not in longest or size > longest[key][0]):
                longest[key] = size, mean if a < b else -mean, noise
        return _solved(np.array(run), longest)


def run_effects(curves: Sequence[Curve]) -> RunEffects:
    """The run effects of some curves.

    >>> import numpy as np
    >>> from mplfit import Curve, schedule
    >>> plan, step = schedule.cosine(1000, 1e-3, warmup=10), np.arange(100, 1000, 10)
    >>> loss = 2 + 9 / step
    >>> found = run_effects([Curve("a", step, loss, plan), Curve("b", step, 1.01 * loss, plan)])
    >>> found.effects.round(4).tolist(), round(found.sd, 4), found.degrees
    ([-0.005, 0.005], 0.007, 1)
    """
    return Replicates.of(curves).effects()


def _difference(one: Curve, other: Curve) -> FloatArray:
    """Of ln loss, at the steps after the warmup that both runs have under one schedule."""
    length = min(one.schedule.steps, other.schedule.steps)
    mine, theirs = one.schedule.lr[:length], other.schedule.lr[:length]
    unequal = np.abs(mine - theirs) > _EQUAL * one.schedule.peak
    agree = int(np.argmax(unequal)) if unequal.any() else length
    first = max(one.schedule.warmup, other.schedule.warmup)
    if agree <= first:
        return np.zeros(0)
    step, at, there = np.intersect1d(one.step, other.step, assume_unique=True, return_indices=True)
    kept = (step >= first) & (step < agree)
    ratio: FloatArray = np.log(one.loss[at[kept]] / other.loss[there[kept]])
    return ratio


def _solved(run: IntArray, pairs: Mapping[tuple[int, int], tuple[int, float, float]]) -> RunEffects:
    """The effects by curve, from the differences between runs."""
    effects = np.zeros(run.size)
    if not pairs:
        return RunEffects(effects, 0.0, 0)
    names = sorted({name for pair in pairs for name in pair})
    place = {name: k for k, name in enumerate(names)}
    signs = np.zeros((len(pairs), len(names)))
    for row, (a, b) in enumerate(pairs):
        signs[row, place[a]], signs[row, place[b]] = 1.0, -1.0
    _, means, noise = np.array(list(pairs.values())).T
    # The least solution has the mean 0 over runs that are compared with each other.
    own, _, degrees, _ = np.linalg.lstsq(signs, means, rcond=None)
    variance = float(np.sum(own**2)) / int(degrees)
    left = max(0.0, variance - float(noise.mean()) / 2)
    share = left / variance if variance > 0 else 0.0
    for name, k in place.items():
        effects[run == name] = share * own[k]
    return RunEffects(effects, float(np.sqrt(left)), int(degrees))
