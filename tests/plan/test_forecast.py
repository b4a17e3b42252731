"""Forecasts: the rest of a run from its rows, its plan, and what is known before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mplfit import Curve, load_fit, schedule
from mplfit.assess.posterior import covariance, log_slopes
from mplfit.errors import FitError
from mplfit.estimate.constants import FORECAST_BEYOND, FORECAST_SCATTER
from mplfit.estimate.fit import fit
from mplfit.estimate.simulate import simulate
from mplfit.laws.base import to_unknowns
from mplfit.laws.registry import get_law
from mplfit.plan.forecast import forecast, forecast_interval, prior_of

LAW = get_law("effective", {"eta_ref": 1e-3})
TRUTH = np.array([2.3, 0.3, 0.5, 1.4, 9.0, 0.22, 0.8, 0.26])
STEPS = 2000
PLANS = {
    "constant": schedule.constant(STEPS, 1e-3, warmup=50),
    "cosine": schedule.cosine(STEPS, 1e-3, warmup=50),
    "wsd": schedule.wsdld(STEPS, 1e-3, decay=0.2, warmup=50),
}


def run(name, until=STEPS, noise=1e-3, seed=0):
    step = np.arange(59, until, 10)
    rng = np.random.default_rng(seed)
    return simulate(LAW, TRUTH, PLANS[name], step, name=name, noise=noise, rng=rng)


def truth_of(name):
    return LAW.final(TRUTH, PLANS[name].lr)


@pytest.fixture(scope="module")
def earlier():
    return [run("constant", seed=1), run("cosine", seed=2)]


@pytest.fixture(scope="module")
def known(earlier):
    return fit(earlier, "effective", quick=True)


def test_the_rest_is_every_update_to_come(known):
    found = forecast(run("wsd", 1000))
    assert found.step.tolist() == list(range(1000, STEPS))
    assert found.interval.loss.shape == found.interval.sd.shape == found.step.shape
    assert np.all(np.diff(found.interval.sd[-400:]) > 0)  # the decay is what nobody has seen
    low, high = found.interval.bounds(0.95)
    assert low[-1] < truth_of("wsd") < high[-1]
    assert found.intervals["0.95"] == (low[-1], high[-1])
    assert found.rest.step[[0, -1]].tolist() == [1000, STEPS - 1]
    assert set(np.diff(found.rest.step)) <= {4, 5, 6}  # 201 of 1,000 updates
    np.testing.assert_array_equal(found.rest.sd, found.interval.sd[found.rest.step - 1000])


@pytest.mark.parametrize("how", ["runs", "fit"])
def test_what_is_known_before_makes_it_surer(how, earlier, known):
    alone = forecast(run("wsd", 1000))
    given = {"earlier": earlier} if how == "runs" else {"known": known}
    found = forecast(run("wsd", 1000), **given)
    assert found.interval.sd[-1] < 0.5 * alone.interval.sd[-1]
    low, high = found.interval.bounds(0.95)
    assert low[-1] < truth_of("wsd") < high[-1]
    assert abs(found.interval.loss[-1] / truth_of("wsd") - 1) < 0.01
    assert found.rows == 95


def test_the_standard_deviation_is_that_of_the_module_s_formula(known):
    step = np.array([100, 1999, 2999])
    plan = schedule.constant(3000, 1e-3, warmup=50)
    found = forecast_interval(known, plan, step[::-1])
    loss, slopes = log_slopes(known, plan, step)
    s = known.spread.scatter
    x = np.maximum(0, np.log(np.cumsum(plan.lr)[step] / known.spread.largest_S))
    rest = (FORECAST_SCATTER * s) ** 2 + (FORECAST_BEYOND * s * x) ** 2
    wanted = np.einsum("ij,jk,ik->i", slopes, covariance(known), slopes) + rest
    assert x[:2].tolist() == [
        0,
        pytest.approx(np.log(plan.lr[:2000].sum() / known.spread.largest_S)),
    ]
    assert x[2] > 0.4
    np.testing.assert_allclose(found.sd[::-1] ** 2, wanted, rtol=1e-9)
    np.testing.assert_allclose(found.loss[::-1], loss)


def test_what_is_said_beside_the_rest(earlier, known):
    one = run("wsd", 1000)
    alone = forecast(one)
    assert alone.warnings == (
        "no training curve has a change of the rate after its warmup: the loss drop rests on the "
        "prior alone",
    )
    assert alone.late == one.loss[one.step > 0.9 * 999].mean()
    assert one.step[-1] == 999
    assert abs(alone.off) < alone.off_sd < 0.01
    # Whether the run, or one before it, has shown what a falling rate gives.
    assert alone.by_prior
    assert not forecast(one, earlier=earlier).by_prior
    assert not forecast(one, known=known).by_prior
    assert not forecast(run("cosine", 1000)).by_prior
    assert not forecast(run("constant", 1000)).by_prior


@pytest.mark.parametrize(("factor", "said"), [(1.02, "2 % above"), (0.98, "2 % below"), (1.0, "")])
def test_last_rows_that_lie_off_the_law(factor, said, earlier):
    one = run("wsd", 1000)
    late = one.step > 800
    off = Curve("off", one.step, np.where(late, factor, 1.0) * one.loss, one.schedule)
    found = [text for text in forecast(off, earlier=earlier).warnings if "the last rows" in text]
    assert len(found) == bool(said)
    if said:
        assert "of off lie" in found[0]
        assert said.split()[-1] in found[0]
        assert found[0].endswith(
            "the law: it does not describe this run, or earlier runs are of another kind"
        )


def test_an_earlier_run_of_the_same_name_is_another_run(earlier):
    same = replace(earlier[1], name="wsd")
    names = {one.name for one in forecast(run("wsd", 1000), earlier=[same]).fit.trained}
    assert names == {"wsd", "wsd (earlier)"}


def test_more_of_the_run_tells_more():
    sds = [forecast(run("cosine", until)).interval.sd[-1] for until in (600, 1000, 1600)]
    assert sds[0] > sds[1] > sds[2]


def test_rows_shared_with_an_earlier_run_count_once(earlier):
    stable = earlier[0]
    branch = Curve("branch", stable.step[:60], stable.loss[:60], PLANS["wsd"])
    found = forecast(branch, earlier=earlier)
    assert found.rows == 0
    assert found.fit.params == pytest.approx(fit(earlier, "effective", quick=True).params, rel=1e-6)


def test_a_fit_becomes_the_prior_with_its_covariance(known):
    prior = prior_of(known)
    assert prior.mean == pytest.approx(to_unknowns(known.formula, known.values))
    again = np.linalg.inv(prior.whitening.T @ prior.whitening)
    wanted = covariance(known)
    wanted[0, 0] += 0.003**2
    np.testing.assert_allclose(again, wanted, rtol=1e-5, atol=1e-10)
    assert prior.known.all()
    found = forecast(run("wsd", 1000), known=known)
    assert found.fit.constants == known.constants  # also the reference rate
    assert found.fit.prior.name == "earlier fit"


def test_a_law_without_a_prior_is_searched_for():
    found = forecast(run("constant", 1000), law="onepower")
    assert found.fit.law == "onepower"
    assert found.fit.starts.screened > 1


def test_a_run_of_another_kind_is_said(known):
    one = run("wsd", 1000)
    other = forecast(Curve("other", one.step, 1.3 * one.loss, one.schedule), known=known)
    assert any(
        "above the earlier fit: is this a run of the same" in text for text in other.warnings
    )
    assert not any("earlier fit" in text for text in forecast(one, known=known).warnings)


def test_rates_above_those_so_far_are_said():
    plan = schedule.two_stage(STEPS, 1e-3, 2e-3, switch=1500)
    step = np.arange(59, 1000, 10)
    found = forecast(simulate(LAW, TRUTH, plan, step, name="rising"))
    assert any("above the 0.001 so far" in text for text in found.warnings)


def test_bad_cases_get_a_sentence():
    whole = run("wsd")
    with pytest.raises(FitError, match="plan of 2000 updates ends where the log does"):
        forecast(whole)
    with pytest.raises(FitError, match="too few for the 8 parameters"):
        forecast(run("wsd", 130))
    with pytest.raises(FitError, match="this fit has no covariance"):
        forecast(run("wsd", 1000), known=load_fit("400"))


@settings(max_examples=12, deadline=None)
@given(
    plan=st.sampled_from(["cosine", "wsd", "steep"]),
    law=st.sampled_from(["effective", "onepower"]),
    share=st.sampled_from([0.02, 0.1, 0.4]),
    noise=st.sampled_from([1e-3, 0.1, 0.5]),
    slope=st.sampled_from([None, 0.02, 0.3]),
    seed=st.integers(0, 99),
)
@example("wsd", "effective", 0.4, 1e-3, None, 0)
@example("steep", "effective", 0.1, 1e-3, None, 0)
def test_no_forecast_is_negative_or_has_its_ends_reversed(plan, law, share, noise, slope, seed):
    plans = {**PLANS, "steep": schedule.linear(STEPS, 1e-2, 1e-7, warmup=10)}
    step = np.unique(np.linspace(5, share * STEPS, 25).astype(np.int64))
    fall = 4 - 3.9 * step / step[-1] if slope is None else 10 * (step + 1.0) ** -slope
    loss = fall * np.exp(noise * np.random.default_rng(seed).normal(size=25))
    try:
        found = forecast(Curve("noisy", step, loss, plans[plan]), law=law)
    except FitError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert "which no run can have" in refused
        return
    low, high = found.interval.bounds(0.95)
    assert np.all((low >= 0) & (low < found.interval.loss) & (found.interval.loss < high))
    assert np.all(found.interval.loss > 0)
    assert found.late == pytest.approx(loss[step > 0.9 * step[-1]].mean())
