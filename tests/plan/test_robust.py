"""The robust objective: mean and quantile over draws, their gradients, and what they choose."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats.mstats import hdquantiles

from mplfit.assess.posterior import draw
from mplfit.errors import FitError
from mplfit.estimate.fit import fit
from mplfit.laws import get_law
from mplfit.plan.robust import quantile_weights, robust_loss
from mplfit.plan.search import search_schedule
from tests.support.fits import TRUTH, three_curves

LAW = get_law("momentum")


def test_weights_are_those_of_harrell_and_davis():
    values = np.sort(np.random.default_rng(2).standard_normal(20))
    for level in (0.5, 0.8, 0.95):
        weights = quantile_weights(20, level)
        assert weights.sum() == pytest.approx(1)
        assert weights @ values == pytest.approx(float(hdquantiles(values, [level])[0]))


@pytest.mark.parametrize("level", [None, 0.8])
def test_gradients_equal_differences(level):
    rng = np.random.default_rng(0)
    draws = TRUTH["momentum"] * np.exp(0.02 * rng.standard_normal((6, 5)))
    draws[:, 4] = np.minimum(draws[:, 4], 0.99)
    final, lr = robust_loss(LAW, draws, level), 3e-4 * rng.uniform(0.5, 1, 30)
    scale = 1e-4
    wanted = approx_fprime(np.ones(30), lambda x: final(lr + scale * (x - 1))[0], 1e-6)
    np.testing.assert_allclose(scale * final(lr)[1], wanted, rtol=1e-3, atol=1e-7)


def test_one_draw_is_the_plain_loss():
    final, lr = robust_loss(LAW, TRUTH["momentum"][None], 0.9), np.linspace(3e-4, 1e-5, 50)
    assert final(lr)[0] == pytest.approx(LAW.final(TRUTH["momentum"], lr))


def test_the_robust_schedule_is_better_where_it_is_asked_to_be():
    known = fit(three_curves("momentum", noise=2e-3), "momentum")
    final = robust_loss(known.formula, draw(known, 16, seed=1), 0.9)
    settings = {"steps": 4000, "warmup": 200, "peak": 3e-4, "knots": 16}
    plain = search_schedule(lambda lr: known.formula.final_gradient(known.values, lr), **settings)
    robust = search_schedule(final, **settings, start=plain.schedule)
    assert robust.loss <= final(plain.schedule.lr)[0] + 1e-9
    assert len(robust.starts) == 1
    at_estimate = known.formula.final(known.values, robust.schedule.lr)
    assert at_estimate >= plain.loss - 1e-9


@pytest.mark.parametrize("level", [0.4, 1.0])
def test_only_upper_quantiles_can_be_minimised(level):
    with pytest.raises(FitError, match=r"at least 0\.5 and below 1"):
        robust_loss(LAW, TRUTH["momentum"][None], level)
