"""Simulated runs of several model sizes, of which everything is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mplfit import Curve, Schedule, simulate
from mplfit.curve import RunSize
from mplfit.laws.base import to_params
from mplfit.schedule import constant, cosine, wsdld
from mplfit.sizes.groups import scale_free
from mplfit.sizes.size_law import COMMON, mean_and_slopes, place_of

PEAK, STEPS = 1e-3, 4000
LAW = scale_free(PEAK, 1.0, float(STEPS))
REFERENCE = 1e8
TRUTH = dict(
    zip(
        COMMON,
        [np.log(1.6), np.log(1.4), 0.3, np.log(0.3), -0.1, 0.0, 0.0, 0.0, 0.05, 0.0,
         np.log(0.6), np.log(1.4), np.log(9), np.log(0.22), 0.82, np.log(0.26)],
        strict=True,
    )
)  # fmt: skip
"""The law's unknowns, with 100M as the reference."""

PLANS = {
    "constant": constant(STEPS, PEAK, warmup=100),
    "cosine": cosine(STEPS, PEAK, 1e-4, warmup=100),
    "wsd": wsdld(STEPS // 2, PEAK, decay=400, warmup=100),
}


def unknowns(parameters: float) -> np.ndarray:
    """The true own unknowns of a size."""
    common = np.array([TRUTH[name] for name in COMMON])
    return mean_and_slopes(common, *place_of(parameters, REFERENCE, None, None))[0]


def runs(
    sizes: Sequence[float],
    *,
    noise: float = 1e-3,
    spreads: np.ndarray | None = None,
    plans: dict[str, Schedule] | None = None,
    seed: int = 0,
    every: int = 100,
) -> list[Curve]:
    """Three runs of each size; with `spreads` each size lies beside the law."""
    rng = np.random.default_rng(seed)
    made = []
    for N in sizes:
        off = 0 if spreads is None else spreads * rng.standard_normal(8)
        params = to_params(LAW, unknowns(N) + off)
        for name, plan in (plans or PLANS).items():
            step = np.arange(399, plan.steps, every)
            curve = simulate(
                LAW, params, plan, step, name=f"{name}_{N:g}", noise=noise, rng=rng
            )  # fmt: skip
            made.append(replace(curve, size=RunSize(parameters=N), weight_decay=1.0))
    return made
