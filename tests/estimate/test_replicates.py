"""Runs of one schedule: which they are, how far they differ, and that fits go by their mean."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit import Curve, schedule
from mplfit.estimate.fit import fit
from mplfit.estimate.objective import Objective
from mplfit.estimate.prior import Prior
from mplfit.estimate.replicates import run_effects
from mplfit.laws import get_law

COSINE = schedule.cosine(2000, 1e-3, warmup=100)
CONSTANT = schedule.constant(2000, 1e-3, warmup=100)
WSD = schedule.wsdld(2000, 1e-3, decay=500, warmup=100)
STEP = np.arange(120, 2000, 20)


def run(name, plan, effect, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    law, params = get_law("onepower"), np.array([2.0, 1.0, 0.5])
    loss = law.at(plan, STEP).loss(params)
    return Curve(name, STEP, loss * np.exp(effect + noise * rng.standard_normal(STEP.size)), plan)


def test_three_seeds_of_one_schedule():
    effects = np.array([0.004, -0.006, 0.002])
    runs = [run(f"s{k}", COSINE, effect) for k, effect in enumerate(effects)]
    found = run_effects([*runs, run("other", CONSTANT, 0.1)])
    assert found.effects == pytest.approx([*effects, 0.0], abs=1e-12)
    assert found.sd == pytest.approx(np.std(effects, ddof=1))
    assert found.degrees == 2


def test_noise_of_the_rows_is_no_run_effect():
    """Two runs that differ by noise alone: what their mean differs by is taken out again."""
    found = [
        run_effects([run("a", COSINE, 0.0, 5e-3, 2 * k), run("b", COSINE, 0.0, 5e-3, 2 * k + 1)])
        for k in range(40)
    ]
    raw = 5e-3 / np.sqrt(STEP.size / 2)  # of one run's mean over the later half
    assert np.sqrt(np.mean([one.sd**2 for one in found])) < 0.9 * raw
    assert np.median([one.sd for one in found]) == 0
    assert all(one.degrees == 1 for one in found)


def test_a_stable_phase_is_a_replicate_of_a_constant_run_and_a_branch_is_none():
    constant = run("constant", CONSTANT, 0.0)
    assert run_effects([constant, run("wsd", WSD, 0.0)]).degrees == 0  # the same rows: a branch
    apart = run_effects([constant, run("wsd", WSD, 0.01)])
    assert apart.effects == pytest.approx([-0.005, 0.005])
    assert apart.degrees == 1
    # A branch of one of them counts with it, and makes no further difference.
    branch = run("again", schedule.wsdld(2000, 1e-3, decay=200, warmup=100), 0.0)
    found = run_effects([constant, run("wsd", WSD, 0.01), branch])
    assert found.effects == pytest.approx([-0.005, 0.005, -0.005])
    assert found.degrees == 1


def test_early_rows_and_few_rows_tell_nothing():
    early = run("a", COSINE, 0.0)
    loss = np.where(np.arange(STEP.size) < STEP.size // 2, 1.1 * early.loss, 1.002 * early.loss)
    found = run_effects([early, Curve("b", STEP, loss, COSINE)])
    assert found.effects == pytest.approx([-0.001, 0.001], abs=1e-5)
    few = [
        Curve(one.name, STEP[:7], one.loss[:7], one.schedule)
        for one in (early, run("b", COSINE, 1))
    ]
    assert run_effects(few).degrees == 0
    warm = schedule.constant(2000, 1e-3, warmup=1990)
    assert run_effects([run("a", warm, 0.0), run("b", warm, 0.1)]).degrees == 0


def test_a_fit_goes_by_the_mean_of_replicates_and_records_how_far_they_differ():
    effects = (0.01, -0.01)
    runs = [run(f"s{k}", COSINE, effect, 1e-4, k) for k, effect in enumerate(effects)]
    prior = Prior("mine", np.array([0.7, 0.0, -0.7]), np.diag([0.0, 0.0, 2.0]), 40.0)
    objective = Objective.of(get_law("onepower"), runs, prior)
    assert np.std(objective.residuals(np.array([2.0, 1.0, 0.5]))) < 2e-4
    made = fit(runs, "onepower", prior=prior, leave_out=False)
    assert made.params["L0"] == pytest.approx(2.0, abs=2e-3)
    assert made.spread.scatter < 2e-4
    assert made.spread.run_effect == pytest.approx(0.0141, abs=2e-4)
    assert made.spread.replicates == 1
    assert fit(runs[:1], "onepower", leave_out=False).spread.replicates == 0
