"""The law bound: its formula written out, its derivatives, and what it cannot do."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from mplfit import schedule as schedules
from mplfit.bounds import bound_curve
from mplfit.curve import Curve
from mplfit.errors import DataError, FitError
from mplfit.estimate.objective import Objective
from mplfit.estimate.simulate import simulate
from mplfit.estimate.solver import Box, descend
from mplfit.laws import get_law
from mplfit.laws.base import to_params, to_unknowns, unknown_slopes
from mplfit.laws.bound import LoggedNormBound
from tests.shared_data import shared

LAW = get_law("bound")
PARAMS = np.array([2.5, 0.8, 40.0, -0.02, 9.0, 0.3, 25.0])


def short_schedule(steps=80):
    lr = schedules.cosine(steps, 3e-3, 3e-5, warmup=10).lr.copy()
    lr[50:60] = 1e-3
    return schedules.Schedule(lr)


def literal(params, lr, t):
    """C + M·Ω in any arithmetic, one term after the other."""
    C, M, G1, A1, G2, A2, B = params
    norm = [G1 * mpmath.exp(A1 * k) + G2 * mpmath.mpf(k) ** A2 + B for k in range(1, t + 2)]
    total = 1 / mpmath.fsum(lr[: t + 1]) + lr[t] * norm[t] ** 2
    for k in range(t):
        if lr[k]:
            total += (lr[k] * norm[k]) ** 2 / mpmath.fsum(lr[k + 1 : t + 1])
    return C + M * total / 2


@pytest.mark.parametrize("exact", [True, False])
def test_loss_and_derivatives_equal_fifty_digits(exact):
    schedule, step = short_schedule(), np.array([1, 9, 40, 55, 79])
    loss, gradient = LAW.at(schedule, step, exact=exact).loss_and_gradient(PARAMS)
    with mpmath.workdps(50):
        lr = [mpmath.mpf(float(rate)) for rate in schedule.lr]
        params = [mpmath.mpf(float(value)) for value in PARAMS]
        for j, t in enumerate(step.tolist()):
            assert loss[j] == pytest.approx(float(literal(params, lr, t)), rel=1e-12)
            for i in range(PARAMS.size):
                slope = mpmath.diff(
                    lambda x, i=i, t=t: literal([*params[:i], x, *params[i + 1 :]], lr, t),
                    params[i],
                )
                scale = np.abs(gradient[:, i]).max()
                assert gradient[j, i] == pytest.approx(float(slope), rel=1e-10, abs=1e-12 * scale)


def test_fast_equals_exact_over_random_parameters():
    schedule = schedules.wsdld(3000, 1e-3, decay=0.3, warmup=100)
    step = np.arange(1, 3000, 7)
    rng = np.random.default_rng(0)
    low, high = LAW.box([Curve("run", step, np.full(step.size, 3.0), schedule)])
    ends = to_unknowns(LAW, low), to_unknowns(LAW, high)
    for _ in range(5):
        params = to_params(LAW, ends[0] + (ends[1] - ends[0]) * rng.random(PARAMS.size))
        fast = LAW.at(schedule, step).loss_and_gradient(params)
        exact = LAW.at(schedule, step, exact=True).loss_and_gradient(params)
        assert np.max(np.abs(fast[0] / exact[0] - 1)) <= 1e-9
        assert np.max(np.abs(fast[1] - exact[1]) / np.abs(exact[1]).max(axis=0)) <= 1e-9
        assert LAW.at(schedule, step).loss(params) == pytest.approx(fast[0], rel=1e-12)


def test_the_final_loss_and_its_gradient_in_every_rate():
    schedule = short_schedule()
    value, gradient = LAW.final_gradient(PARAMS, schedule.lr)
    at_end = LAW.at(schedule, np.array([79]), exact=True).loss(PARAMS)[0]
    assert value == pytest.approx(at_end, rel=1e-12)
    assert LAW.final(PARAMS, schedule.lr) == pytest.approx(value, rel=1e-14)
    for k in (0, 30, 55, 78, 79):
        h, moved = 1e-4 * max(schedule.lr[k], 1e-5), schedule.lr.copy()
        moved[k] += h
        up = LAW.final(PARAMS, moved)
        moved[k] -= 2 * h
        slope = (up - LAW.final(PARAMS, moved)) / (2 * h) if k else (up - value) / h
        assert gradient[k] == pytest.approx(slope, rel=1e-4)


def test_constant_norms_give_the_bound_itself():
    schedule = schedules.wsdld(200, 1e-2, decay=50)
    params = np.array([1.0, 2.0, 1e-12, 0.0, 1e-12, 0.0, 3.0])
    wanted = 1 + 2 * bound_curve(schedule.lr, G=3.0)
    got = LAW.at(schedule, np.arange(200)).loss(params)
    assert got == pytest.approx(wanted, rel=1e-9)


def test_signed_parameters_keep_their_sign():
    back = to_params(LAW, to_unknowns(LAW, PARAMS))
    assert back == pytest.approx(PARAMS, rel=1e-14)
    assert unknown_slopes(LAW, PARAMS)[[3, 5]].tolist() == [1, 1]
    with pytest.raises(FitError, match="A1 = nan is not a parameter of bound: it must be finite"):
        LAW.at(short_schedule(), np.array([5])).loss(np.where(PARAMS == -0.02, np.nan, PARAMS))


def test_a_descent_returns_to_the_parameters_that_made_the_curves():
    runs = [
        schedules.constant(600, 1e-2, warmup=20),
        schedules.wsdld(600, 1e-2, decay=0.3, warmup=20),
        schedules.cosine(600, 2e-2, warmup=20),
    ]
    truth = np.array([2.0, 0.6, 20.0, -0.03, 2.0, 0.2, 5.0])
    curves = [
        simulate(LAW, truth, run, np.arange(20, 600, 5), name=f"run {i}")
        for i, run in enumerate(runs)
    ]
    objective = Objective.of(LAW, curves)
    ends = np.array([to_unknowns(LAW, edge) for edge in LAW.box(curves)])
    start = to_unknowns(LAW, truth * np.array([1.1, 0.8, 1.3, 0.7, 1.2, 0.8, 0.9]))
    end = descend(objective, Box(*ends), start)
    assert end.value < 1e-12
    assert to_params(LAW, end.unknowns) == pytest.approx(truth, rel=1e-3)


def test_logged_norms_stand_for_the_formula():
    schedule = schedules.wsdld(300, 1e-2, decay=60, warmup=10)
    norms = 2 + np.sin(np.arange(300) / 20)
    law = LoggedNormBound({schedule: norms})
    params = np.array([2.0, 0.7, 4.0])
    step = np.arange(10, 300, 3)
    predictor = law.at(schedule, step)
    loss, gradient = predictor.loss_and_gradient(params)
    assert loss == pytest.approx(2 + 0.7 * bound_curve(schedule.lr, G=4 * norms)[step], rel=1e-10)
    for i in range(3):
        moved = params.copy()
        moved[i] *= 1 + 1e-6
        slope = (predictor.loss(moved) - loss) / (moved[i] - params[i])
        assert gradient[:, i] == pytest.approx(slope, rel=1e-4)
    low, high = law.box([Curve("c", [9, 99], [4.0, 2.0], schedule)])
    S, unit = schedule.lr[:100].sum(), 1 / (1e-2 * 10 * np.median(norms))
    assert low == pytest.approx([2e-3, 4e-6 * S, 1e-3 * unit])
    assert high == pytest.approx([4, 400 * S, 1e3 * unit])
    other = schedules.constant(300, 1e-2)
    with pytest.raises(DataError, match="no gradient norms were logged for Schedule"):
        law.at(other, step)


def test_a_rate_of_zero_is_refused_in_a_fit_and_infinite_in_a_prediction():
    schedule = schedules.Schedule([0.0, 1.0, 1.0, 0.0])
    predictor = LAW.at(schedule, np.arange(4))
    assert np.isinf(predictor.loss(PARAMS)).tolist() == [True, False, False, True]
    with pytest.raises(FitError, match="infinite at step 0, where the rate is 0"):
        predictor.loss_and_gradient(PARAMS)


@pytest.mark.slow
def test_on_real_curves_the_bound_is_a_law_like_the_others():
    from mplfit import read_curves
    from mplfit.estimate.fit import fit
    from mplfit.readers.released import TEST, TRAIN

    curves = {curve.name: curve for curve in read_curves([shared("curves", "csv_25")])}
    result = fit(
        [curves[name] for name in TRAIN],
        "bound",
        test=[curves[name] for name in TEST],
        leave_out=False,
    )
    assert result.converged
    assert result.metrics.test.mean.mae < 0.02
    assert result.metrics.train.mean.mae < 0.01
