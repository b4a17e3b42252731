"""How much the loss of a run differs from that of another seed: what every interval rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import chi2

from mplfit.sweeps.table import Setting
from mplfit.types import FloatArray, IntArray, MaybeNaN

__all__ = ["Noise", "noise_of"]

_NEAR = 2  # rates on each side of the lowest whose runs tell the noise
_ENOUGH = 8  # degrees of freedom below which settings share their noise
_PRIOR = 8.0  # degrees of freedom that the noise of the basin has at a single rate
_WILD = 9.0  # a rate whose variance is so many times the usual is unstable, and does not count


@dataclass(frozen=True)
class Noise:
    """The relative standard deviation of one run among runs that differ by their seed alone.

    relative : in the basin; NaN where nothing tells the noise. at : shape (m,), at each rate of the
    setting; rates that nearly diverge are noisier; 0 where nothing tells it.
    freedom : degrees of freedom; 0 where nothing tells it. source : where it comes from, in words.
    """

    relative: MaybeNaN
    at: FloatArray = field(metadata={"written": False})
    freedom: int
    source: str

    def means(self, error: FloatArray, draws: int, generator: np.random.Generator) -> FloatArray:
        """Errors of means with these standard errors, shape (draws, len(error)).

        Normal, times one factor a draw for not knowing the standard deviation: Student's t.
        """
        if not self.freedom:
            return np.zeros((draws, error.size))
        unknown = np.sqrt(self.freedom / generator.chisquare(self.freedom, (draws, 1)))
        drawn: FloatArray = generator.normal(size=(draws, error.size)) * error * unknown
        return drawn


def noise_of(groups: Sequence[Setting]) -> list[Noise]:
    """The noise of every setting, from the seeds at its lowest rate and two on each side.

    Rates there whose variance is more than 9 times the usual are unstable and left out. Settings
    with fewer than 8 degrees of freedom share what all tell, relative to the loss. The variance at
    a rate is the mean of its own and of the basin's, the latter counting for 8 degrees of freedom.
    Without any repeated run, the noise is what parabolas through the five rates around the lowest
    miss, over all settings: then the asymmetry of basins counts as noise, and intervals are wide.
    """
    cells = [_cells(group) for group in groups]
    own = [_pool(near, freedom) for near, freedom, _ in cells]
    shared = _pool(*(np.concatenate([cell[i] for cell in cells]) for i in (0, 1)))
    source = "repeated runs of all settings together"
    if not shared[1]:
        shared = _misfits(groups)
        source = "the misfit of parabolas, for no run is repeated" if shared[1] else "nothing"
    made = []
    for group, (spread, freedom), (_, _, variance) in zip(groups, own, cells, strict=True):
        alone = freedom >= _ENOUGH
        basin, degrees = (spread, freedom) if alone else shared
        k = np.maximum(group.count - 1, 0)
        at = np.sqrt((_PRIOR * basin**2 + k * variance) / (_PRIOR + k))
        told = "repeated runs of the setting" if alone else source
        made.append(Noise(basin if degrees else float("nan"), at, degrees, told))
    return made


def _cells(group: Setting) -> tuple[FloatArray, IntArray, FloatArray]:
    """Variances and their degrees of freedom at repeated rates near the lowest; and at all."""
    mean = np.where(group.usable, group.mean, 1.0)
    squares = np.bincount(
        group.rate, weights=(group.loss / mean[group.rate] - 1) ** 2, minlength=group.lr.size
    )
    variance = np.where(group.usable, squares / np.maximum(group.count - 1, 1), 0.0)
    near = _near(group)
    near = near[group.count[near] > 1]
    return variance[near], group.count[near] - 1, variance


def _near(group: Setting) -> IntArray:
    """The usable rates around the lowest, two on each side."""
    usable = np.flatnonzero(group.usable)
    if usable.size == 0:
        return usable
    at = int(group.mean[usable].argmin())
    return usable[max(0, at - _NEAR) : at + _NEAR + 1]


def _pool(variance: FloatArray, freedom: IntArray) -> tuple[float, int]:
    """The standard deviation of some rates together, without the unstable ones; and its freedom."""
    if variance.size == 0:
        return 0.0, 0
    usual = np.median(variance / (chi2.median(freedom) / freedom))
    kept = variance <= _WILD * usual
    total = int(freedom[kept].sum())
    return float(np.sqrt(np.sum(variance[kept] * freedom[kept]) / total)), total


def _misfits(groups: Sequence[Setting]) -> tuple[float, int]:
    total, freedom = 0.0, 0
    for group in groups:
        near = _near(group)
        if near.size > 3:
            x, y = np.log(group.lr[near]), group.mean[near] / group.mean[near].min()
            fitted = np.polyval(np.polyfit(x - x.mean(), y, 2), x - x.mean())
            total += float(np.sum((y - fitted) ** 2))
            freedom += near.size - 3
    return (float(np.sqrt(total / freedom)), freedom) if freedom else (0.0, 0)
