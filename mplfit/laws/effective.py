"""The effective-rate law, and the amplitude law: the same without a model of the weights' norm.

AdamW's updates act through the rate relative to the norm of the weights, and with weight decay λ
the norm relaxes toward a value that the rate sets. It is modelled, not logged. With e = η/η_ref
(η_ref: the largest training rate) and S_ref = 1e4,

    R²_t = (1 - 2λη_t) R²_{t-1} + 2λη_t²/η_ref,  R²_{-1} = rho     (R² → e at a constant rate)
    u_t = e_t / R_t,   S_t = Σ_{k<=t} u_k,   Z_t = Σ_{k<=t} e_k / R_k^(2 nu)
    L(t) = L0 + A (S_t/S_ref)^-alpha - B (S_t/S_ref)^-delta · drop(t)
    drop(t) = Σ_{k=1..t} (u_{k-1}^p - u_k^p) · [1 - (1 + (Z_t - Z_{k-1})/tau)^-beta]

The drop is credited for the change of u^p: at equal clocks the charges telescope, splitting a
change in two changes nothing, and the optimal schedule is well posed. As the charges sum to
u_0^p - u_t^p, drop(t) = u_0^p - u_t^p - tau^beta V(t), where V is a causal power-law sum
(`mplfit.powersum`) with positions Z_{k-1} and the offset tau. R² is linear in rho, R² = a + rho·b,
with a and b known from the schedule alone.

nu = 1, unless the training runs have three peak rates or more (`SEVERAL`): then it is a parameter.
With 1 a change of the rate takes equally many steps to tell at every rate; with more it takes more
steps at a higher one (1.5: 124M runs of Schaipp et al.; 1.9 to 2.7: `data/lab_peaks`). Runs of a
single rate say nothing of it. The exponent was found on the 124M runs, among nine ways to bend the
law, and tried on the runs of `data/lab_peaks`, which were made for that: tests/study.

λ = 0 and rho = 1 give R = 1, u = e and S = Z: the amplitude law.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from mplfit.compiled import kernel
from mplfit.curve import Curve
from mplfit.errors import FitError
from mplfit.laws.base import Law, Parameter, Predictor, ascending, check_params, scales
from mplfit.powersum import exact as exact_sums
from mplfit.powersum import fast as fast_sums
from mplfit.powersum.terms import LOG, PLAIN, STEEP
from mplfit.schedule import Schedule, cumulative
from mplfit.types import FloatArray, IntArray

__all__ = ["SEVERAL", "EffectiveLaw", "amplitude_law"]

SEVERAL = 3
"""From so many different peak rates among the training runs on, nu is a parameter."""

_S_REF = 1e4
_SAME = 1.05  # peak rates within this factor are one rate


def _shared(**priors: tuple[float, float]) -> tuple[Parameter, ...]:
    """The parameters that both laws have, with the priors of one of them."""
    shared = (
        Parameter("L0", "loss at infinite training", linear=True),
        Parameter("A", "size of the power term", linear=True),
        Parameter("alpha", "exponent of the power term"),
        Parameter("B", "size of the loss drop", linear=True),
        Parameter("tau", "clock time that the drop takes"),
        Parameter("beta", "exponent of the drop"),
        Parameter("delta", "exponent of the drop's fading", transform="none"),
        Parameter("p", "power of the rate in the drop's charges", transform="none", lowest=0.05),
    )
    return tuple(replace(one, prior=priors.get(one.name)) for one in shared)


# The mean of the effective law's prior, and of the amplitude law's, is that over eleven other
# families of runs (other model sizes, on two data sets; neither the released curves of Luo et al.
# nor the 124M runs of Schaipp et al.), whose standard deviations are .09 .07 .37 .19 .03 .02 .28;
# the widths are larger on purpose, and were chosen with the released curves in view. That of nu,
# which only fits to several peak rates have, was chosen on data/lab_peaks.
_EFFECTIVE = _shared(
    alpha=(-0.64, 0.3),
    B=(-1.16, 0.4),
    tau=(3.85, 1.0),
    beta=(-0.64, 0.5),
    delta=(0.07, 0.06),
    p=(0.80, 0.06),
)
_AMPLITUDE = _shared(
    alpha=(-0.45, 0.3),
    B=(-1.2, 0.4),
    tau=(3.2, 1.0),
    beta=(-0.55, 0.6),
    delta=(0.12, 0.1),
    p=(0.57, 0.1),
)
_RHO = Parameter("rho", "squared norm at the start over its equilibrium's", prior=(-1.55, 0.6))
_NU = Parameter(
    "nu", "power of the squared norm in the drop's clock", transform="none", prior=(1.0, 1.0)
)


@dataclass(frozen=True)
class EffectiveLaw(Law):
    """L0 + A s^-alpha - B s^-delta Σ Δ(u^p) [1 - (1 + ΔZ/tau)^-beta]; see the module.

    Eight parameters; nine with the norm; ten with the norm and several peak rates.

    Parameters
    ----------
    norm : whether the weights' norm is modelled; without it this is the amplitude law.
    eta_ref : the rate that others are relative to, the largest training rate.
    weight_decay : AdamW's λ of the runs.
    peak_rates : how many different peak rates the training runs have.

    >>> import numpy as np
    >>> from mplfit.laws import get_law
    >>> from mplfit.schedule import constant
    >>> law = get_law("amplitude", {"eta_ref": 1e-3})
    >>> params = np.array([2.0, 1.0, 0.5, 0.3, 30.0, 0.5, 0.1, 0.6])
    >>> law.at(constant(10000, 1e-3), np.array([9999])).loss(params)
    array([3.])
    """

    norm: bool = True
    eta_ref: float = 1.0
    weight_decay: float = 0.1
    peak_rates: int = 1

    @property
    def key(self) -> str:
        return "effective" if self.norm else "amplitude"

    @property
    def title(self) -> str:
        return "effective-rate law" if self.norm else "amplitude law"

    @property
    def default_prior(self) -> str:
        return "weak"

    @property
    def rival(self) -> str:
        return "amplitude" if self.norm else "effective"

    @property
    def has_best_peak(self) -> bool:
        return self.norm

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        if not self.norm:
            return _AMPLITUDE
        return (*_EFFECTIVE, _RHO, _NU) if self.bent else (*_EFFECTIVE, _RHO)

    @property
    def constants(self) -> Mapping[str, float]:
        known = {"eta_ref": self.eta_ref}
        if not self.norm:
            return known
        return {**known, "weight_decay": self.weight_decay, "peak_rates": self.peak_rates}

    def with_constants(self, constants: Mapping[str, float]) -> EffectiveLaw:
        unknown = sorted(set(constants) - set(self.constants))
        if unknown:
            raise FitError(f"the {self.title} has no constant {unknown[0]!r}")
        law = EffectiveLaw(
            self.norm,
            constants.get("eta_ref", self.eta_ref),
            constants.get("weight_decay", self.weight_decay),
            int(constants.get("peak_rates", self.peak_rates)),
        )
        if not (law.eta_ref > 0 and law.weight_decay >= 0):
            raise FitError(
                f"the {self.title} needs a positive reference rate and a weight decay of 0 or "
                f"more, got {law.eta_ref:g} and {law.weight_decay:g}"
            )
        return law

    def trained_on(self, curves: Sequence[Curve]) -> EffectiveLaw:
        known: dict[str, float] = {"eta_ref": scales(curves).peak}
        return self.with_constants({**known, "peak_rates": _rates(curves)} if self.norm else known)

    def box(self, curves: Sequence[Curve]) -> tuple[FloatArray, FloatArray]:
        size = scales(curves)
        most = size.loss_max
        low = [1e-3 * size.loss_min, 1e-4 * most, 0.01, 1e-4 * most, 0.1, 0.01, -0.5, 0.1]
        high = [most, 1e2 * most, 3.0, 1e2 * most, 1e5, 5.0, 1.0, 2.0]
        count = len(self.names)
        return np.array([*low, 1e-3, 0.25][:count]), np.array([*high, 1e3, 4.0][:count])

    def at(self, schedule: Schedule, step: IntArray, *, exact: bool = False) -> Predictor:
        step = ascending(schedule, step)
        return _AtSteps(self, schedule.lr / self.eta_ref, *self._norm(schedule.lr), step, exact)

    def final(self, params: FloatArray, lr: FloatArray) -> float:
        numbers = self._numbers(params)
        state = _clocks(lr / self.eta_ref, *self._norm(lr), numbers)
        return _final_loss(numbers, state)[0]

    def final_gradient(self, params: FloatArray, lr: FloatArray) -> tuple[float, FloatArray]:
        """See `Law.final_gradient`.

        Raises
        ------
        FitError
            Where a rate after the first is 0: the derivative of u^p there is infinite.
        """
        if not np.all(lr[1:] > 0):
            step = int(np.flatnonzero(lr[1:] <= 0)[0]) + 1
            raise FitError(
                f"the {self.title} has no finite derivative where the rate is 0 (step {step}): "
                "give a smallest rate above 0, such as 1e-10"
            )
        n = self._numbers(params)
        state = _clocks(lr / self.eta_ref, *self._norm(lr), n)
        loss, s, drop, ahead, bracket, charge = _final_loss(n, state)
        in_S = -n.alpha * n.A * s ** (-n.alpha - 1) + n.delta * n.B * s ** (-n.delta - 1) * drop
        in_drop = -n.B * s**-n.delta
        # The drop in every u (through its charges) and in every increment of Z (through D_k).
        in_power = np.zeros(lr.size)
        in_power[:-1] += bracket
        in_power[1:] -= bracket
        with np.errstate(divide="ignore", invalid="ignore"):
            in_u = np.where(state.u > 0, n.p * state.u ** (n.p - 1) * in_power, 0.0)
        slope = n.beta / n.tau * (1 + ahead / n.tau) ** (-n.beta - 1)
        in_z = np.concatenate([[0.0], np.cumsum(charge * slope)]) * in_drop
        in_u = in_S / _S_REF + in_drop * in_u
        root = np.sqrt(state.R2)
        in_e = in_u / root + in_z / state.R2**n.nu
        in_R2 = -0.5 * in_u * state.e / (root * state.R2) - in_z * n.nu * state.z / state.R2
        through = _norm_adjoint(lr, state.R2, in_R2, n.rho, self.eta_ref, self._decay)
        return loss, in_e / self.eta_ref + through

    @property
    def bent(self) -> bool:
        """Whether nu is a parameter."""
        return self.peak_rates >= SEVERAL

    @property
    def _decay(self) -> float:
        return self.weight_decay if self.norm else 0.0

    def _norm(self, lr: FloatArray) -> tuple[FloatArray, FloatArray]:
        """a and b of R² = a + rho·b."""
        if 2 * self._decay * lr.max() >= 1:
            raise FitError(
                f"a rate of {lr.max():g} with the weight decay {self._decay:g} would turn weights "
                "over in one update: is the weight decay (--weight-decay) right?"
            )
        a, b = _norm_recurrence(lr, self.eta_ref, self._decay)
        return a, b

    def _numbers(self, params: FloatArray) -> _Numbers:
        numbers = _Numbers(*check_params(self, params).tolist())
        if not numbers.p > 0:
            raise FitError(
                f"p = {numbers.p:g} is not a parameter of {self.key}: it must be positive"
            )
        return numbers


def amplitude_law() -> EffectiveLaw:
    """The law without a model of the weights' norm."""
    return EffectiveLaw(norm=False)


