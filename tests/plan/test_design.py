"""Which run to do next: the information that a run would add, and whether the choice pays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mplfit import Fit, load_fit, schedule
from mplfit.assess.intervals import predict_interval
from mplfit.assess.posterior import covariance, factor
from mplfit.errors import FitError
from mplfit.estimate.fit import fit
from mplfit.estimate.prior import prior_for
from mplfit.estimate.result import Spread
from mplfit.estimate.simulate import simulate
from mplfit.laws import get_law
from mplfit.laws.base import to_params
from mplfit.plan.design import design, row_information, target

LAW = get_law("amplitude", {"eta_ref": 1e-3, "longest": 1200.0})
TRUTH = np.array([2.3, 1.0, 0.47, 1.3, 20.0, 0.9, 0.67])
STEPS = 1200
DATA = Path(__file__).parents[2] / "data"
RUNS = {
    "constant": schedule.constant(STEPS, 1e-3, warmup=50),
    "cosine": schedule.cosine(STEPS, 1e-3, warmup=50),
    "wsd": schedule.wsdld(STEPS, 1e-3, decay=0.2, warmup=50),
    "two-stage": schedule.two_stage(STEPS, 1e-3, 3e-4, switch=500, warmup=50),
    "half rate": schedule.constant(STEPS, 5e-4, warmup=50),
}
GOAL = schedule.linear(5000, 1e-3, warmup=50)


def made(truth, plan, name, rng=None, noise=0.0):
    step = np.arange(59, STEPS, 10)
    return simulate(LAW, truth, plan, step, name=name, noise=noise, correlation=0.7, rng=rng)


@pytest.fixture(scope="module")
def first():
    return fit([made(TRUTH, RUNS["constant"], "first")], "amplitude", quick=True)


def test_a_run_adds_the_information_that_a_fit_with_it_has(first):
    """Without noise the fit with the run has exactly the covariance that was foretold."""
    goal = target(first, GOAL)
    found = design(first, GOAL, {"cosine": RUNS["cosine"]}, runs=1)
    both = [made(TRUTH, RUNS[name], name) for name in ("constant", "cosine")]
    after = fit(both, "amplitude", quick=True)
    foretold = found.choices[0].sd ** 2 - goal.rest**2
    assert foretold == pytest.approx(
        goal.share * goal.slope @ covariance(after) @ goal.slope, rel=0.15
    )
    assert found.before == pytest.approx(goal.sd(factor(first)))


def test_the_sequence_is_greedy_and_each_run_helps(first):
    found = design(first, GOAL, RUNS, runs=4)
    assert len({one.name for one in found.choices}) == 4
    sds = [found.before, *(one.sd for one in found.choices)]
    assert np.all(np.diff(sds) < 0)
    assert min(sds) >= found.floor
    one = found.choices[0]
    assert one.sd == min(one.others.values())  # equal lengths: the largest shrinking
    assert set(found.choices[1].others) == set(RUNS) - {one.name}


def test_a_target_s_standard_deviation_is_that_of_its_interval(first):
    goal = target(first, GOAL)
    interval = predict_interval(first, GOAL, [GOAL.steps - 1])
    assert goal.value == pytest.approx(interval.loss[0])
    assert goal.sd(factor(first)) == pytest.approx(interval.sd[0] * goal.value)
    assert 0 < goal.rest < goal.sd(factor(first))


def test_steps_are_what_a_run_costs(first):
    long = schedule.cosine(20 * STEPS, 1e-3, warmup=50)
    found = design(first, GOAL, {"long": long, "short": RUNS["cosine"]}, runs=1)
    assert found.choices[0].name == "short"
    assert found.choices[0].others["long"] < found.choices[0].others["short"]


def test_a_gain_is_a_target_too(first):
    goal = target(first, GOAL, RUNS["constant"])
    assert goal.what == "gain"
    assert goal.value == pytest.approx(
        float(first.loss(RUNS["constant"])[-1] - first.loss(GOAL)[-1])
    )
    found = design(first, GOAL, RUNS, over=RUNS["constant"], runs=1)
    assert (found.what, found.value) == ("gain", goal.value)
    assert found.choices[0].sd < found.before


def test_more_rows_tell_more(first):
    dense, sparse = (design(first, GOAL, RUNS, runs=1, every=gap) for gap in (5, 50))
    assert dense.choices[0].sd < sparse.choices[0].sd


@pytest.mark.slow
def test_the_chosen_run_beats_a_random_one():
    """Truths from the prior; a refit with each candidate's simulated run; errors of the target."""
    prior = prior_for(LAW, "weak")
    sigma = np.divide(1, np.diag(prior.whitening), where=prior.known, out=np.zeros(7))
    chosen, every = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        unknowns = prior.mean + 0.7 * sigma * rng.standard_normal(7)
        unknowns[:2] = np.log(TRUTH[:2])
        truth = to_params(LAW, unknowns)
        start = made(truth, RUNS["constant"], "first", rng, 1e-3)
        known = fit([start], "amplitude", quick=True)
        best = design(known, GOAL, RUNS, runs=1).choices[0].name
        errors = {}
        for name, plan in RUNS.items():
            after = fit([start, made(truth, plan, name, rng, 1e-3)], "amplitude", quick=True)
            errors[name] = after.formula.final(after.values, GOAL.lr) - LAW.final(truth, GOAL.lr)
        chosen.append(errors[best] ** 2)
        every.append(np.mean(np.square(list(errors.values()))))
    assert np.sqrt(np.mean(chosen)) < 0.7 * np.sqrt(np.mean(every))


def test_a_row_tells_less_where_neighbours_are_correlated():
    """Without a prior a row is worth one over the variance of the noise, and (1 - r)/(1 + r)."""
    spread = Spread(np.eye(3).tolist(), 2e-4, 1.0)
    params = {"L0": 2.0, "A": 1.0, "alpha": 0.5}
    for r, wanted in ((0.0, 1.0), (0.5, 1 / 3)):
        known = Fit("onepower", params, residual_correlation=r, spread=spread)
        assert row_information(known) * 2e-4**2 == pytest.approx(wanted, rel=0.02)
    wide = Fit("onepower", params, spread=replace(spread, scatter=1e-3))
    # Huber: E[ψ²] and the share inside ±δ of a normal of the width δ.
    inside, power = 0.682689, 0.682689 - 2 * 0.241971 + 2 * 0.158655
    assert row_information(wide) * 1e-6 == pytest.approx(inside**2 / power, rel=0.03)


def test_bad_wishes_get_a_sentence(first):
    with pytest.raises(FitError, match="give at least one candidate run"):
        design(first, GOAL, {})
    with pytest.raises(FitError, match="has no covariance"):
        target(load_fit("400"), GOAL)


def test_a_run_for_which_a_fit_gives_no_finite_losses_is_refused():
    found = load_fit(DATA / "fit_25")
    far = replace(found, params={**found.params, "beta": 144.77})
    run = schedule.constant(3000, 3e-4, warmup=300)
    with np.errstate(all="ignore"), pytest.raises(FitError, match="no finite losses for constant"):
        design(far, schedule.cosine(3000, 3e-4, warmup=300), {"constant": run})
