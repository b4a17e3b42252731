"""Intervals: their formula, their coverage in simulation, and what they refuse to claim."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from mplfit import fit, load_fit, schedule
from mplfit.estimate.intervals import LEVELS, coverage, predict_interval
from mplfit.estimate.simulate import simulate
from mplfit.laws import get_law
from mplfit.laws.base import to_params, to_unknowns
from tests.estimate.test_fit import TRUTH, three_curves


@pytest.fixture(scope="module")
def fitted():
    return fit(three_curves("onepower", noise=1e-3), "onepower")


def test_the_standard_deviation_is_the_formula_written_out(fitted):
    plan = schedule.constant(9000, 3e-4, warmup=200)
    law, at = get_law("onepower"), np.array([8999])
    interval = predict_interval(fitted, plan, at)
    unknowns = to_unknowns(law, fitted.values)
    slope = approx_fprime(
        unknowns, lambda u: np.log(law.at(plan, at).loss(to_params(law, u))[0]), 1e-7
    )
    s, beyond = fitted.spread.scatter, np.log(plan.lr.sum() / fitted.spread.largest_S)
    assert beyond > 0
    variance = slope @ np.array(fitted.spread.covariance) @ slope
    wanted = np.sqrt(variance + (0.5 * s) ** 2 + (5 * s * beyond) ** 2)
    assert interval.sd[0] == pytest.approx(wanted, rel=1e-4)
    low, high = interval.bounds(0.95)
    assert np.log(high / low) == pytest.approx(2 * LEVELS[0.95] * wanted, rel=1e-4)


def test_intervals_widen_beyond_the_training_runs(fitted):
    plan = schedule.constant(40000, 3e-4, warmup=200)
    sd = predict_interval(fitted, plan, np.array([1000, 3000, 10000, 39999])).sd
    assert np.all(np.diff(sd[1:]) > 0)


def test_coverage_in_simulation_is_near_its_level():
    law, params = get_law("onepower"), TRUTH["onepower"]
    train = three_curves("onepower", noise=1e-3)
    result = fit(train, "onepower")
    plan, step = schedule.linear(4000, 3e-4, 3e-6, warmup=200), np.arange(200, 4000, 20)
    rng = np.random.default_rng(1)
    # Runs that differ from each other by half the scatter, as the intervals assume.
    held = [
        simulate(law, params * [1 + 3e-4 * rng.normal(), 1, 1], plan, step, name=f"h{i}")
        for i in range(40)
    ]
    found = coverage(result, held)
    assert found.curves == 40
    assert found.points[0.80] > 0.6
    assert found.points[0.95] > 0.85


def test_rows_that_were_trained_on_do_not_count():
    train = three_curves("onepower", noise=1e-3)
    result = fit(train, "onepower")
    assert coverage(result, train, train) is None
    assert coverage(result, train).curves == 3


def test_published_parameters_have_no_interval():
    assert predict_interval(load_fit("400"), schedule.constant(9, 1.0), np.array([8])) is None
    assert coverage(load_fit("400"), three_curves("mpl")) is None
