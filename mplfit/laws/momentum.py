"""The momentum law (Tissue, Wang & Wang 2024, arXiv:2408.11029)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mplfit.compiled import kernel
from mplfit.curve import Curve
from mplfit.laws.base import Law, Parameter, Predictor, ascending, check_params, power_term, scales
from mplfit.schedule import Schedule, cumulative
from mplfit.types import FloatArray, IntArray

__all__ = ["MomentumLaw"]


@dataclass(frozen=True)
class MomentumLaw(Law):
    """L(t) = L0 + A·S1_t^-alpha - C·S2_t, with a memory of the rate's decrements.

    S1 is the cumulative learning rate and S2 = Σ_{i<=t} m_i the cumulative "momentum" of its
    changes, m_i = lambda·m_{i-1} + (η_{i-1} - η_i), m_0 = 0. lambda is fitted.

    >>> import numpy as np
    >>> from mplfit.laws import get_law
    >>> from mplfit.schedule import piecewise
    >>> run = piecewise([(0, 1.0), (1, 0.5)], 3)
    >>> get_law("momentum").at(run, np.array([2])).loss(np.array([1.0, 1.0, 1.0, 0.2, 0.5]))
    array([1.35])
    """

    key = "momentum"
    title = "momentum law"
    parameters = (
        Parameter("L0", "loss at infinite training", linear=True),
        Parameter("A", "size of the power term", linear=True),
        Parameter("alpha", "exponent of the power term"),
        Parameter("C", "size of the loss drop", linear=True),
        Parameter("lambda", "memory of the drop, per update", transform="log1m"),
    )

    def box(self, curves: Sequence[Curve]) -> tuple[FloatArray, FloatArray]:
        size = scales(curves)
        most = size.loss_max
        low = [1e-3 * size.loss_min, 1e-4 * most, 0.01, 1e-7 * most / size.peak, 0.5]
        high = [most, most * max(1.0, size.S_max) ** 3, 3.0, most / size.peak, 1 - 1e-6]
        return np.array(low), np.array(high)

    def at(self, schedule: Schedule, step: IntArray, *, exact: bool = False) -> Predictor:
        step = ascending(schedule, step)
        lr = schedule.lr
        return _AtSteps(self, cumulative(lr)[step], np.concatenate([[0.0], lr[:-1] - lr[1:]]), step)

    def final(self, params: FloatArray, lr: FloatArray) -> float:
        return self.final_gradient(params, lr)[0]

    def final_gradient(self, params: FloatArray, lr: FloatArray) -> tuple[float, FloatArray]:
        L0, A, alpha, C, memory = check_params(self, params)
        S = float(lr.sum())
        # S2 = Σ_k (η_{k-1} - η_k) · weight_k, weight_k = 1 + lambda + … + lambda^(T-1-k)
        weight = -np.expm1(np.arange(lr.size - 1, 0, -1) * np.log(memory)) / (1 - memory)
        gain = np.concatenate([weight, [0.0]]) - np.concatenate([[0.0], weight])
        loss = L0 + A * S**-alpha - C * np.sum((lr[:-1] - lr[1:]) * weight)
        return float(loss), -alpha * A * S ** (-alpha - 1) - C * gain


@dataclass(frozen=True)
class _AtSteps:
    law: MomentumLaw
    S: FloatArray
    drop: FloatArray
    step: IntArray

    def loss(self, params: FloatArray) -> FloatArray:
        return self.loss_and_gradient(params)[0]

    def loss_and_gradient(self, params: FloatArray) -> tuple[FloatArray, FloatArray]:
        L0, A, alpha, C, memory = check_params(self.law, params)
        S2, in_memory = _momentum_sums(self.drop, memory)
        S2, in_memory = S2[self.step], in_memory[self.step]
        term, in_A, in_alpha = power_term(self.S, A, alpha)
        gradient = np.column_stack([np.ones_like(term), in_A, in_alpha, -S2, -C * in_memory])
        return L0 + term - C * S2, gradient


@kernel
def _momentum_sums(drop: Any, memory: float) -> Any:
    """S2 after every update, and its derivative in lambda."""
    S2, in_memory = np.empty(len(drop)), np.empty(len(drop))
    m, dm, total, slope = 0.0, 0.0, 0.0, 0.0
    for i in range(len(drop)):
        dm = memory * dm + m
        m = memory * m + drop[i]
        total += m
        slope += dm
        S2[i], in_memory[i] = total, slope
    return S2, in_memory
