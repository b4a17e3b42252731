"""Fitting: the true minimum, recovered parameters, published metrics, and honest warnings."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from mplfit import Curve, Fit, load_fit, read_curves, schedule
from mplfit.assess.identify import identified
from mplfit.errors import DataError, FitError
from mplfit.estimate.fit import fit
from mplfit.estimate.huber import DELTA, huber, huber_slope
from mplfit.estimate.metrics import CurveReport, evaluate, measure, measure_curve
from mplfit.estimate.objective import Objective
from mplfit.estimate.simulate import simulate
from mplfit.estimate.solver import Box, spanning_points
from mplfit.laws import get_law
from mplfit.laws.base import to_unknowns
from mplfit.laws.mpl import PUBLISHED
from mplfit.readers.paths import split
from tests.shared_data import shared
from tests.support.fits import TRUTH, three_curves

pytestmark = pytest.mark.portable


def released(size, train_only=False):
    curves = read_curves([shared("curves", f"csv_{size}")])
    train, test, _ = split(curves)
    return train if train_only else (train, test)


@pytest.mark.parametrize("key", TRUTH)
def test_noiseless_curves_give_their_parameters_back(key):
    result = fit(three_curves(key), key, leave_out=False)
    assert result.converged
    assert result.objective < 1e-12
    np.testing.assert_allclose(result.values, TRUTH[key], rtol=2e-3)


@pytest.mark.parametrize(("size", "bound"), [("25", 1.3844e-4), ("400", 7.884e-5)])
def test_the_released_training_curves_are_fitted_to_the_true_minimum(size, bound):
    """Lower than the published early-stopped fits (2.9e-4 and 5.8e-4), and found by most starts."""
    result = fit(released(size, train_only=True), "mpl", leave_out=False)
    assert result.objective <= bound
    assert result.converged
    assert result.starts.agreeing >= result.starts.descended // 2
    law = get_law("mpl")
    published = Objective.of(law, released(size, train_only=True)).value(np.array(PUBLISHED[size]))
    assert published > 2 * bound


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ("25", ("0.9988", "0.00376", "0.00465", "0.00110", "0.00409")),
        ("400", ("0.9978", "0.00484", "0.00730", "0.00168", "0.00995")),
    ],
)
@pytest.mark.parametrize("exact", [False, True])
def test_published_parameters_give_the_published_metrics(size, wanted, exact):
    train, test = released(size)
    values = evaluate(load_fit(size), [*train, *test], train=train, exact=exact).to_dict()
    mean = values["test"]["mean"]
    got = [f"{mean['r2']:.4f}"] + [f"{mean[k]:.5f}" for k in ("mae", "rmse", "prede", "worste")]
    assert tuple(got) == wanted


def test_rows_shared_with_training_curves_are_found():
    train, test = released("400")
    values = evaluate(load_fit("400"), [*train, *test], train=train).to_dict()["test"]
    assert values["shared_rows"]["wsd_20000_24000"] == 110
    assert values["shared_rows"]["wsdcon_3"] == values["shared_rows"]["wsdcon_18"] == 47
    assert values["shared_rows"]["constant_72000"] == values["shared_rows"]["cosine_72000"] == 0
    after = values["after_branching"]["curves"]["wsdcon_3"]
    assert after["mae"] > values["curves"]["wsdcon_3"]["mae"]


def test_metrics_without_shared_rows_are_those_of_the_other_rows():
    plan = schedule.two_stage(1000, 1e-2, 1e-3, switch=500)
    law, params = get_law("onepower"), np.array([2.0, 1.0, 0.5])
    step = np.arange(10, 1000, 10)
    seen = simulate(law, params, schedule.constant(1000, 1e-2), step, name="seen")
    loss = np.where(step < 500, seen.loss, seen.loss * 0.9)
    held = Curve("held", step, loss, plan)
    report = measure_curve(law, params, held, [seen])
    assert report.shared == 49
    predicted = law.at(plan, step).loss(params)
    assert report.branched.mae == pytest.approx(np.abs(loss - predicted)[step >= 500].mean())


def test_a_negative_prediction_of_a_curve_left_out_has_a_residual_but_no_logarithm():
    def residual(predicted):
        whole = measure(np.array([4.0, 2.0]), np.array([4.0, predicted]))
        return CurveReport(whole, 2, 0, None, 9, 2.0, predicted).final_residual

    assert residual(1.0) == pytest.approx(np.log(2))
    assert residual(0.0) == 1
    assert residual(-1.0) == 1.5


def test_objective_gradient_equals_differences():
    curves = three_curves("mpl", noise=3e-3)  # residuals on both sides of the Huber threshold
    objective = Objective.of(get_law("mpl"), curves)
    at = to_unknowns(get_law("mpl"), TRUTH["mpl"] * np.array([1.001, 0.99, 1, 1.02, 0.9, 1, 1]))
    wanted = approx_fprime(at, lambda u: objective(u)[0], 1e-7)
    np.testing.assert_allclose(objective(at)[1], wanted, rtol=1e-4, atol=1e-7)


def test_objective_is_finite_where_predictions_turn_negative():
    objective = Objective.of(get_law("mpl"), three_curves("mpl"))
    at = to_unknowns(get_law("mpl"), TRUTH["mpl"] * np.array([1, 1, 1, 1e4, 1, 1, 1]))
    value, gradient = objective(at)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert gradient[3] > 0  # a smaller B is better


def test_huber_is_continuous_and_its_slope_is_its_derivative():
    r = np.linspace(-4 * DELTA, 4 * DELTA, 401)
    slope = np.gradient(huber(r), r)
    np.testing.assert_allclose(huber_slope(r)[1:-1], slope[1:-1], atol=2e-2 * DELTA)


def test_the_result_does_not_depend_on_the_executor():
    curves = three_curves("onepower", noise=1e-3)
    with ThreadPoolExecutor(2) as pool:
        assert fit(curves, "onepower", executor=pool).to_dict() == fit(curves, "onepower").to_dict()


def test_the_order_of_curves_does_not_matter():
    curves = three_curves("momentum", noise=1e-3)
    one, two = fit(curves, "momentum"), fit(curves[::-1], "momentum")
    np.testing.assert_allclose(one.values, two.values, rtol=1e-5)


def test_a_fit_round_trips_through_json():
    result = fit(three_curves("onepower", noise=1e-3), "onepower")
    again = Fit.from_dict(json.loads(json.dumps(result.to_dict())))
    assert again.to_dict() == result.to_dict()
    assert np.array_equal(again.values, result.values)


def test_standard_errors_cover_the_truth_for_independent_noise():
    """Many simulated fits: the true alpha lies within 1.96 errors about 95 times in 100."""
    law, params = get_law("onepower"), TRUTH["onepower"]
    plan, step = schedule.constant(4000, 3e-4), np.arange(20, 4000, 20)
    hits = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        result = fit([simulate(law, params, plan, step, noise=5e-4, rng=rng)], "onepower")
        off = abs(result.params["alpha"] - params[2])
        hits += off < 1.96 * result.standard_errors["alpha"]
    assert 33 <= hits <= 40  # 38 expected, binomial standard deviation 1.4


def test_correlated_noise_widens_the_errors():
    def alpha_error(correlation):
        rng = np.random.default_rng(3)
        step = np.arange(20, 4000, 20)
        curve = simulate(
            get_law("onepower"), TRUTH["onepower"], schedule.constant(4000, 3e-4), step,
            noise=5e-4, correlation=correlation, rng=rng,
        )  # fmt: skip
        return fit([curve], "onepower").standard_errors["alpha"]

    assert alpha_error(0.9) > 1.5 * alpha_error(0.0)


def test_starts_span_the_box():
    box = Box(np.zeros(7), np.ones(7))
    points = np.array(spanning_points(box, 64))
    assert np.all((points >= 0) & (points <= 1))
    for column in points.T:
        assert np.histogram(column, 4, (0, 1))[0].min() >= 12  # 16 expected in each quarter


def test_weak_directions_are_named():
    curves = released("25", train_only=True)
    result = identified(fit(curves, "mpl", leave_out=False), curves)
    assert any(text.startswith("weakly identified: ") and "C " in text for text in result.warnings)


def test_bad_curves_get_a_sentence():
    plan = schedule.constant(100, 1e-2)
    few = Curve("few", [10, 20, 30], [3.0, 2.9, 2.8], plan)
    with pytest.raises(FitError, match="3 training points are too few for the 3 parameters of one"):
        fit([few])
    with pytest.raises(FitError, match="more than one curve is named few"):
        fit([few], "onepower", test=[few])
    for key in ("mpl", "effective"):
        with pytest.raises(FitError, match="no curve to fit"):
            fit([], key)
        with pytest.raises(FitError, match="no curve to fit"):
            Objective.of(get_law(key), [])
    early = Curve("early", range(20), np.linspace(4, 3, 20), schedule.constant(100, 1, warmup=50))
    with pytest.raises(FitError, match=r"early: step 0 was logged before the first positive rate"):
        fit([early], "onepower")
    with pytest.raises(DataError, match=r"expected schema 'mplfit.fit/2' or .*, got None"):
        Fit.from_dict({})
    with pytest.raises(DataError, match="has the parameters L0 A alpha"):
        Fit("onepower", {"L0": 1.0})


def test_an_unfinished_run_is_fitted_and_its_rest_predicted():
    law, params = get_law("onepower"), TRUTH["onepower"]
    plan = schedule.constant(4000, 3e-4)
    prefix = simulate(law, params, plan, np.arange(20, 2000, 20))
    result = fit([prefix], "onepower")
    rest = np.arange(2000, 4000, 100)
    np.testing.assert_allclose(result.predict(plan, rest), law.at(plan, rest).loss(params), 1e-6)


def test_published_fits_are_known_by_size():
    assert load_fit("100").params["B"] == 437.9464276
