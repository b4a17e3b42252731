"""The scale-free law of effective rates, and the amplitude law: the same without the weights' norm.

AdamW's updates act through the rate relative to the norm of the weights, and with weight decay λ
the norm relaxes toward a value that the rate sets, within 1/(2λη) updates. The norm is modelled,
not logged. With e = η/η_ref (η_ref: the largest training rate) and S_ref = 5/(2 λ η_ref), five of
those relaxation times,

    R²_t = (1 - 2λη_t) R²_{t-1} + 2λη_t e_t,  R²_{-1} = rho     (R² → e at a constant rate)
    u_t = e_t / R_t,  s_t = Σ_{k<=t} u_k / S_ref,  Z_t = Σ_{k<=t} e_k / R_k^(2 nu)
    L(t) = L0 + A · {s_t^-alpha - b · drop(t)}
    drop(t) = Σ_{k=1..t} (u_{k-1}^p - u_k^p) · [1 - (1 + (Z_t - Z_{k-1})/tau)^-beta]

Without weight decay S_ref is the longest training Σe, and the norm grows as that of random steps,
R²_t = rho + (5/S_ref) Σ_{k<=t} e_k². The norm held at 1 gives u = e: the amplitude law.

The drop is in units of A and time in the norm's own, so that the shape parameters (all but L0 and
A) hardly differ between models, data and rates: a prior learned on other people's runs
(`mplfit.laws.learned`) carries over. The drop is credited for the change of u^p: at equal clocks
the charges telescope, splitting a change in two changes nothing, and the optimal schedule is well
posed. As the charges sum to u_0^p - u_t^p, drop(t) = u_0^p - u_t^p - tau^beta V(t), where V is a
causal power-law sum (`mplfit.powersum`) with positions Z_{k-1} and the offset tau. R² is linear in
rho, R² = a + rho·c, with a and c known from the schedule alone.

nu = 1 and kB = 0, unless the training runs have three peak rates or more (`SEVERAL`): then they are
parameters, and b is b·(m_t/η_ref)^kB with m_t the largest rate of the run so far. With nu = 1 a
change of the rate takes equally many steps to tell at every rate; with more it takes more steps at
a higher one. Runs of a single rate say nothing of either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from mplfit.compiled import kernel
from mplfit.curve import Curve
from mplfit.errors import FitError
from mplfit.laws.base import Law, Parameter, Predictor, ascending, check_params, scales
from mplfit.laws.learned import PRIORS
from mplfit.powersum import exact as exact_sums
from mplfit.powersum import fast as fast_sums
from mplfit.powersum.terms import LOG, PLAIN, STEEP
from mplfit.schedule import Schedule, cumulative
from mplfit.types import FloatArray, IntArray

__all__ = ["SEVERAL", "AmplitudeLaw", "EffectiveLaw"]

SEVERAL = 3
"""From so many different peak rates among the training runs on, nu and kB are parameters."""

_SAME = 1.05  # peak rates within this factor are one rate
_RELAXATIONS = 5.0  # of the norm, in S_ref

_SHAPES = (
    Parameter("L0", "loss at infinite training", linear=True),
    Parameter("A", "size of the power term", linear=True),
    Parameter("alpha", "exponent of the power term"),
    Parameter("b", "size of the loss drop, relative to A"),
    Parameter("tau", "clock time that the drop takes"),
    Parameter("beta", "exponent of the drop"),
    Parameter("p", "power of the rate in the drop's charges", transform="none", lowest=0.05),
    Parameter("rho", "squared norm at the start over its equilibrium's"),
)
_SLOPES = (
    Parameter(
        "nu", "power of the squared norm in the drop's clock", transform="none", prior=(1.0, 1.0)
    ),
    Parameter("kB", "power of the peak rate in the drop's size", transform="none", prior=(0, 0.2)),
)
_BOX = {
    "alpha": (0.01, 3.0),
    "b": (1e-3, 1e2),
    "tau": (0.1, 1e5),
    "beta": (0.01, 5.0),
    "p": (0.1, 2.0),
    "rho": (1e-3, 1e3),
    "nu": (0.25, 4.0),
    "kB": (-2.0, 2.0),
}


def _with_prior(key: str, parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """The parameters with what other runs say of them."""
    learned = PRIORS[key]["all"]
    return tuple(
        replace(parameter, prior=learned.get(parameter.name, parameter.prior))
        for parameter in parameters
    )


@dataclass(frozen=True)
class EffectiveLaw(Law):
    """L0 + A {s^-alpha - b Σ Δ(u^p) [1 - (1 + ΔZ/tau)^-beta]}; see the module.

    Eight parameters; ten with several peak rates.

    Parameters
    ----------
    eta_ref : the rate that others are relative to, the largest training rate.
    weight_decay : AdamW's λ of the runs.
    longest : the longest training Σ η/η_ref, which is the unit of time where λ = 0.
    peak_rates : how many different peak rates the training runs have.

    >>> import numpy as np
    >>> from mplfit.laws import get_law
    >>> from mplfit.schedule import constant
    >>> law = get_law("amplitude", {"eta_ref": 1e-3, "longest": 1e4})
    >>> params = np.array([2.0, 1.0, 0.5, 1.5, 9.0, 0.2, 0.8])
    >>> law.at(constant(10000, 1e-3), np.array([9999])).loss(params)
    array([3.])
    """

    eta_ref: float = 1.0
    weight_decay: float = 0.1
    longest: float = 1e4
    peak_rates: int = 1

    key: ClassVar[str] = "effective"
    title: ClassVar[str] = "effective-rate law"
    default_prior: ClassVar[str] = "weak"
    rival: ClassVar[str] = "amplitude"
    has_best_peak: ClassVar[bool] = True
    _parameters: ClassVar[tuple[Parameter, ...]] = _with_prior("effective", _SHAPES + _SLOPES)
    _constants: ClassVar[tuple[str, ...]] = ("eta_ref", "weight_decay", "longest", "peak_rates")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self._parameters if self.several else self._parameters[: -len(_SLOPES)]

    @property
    def several(self) -> bool:
        """Whether nu and kB are parameters."""
        return self.peak_rates >= SEVERAL

    @property
    def constants(self) -> Mapping[str, float]:
        return {name: getattr(self, name) for name in self._constants}

    def with_constants(self, constants: Mapping[str, float]) -> Self:
        unknown = sorted(set(constants) - set(self._constants))
        if unknown:
            raise FitError(f"the {self.title} has no constant {unknown[0]!r}")
        known: Mapping[str, Any] = constants  # peak_rates is a whole number
        law = replace(self, **known)
        if not (law.eta_ref > 0 and law.longest > 0 and law.weight_decay >= 0):
            raise FitError(
                f"the {self.title} needs a positive reference rate, a positive longest time and a "
                f"weight decay of 0 or more, got {law.eta_ref:g}, {law.longest:g} and "
                f"{law.weight_decay:g}"
            )
        return law

    def trained_on(self, curves: Sequence[Curve]) -> Self:
        size = scales(curves)
        known = {
            "eta_ref": size.peak,
            "longest": size.S_max / size.peak,
            "peak_rates": _rates(curves),
        }
        return self.with_constants({k: v for k, v in known.items() if k in self._constants})

    def box(self, curves: Sequence[Curve]) -> tuple[FloatArray, FloatArray]:
        size = scales(curves)
        most = size.loss_max
        bounds = {"L0": (1e-3 * size.loss_min, most), "A": (1e-4 * most, 1e2 * most), **_BOX}
        low, high = np.array([bounds[name] for name in self.names]).T
        return low, high

    def at(self, schedule: Schedule, step: IntArray, *, exact: bool = False) -> Predictor:
        step, e = ascending(schedule, step), schedule.lr / self.eta_ref
        return _AtSteps(self, e, *self._norm(e), step, exact)

    def final(self, params: FloatArray, lr: FloatArray) -> float:
        n, e = self._numbers(params), lr / self.eta_ref
        return _final_loss(n, _clocks(e, *self._norm(e), n), self.S_ref).loss

    def final_gradient(self, params: FloatArray, lr: FloatArray) -> tuple[float, FloatArray]:
        """See `Law.final_gradient`. That in a first rate of 0, where warmups begin, is given as 0.

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
        n, e = self._numbers(params), lr / self.eta_ref
        clocks = _clocks(e, *self._norm(e), n)
        end = _final_loss(n, clocks, self.S_ref)
        in_S = -n.alpha * n.A * end.s ** (-n.alpha - 1) / self.S_ref
        in_drop = -n.A * end.lift
        # The drop in every u (through its charges) and in every increment of Z (through D_k).
        in_power = np.zeros(lr.size)
        in_power[:-1] += end.bracket
        in_power[1:] -= end.bracket
        with np.errstate(divide="ignore", invalid="ignore"):
            in_u = np.where(clocks.u > 0, n.p * clocks.u ** (n.p - 1) * in_power, 0.0)
        slope = n.beta / n.tau * (1 + end.ahead / n.tau) ** (-n.beta - 1)
        in_z = np.concatenate([[0.0], np.cumsum(end.charge * slope)]) * in_drop
        in_u = in_S + in_drop * in_u
        root = np.sqrt(clocks.R2)
        in_e = in_u / root + in_z / clocks.R2**n.nu
        in_R2 = -0.5 * in_u * e / (root * clocks.R2) - in_z * n.nu * clocks.z / clocks.R2
        in_e += _norm_adjoint(e, clocks.R2, in_R2, n.rho, self.norm_gain, self._decays)
        highest = e == e.max()  # a plateau shares what its height does
        in_e[highest] += in_drop * end.drop * n.kB / e.max() / highest.sum()
        return end.loss, in_e / self.eta_ref

    @property
    def S_ref(self) -> float:
        """The unit of time, in updates at η_ref."""
        if self._decays:
            return _RELAXATIONS / (2 * self.weight_decay * self.eta_ref)
        return self.longest

    @property
    def _decays(self) -> bool:
        return self.weight_decay > 0

    @property
    def norm_gain(self) -> float:
        """What an update at η_ref adds to R²: 2λη_ref, or its like where there is no decay."""
        return _RELAXATIONS / self.S_ref

    def _norm(self, e: FloatArray) -> tuple[FloatArray, FloatArray]:
        """a and c of R² = a + rho·c."""
        if self._decays and self.norm_gain * e.max() >= 1:
            raise FitError(
                f"a rate of {e.max() * self.eta_ref:g} with the weight decay {self.weight_decay:g} "
                "would turn weights over in one update: is the weight decay (weight_decay=) right?"
            )
        a, c = _norm_recurrence(e, self.norm_gain, self._decays)
        return a, c

    def _numbers(self, params: FloatArray) -> _Numbers:
        numbers = _Numbers(
            **dict(zip(self.names, check_params(self, params).tolist(), strict=True))
        )
        if not numbers.p > 0:
            raise FitError(
                f"p = {numbers.p:g} is not a parameter of {self.key}: it must be positive"
            )
        return numbers


