"""The functional scaling law (Li et al. 2025, arXiv:2509.19189) at a fixed model size.

    L(t) = L0 + c1 S_t^-s - c2 drop(t)
    drop(t) = Σ_{k=1..t} (η_{k-1} - η_k) (c3 + S_k^-s) [1 - (1 + c4 (S_t - S_k))^-g]

The same causal power-law sum as the Multi-Power Law's, with one speed for all changes of the rate
and a charge that shrinks as training goes on: positions S_k, the offset 1/c4 and the exponent g.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mplfit.curve import Curve
from mplfit.laws.base import Law, Parameter, Predictor, ascending, check_params, power_term, scales
from mplfit.powersum import exact as exact_sums
from mplfit.powersum import fast as fast_sums
from mplfit.powersum.terms import LOG, PLAIN, STEEP
from mplfit.schedule import Schedule, cumulative
from mplfit.types import FloatArray, IntArray

__all__ = ["FunctionalLaw"]


@dataclass(frozen=True)
class FunctionalLaw(Law):
    """L0 + c1 S^-s - c2 Σ Δη (c3 + S_k^-s) [1 - (1 + c4 (S_t - S_k))^-g]; see the module.

    >>> import numpy as np
    >>> from mplfit.laws import get_law
    >>> from mplfit.schedule import constant
    >>> params = np.array([2.0, 1.0, 0.5, 10.0, 1.0, 1.0, 0.5])
    >>> get_law("fsl").at(constant(100, 1e-2), np.array([99])).loss(params)
    array([3.])
    """

    key = "fsl"
    title = "functional scaling law"
    parameters = (
        Parameter("L0", "loss at infinite training", linear=True),
        Parameter("c1", "size of the power term", linear=True),
        Parameter("s", "exponent of the power term"),
        Parameter("c2", "size of the loss drop", linear=True),
        Parameter("c3", "the drop's part that does not fade"),
        Parameter("c4", "speed of the drop"),
        Parameter("g", "exponent of the drop"),
    )

    def box(self, curves: Sequence[Curve]) -> tuple[FloatArray, FloatArray]:
        size = scales(curves)
        most = size.loss_max
        low = [1e-3 * size.loss_min, 1e-4 * most, 0.01, 1e-4 * most / size.peak, 1e-4, 1e-2, 0.01]
        high = [
            most,
            most * max(1.0, size.S_max) ** 3,
            3.0,
            1e2 * most / size.peak,
            1e3,
            1e2 / size.peak,
            5.0,
        ]
        return np.array(low), np.array(high)

    def at(self, schedule: Schedule, step: IntArray, *, exact: bool = False) -> Predictor:
        step = ascending(schedule, step)
        lr, S = schedule.lr, cumulative(schedule.lr)
        drop = lr[:-1] - lr[1:]
        # A change before any rate would meet S = 0; there is no loss to lower yet.
        changes = np.flatnonzero((drop != 0) & (S[1:] > 0)) + 1
        return _AtSteps(
            law=self,
            S=S[step],
            count=np.searchsorted(changes, step, side="right"),
            position=S[changes],
            drop=drop[changes - 1],
            exact=exact,
        )

    def final(self, params: FloatArray, lr: FloatArray) -> float:
        return self.final_gradient(params, lr)[0]

    def final_gradient(self, params: FloatArray, lr: FloatArray) -> tuple[float, FloatArray]:
        L0, c1, s, c2, c3, c4, g = check_params(self, params)
        S, ahead = np.cumsum(lr), np.cumsum(lr[::-1])[::-1]
        later = np.concatenate([ahead[2:], [0.0]])  # S_T - S_k for k = 1 … T-1
        drop = lr[:-1] - lr[1:]
        with np.errstate(divide="ignore"):
            fading = np.where(S[1:] > 0, S[1:] ** -s, 0.0)
            in_fading = np.where(S[1:] > 0, -s * S[1:] ** (-s - 1), 0.0)
        live = np.where(S[1:] > 0, drop, 0.0)
        bracket = 1 - (1 + c4 * later) ** -g
        speed = g * c4 * (1 + c4 * later) ** (-g - 1)
        size = np.where(S[1:] > 0, (c3 + fading) * bracket, 0.0)
        gain = np.zeros(lr.size)
        gain[:-1] += size
        gain[1:] -= size
        # η_m is in S_k for m <= k, and in S_T - S_k for m > k.
        within = np.cumsum((live * in_fading * bracket)[::-1])[::-1]
        gain += np.concatenate([within[:1], within])
        gain[2:] += np.cumsum(live * (c3 + fading) * speed)[:-1]
        loss = L0 + c1 * ahead[0] ** -s - c2 * np.sum(live * (c3 + fading) * bracket)
        return float(loss), -s * c1 * ahead[0] ** (-s - 1) - c2 * gain


@dataclass(frozen=True)
class _AtSteps:
    law: FunctionalLaw
    S: FloatArray  # at each target
    count: IntArray  # changes of the rate up to each target
    position: FloatArray  # S at each change
    drop: FloatArray  # η_{k-1} - η_k
    exact: bool

    def loss(self, params: FloatArray) -> FloatArray:
        return self.loss_and_gradient(params)[0]

    def loss_and_gradient(self, params: FloatArray) -> tuple[FloatArray, FloatArray]:
        L0, c1, s, c2, c3, c4, g = check_params(self.law, params)
        fading = self.position**-s
        log_fading = -fading * np.log(self.position)
        charges = self.drop * np.array([c3 + fading, np.ones_like(fading), log_fading])
        V, in_g, steep, V_c3, V_s = (exact_sums if self.exact else fast_sums).power_sums(
            self.S,
            self.count,
            self.position,
            np.full(self.position.size, 1 / c4),
            charges,
            g,
            ((0, PLAIN), (0, LOG), (0, STEEP), (1, PLAIN), (2, PLAIN)),
        )
        credit, credit_c3, credit_s = (
            np.concatenate([[0.0], np.cumsum(row)])[self.count] for row in charges
        )
        scale = c4**-g
        drop = credit - scale * V
        term, in_c1, in_s = power_term(self.S, c1, s)
        gradient = [
            np.ones_like(term),
            in_c1,
            in_s - c2 * (credit_s - scale * V_s),
            -drop,
            -c2 * (credit_c3 - scale * V_c3),
            -c2 * scale * g / c4 * (V - steep / c4),
            -c2 * scale * (np.log(c4) * V + in_g),
        ]
        return L0 + term - c2 * drop, np.column_stack(gradient)
