"""Optimized schedules: the released measure, invariants, the staircase, and the baselines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, minimize

from mplfit import load_fit, schedule
from mplfit.errors import FitError
from mplfit.laws import get_law
from mplfit.laws.mpl import PUBLISHED
from mplfit.plan.baselines import usual_schedules
from mplfit.plan.knots import KnotGrid, knot_steps
from mplfit.plan.search import search_schedule

pytestmark = pytest.mark.portable

LAW = get_law("mpl")


def final_of(size):
    params = np.array(PUBLISHED[size])
    return lambda lr: LAW.final_gradient(params, lr)


def as_the_release_measures(params, lr, warmup=2160):
    """Decrements after the warmup alone; the warmup enters through S."""
    L0, A, alpha, B, C, beta, gamma = params
    S = np.cumsum(lr)
    drop = lr[warmup - 1 : -1] - lr[warmup:]
    reach = 1 + C * lr[warmup:] ** -gamma * (S[-1] - S[warmup - 1 : -1])
    return L0 + A * S[-1] ** -alpha - B * np.sum(drop * (1 - reach**-beta))


@pytest.mark.parametrize(("size", "bound"), [("25", 3.14975), ("400", 2.53323)])
def test_the_optimized_schedule_reaches_the_release_s_loss(size, bound):
    result = search_schedule(final_of(size))
    assert as_the_release_measures(PUBLISHED[size], result.schedule.lr) <= bound
    assert result.converged
    assert result.starts[-1] - result.starts[0] < 1e-6
    predicted = load_fit(size).predict(result.schedule, np.array([23999]))[0]
    assert result.loss == pytest.approx(predicted, abs=1e-10)


@settings(max_examples=15, deadline=None)
@given(
    steps=st.integers(60, 4000),
    warmup=st.floats(0, 0.5),
    knots=st.integers(3, 24),
    peak=st.floats(1e-4, 1e-3),
    end=st.none() | st.floats(1e-6, 1e-5),
)
def test_schedules_keep_their_promises(steps, warmup, knots, peak, end):
    length = int(warmup * steps)
    result = search_schedule(
        final_of("400"), steps=steps, warmup=length, peak=peak, end=end, knots=knots
    )
    lr = result.schedule.lr
    assert lr.size == steps
    assert lr[length] == pytest.approx(peak)
    assert np.all(np.diff(lr[length:]) <= 1e-18)
    assert lr[length:].min() >= 1e-10 * (1 - 1e-9)
    assert np.array_equal(lr[:length], np.linspace(0, lr[length], length))
    if end is not None:
        assert lr[-1] == pytest.approx(end)
    linear = schedule.linear(steps, peak, end or 1e-10, warmup=length, endpoint=True)
    assert result.loss <= final_of("400")(np.maximum(linear.lr, 1e-300))[0] + 1e-9


def test_the_past_of_a_run_is_kept():
    past = schedule.constant(9000, 3e-4, warmup=500)
    result = search_schedule(final_of("400"), steps=8000, past=past, past_steps=6000, knots=24)
    assert np.array_equal(result.schedule.lr[:6000], past.lr[:6000])
    assert np.all(np.diff(result.schedule.lr[5999:]) <= 0)
    whole = search_schedule(final_of("400"), steps=8000, warmup=500, knots=24)
    assert result.loss == pytest.approx(whole.loss, abs=3e-5)  # the whole one has fewer late knots


def test_a_free_peak_is_at_least_as_good():
    fixed = search_schedule(final_of("400"), steps=4000, warmup=400, knots=16)
    free = search_schedule(final_of("400"), steps=4000, warmup=400, knots=16, peak=(3e-5, 6e-4))
    assert free.loss <= fixed.loss + 1e-9
    assert 3e-5 <= free.schedule.peak <= 6e-4


def test_without_knots_the_law_s_own_optimum_is_a_staircase():
    """One variable an update: a few large jumps, and a loss 1e-3 and more below the smooth one."""
    final, steps, warmup = final_of("400"), 3000, 300
    smooth = search_schedule(final, steps=steps, warmup=warmup)

    def rates(falls):
        lr = smooth.schedule.lr.copy()
        lr[warmup:] = 3e-4 * np.exp(-np.concatenate([[0.0], np.cumsum(falls)]))
        return lr

    def objective(falls):
        loss, gradient = final(rates(falls))
        later = np.cumsum((gradient * rates(falls))[warmup:][::-1])[::-1]
        return 1e3 * loss, -1e3 * later[1:]

    start = np.maximum(-np.diff(np.log(smooth.schedule.lr[warmup:])), 0)
    result = minimize(
        objective, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * start.size,
        options={"maxiter": 300, "maxfun": 400, "maxcor": 20, "ftol": 1e-12},
    )  # fmt: skip
    assert 1e-3 * result.fun < smooth.loss - 1e-3
    drops = np.sort(-np.diff(rates(result.x)[warmup:]))[::-1]
    assert drops[:12].sum() > 0.95 * drops.sum()


def test_more_knots_hardly_lower_the_loss():
    losses = [search_schedule(final_of("400"), knots=count).loss for count in (24, 64)]
    assert abs(losses[0] - losses[1]) < 1e-4


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 20), st.integers(30, 200), st.integers(3, 12), st.booleans())
def test_gather_is_the_adjoint_of_rates(first, steps, count, has_past):
    grid = KnotGrid(
        np.full(first, 0.5) if has_past else np.empty(0),
        0 if has_past else first,
        knot_steps(first, steps, count),
    )
    rng = np.random.default_rng(0)
    v, g = rng.random(grid.step.size), rng.random(steps + 1)
    jacobian_g = approx_fprime(v, lambda values: grid.rates(values) @ g, 1e-6)
    np.testing.assert_allclose(grid.gather(g), jacobian_g, atol=1e-6)


def test_baselines_and_the_steps_they_need():
    params = np.array(PUBLISHED["400"])

    def value(lr):
        return LAW.final(params, lr)

    result = search_schedule(final_of("400"), steps=8000, warmup=500)
    baselines = usual_schedules(value, steps=8000, warmup=500, peak=3e-4)
    by_name = {one.name.split(",")[0]: one for one in baselines}
    assert set(by_name) == {
        "constant", "cosine to 10 %", "cosine to 0", "linear to 0", "WSD linear", "WSD 1-sqrt",
        "WSD exponential to 10 %",
    }  # fmt: skip
    for one in baselines:
        assert one.loss >= result.loss
        assert one.loss == pytest.approx(value(one.schedule.lr))
    cosine = by_name["cosine to 0"]
    reached = value(schedule.cosine(cosine.needed(result.loss), 3e-4, warmup=500).lr)
    missed = value(schedule.cosine(cosine.needed(result.loss) - 20, 3e-4, warmup=500).lr)
    assert reached <= result.loss < missed
    assert cosine.saved(cosine.loss - result.loss) == 1 - 8000 / cosine.needed(result.loss)
    assert cosine.saved(-1e-3) == 0
    assert cosine.saved(0.9) == 1 - 1 / 8  # more than eight times the steps
    assert baselines[0].needed(2.39) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"knots": 2}, "at least 3 knots"),
        ({"steps": 2161}, "leave 1 updates after the warmup of 2160"),
        ({"minimum": 0.0}, "smallest rate must lie between 0 and the peak"),
        ({"end": 1.0}, "final rate must lie between"),
        ({"end": 1e-12}, "final rate must lie between"),
        (
            {"past": schedule.constant(100, 1e-3), "past_steps": 200},
            "past must end after its warmup",
        ),
    ],
)
def test_impossible_wishes_get_a_sentence(options, message):
    with pytest.raises(FitError, match=message):
        search_schedule(final_of("400"), **options)


@pytest.mark.parametrize("loss", [np.inf, np.nan, 0.0])
def test_a_starting_schedule_without_a_finite_loss_is_refused(loss):
    def final(lr):
        return loss, np.zeros(lr.size)

    with pytest.raises(FitError, match="the final loss of the starting schedule is not finite"):
        search_schedule(final, steps=100, warmup=10, peak=1e-3)


def test_descents_that_are_cut_short_are_no_convergence_and_starts_come_best_first(monkeypatch):
    def short(*arguments, options, **others):
        return minimize(*arguments, options={**options, "maxiter": 1}, **others)

    monkeypatch.setattr("mplfit.plan.search.minimize", short)
    result = search_schedule(final_of("400"), steps=2000, warmup=200, knots=16)
    assert not result.converged
    assert result.starts[0] < result.starts[1] < result.starts[2]


def test_the_coarse_schedule_is_kept_where_more_knots_only_harm():
    target = schedule.polynomial(1000, 1.0, power=2).lr

    def few_bends(lr):
        bends = int(np.sum(np.abs(np.diff(lr, 2)) > 1e-7))
        return float(1 + np.sum((lr - target) ** 2) + 10 * (bends > 12)), 2 * (lr - target)

    result = search_schedule(few_bends, steps=1000, warmup=0, peak=1.0, minimum=1e-3, knots=64)
    assert len(result.knots) <= 12
    assert result.loss == result.starts[0]