@dataclass(frozen=True)
class AmplitudeLaw(EffectiveLaw):
    """The law with the norm held at 1: changes of the rate itself; see the module."""

    weight_decay: float = 0.0

    key: ClassVar[str] = "amplitude"
    title: ClassVar[str] = "amplitude law"
    rival: ClassVar[str] = "effective"
    has_best_peak: ClassVar[bool] = False
    _parameters: ClassVar[tuple[Parameter, ...]] = _with_prior("amplitude", _SHAPES[:-1])
    _constants: ClassVar[tuple[str, ...]] = ("eta_ref", "longest")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self._parameters

    @property
    def norm_gain(self) -> float:
        return 0.0


class _Numbers(NamedTuple):
    """The parameters by name; those that a law has not are as here."""

    L0: float
    A: float
    alpha: float
    b: float
    tau: float
    beta: float
    p: float
    rho: float = 1.0
    nu: float = 1.0
    kB: float = 0.0


class _Clocks(NamedTuple):
    """The rates, the norms and what each step adds to the clocks s S_ref and Z."""

    e: FloatArray
    R2: FloatArray
    u: FloatArray
    z: FloatArray


def _clocks(e: FloatArray, a: FloatArray, c: FloatArray, n: _Numbers) -> _Clocks:
    R2 = a + n.rho * c
    return _Clocks(e, R2, e / np.sqrt(R2), e / R2**n.nu)