class _Numbers(NamedTuple):
    """The parameters by name; those that a law has not are 1."""

    L0: float
    A: float
    alpha: float
    B: float
    tau: float
    beta: float
    delta: float
    p: float
    rho: float = 1.0
    nu: float = 1.0


class _Clocks(NamedTuple):
    """The rates, the norms and what each step adds to the clocks S and Z."""

    e: FloatArray
    R2: FloatArray
    u: FloatArray
    z: FloatArray


def _clocks(e: FloatArray, a: FloatArray, b: FloatArray, n: _Numbers) -> _Clocks:
    R2 = a + n.rho * b
    return _Clocks(e, R2, e / np.sqrt(R2), e / R2**n.nu)


def _rates(curves: Sequence[Curve]) -> int:
    """How many different peak rates curves have, up to their last rows."""
    peaks = np.sort([scales([curve]).peak for curve in curves])
    return 1 + int(np.sum(peaks[1:] > _SAME * peaks[:-1]))


def _final_loss(
    n: _Numbers, state: _Clocks
) -> tuple[float, float, float, FloatArray, FloatArray, FloatArray]:
    """The loss after the last update; S/S_ref, the drop; each change's Z_T - Z_{k-1}, bracket and
    charge."""
    s = float(state.u.sum()) / _S_REF
    ahead = np.cumsum(state.z[::-1])[::-1][1:]
    bracket = -np.expm1(-n.beta * np.log1p(ahead / n.tau))
    power = state.u**n.p
    charge = power[:-1] - power[1:]
    drop = float(charge @ bracket)
    loss = n.L0 + n.A * s**-n.alpha - n.B * s**-n.delta * drop
    return loss, s, drop, ahead, bracket, charge


