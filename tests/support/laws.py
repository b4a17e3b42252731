"""Every law with typical parameters, and as its formula written out."""

from __future__ import annotations

import mpmath
import numpy as np

from mplfit.laws import get_law
from mplfit.laws.mpl import PUBLISHED

TYPICAL = {
    "mpl": np.array(PUBLISHED["400"]),
    "onepower": np.array([2.5, 0.6, 0.5]),
    "momentum": np.array([2.4, 0.6, 0.45, 0.9, 0.998]),
    "fsl": np.array([2.4, 0.6, 0.45, 200.0, 0.5, 300.0, 0.6]),
    "bound": np.array([2.4, 0.01, 40.0, -0.02, 9.0, 0.3, 25.0]),
    "effective": np.array([2.3, 0.5, 0.5, 1.4, 9.0, 0.25, 0.8, 0.2]),
    "effective of no decay": np.array([2.3, 0.5, 0.5, 1.4, 9.0, 0.25, 0.8, 0.2]),
    "effective of many rates": np.array([2.3, 0.5, 0.5, 1.4, 9.0, 0.25, 0.8, 0.2, 1.7, -0.3]),
    "amplitude": np.array([2.3, 0.5, 0.6, 1.2, 7.0, 0.4, 0.6]),
}


FORMS = tuple(TYPICAL)


# Decays within the short schedules here, whose largest rate is a little above eta_ref's.
CONSTANTS = {"eta_ref": 2.8e-4, "weight_decay": 40.0, "longest": 70.0}


def law_of(form, **others):
    key, _, kind = form.partition(" of ")
    constants = {**CONSTANTS, "peak_rates": 3 if kind == "many rates" else 1, **others}
    if kind == "no decay":
        constants["weight_decay"] = 0.0
    return get_law(key, {name: constants[name] for name in get_law(key).constants})


def literal_mpl(params, lr, t):
    """The Multi-Power Law as the paper writes it, one term after the other, in any arithmetic."""
    L0, A, alpha, B, C, beta, gamma = params
    S = sum(lr[: t + 1])
    drop = 0
    for k in range(1, t + 1):
        distance = sum(lr[k : t + 1])
        if lr[k] > 0:
            bracket = 1 - (1 + C * lr[k] ** -gamma * distance) ** -beta
        else:
            bracket = 1 if distance > 0 else 0
        drop += (lr[k - 1] - lr[k]) * bracket
    return L0 + A * S**-alpha - B * drop


def literal_momentum(params, lr, t):
    L0, A, alpha, C, memory = params
    m = total = 0
    for i in range(1, t + 1):
        m = memory * m + (lr[i - 1] - lr[i])
        total += m
    return L0 + A * sum(lr[: t + 1]) ** -alpha - C * total


def literal_bound(params, lr, t):
    C, M, G1, A1, G2, A2, B = params
    G = [G1 * mpmath.exp(A1 * k) + G2 * mpmath.mpf(k) ** A2 + B for k in range(1, t + 2)]
    total = 1 / sum(lr[: t + 1]) + lr[t] * G[t] ** 2
    for k in range(t):
        total += lr[k] ** 2 * G[k] ** 2 / sum(lr[k + 1 : t + 1])
    return C + M * total / 2


def literal_effective(params, lr, t, decay=CONSTANTS["weight_decay"], grows=True):
    L0, A, alpha, b, tau, beta, p, R2, nu, kB = params
    ref, longest = CONSTANTS["eta_ref"], CONSTANTS["longest"]
    S_ref = 5 / (2 * decay * ref) if decay else longest
    S = Z = drop = 0
    u, clock = [], []
    for k in range(t + 1):
        e = lr[k] / ref
        if decay:
            R2 = (1 - 2 * decay * lr[k]) * R2 + 2 * decay * lr[k] * e
        elif grows:
            R2 = R2 + 5 / S_ref * e**2
        u.append(e / R2**0.5)
        S, Z = S + u[k], Z + e / R2**nu
        clock.append(Z)
    for k in range(1, t + 1):
        drop += (u[k - 1] ** p - u[k] ** p) * (1 - (1 + (Z - clock[k - 1]) / tau) ** -beta)
    peak = max(lr[: t + 1]) / ref if kB else 1
    return L0 + A * ((S / S_ref) ** -alpha - b * peak**kB * drop)


def literal_fsl(params, lr, t):
    L0, c1, s, c2, c3, c4, g = params
    drop = 0
    for k in range(1, t + 1):
        S_k = sum(lr[: k + 1])
        if S_k > 0:
            speed = (1 + c4 * sum(lr[k + 1 : t + 1])) ** -g
            drop += (lr[k - 1] - lr[k]) * (c3 + S_k**-s) * (1 - speed)
    return L0 + c1 * sum(lr[: t + 1]) ** -s - c2 * drop


LITERAL = {
    "fsl": literal_fsl,
    "effective": lambda params, lr, t: literal_effective([*params, 1, 0], lr, t),
    "effective of no decay": lambda params, lr, t: literal_effective([*params, 1, 0], lr, t, 0),
    "amplitude": lambda params, lr, t: literal_effective([*params, 1, 1, 0], lr, t, 0, grows=False),
    "effective of many rates": literal_effective,
    "mpl": literal_mpl,
    "momentum": literal_momentum,
    "bound": literal_bound,
    "onepower": lambda params, lr, t: params[0] + params[1] * sum(lr[: t + 1]) ** -params[2],
}