def _rates(curves: Sequence[Curve]) -> int:
    """How many different peak rates curves have, up to their last rows."""
    peaks = np.sort([scales([curve]).peak for curve in curves])
    return 1 + int(np.sum(peaks[1:] > _SAME * peaks[:-1]))


class _Final(NamedTuple):
    """A final loss and what it is made of: its drop in units of A lift, and of every change of the
    rate Z_T - Z_{k-1}, the bracket and the charge."""

    loss: float
    s: float
    lift: float
    drop: float
    ahead: FloatArray
    bracket: FloatArray
    charge: FloatArray


def _final_loss(n: _Numbers, clocks: _Clocks, S_ref: float) -> _Final:
    # numpy's numbers: where a power overflows they are infinite, and Python's an OverflowError.
    s = np.float64(clocks.u.sum() / S_ref)
    lift = n.b * np.float64(clocks.e.max()) ** n.kB
    ahead = np.cumsum(clocks.z[::-1])[::-1][1:]
    bracket = -np.expm1(-n.beta * np.log1p(ahead / n.tau))
    power = clocks.u**n.p
    charge = power[:-1] - power[1:]
    drop = float(charge @ bracket)
    loss = n.L0 + n.A * (s**-n.alpha - lift * drop)
    return _Final(float(loss), s, lift, drop, ahead, bracket, charge)


