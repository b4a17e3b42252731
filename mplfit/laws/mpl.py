"""The Multi-Power Law (Luo et al. 2025, arXiv:2503.12811), with its published parameters.

    L(t)  = L0 + A · S_t^-alpha - LD(t)
    LD(t) = B · Σ_{k=1..t} (η_{k-1} - η_k) · [1 - (1 + C · η_k^-gamma · (S_t - S_{k-1}))^-beta]

With c_k = η_k^gamma / C the power is (c_k / d)^beta, d = (S_t - S_{k-1}) + c_k, and since the
changes of the rate telescope,

    LD(t) = B · [(η_0 - η_t) - V(t)],    V(t) = Σ_k (η_{k-1} - η_k) c_k^beta d^-beta

V is a causal power-law sum (`mplfit.powersum`). Where η_k = 0 the bracket is 1 as soon as some
rate followed and 0 before: such a k has no term in V, and η_t above is the last positive rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mplfit.curve import Curve
from mplfit.errors import FitError
from mplfit.laws.base import Law, Parameter, Predictor, ascending, check_params, power_term, scales
from mplfit.powersum import exact as exact_sums
from mplfit.powersum import fast as fast_sums
from mplfit.powersum.terms import LOG, PLAIN, STEEP
from mplfit.schedule import Schedule, cumulative
from mplfit.types import FloatArray, IntArray

__all__ = ["PRINTED", "PUBLISHED", "MultiPowerLaw"]

PUBLISHED: dict[str, tuple[float, ...]] = {
    "25": (3.04045406, 0.52468604, 0.50786857, 363.78751622, 2.06560812, 0.58279013, 0.64142257),
    "100": (2.6514477, 0.60115152, 0.45295811, 437.9464276, 2.13245612, 0.59785199, 0.65523644),
    "400": (2.37474466, 0.65421216, 0.42878731, 523.42464371, 2.02462735, 0.59350493, 0.63472457),
}
"""L0 A alpha B C beta gamma of the released fits, by model size in millions of parameters."""

PRINTED: dict[str, float] = {"25": 3.1497, "100": 2.7941, "400": 2.5332}
"""Final losses that the release's optimizer prints, for its schedules of 24000 updates. It leaves
the warmup's rises out of the drop, which the published fits have in it: about B · peak."""

# Below this exponent of e, c^(beta+1) leaves the range of normal numbers; its bracket is then 1.
_SMALLEST = -700.0


@dataclass(frozen=True)
class MultiPowerLaw(Law):
    """L0 + A·S^-alpha - B·Σ Δη·[1 - (1 + C·η^-gamma·(S_t - S_{k-1}))^-beta]; see the module.

    The sum runs over every change of the rate, the rises of the warmup included, and S_t includes
    the warmup, as the published parameters assume. Infinite before the first positive rate.

    >>> import numpy as np
    >>> from mplfit.laws import get_law
    >>> from mplfit.laws.mpl import PUBLISHED
    >>> from mplfit.schedule import cosine
    >>> run = cosine(24000, 3e-4, 3e-5, warmup=2160)
    >>> get_law("mpl").at(run, np.array([23920])).loss(np.array(PUBLISHED["400"])).round(4)
    array([2.7572])
    """

    key = "mpl"
    title = "Multi-Power Law"
    parameters = (
        Parameter("L0", "loss at infinite training", linear=True),
        Parameter("A", "size of the power term", linear=True),
        Parameter("alpha", "exponent of the power term"),
        Parameter("B", "size of the loss drop", linear=True),
        Parameter("C", "speed of the drop", prior=(math.log(2.0), 1.0)),
        Parameter("beta", "exponent of the drop", prior=(math.log(0.6), 1.0)),
        Parameter("gamma", "exponent of the rate in the drop's speed", prior=(math.log(0.64), 1.0)),
    )

    def box(self, curves: Sequence[Curve]) -> tuple[FloatArray, FloatArray]:
        size = scales(curves)
        most = size.loss_max
        low = [1e-3 * size.loss_min, 1e-4 * most, 0.01, 1e-3 * most / size.peak, 1e-3, 0.01, 0.01]
        high = [most, most * max(1.0, size.S_max) ** 3, 3.0, 1e2 * most / size.peak, 1e5, 5.0, 2.0]
        return np.array(low), np.array(high)

    def at(self, schedule: Schedule, step: IntArray, *, exact: bool = False) -> Predictor:
        step = ascending(schedule, step)
        lr, S = schedule.lr, cumulative(schedule.lr)
        drop = lr[:-1] - lr[1:]
        changes = np.flatnonzero((drop != 0) & (lr[1:] > 0)) + 1
        last_positive = np.maximum.accumulate(np.where(lr > 0, np.arange(lr.size), 0))
        return _AtSteps(
            law=self,
            S=S[step],
            credit=lr[0] - lr[last_positive[step]],
            count=np.searchsorted(changes, step, side="right"),
            position=S[changes - 1],
            log_rate=np.log(lr[changes]),
            drop=drop[changes - 1],
            exact=exact,
        )

    def final(self, params: FloatArray, lr: FloatArray, warmup: int = 0) -> float:
        """As `Law.final`; changes of the rate within the first `warmup` updates are left out."""
        L0, A, alpha, B, C, beta, gamma = check_params(self, params)
        ahead = np.cumsum(lr[::-1])[::-1]  # S_T - S_{k-1}
        drop = lr[:-1] - lr[1:]
        some = (drop != 0) & (np.arange(1, lr.size) >= warmup)
        rate, distance = lr[1:][some], ahead[1:][some]
        with np.errstate(divide="ignore", invalid="ignore"):
            unspent = np.exp(-beta * np.log1p(C * rate**-gamma * distance))
        unspent[distance == 0] = 1.0
        return float(L0 + A * ahead[0] ** -alpha - B * np.sum(drop[some] * (1 - unspent)))

    def final_gradient(self, params: FloatArray, lr: FloatArray) -> tuple[float, FloatArray]:
        """See `Law.final_gradient`.

        Raises
        ------
        FitError
            Where a rate after the first is 0: the derivative there is infinite.
        """
        L0, A, alpha, B, C, beta, gamma = check_params(self, params)
        if not np.all(lr[1:] > 0):
            step = int(np.flatnonzero(lr[1:] <= 0)[0]) + 1
            raise FitError(
                f"the Multi-Power Law has no finite derivative where the rate is 0 (step {step}): "
                "give a smallest rate above 0, such as 1e-10"
            )
        ahead = np.cumsum(lr[::-1])[::-1]
        drop = lr[:-1] - lr[1:]
        speed = C * lr[1:] ** -gamma
        reach = 1 + speed * ahead[1:]
        unspent = reach**-beta
        bracket = 1 - unspent
        in_ahead = drop * beta * unspent / reach * speed  # derivative of each term in S_T - S_k-1
        gain = np.zeros(lr.size)
        gain[:-1] += bracket  # η_{k-1} of the charge
        gain[1:] += np.cumsum(in_ahead) - bracket - in_ahead * gamma * ahead[1:] / lr[1:]
        loss = L0 + A * ahead[0] ** -alpha - B * np.sum(drop * bracket)
        return float(loss), -alpha * A * ahead[0] ** (-alpha - 1) - B * gain


