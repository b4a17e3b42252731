"""A second law beside a fit: said to be better only where it is less wrong on what was held out."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit import Fit, fit, schedule
from mplfit.assess.rival import find_rival
from mplfit.estimate.simulate import simulate
from mplfit.laws import get_law
from tests.estimate.test_fit import three_curves

LAW = get_law("effective", {"eta_ref": 3e-4, "weight_decay": 0.1})
PARAMS = np.array([2.4, 0.2, 0.5, 1.4, 9.0, 0.22, 0.8, 0.26])


def curves():
    """Runs that the effective-rate law made, with noise."""
    plans = {
        "constant": schedule.constant(12000, 3e-4, warmup=500),
        "cosine": schedule.cosine(12000, 3e-4, 3e-5, warmup=500),
        "two-stage": schedule.two_stage(12000, 3e-4, 9e-5, switch=6000, warmup=500),
        "wsd": schedule.wsdld(12000, 3e-4, 3e-6, decay=3000, warmup=500),
    }
    rng = np.random.default_rng(3)
    step = np.arange(600, 12000, 100)
    return [
        simulate(LAW, PARAMS, plan, step, name=name, noise=3e-4, rng=rng)
        for name, plan in plans.items()
    ]


@pytest.fixture(scope="module")
def own():
    *train, held = curves()
    return fit(train, "onepower", test=[held])


def test_the_law_that_made_the_curves_is_named_on_test_curves(own):
    *train, held = curves()
    rival = find_rival(own, train, [held])
    assert rival.better
    assert (rival.law, rival.curves, rival.left_out) == ("effective", 1, False)
    assert rival.own_mae == own.metrics.test.mean.mae
    assert rival.mae < 0.1 * rival.own_mae
    assert rival.to_dict()["better"] is True


def test_without_test_curves_the_training_curves_are_left_out(own):
    train = curves()[:3]
    rival = find_rival(own, train)
    assert rival.left_out
    assert rival.curves == 3
    assert rival.own_mae == own.left_out.mean.mae
    assert rival.better


def test_a_law_that_is_right_has_no_better_rival():
    train = three_curves("onepower", noise=1e-4)
    rival = find_rival(fit(train, "onepower"), train)
    assert not rival.better


def test_nothing_is_said_where_nothing_is_held_out():
    train = curves()[:1]
    assert find_rival(fit(train, "onepower"), train) is None


def test_it_is_kept_in_the_fit(own):
    from dataclasses import replace

    *train, held = curves()
    kept = replace(own, rival=find_rival(own, train, [held]))
    assert Fit.from_dict(kept.to_dict()).rival == kept.rival
