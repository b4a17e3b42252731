"""The part of the law that sizes share, each schedule summed once, and its slopes in the shapes.

    L_i(t) = L0_i + A_i · f(t; shapes_i),   f = s^-alpha - b Σ Δ(u^p) [1 - (1 + ΔZ/tau)^-beta]

f depends on the schedule and the shapes alone. The shapes of a size differ little from the common
ones, so that f is taken to first order in the difference (in b, not ln b): then all sizes need only
the f of the common shapes and its derivatives, once for every schedule that is another one in the
law's units, however many sizes have run it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from mplfit.laws.base import Predictor, to_params, unknown_slopes
from mplfit.laws.effective import EffectiveLaw
from mplfit.schedule import Schedule
from mplfit.sizes.groups import SizeRuns
from mplfit.types import FloatArray, IntArray

__all__ = ["SHAPES", "SharedSums", "shape_and_slopes"]

SHAPES = ("alpha", "b", "tau", "beta", "p", "rho")
"""The parameters that sizes share, nearly."""

_LINEAR = 2  # L0 and A come before them in the law


@dataclass(frozen=True)
class _Shared:
    law: EffectiveLaw
    predictor: Predictor
    rows: slice


def shape_and_slopes(
    law: EffectiveLaw, predictor: Predictor, shapes: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(J,) f and its (J, 6) derivatives in the unknowns of the shapes."""
    params = to_params(law, np.concatenate([np.zeros(_LINEAR), shapes]))  # L0 = A = 1
    loss, gradient = predictor.loss_and_gradient(params)
    slopes: FloatArray = gradient[:, _LINEAR:] * unknown_slopes(law, params)[_LINEAR:]
    return loss - params[0], slopes


class SharedSums:
    """f and its slopes at the rows of all sizes, from one evaluation for each schedule.

    laws : of each size, in its units.
    log_loss : of each size, (n_i,).  rows : of each size, where its rows are among the shared ones.
    """

    def __init__(self, groups: Sequence[SizeRuns], laws: Sequence[EffectiveLaw]) -> None:
        needed: dict[tuple[object, ...], tuple[EffectiveLaw, Schedule, set[int]]] = {}
        keys = []
        for group, law in zip(groups, laws, strict=True):
            for curve in group.curves:
                key = _key(law, curve.schedule)
                needed.setdefault(key, (law, curve.schedule, set()))[2].update(curve.step.tolist())
                keys.append(key)
        places: dict[tuple[object, ...], tuple[int, IntArray]] = {}
        self._parts: list[_Shared] = []
        size = 0
        for key, (law, schedule, steps) in needed.items():
            step = np.array(sorted(steps), dtype=np.int64)
            places[key] = (size, step)
            rows = slice(size, size + step.size)
            self._parts.append(_Shared(law, law.at(schedule, step), rows))
            size += step.size
        self.size = size
        found = iter(keys)
        self.rows: list[IntArray] = []
        self.log_loss: list[FloatArray] = []
        for group in groups:
            own = [(curve, *places[next(found)]) for curve in group.curves]
            at = [first + np.searchsorted(step, curve.step) for curve, first, step in own]
            self.rows.append(np.concatenate(at))
            self.log_loss.append(np.log(np.concatenate([curve.loss for curve in group.curves])))

    @property
    def schedules(self) -> int:
        """How many different schedules are summed."""
        return len(self._parts)

    def __call__(self, shapes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """f and its slopes at all shared rows, on two threads: the sums need no interpreter."""
        f, slopes = np.empty(self.size), np.empty((self.size, len(SHAPES)))

        def one(part: _Shared) -> None:
            f[part.rows], slopes[part.rows] = shape_and_slopes(part.law, part.predictor, shapes)

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(one, self._parts))
        return f, slopes


def _key(law: EffectiveLaw, schedule: Schedule) -> tuple[object, ...]:
    """What f depends on beside the shapes: the rates and the time in the law's units."""
    relative = np.round(schedule.lr / law.eta_ref, 12)
    return relative.tobytes(), round(float(np.log(law.S_ref)), 9), law.weight_decay > 0
