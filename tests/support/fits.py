"""Three simulated curves of a law whose parameters are known."""

from __future__ import annotations

import numpy as np

from mplfit import schedule
from mplfit.estimate.simulate import simulate
from mplfit.laws import get_law
from mplfit.laws.mpl import PUBLISHED

TRUTH = {
    "mpl": np.array(PUBLISHED["400"]),
    "onepower": np.array([2.5, 0.6, 0.5]),
    "momentum": np.array([2.4, 0.6, 0.45, 0.9, 0.995]),
}


def three_curves(key, noise=0.0, steps=4000, every=20):
    plans = {
        "cosine": schedule.cosine(steps, 3e-4, 3e-5, warmup=200),
        "constant": schedule.constant(steps, 3e-4, warmup=200),
        "two-stage": schedule.two_stage(steps, 3e-4, 9e-5, switch=1500, warmup=200),
    }
    rng = np.random.default_rng(7)
    step = np.arange(200, steps, every)
    return [
        simulate(get_law(key), TRUTH[key], plan, step, name=name, noise=noise, rng=rng)
        for name, plan in plans.items()
    ]
