"""Every law against its formula written out, and its gradients against 50-digit differences."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings

from mplfit import schedule as schedules
from mplfit.curve import Curve
from mplfit.errors import FitError
from mplfit.laws import LAWS, get_law
from mplfit.laws.base import to_params, to_unknowns, unknown_slopes
from tests.random_schedules import rates
from tests.support.laws import (
    FORMS,
    LITERAL,
    TYPICAL,
    law_of,
    literal_mpl,
)

pytestmark = pytest.mark.portable


def short_schedule(steps=80):
    lr = schedules.cosine(steps, 3e-4, 3e-6, warmup=10).lr.copy()
    lr[50:60] = 1e-4  # a rise and a jump
    return schedules.Schedule(lr)


def test_every_law_has_a_formula_and_typical_parameters_here():
    assert (
        {*LAWS, "effective of no decay", "effective of many rates"} == set(TYPICAL) == set(LITERAL)
    )


@pytest.mark.parametrize("key", FORMS)
@pytest.mark.parametrize("exact", [False, True])
def test_prediction_equals_the_formula_at_fifty_digits(key, exact):
    schedule, params = short_schedule(), TYPICAL[key]
    steps = np.array([1, 5, 9, 10, 49, 50, 51, 60, 79])
    got = law_of(key).at(schedule, steps, exact=exact).loss(params)
    with mpmath.workdps(50):
        numbers = [mpmath.mpf(value) for value in params]
        lr = [mpmath.mpf(value) for value in schedule.lr]
        wanted = [float(LITERAL[key](numbers, lr, int(t))) for t in steps]
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize("key", FORMS)
@pytest.mark.parametrize("exact", [False, True])
def test_parameter_gradients_equal_differences_at_fifty_digits(key, exact):
    schedule, params = short_schedule(), TYPICAL[key]
    steps = np.array([12, 50, 61, 79])
    loss, gradient = law_of(key).at(schedule, steps, exact=exact).loss_and_gradient(params)
    np.testing.assert_allclose(
        loss, law_of(key).at(schedule, steps, exact=exact).loss(params), rtol=1e-14
    )
    with mpmath.workdps(50):
        lr = [mpmath.mpf(value) for value in schedule.lr]
        for i in range(params.size):

            def shifted(sign, t, i=i, lr=lr):
                values = [mpmath.mpf(value) for value in params]
                values[i] *= 1 + sign * mpmath.mpf(10) ** -20
                return LITERAL[key](values, lr, t)

            step = mpmath.mpf(params[i]) * mpmath.mpf(10) ** -20
            wanted = [float((shifted(1, int(t)) - shifted(-1, int(t))) / (2 * step)) for t in steps]
            np.testing.assert_allclose(gradient[:, i], wanted, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("key", FORMS)
def test_final_loss_equals_the_last_prediction(key):
    schedule, params = short_schedule(), TYPICAL[key]
    last = law_of(key).at(schedule, np.array([79])).loss(params)[0]
    positive = np.maximum(schedule.lr, 1e-9)
    assert law_of(key).final(params, schedule.lr) == pytest.approx(last, abs=1e-13)
    loss, _ = law_of(key).final_gradient(params, positive)
    assert loss == pytest.approx(law_of(key).final(params, positive), abs=1e-13)


@pytest.mark.parametrize("key", FORMS)
def test_schedule_gradient_equals_differences_at_fifty_digits(key):
    lr, params = np.maximum(short_schedule(30).lr, 1e-6), TYPICAL[key]
    _, gradient = law_of(key).final_gradient(params, lr)
    with mpmath.workdps(50):
        numbers = [mpmath.mpf(value) for value in params]
        tiny = mpmath.mpf(10) ** -25
        for m in range(lr.size):

            def shifted(sign, m=m, numbers=numbers, tiny=tiny):
                rates = [mpmath.mpf(value) for value in lr]
                rates[m] += sign * tiny
                return LITERAL[key](numbers, rates, lr.size - 1)

            wanted = float((shifted(1) - shifted(-1)) / (2 * tiny))
            assert gradient[m] == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("key", FORMS)
@settings(max_examples=40, deadline=None)
@given(lr=rates(max_steps=300))
def test_fast_equals_exact_and_no_nan_comes_out(key, lr):
    """Zero runs, rises after them, decays to 1e-12: all agrees, and nothing is NaN."""
    params = TYPICAL[key]
    law = law_of(key, eta_ref=float(lr.max()), weight_decay=0.1)
    schedule = schedules.Schedule(lr)
    steps = np.arange(np.flatnonzero(lr)[0], lr.size)
    if key == "bound":  # infinite at rate 0, by theory
        steps = steps[lr[steps] > 0]
    results = [law.at(schedule, steps, exact=exact).loss_and_gradient(params) for exact in (0, 1)]
    (loss, gradient), (exact_loss, exact_gradient) = results
    assert np.isfinite(loss).all()
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(loss, exact_loss, rtol=1e-9, atol=1e-9 * np.abs(exact_loss).max())
    for got, wanted in zip(gradient.T, exact_gradient.T, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-9 * np.abs(wanted).max() + 1e-11)


def test_zero_rates_count_as_the_design_says():
    """At rate 0 the bracket is 0 until some rate follows, and 1 from then on."""
    law, params = get_law("mpl"), TYPICAL["mpl"]
    lr = np.array([1e-3, 1e-3, 0.0, 0.0, 2e-4, 1e-4])
    got = law.at(schedules.Schedule(lr), np.arange(6)).loss(params)
    wanted = [literal_mpl(params, lr, t) for t in range(6)]
    np.testing.assert_allclose(got, wanted, rtol=1e-13)
    assert got[2] == got[3] == got[1]
    assert law.final(params, lr) == pytest.approx(wanted[-1], abs=1e-13)
    assert law.final(params, lr[:4]) == pytest.approx(wanted[3], abs=1e-13)


def test_the_loss_is_infinite_before_any_rate():
    for key, params in TYPICAL.items():
        loss = law_of(key).at(schedules.Schedule([0.0, 0.0, 1e-3]), np.arange(3)).loss(params)
        assert np.isinf(loss[:2]).all()
        assert np.isfinite(loss[2])


def test_a_rate_of_zero_has_no_gradient_and_says_so():
    with pytest.raises(FitError, match=r"no finite derivative where the rate is 0 \(step 2\)"):
        get_law("mpl").final_gradient(TYPICAL["mpl"], np.array([1e-3, 1e-3, 0.0]))


def test_underflowing_offsets_leave_a_full_bracket():
    """At 1e-200 and a large gamma, c^beta is 0 in float64: the bracket is 1, not NaN."""
    params = TYPICAL["mpl"].copy()
    params[6] = 2.0
    lr = np.array([1e-3, 1e-200, 1e-200, 1e-3])
    got = get_law("mpl").at(schedules.Schedule(lr), np.arange(4)).loss(params)
    with mpmath.workdps(60):
        numbers, exact = [[mpmath.mpf(v) for v in values] for values in (params, lr)]
        wanted = [float(literal_mpl(numbers, exact, t)) for t in range(4)]
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize("key", FORMS)
def test_transforms_are_inverse_and_their_slopes_right(key):
    law, params = law_of(key), TYPICAL[key]
    unknowns = to_unknowns(law, params)
    np.testing.assert_allclose(to_params(law, unknowns), params, rtol=1e-12)
    ahead, behind = to_params(law, unknowns + 1e-6), to_params(law, unknowns - 1e-6)
    np.testing.assert_allclose(unknown_slopes(law, params), (ahead - behind) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize("key", FORMS)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_boxes_hold_sensible_parameters_in_any_unit_of_loss(key, scale):
    """A loss in other units has the same shape: the box must follow it."""
    law, params = law_of(key), TYPICAL[key].copy()
    for i, parameter in enumerate(law.parameters):
        if parameter.linear:
            params[i] *= scale
    schedule = schedules.cosine(2000, 3e-4, 3e-5, warmup=200)
    step = np.arange(200, 2000, 20)
    curve = Curve("c", step, law.at(schedule, step).loss(params), schedule)
    low, high = law.box([curve])
    assert np.all(low < params)
    assert np.all(params < high)


BOXES = {  # of curves with losses of 2 to 4, 1000 updates, a largest rate of 0.01 and Σ η = 8
    "mpl": [
        (0.002, 4), (4e-4, 2048), (0.01, 3), (0.4, 4e4), (1e-3, 1e5), (0.01, 5), (0.01, 2),
    ],
    "onepower": [(0.002, 4), (2e-4, 2048), (0.01, 3)],
    "momentum": [(0.002, 4), (4e-4, 2048), (0.01, 3), (4e-5, 400), (0.5, 1 - 1e-6)],
    "fsl": [
        (0.002, 4), (4e-4, 2048), (0.01, 3), (0.04, 4e4), (1e-4, 1e3), (0.01, 1e4), (0.01, 5),
    ],
    "bound": [
        (0.002, 4), (3.2e-5, 3200), (1e-3 * 10**0.5, 1e3 * 10**0.5), (-0.3, 0.002),
        (1e-6 * 10**0.5, 1e5 * 10**0.5), (-1, 1), (1e-3 * 10**0.5, 1e2 * 10**0.5),
    ],
    "effective of many rates": [
        (0.002, 4), (4e-4, 400), (0.01, 3), (1e-3, 100), (0.1, 1e5), (0.01, 5), (0.1, 2),
        (1e-3, 1e3), (0.25, 4), (-2, 2),
    ],
    "amplitude": [(0.002, 4), (4e-4, 400), (0.01, 3), (1e-3, 100), (0.1, 1e5), (0.01, 5), (0.1, 2)],
}  # fmt: skip


@pytest.mark.parametrize("key", BOXES)
def test_boxes_follow_the_scales_of_the_curves(key):
    long = Curve("long", [9, 999], [4.0, 3.0], schedules.constant(1100, 0.008))
    high = Curve("high", [9, 499], [3.0, 2.0], schedules.constant(1100, 0.01))
    found = np.transpose(law_of(key).box([long, high]))
    np.testing.assert_allclose(found, BOXES[key], rtol=1e-12)


def test_peak_rates_within_five_per_cent_are_one():
    def law(*peaks):
        runs = [Curve("c", [9, 99], [4.0, 3.0], schedules.constant(120, one)) for one in peaks]
        return get_law("effective").trained_on(runs)

    assert law(1.0, 2.0, 2.1).constants == pytest.approx({
        "eta_ref": 2.1, "weight_decay": 0.1, "longest": 100.0, "peak_rates": 2,
    })  # fmt: skip
    assert law(1.0, 2.0, 2.12).peak_rates == 3
    assert law(1.0, 2.0, 4.0).names[-2:] == ("nu", "kB")
    assert "nu" not in law(1.0, 2.0).names


@pytest.mark.parametrize(
    ("constants", "said"),
    [
        ({"eta_ref": 0.0}, "positive reference rate"),
        ({"longest": 0.0}, "got 1, 0 and 0.1"),
        ({"weight_decay": -0.1}, "weight decay of 0 or more"),
        ({"decay": 0.1}, "has no constant 'decay'"),
    ],
)
def test_constants_that_no_runs_can_have(constants, said):
    with pytest.raises(FitError, match=said):
        get_law("effective", constants)


def test_a_decay_that_turns_the_weights_over_in_one_update_is_refused():
    params = TYPICAL["effective"]
    for decay, refused in ((499.9, False), (500.0, True)):  # 2 λ η = 1
        law = get_law("effective", {"eta_ref": 1e-3, "weight_decay": decay})
        for call in (law.final, law.final_gradient):
            if refused:
                with pytest.raises(FitError, match="would turn weights over in one update"):
                    call(params, np.full(9, 1e-3))
            else:
                call(params, np.full(9, 1e-3))


@pytest.mark.parametrize("p", [0.0, -0.5])
def test_a_power_of_the_rate_that_is_not_positive_is_refused(p):
    params = TYPICAL["effective"].copy()
    params[6] = p
    with pytest.raises(FitError, match="is not a parameter of effective: it must be positive"):
        law_of("effective").final(params, np.full(9, 1e-4))


def test_what_is_expected_of_parameters():
    learned = ("alpha", "b", "tau", "beta", "p", "rho")
    for key, linear, expected in [
        (
            "mpl",
            "L0 A B",
            {"C": (np.log(2), 1), "beta": (np.log(0.6), 1), "gamma": (np.log(0.64), 1)},
        ),
        ("onepower", "L0 A", {}),
        ("momentum", "L0 A C", {}),
        ("fsl", "L0 c1 c2", {}),
        ("bound", "C M", {}),
        ("effective of many rates", "L0 A", {"nu": (1, 1), "kB": (0, 0.2)}),
    ]:
        parameters = law_of(key).parameters
        assert [one.name for one in parameters if one.linear] == linear.split()
        priors = {one.name: one.prior for one in parameters if one.prior is not None}
        if key.startswith("effective"):
            assert all(priors.pop(name)[1] > 0 for name in learned)
        assert priors == expected
    (p,) = (one for one in law_of("effective").parameters if one.name == "p")
    assert (p.lowest, p.transform) == (0.05, "none")


def test_wrong_parameters_get_a_sentence():
    with pytest.raises(FitError, match=r"the law mpl has 7 parameters \(L0 A alpha B C"):
        get_law("mpl").final(np.ones(3), np.ones(3))
    with pytest.raises(
        FitError, match=r"lambda = 1\.5 is not a parameter of momentum: it must be be"
    ):
        get_law("momentum").final(np.array([1, 1, 1, 1, 1.5]), np.ones(3))
    with pytest.raises(FitError, match="there is no law 'nix': choose one of mpl, effective"):
        get_law("nix")
