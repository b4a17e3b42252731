"""Intervals: their formula, their coverage in simulation, and what they refuse to claim."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import norm

from mplfit import Curve, load_fit, schedule
from mplfit.assess.intervals import LEVELS, coverage, predict_interval
from mplfit.errors import FitError
from mplfit.estimate.constants import BOTH, M124, RELEASED, held_out
from mplfit.estimate.fit import fit
from mplfit.estimate.simulate import simulate
from mplfit.laws import get_law
from mplfit.laws.base import to_params, to_unknowns
from tests.estimate.test_fit import TRUTH, three_curves

pytestmark = pytest.mark.portable


@pytest.fixture(scope="module")
def fitted():
    return fit(three_curves("onepower", noise=1e-3), "onepower")


def test_the_standard_deviation_is_the_formula_written_out():
    result = fit(three_curves("momentum", noise=1e-3), "momentum")
    plan = schedule.wsdld(9000, 3e-4, decay=2000, warmup=200)
    law, at = get_law("momentum"), np.array([8990])
    interval = predict_interval(result, plan, at)
    unknowns = to_unknowns(law, result.values)
    slope = approx_fprime(
        unknowns, lambda u: np.log(law.at(plan, at).loss(to_params(law, u))[0]), 1e-7
    )
    spread, sizes = result.spread, BOTH.plain
    beyond = np.log(plan.lr[:8991].sum() / spread.largest_S)
    assert beyond > 0
    assert len(spread.left_out) == 3
    between = sizes.runs**2 * np.mean(np.square([*spread.left_out, sizes.typical]))
    steady = result.predict(schedule.constant(9000, 3e-4, warmup=200), at)
    reached = abs(steady / interval.loss - 1)[0] / spread.largest_gain
    assert 0 < reached < 3
    variance = slope @ np.array(spread.covariance) @ slope
    wanted = np.sqrt(
        sizes.parameters * variance
        + (sizes.scatter * spread.scatter) ** 2
        + between * (reached**2 + beyond**2)
    )
    assert interval.sd[0] == pytest.approx(wanted, rel=1e-4)
    low, high = interval.bounds(0.95)
    assert np.log(high / low) == pytest.approx(2 * LEVELS[0.95] * wanted, rel=1e-4)


def test_left_out_errors_are_those_of_fits_to_the_other_curves():
    curves = three_curves("onepower", noise=1e-3)
    whole = fit(curves, "onepower")
    for out, residual in zip(curves, whole.spread.left_out, strict=True):
        part = fit([curve for curve in curves if curve is not out], "onepower")
        last = np.log(out.loss[-1] / part.predict(out.schedule, out.step)[-1])
        assert residual == pytest.approx(last, abs=2e-5)
        kept = whole.left_out.final[out.name]
        assert np.log(kept.observed / kept.predicted) == pytest.approx(residual)
    without = fit(curves, "onepower", leave_out=False)
    assert without.left_out is None
    assert without.values == pytest.approx(whole.values)


def test_a_fit_to_one_constant_rate_is_wide_where_the_rate_falls():
    curve = three_curves("onepower", noise=1e-3)[1]
    assert curve.name == "constant"
    alone = fit([curve], "onepower")
    assert alone.spread.left_out == ()
    assert alone.spread.largest_gain == 0
    plan = schedule.wsdld(4000, 3e-4, decay=2000, warmup=200)
    sd = predict_interval(alone, plan, np.array([1999, 2010, 3999])).sd
    assert sd[0] < 2e-3
    assert sd[1] > 3 * BOTH.plain.alone * BOTH.plain.runs
    assert sd[2] > 3 * BOTH.plain.alone * BOTH.plain.runs


def test_constants_are_not_reported_as_held_out_where_they_were_chosen():
    for collection in (RELEASED, M124):
        assert collection not in held_out(collection).chosen_on
        with pytest.raises(FitError, match="is not held out"):
            held_out(collection, BOTH)


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


def test_the_quantiles_are_the_normal_ones():
    for level, quantile in LEVELS.items():
        assert quantile == pytest.approx(norm.ppf((1 + level) / 2), rel=1e-12)


def test_coverage_counts_what_lies_inside_and_the_last_row_is_the_final_one(fitted):
    """Losses at known distances, in standard deviations of the interval, on either side of 1.28
    and 1.96: the first row is outside both intervals, the last inside the wider one alone.
    """
    z = np.array([2.0, -1.3, 1.27, -1.9, 1.97, -2.1, 0.3, -1.35, 1.25, 1.5])
    plan, step = schedule.linear(4000, 3e-4, warmup=200), np.arange(390, 4000, 400)
    interval = predict_interval(fitted, plan, step)
    at = interval.loss * np.exp(z * interval.sd)
    found = coverage(fitted, [Curve("a", step, at, plan), Curve("b", step, at[::-1], plan)])
    # On the second curve the distances are those of other rows: the same order of sizes.
    again = np.log(at[::-1] / interval.loss) / interval.sd
    for level, quantile in ((0.80, 1.28155), (0.95, 1.95996)):
        share = np.mean(np.abs(np.concatenate([z, again])) <= quantile)
        assert found.points[level] == pytest.approx(share)
        assert found.finals[level] == int(abs(z[-1]) <= quantile) + int(abs(again[-1]) <= quantile)
    one = coverage(fitted, [Curve("a", step, at, plan)])
    assert one.points == {0.80: 0.3, 0.95: 0.7}
    assert one.finals == {0.80: 0, 0.95: 1}
    told = one.to_dict()["0.95"]
    assert (told["points"], told["finals"], told["curves"]) == (0.7, 1, 1)


def test_rows_that_were_trained_on_do_not_count():
    train = three_curves("onepower", noise=1e-3)
    result = fit(train, "onepower")
    assert coverage(result, train, train) is None
    assert coverage(result, train).curves == 3


def test_published_parameters_have_no_interval():
    assert predict_interval(load_fit("400"), schedule.constant(9, 1.0), np.array([8])) is None
    assert coverage(load_fit("400"), three_curves("mpl")) is None