@dataclass(frozen=True)
class _AtSteps:
    law: MultiPowerLaw
    S: FloatArray  # at each target
    credit: FloatArray  # η_0 - η_t at each target
    count: IntArray  # changes of the rate up to each target
    position: FloatArray  # S before each change
    log_rate: FloatArray  # ln η after each change
    drop: FloatArray  # η_{k-1} - η_k
    exact: bool

    def loss(self, params: FloatArray) -> FloatArray:
        L0, A, alpha, B, C, beta, gamma = check_params(self.law, params)
        log_c = gamma * self.log_rate - np.log(C)
        unspent = self._sums(log_c, beta, ((0, PLAIN),))[0]
        loss: FloatArray = L0 + power_term(self.S, A, alpha)[0] - B * (self.credit - unspent)
        return loss

    def loss_and_gradient(self, params: FloatArray) -> tuple[FloatArray, FloatArray]:
        L0, A, alpha, B, C, beta, gamma = check_params(self.law, params)
        log_c = gamma * self.log_rate - np.log(C)
        unspent, with_log, in_p, steep, steep_with_log = self._sums(
            log_c, beta, ((0, PLAIN), (1, PLAIN), (0, LOG), (2, STEEP), (3, STEEP))
        )
        term, in_A, in_alpha = power_term(self.S, A, alpha)
        dropped = self.credit - unspent
        # ln c = gamma ln η - ln C enters through the charge c^beta and through the distance.
        in_beta = gamma * with_log - np.log(C) * unspent - in_p
        in_gamma = beta * (with_log - steep_with_log)
        in_C = -beta * (unspent - steep) / C
        gradient = [np.ones_like(term), in_A, in_alpha, -dropped]
        gradient += [B * in_C, B * in_beta, B * in_gamma]
        return L0 + term - B * dropped, np.column_stack(gradient)

    def _sums(
        self, log_c: FloatArray, beta: float, terms: tuple[tuple[int, int], ...]
    ) -> FloatArray:
        """Power sums with the charges Δη c^beta · (1, ln η, c, c ln η)."""
        count, position, log_rate, drop = self.count, self.position, self.log_rate, self.drop
        if log_c.size and (beta + 1) * log_c.min() <= _SMALLEST:
            alive = (beta + 1) * log_c > _SMALLEST
            count = np.concatenate([[0], np.cumsum(alive)])[count]
            position, log_rate = position[alive], log_rate[alive]
            drop, log_c = drop[alive], log_c[alive]
        c = np.exp(log_c)
        # In place: each fresh array of a long run costs more in page faults than its arithmetic.
        charges = np.empty((4 if len(terms) > 1 else 1, c.size))
        np.exp(np.multiply(beta, log_c, out=charges[0]), out=charges[0])
        charges[0] *= drop
        if len(terms) > 1:
            np.multiply(charges[0], log_rate, out=charges[1])
            np.multiply(charges[0], c, out=charges[2])
            np.multiply(charges[2], log_rate, out=charges[3])
        power_sums = exact_sums.power_sums if self.exact else fast_sums.power_sums
        return power_sums(self.S, count, position, c, charges, beta, terms)
