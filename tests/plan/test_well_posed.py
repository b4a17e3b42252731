"""The effective-rate law's own optimum is a smooth schedule, however many knots may shape it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from mplfit.laws import get_law
from mplfit.plan.knots import KnotGrid

# Fitted to the released training curves of 400M parameters.
PARAMS = np.array([2.364, 0.1476, 0.4994, 1.599, 18.58, 0.197, 0.8438, 0.3428])
PEAK = 3e-4


def best(steps, warmup, count):
    """The lowest loss through knots in the last 40 %, of any shape: it need not even fall."""
    law = get_law("effective", {"eta_ref": PEAK})
    step = np.round(np.linspace(0.6 * steps, steps - 1, count - 1)).astype(np.int64)
    grid = KnotGrid(np.empty(0), warmup, np.append(warmup, step))

    def objective(root):
        loss, gradient = law.final_gradient(PARAMS, grid.rates(PEAK * root**2))
        return 1e3 * loss, 2e3 * PEAK * root * grid.gather(gradient)

    start = np.sqrt(np.interp(grid.step, [0, 0.7 * steps, steps], [1, 1, 0.05]))
    result = minimize(
        objective, start, jac=True, method="L-BFGS-B", bounds=[(3e-4, 1)] * count,
        options={"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-9, "maxcor": 30},
    )  # fmt: skip
    return 1e-3 * result.fun, grid.step, result.x**2


@pytest.mark.parametrize(("steps", "warmup"), [(6000, 600), (24000, 2160)])
def test_the_optimum_is_the_same_at_12_24_and_48_knots(steps, warmup):
    found = {count: best(steps, warmup, count) for count in (12, 24, 48)}
    losses = [loss for loss, _, _ in found.values()]
    assert max(losses) - min(losses) < 2e-5
    _, step, rate = found[48]
    # A flat start, then a decay over roughly the last third.
    begun = step[np.argmax(rate < 0.999)] / steps
    assert 0.6 < begun <= 0.8
    assert rate[-1] < 0.1
    # No staircase: in the decay every line falls, and less steeply than the one before.
    falling = rate < 0.85
    slopes = np.diff(rate[falling]) / np.diff(step[falling]) * steps
    assert np.all(slopes < 0)
    assert np.all(np.diff(slopes) > -2e-2)


def test_more_knots_draw_the_same_schedule():
    (_, few, coarse), (_, many, fine) = best(24000, 2160, 24), best(24000, 2160, 48)
    assert np.abs(np.interp(many, few, coarse) - fine).max() < 0.02
