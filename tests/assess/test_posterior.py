"""Draws from a fit: the same every time, with its covariance, and gains surer than losses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mplfit import Fit, load_fit, schedule
from mplfit.assess.gains import Gain, gains
from mplfit.assess.posterior import covariance, draw, final_losses, held, log_slopes
from mplfit.errors import FitError
from mplfit.estimate.constants import TAU
from mplfit.estimate.fit import fit
from mplfit.estimate.result import Spread
from mplfit.laws import get_law
from mplfit.laws.base import to_params, to_unknowns
from tests.support.fits import three_curves

pytestmark = pytest.mark.portable


@pytest.fixture(scope="module")
def known():
    return fit(three_curves("momentum", noise=1e-3), "momentum")


@pytest.fixture(scope="module")
def plans():
    return [
        schedule.wsdld(4000, 3e-4, decay=1000, warmup=200),
        schedule.linear(4000, 3e-4, warmup=200),
        schedule.constant(4000, 3e-4, warmup=200),
    ]


def test_draws_are_the_same_for_the_same_seed_and_come_in_opposite_pairs(known):
    one, two = draw(known, 6, seed=3), draw(known, 6, seed=3)
    assert np.array_equal(one, two)
    assert not np.array_equal(one, draw(known, 6, seed=4))
    unknowns = np.array([to_unknowns(known.formula, params) for params in one])
    centre = to_unknowns(known.formula, known.values)
    np.testing.assert_allclose(unknowns[:3] + unknowns[3:], np.tile(2 * centre, (3, 1)), rtol=1e-9)
    assert draw(known, 5).shape == (5, 5)


def test_draws_have_the_covariance_of_the_fit(known):
    unknowns = [to_unknowns(known.formula, params) for params in draw(known, 4000)]
    spread = covariance(known)
    size = np.sqrt(np.diag(spread))
    np.testing.assert_allclose(
        np.cov(np.transpose(unknowns)) / np.outer(size, size), spread / np.outer(size, size),
        atol=0.08,
    )  # fmt: skip


def test_slopes_are_the_derivatives_of_the_log_loss(known, plans):
    step, law = np.array([1000, 3999]), known.formula
    loss, slopes = log_slopes(known, plans[0], step)
    assert loss == pytest.approx(known.predict(plans[0], step))
    centre = to_unknowns(law, known.values)
    for i in range(centre.size):
        ahead, behind = centre.copy(), centre.copy()
        ahead[i] += 1e-6
        behind[i] -= 1e-6
        predictor = law.at(plans[0], step)
        pair = [np.log(predictor.loss(to_params(law, one))) for one in (ahead, behind)]
        assert slopes[:, i] == pytest.approx((pair[0] - pair[1]) / 2e-6, rel=1e-4, abs=1e-8)


def test_a_gain_is_surer_than_either_loss(known, plans):
    near = schedule.wsdld(4000, 3e-4, decay=1300, warmup=200)
    losses = final_losses(known, [plans[0], near], draw(known, 100))
    assert losses.shape == (100, 2)
    gain = gains(known, plans[0], [near])[0]
    assert gain.draws.std() < 0.5 * losses.std(axis=0).min()
    assert gain.value == pytest.approx(losses_of(known, near) - losses_of(known, plans[0]))


def test_no_gain_is_a_coin_toss_and_a_large_one_is_sure(known, plans):
    same, far = gains(known, plans[0], [plans[0], plans[1]])
    assert same.value == 0
    assert same.probability == pytest.approx(0.5)
    low, high = same.bounds(0.95)
    assert -low == pytest.approx(high)
    assert high == pytest.approx(
        1.96 * TAU * known.spread.scatter * losses_of(known, plans[0]), rel=1e-3
    )
    assert far.value > 0.02
    assert far.probability > 0.99
    assert far.bounds(0.80)[0] > far.bounds(0.95)[0]


def losses_of(known, plan):
    return float(known.loss(plan)[-1])


def test_the_interval_of_a_gain_is_that_of_the_mixture():
    rng = np.random.default_rng(0)
    gain = Gain(0.0, rng.standard_normal(4000), 0.5)
    assert gain.sd == pytest.approx(np.hypot(1, 0.5), rel=0.03)
    assert gain.bounds(0.95)[1] == pytest.approx(1.96 * np.hypot(1, 0.5), rel=0.05)
    assert set(gain.summary().to_dict()) == {"value", "sd", "probability", "intervals"}


def test_published_parameters_have_nothing_to_draw_from():
    with pytest.raises(FitError, match="this fit has no covariance, as published parameters"):
        draw(load_fit("400"), 3)


def spread_fit(key, params, sd, constants=None):
    law = get_law(key, constants)
    rows = tuple(tuple(row) for row in (np.eye(len(law.names)) * sd**2).tolist())
    return Fit(
        key,
        dict(zip(law.names, params, strict=True)),
        constants=dict(law.constants),
        spread=Spread(rows, 1e-3, 1.0),
    )


def test_no_draw_is_further_out_than_three_standard_deviations():
    known = spread_fit("onepower", (2.0, 1.0, 0.5), 0.01)
    off = np.log(draw(known, 2000) / known.values) / 0.01
    assert 2.9 < np.abs(off).max() <= 3 + 1e-9
    assert off.std(axis=0) == pytest.approx(0.987, abs=0.05)  # of a normal cut at ±3


def test_draws_keep_to_parameters_of_some_sense():
    """A factor of 20; p within 0.5, and above 0.05."""
    known = spread_fit("amplitude", (2.3, 0.6, 0.64, 1.3, 24.5, 0.58, 0.3), 3.0, {"eta_ref": 1e-3})
    drawn = {name: draw(known, 400)[:, i] for i, name in enumerate(known.formula.names)}
    for name, values in drawn.items():
        ends = values.min(), values.max()
        if name == "p":
            assert ends == pytest.approx((0.05, known.params[name] + 0.5))
        else:
            assert ends == pytest.approx((known.params[name] / 20, known.params[name] * 20))


def test_a_parameter_at_a_bound_is_drawn_as_known_and_named():
    known = spread_fit("onepower", (2.0, 1.0, 0.5), 0.01)
    rows = [list(row) for row in known.spread.covariance]
    rows[1] = [None] * 3
    for row in rows:
        row[1] = None
    kept = replace(known, spread=replace(known.spread, covariance=tuple(map(tuple, rows))))
    assert held(kept) == ["A"]
    drawn = draw(kept, 6)
    assert np.ptp(drawn[:, 1]) == 0
    assert np.ptp(drawn[:, 0]) > 0


def test_draws_of_an_open_direction_stay_in_reach():
    one = fit([three_curves("mpl", noise=1e-3)[1]], "mpl")  # a constant rate: no drop is seen
    ratio = draw(one, 50) / one.values
    assert np.all(ratio < 21)
    assert np.all(ratio > 1 / 21)