@dataclass(frozen=True)
class _AtSteps:
    law: EffectiveLaw
    e: FloatArray
    a: FloatArray
    c: FloatArray
    step: IntArray
    exact: bool

    def loss(self, params: FloatArray) -> FloatArray:
        return self._predict(params, gradient=False)[0]

    def loss_and_gradient(self, params: FloatArray) -> tuple[FloatArray, FloatArray]:
        loss, slopes = self._predict(params, gradient=True)
        return loss, np.column_stack([slopes[name] for name in self.law.names])

    def _predict(
        self, params: FloatArray, gradient: bool
    ) -> tuple[FloatArray, dict[str, FloatArray]]:
        n, at, several = self.law._numbers(params), self.step, self.law.several
        _, R2, u, z = _clocks(self.e, self.a, self.c, n)
        Z, power = cumulative(z), u**n.p
        s = cumulative(u)[at] / self.law.S_ref
        charges = [power[:-1] - power[1:]]
        terms: tuple[tuple[int, int], ...] = ((0, PLAIN),)
        if gradient:
            with np.errstate(divide="ignore", invalid="ignore"):
                in_p = np.where(u > 0, power * np.log(u), 0.0)
            relative = self.c / R2  # -2 d ln u / d rho
            in_rho = -0.5 * n.p * power * relative
            Z_rho = -n.nu * np.cumsum(z * relative)
            charges += [in_p[:-1] - in_p[1:], in_rho[:-1] - in_rho[1:], charges[0] * Z_rho[:-1]]
            terms = ((0, PLAIN), (0, LOG), (0, STEEP), (1, PLAIN), (2, PLAIN), (3, STEEP))
            if several:
                Z_nu = -np.cumsum(z * np.log(R2))
                charges.append(charges[0] * Z_nu[:-1])
                terms = (*terms, (4, STEEP))
        sums = (exact_sums if self.exact else fast_sums).power_sums(
            Z[at], at, Z[:-1], np.full(Z.size - 1, n.tau), np.array(charges), n.beta, terms
        )
        with np.errstate(over="ignore"):  # infinite, and refused as a loss, for absurd parameters
            scale = np.power(n.tau, n.beta)
        drop = power[0] - power[at] - scale * sums[0]
        highest = np.maximum.accumulate(self.e)[at] if several else np.ones(at.size)
        with np.errstate(divide="ignore", invalid="ignore"):
            fall = s**-n.alpha
            lift = np.where(drop == 0, 0.0, n.b * highest**n.kB)
            shape = fall - lift * drop
            loss: FloatArray = n.L0 + n.A * shape
        if not gradient:
            return loss, {}
        V, V_log, V_steep, V_p, V_rho, V_steep_rho = sums[:6]
        s_rho = -0.5 * np.cumsum(u * relative)[at] / self.law.S_ref
        in_drop = -n.A * lift
        moved = V_rho - n.beta * (Z_rho[at] * V_steep - V_steep_rho)
        drop_rho = in_rho[0] - in_rho[at] - scale * moved
        slopes = {
            "L0": np.ones_like(loss),
            "A": shape,
            "alpha": -n.A * fall * np.log(s),
            "b": in_drop * drop / n.b,
            "tau": -in_drop * scale * n.beta * (V / n.tau - V_steep),
            "beta": -in_drop * scale * (np.log(n.tau) * V - V_log),
            "p": in_drop * (in_p[0] - in_p[at] - scale * V_p),
            "rho": -n.alpha * n.A * fall / s * s_rho + in_drop * drop_rho,
        }
        if several:
            slopes["nu"] = in_drop * scale * n.beta * (Z_nu[at] * V_steep - sums[6])
            slopes["kB"] = in_drop * drop * np.log(highest)
        return loss, slopes


@kernel
def _norm_recurrence(e: Any, gain: float, decays: bool) -> Any:
    """a and c of R²_t = a_t + rho c_t."""
    a, c = np.empty(len(e)), np.empty(len(e))
    last_a, last_c = 0.0, 1.0
    for t in range(len(e)):
        keep = 1 - gain * e[t] if decays else 1.0
        last_a = keep * last_a + gain * e[t] * e[t]
        last_c = keep * last_c
        a[t], c[t] = last_a, last_c
    return a, c


@kernel
def _norm_adjoint(e: Any, R2: Any, in_R2: Any, rho: float, gain: float, decays: bool) -> Any:
    """The derivative in every e of what depends on them through R² alone."""
    through = np.empty(len(e))
    later = 0.0
    for t in range(len(e) - 1, -1, -1):
        total = in_R2[t] + later
        before = R2[t - 1] if t > 0 else rho
        through[t] = total * gain * (2 * e[t] - (before if decays else 0.0))
        later = (1 - gain * e[t] if decays else 1.0) * total
    return through
