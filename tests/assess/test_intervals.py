"""Intervals: their formula, their coverage in simulation, and what they refuse to claim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import norm

from mplfit import Curve, load_fit, schedule
from mplfit.assess.intervals import (
    LEVELS,
    Coverage,
    coverage,
    predict_interval,
    run_effect,
    run_effect_sentence,
)
from mplfit.errors import FitError
from mplfit.estimate.constants import BOTH, EPFML, LAB, M124, OLMO, RELEASED, held_out
from mplfit.estimate.fit import fit
from mplfit.estimate.mean import binomial
from mplfit.estimate.simulate import simulate
from mplfit.laws import get_law
from mplfit.laws.base import to_params, to_unknowns
from tests.support.fits import TRUTH, three_curves

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


@pytest.fixture(scope="module")
def informed():
    """A fit whose shape parameters all have a prior, to noisy runs of peak 1e-3."""
    law, rng = get_law("effective", {"eta_ref": 1e-3}), np.random.default_rng(0)
    truth, step = np.array([2.3, 0.3, 0.5, 1.4, 9.0, 0.22, 0.8, 0.26]), np.arange(59, 2000, 10)
    plans = {
        "wsd": schedule.wsdld(2000, 1e-3, decay=400, warmup=50),
        "cosine": schedule.cosine(2000, 1e-3, warmup=50),
    }
    runs = [
        simulate(law, truth, plan, step, name=name, noise=2e-3, rng=rng)
        for name, plan in plans.items()
    ]
    return fit(runs, "effective", quick=True, leave_out=False)


def test_with_a_prior_the_law_s_error_grows_in_horizon_and_in_peak(informed):
    spread, sizes = informed.spread, BOTH.informed
    assert spread.informed
    at, law = np.array([3999]), informed.formula
    unknowns = to_unknowns(law, informed.values)
    r2 = (sizes.run * spread.scatter) ** 2
    sds = []
    for peak in (1e-3, 2e-3, 2.5e-4):
        plan = schedule.wsdld(4000, peak, decay=400, warmup=50)
        slope = approx_fprime(
            unknowns, lambda u, plan=plan: np.log(law.at(plan, at).loss(to_params(law, u))[0]), 1e-7
        )
        beyond = max(0.0, np.log(plan.lr.sum() / spread.largest_S))
        apart = abs(np.log(peak / 1e-3))
        wanted = np.sqrt(
            sizes.parameters * slope @ np.array(spread.covariance) @ slope
            + (sizes.scatter * spread.scatter) ** 2
            + r2
            + (sizes.horizon * spread.scatter * beyond) ** 2
            + (sizes.peak * spread.scatter * apart) ** 2
        )
        sds.append(predict_interval(informed, plan, at).sd[0])
        assert sds[-1] == pytest.approx(wanted, rel=1e-3)
    assert 1.5e-3 < spread.scatter < 2.5e-3
    assert sds[0] < sds[1]


def test_the_run_effect_is_measured_where_runs_are_replicates(informed):
    """Of two differences, what is by the scatter counting like a third; none by the scatter alone
    without a prior."""
    spread = replace(informed.spread, run_effect=0.02, replicates=2)
    by_scatter = BOTH.informed.run * spread.scatter
    assert run_effect(informed.spread) == pytest.approx(by_scatter)
    assert run_effect(spread) == pytest.approx(np.sqrt((2 * 0.02**2 + by_scatter**2) / 3))
    assert run_effect(spread, BOTH.plain) == pytest.approx(0.02 * np.sqrt(2 / 3))
    assert run_effect(informed.spread, BOTH.plain) == 0
    plan, at = schedule.cosine(2000, 1e-3, warmup=50), np.array([1999])
    before = predict_interval(informed, plan, at).sd[0]
    after = predict_interval(replace(informed, spread=spread), plan, at).sd[0]
    more = run_effect(spread) ** 2 - by_scatter**2
    assert after**2 - before**2 == pytest.approx(more, rel=1e-9)


def test_how_the_run_effect_is_known_is_said(informed, fitted):
    def said(fit, sd, replicates):
        spread = replace(fit.spread, run_effect=sd, replicates=replicates)
        return run_effect_sentence(replace(fit, spread=spread))

    sd = 100 * BOTH.informed.run * informed.spread.scatter
    assert run_effect_sentence(informed) == (
        f"Runs of one schedule differ by {sd:.2g} % (one standard deviation), which is in every "
        "interval: by the residuals' scatter, as no two training runs have one schedule."
    )
    assert said(informed, 0.02, 2).startswith("Runs of one schedule differ by 1.6 % (one")
    assert said(informed, 0.02, 2).endswith("2 differences between training runs of one schedule.")
    assert said(fitted, 0.0, 0) is None  # without a prior K has it, unless it is measured
    assert "by 1.4 % (one" in said(fitted, 0.02, 1)
    assert "by no more than noise, which" in said(fitted, 0.0, 1)
    assert run_effect_sentence(load_fit("400")) is None


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
    for collection in (RELEASED, M124, EPFML, OLMO, LAB):
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
    assert {one.curves for one in found.values()} == {40}
    assert found["0.80"].points > 0.6
    assert found["0.95"].points > 0.85


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
        one = found[f"{level:.2f}"]
        assert one.points == pytest.approx(share)
        assert one.finals == int(abs(z[-1]) <= quantile) + int(abs(again[-1]) <= quantile)
    one = coverage(fitted, [Curve("a", step, at, plan)])
    assert one == {"0.80": Coverage(0.3, 0, 1), "0.95": Coverage(0.7, 1, 1)}
    assert one["0.95"].to_dict()["finals_interval"] == [*binomial(1.0, 1)]


def test_rows_that_were_trained_on_do_not_count():
    train = three_curves("onepower", noise=1e-3)
    result = fit(train, "onepower")
    assert coverage(result, train, train) is None
    assert coverage(result, train)["0.95"].curves == 3


def test_published_parameters_have_no_interval():
    assert predict_interval(load_fit("400"), schedule.constant(9, 1.0), np.array([8])) is None
    assert coverage(load_fit("400"), three_curves("mpl")) is None
