"""The constant-rate power law: the loss falls as a power of the cumulative learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mplfit.curve import Curve
from mplfit.laws.base import Law, Parameter, Predictor, ascending, check_params, power_term, scales
from mplfit.schedule import Schedule, cumulative
from mplfit.types import FloatArray, IntArray

__all__ = ["OnePowerLaw"]


@dataclass(frozen=True)
class OnePowerLaw(Law):
    """L(t) = L0 + A · S_t^-alpha, blind to when the rate was what.

    The first two terms of the Multi-Power Law (Luo et al. 2025, arXiv:2503.12811), all that runs
    at a constant rate can determine. S_t is the cumulative learning rate, the warmup's included.

    >>> import numpy as np
    >>> from mplfit.laws import get_law
    >>> from mplfit.schedule import constant
    >>> get_law("onepower").at(constant(100, 1e-2), np.array([99])).loss(np.array([2.0, 1.0, 0.5]))
    array([3.])
    """

    key = "onepower"
    title = "constant-rate power law"
    at_constant_rate = None
    parameters = (
        Parameter("L0", "loss at infinite training", linear=True),
        Parameter("A", "size of the power term", linear=True),
        Parameter("alpha", "its exponent"),
    )

    def box(self, curves: Sequence[Curve]) -> tuple[FloatArray, FloatArray]:
        size = scales(curves)
        low = np.array([1e-3 * size.loss_min, 1e-4 * size.loss_min, 0.01])
        # A·S^-alpha at the largest S may not exceed the largest loss.
        high = np.array([size.loss_max, size.loss_max * max(1.0, size.S_max) ** 3, 3.0])
        return low, high

    def at(self, schedule: Schedule, step: IntArray, *, exact: bool = False) -> Predictor:
        step = ascending(schedule, step)
        return _AtSteps(self, cumulative(schedule.lr)[step])

    def final(self, params: FloatArray, lr: FloatArray) -> float:
        return self.final_gradient(params, lr)[0]

    def final_gradient(self, params: FloatArray, lr: FloatArray) -> tuple[float, FloatArray]:
        L0, A, alpha = check_params(self, params)
        S = float(lr.sum())
        return L0 + A * S**-alpha, np.full(lr.size, -alpha * A * S ** (-alpha - 1))


@dataclass(frozen=True)
class _AtSteps:
    law: OnePowerLaw
    S: FloatArray

    def loss(self, params: FloatArray) -> FloatArray:
        return self.loss_and_gradient(params)[0]

    def loss_and_gradient(self, params: FloatArray) -> tuple[FloatArray, FloatArray]:
        L0, A, alpha = check_params(self.law, params)
        term, in_A, in_alpha = power_term(self.S, A, alpha)
        return L0 + term, np.column_stack([np.ones_like(self.S), in_A, in_alpha])
