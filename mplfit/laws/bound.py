"""The convex bound as a law: C + M · Ω_t, with gradient norms that change along the run.

Schaipp et al. 2025 (arXiv:2501.18965) lay the bound of `mplfit.bounds` over logged losses:

    L(t) = C + M · Ω_t,      Ω_t = ½ · [ 1/S_t + η_t G_t² + Σ_{k<t} η_k² G_k² / (S_t - S_k) ]
    G_t  = G1 · exp(A1 t) + G2 · t^A2 + B                 t = 1 … T, the update's number

The distance D is 1: it only scales M and the norms. The derivatives in the norms' parameters are
the same causal sums with other charges, Σ 2 η_k² G_k ∂G_k / (S_t - S_k), so that a loss with all
derivatives is one power-law sum of six rows. Where a log has the gradient norms themselves,
`LoggedNormBound` takes G_t = G · (logged norm) instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np

from mplfit.bounds.omega import bound, bound_gradient
from mplfit.bounds.sums import exact_sums, fast_sums
from mplfit.curve import Curve
from mplfit.errors import DataError, FitError
from mplfit.laws.base import Law, Parameter, Predictor, ascending, check_params, scales
from mplfit.schedule import Schedule, cumulative
from mplfit.types import FloatArray, IntArray

__all__ = ["BoundLaw", "LoggedNormBound"]

_LEVEL = Parameter("C", "loss where the bound is 0", linear=True)
_SIZE = Parameter("M", "size of the bound", linear=True)


class _Norms(Protocol):
    """G_t of every update and, row by row, its derivatives in the parameters after C and M."""

    def __call__(self, params: FloatArray) -> tuple[FloatArray, FloatArray]: ...


@dataclass(frozen=True)
class BoundLaw(Law):
    """C + M·Ω_t with G_t = G1·exp(A1·t) + G2·t^A2 + B; see the module.

    A1 and A2 may have either sign. The loss is infinite where the rate is 0.

    >>> import numpy as np
    >>> from mplfit.laws import get_law
    >>> from mplfit.schedule import constant
    >>> params = np.array([2.0, 1.0, 1e-9, 0.0, 1e-9, 0.0, 1.0])
    >>> get_law("bound").at(constant(2, 1.0), np.array([0, 1])).loss(params).round(6)
    array([3.  , 3.25])
    """

    at_constant_rate = None  # its terms do not need a change of the rate
    usually_compared = False  # it takes long, and its loss is infinite at a rate of 0
    key = "bound"
    title = "convex bound"
    parameters = (
        _LEVEL,
        _SIZE,
        Parameter("G1", "size of the gradient norm's exponential part"),
        Parameter("A1", "its rate, per update", transform="none"),
        Parameter("G2", "size of the gradient norm's power part"),
        Parameter("A2", "its exponent", transform="none"),
        Parameter("B", "constant part of the gradient norm"),
    )

    def box(self, curves: Sequence[Curve]) -> tuple[FloatArray, FloatArray]:
        size = scales(curves)
        T = float(max(int(curve.step[-1]) + 1 for curve in curves))
        most, S = size.loss_max, size.S_max
        G = 1 / (size.peak * np.sqrt(T))  # noise and distance then matter alike at the end
        low = [1e-3 * size.loss_min, 1e-6 * most * S, 1e-3 * G, -300 / T, 1e-3 * G / T, -1.0]
        high = [most, 1e2 * most * S, 1e3 * G, 2 / T, 1e2 * G * T, 1.0]
        return np.array([*low, 1e-3 * G]), np.array([*high, 1e2 * G])

    def at(self, schedule: Schedule, step: IntArray, *, exact: bool = False) -> Predictor:
        step = ascending(schedule, step)
        return _AtSteps(self, schedule.lr, step, partial(_formula, schedule.steps), exact)

    def final(self, params: FloatArray, lr: FloatArray) -> float:
        C, M, *_ = values = check_params(self, params)
        return float(C + M * bound(lr, G=_formula(lr.size, values)[0]))

    def final_gradient(self, params: FloatArray, lr: FloatArray) -> tuple[float, FloatArray]:
        C, M, *_ = values = check_params(self, params)
        omega, slope = bound_gradient(lr, G=_formula(lr.size, values)[0])
        return float(C + M * omega), M * slope


@dataclass(frozen=True)
class LoggedNormBound(Law):
    """C + M·Ω_t with G_t = G · (the gradient norm logged in update t).

    norms : for the schedule of every run, the (T,) norms of its updates, gaps filled. Not in the
    registry, since a schedule alone does not tell the norms of a run.
    """

    norms: Mapping[Schedule, FloatArray] = field(default_factory=dict)

    key = "bound"
    title = "convex bound with logged gradient norms"
    parameters = (_LEVEL, _SIZE, Parameter("G", "factor on the logged gradient norms"))

    def box(self, curves: Sequence[Curve]) -> tuple[FloatArray, FloatArray]:
        size = scales(curves)
        T = float(max(int(curve.step[-1]) + 1 for curve in curves))
        most, S = size.loss_max, size.S_max
        typical = float(np.median(np.concatenate([self._of(curve.schedule) for curve in curves])))
        G = 1 / (size.peak * np.sqrt(T) * typical)
        low = np.array([1e-3 * size.loss_min, 1e-6 * most * S, 1e-3 * G])
        return low, np.array([most, 1e2 * most * S, 1e3 * G])

    def at(self, schedule: Schedule, step: IntArray, *, exact: bool = False) -> Predictor:
        step = ascending(schedule, step)
        logged = self._of(schedule)
        return _AtSteps(self, schedule.lr, step, partial(_scaled, logged), exact)

    def final(self, params: FloatArray, lr: FloatArray) -> float:
        return self.final_gradient(params, lr)[0]

    def final_gradient(self, params: FloatArray, lr: FloatArray) -> tuple[float, FloatArray]:
        C, M, G = check_params(self, params)
        omega, slope = bound_gradient(lr, G=G * self._of(Schedule(lr)))
        return float(C + M * omega), M * slope

    def _of(self, schedule: Schedule) -> FloatArray:
        try:
            return self.norms[schedule]
        except KeyError:
            raise DataError(
                f"no gradient norms were logged for {schedule!r}: give the log of that run, or fit "
                "the law bound, which has a formula for them"
            ) from None


def _formula(steps: int, params: FloatArray) -> tuple[FloatArray, FloatArray]:
    """G1·exp(A1 t) + G2·t^A2 + B at t = 1 … T, and its derivatives in G1, A1, G2, A2, B."""
    _, _, G1, A1, G2, A2, B = params
    t = np.arange(1.0, steps + 1)
    fading, power = np.exp(A1 * t), t**A2
    parts = [fading, G1 * t * fading, power, G2 * np.log(t) * power, np.ones(steps)]
    return G1 * fading + G2 * power + B, np.array(parts)


def _scaled(logged: FloatArray, params: FloatArray) -> tuple[FloatArray, FloatArray]:
    """G · (logged norm), and its derivative in G."""
    return params[2] * logged, logged[None, :]


@dataclass(frozen=True)
class _AtSteps:
    law: Law
    lr: FloatArray
    step: IntArray
    norms: _Norms
    exact: bool

    def loss(self, params: FloatArray) -> FloatArray:
        C, M, *_ = values = check_params(self.law, params)
        G, _ = self.norms(values)
        noise = self._sums((self.lr * G)[None, :] ** 2)[0]
        loss: FloatArray = C + M * self._omega(noise, G)
        return loss

    def loss_and_gradient(self, params: FloatArray) -> tuple[FloatArray, FloatArray]:
        C, M, *_ = values = check_params(self.law, params)
        still = np.flatnonzero(self.lr[self.step] == 0)
        if still.size:
            raise FitError(
                f"the law bound is infinite at step {self.step[still[0]]}, where the rate is 0: "
                "drop the rows without a rate, or fit another law"
            )
        G, slopes = self.norms(values)
        charges = np.concatenate([G[None, :], 2 * slopes]) * (G * self.lr**2)
        noise, *in_norms = self._sums(charges)
        omega = self._omega(noise, G)
        now = self.lr[self.step] * 2 * G[self.step]
        columns = [np.ones_like(omega), omega]
        columns += [
            0.5 * M * (total + now * slope[self.step])
            for total, slope in zip(in_norms, slopes, strict=True)
        ]
        return C + M * omega, np.column_stack(columns)

    def _omega(self, noise: FloatArray, G: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            start = 1 / cumulative(self.lr)[self.step]
        omega: FloatArray = 0.5 * (start + self.lr[self.step] * G[self.step] ** 2 + noise)
        return omega

    def _sums(self, charges: FloatArray) -> FloatArray:
        return (exact_sums if self.exact else fast_sums)(self.lr, charges, self.step)