@dataclass(frozen=True)
class _AtSteps:
    law: EffectiveLaw
    e: FloatArray
    a: FloatArray
    b: FloatArray
    step: IntArray
    exact: bool

    def loss(self, params: FloatArray) -> FloatArray:
        return self._predict(params, gradient=False)[0]

    def loss_and_gradient(self, params: FloatArray) -> tuple[FloatArray, FloatArray]:
        loss, gradient = self._predict(params, gradient=True)
        return loss, np.column_stack(gradient[: len(self.law.names)])

    def _predict(self, params: FloatArray, gradient: bool) -> tuple[FloatArray, list[FloatArray]]:
        n, at = self.law._numbers(params), self.step
        _, R2, u, z = _clocks(self.e, self.a, self.b, n)
        Z, power = cumulative(z), u**n.p
        s = cumulative(u)[at] / _S_REF
        charges = [power[:-1] - power[1:]]
        terms: tuple[tuple[int, int], ...] = ((0, PLAIN),)
        if gradient:
            with np.errstate(divide="ignore", invalid="ignore"):
                in_p = np.where(u > 0, power * np.log(u), 0.0)
            relative = self.b / R2  # -2 d ln u / d rho
            in_rho = -0.5 * n.p * power * relative
            Z_rho = -n.nu * np.cumsum(z * relative)
            charges += [in_p[:-1] - in_p[1:], in_rho[:-1] - in_rho[1:], charges[0] * Z_rho[:-1]]
            terms = ((0, PLAIN), (0, LOG), (0, STEEP), (1, PLAIN), (2, PLAIN), (3, STEEP))
            if self.law.bent:
                Z_nu = -np.cumsum(z * np.log(R2))
                charges.append(charges[0] * Z_nu[:-1])
                terms = (*terms, (4, STEEP))
        sums = (exact_sums if self.exact else fast_sums).power_sums(
            Z[at], at, Z[:-1], np.full(Z.size - 1, n.tau), np.array(charges), n.beta, terms
        )
        scale = n.tau**n.beta
        drop = power[0] - power[at] - scale * sums[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            fall, fade = n.A * s**-n.alpha, n.B * s**-n.delta
            loss = n.L0 + fall - np.where(drop == 0, 0.0, fade * drop)
        if not gradient:
            return loss, []
        V, V_log, V_steep, V_p, V_rho, V_steep_rho = sums[:6]
        drop_tau = -scale * n.beta * (V / n.tau - V_steep)
        drop_beta = -scale * (np.log(n.tau) * V - V_log)
        drop_p = in_p[0] - in_p[at] - scale * V_p
        moved = V_rho - n.beta * (Z_rho[at] * V_steep - V_steep_rho)
        drop_rho = in_rho[0] - in_rho[at] - scale * moved
        s_rho = -0.5 * np.cumsum(u * relative)[at] / _S_REF
        in_s = (-n.alpha * fall + n.delta * fade * drop) / s
        log_s = np.log(s)
        slopes = [
            np.ones_like(loss),
            fall / n.A,
            -fall * log_s,
            -fade * drop / n.B,
            -fade * drop_tau,
            -fade * drop_beta,
            fade * drop * log_s,
            -fade * drop_p,
            in_s * s_rho - fade * drop_rho,
        ]
        if self.law.bent:
            drop_nu = scale * n.beta * (Z_nu[at] * V_steep - sums[6])
            slopes.append(-fade * drop_nu)
        return loss, slopes


@kernel
def _norm_recurrence(lr: Any, eta_ref: float, decay: float) -> Any:
    """a and b of R²_t = a_t + rho b_t."""
    a, b = np.empty(len(lr)), np.empty(len(lr))
    last_a, last_b = 0.0, 1.0
    for t in range(len(lr)):
        keep = 1 - 2 * decay * lr[t]
        last_a = keep * last_a + 2 * decay * lr[t] * lr[t] / eta_ref
        last_b = keep * last_b
        a[t], b[t] = last_a, last_b
    return a, b


@kernel
def _norm_adjoint(lr: Any, R2: Any, in_R2: Any, rho: float, eta_ref: float, decay: float) -> Any:
    """The derivative in every rate of what depends on them through R² alone."""
    through = np.empty(len(lr))
    later = 0.0
    for t in range(len(lr) - 1, -1, -1):
        total = in_R2[t] + later
        before = R2[t - 1] if t > 0 else rho
        through[t] = total * 2 * decay * (2 * lr[t] / eta_ref - before)
        later = (1 - 2 * decay * lr[t]) * total
    return through
