"""The bootstrap: the same on every engine, and as wide as the scatter that it stands for."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.signal import lfilter

from mplfit import Fit, schedule
from mplfit.assess import bootstrap as room
from mplfit.assess.bootstrap import Bootstrap, _resample, block_length, bootstrap
from mplfit.errors import FitError
from mplfit.estimate.fit import fit
from mplfit.estimate.objective import Objective, objective_of
from mplfit.estimate.refit import refit
from mplfit.estimate.simulate import simulate
from mplfit.estimate.solver import descend, parameter_box
from mplfit.estimate.uncertainty import noise_unit
from mplfit.laws import get_law
from mplfit.laws.base import to_unknowns
from tests.cluster import dask_cluster, processes
from tests.support.fits import TRUTH, three_curves


@pytest.fixture(scope="module")
def case():
    curves = three_curves("onepower", noise=1e-3)
    return fit(curves, "onepower"), curves


@pytest.fixture(scope="module")
def serial(case):
    return bootstrap(*case, 25, seed=3).draws


def test_processes_change_no_bit(case, serial, monkeypatch):
    with processes() as pool:
        assert np.array_equal(bootstrap(*case, 25, seed=3, executor=pool).draws, serial)
    monkeypatch.setattr(room, "_BATCH", 7)
    with ThreadPoolExecutor(3) as pool:
        assert np.array_equal(bootstrap(*case, 25, seed=3, executor=pool).draws, serial)


@pytest.mark.slow
def test_a_dask_cluster_changes_no_bit(case, serial):
    with (
        dask_cluster() as cluster,
        cluster.get_client() as client,
        client.get_executor(pure=False) as executor,
    ):
        assert np.array_equal(bootstrap(*case, 25, seed=3, executor=executor).draws, serial)


@pytest.mark.parametrize("key", ["mpl", "effective"])
def test_processes_change_no_bit_of_the_great_laws(key):
    curves = three_curves("mpl", noise=1e-3, every=100)
    result = fit(curves, key, leave_out=False)
    with processes() as pool:
        there = bootstrap(result, curves, 4, executor=pool).draws
        again = fit(curves, key, leave_out=False, executor=pool)
    assert np.array_equal(there, bootstrap(result, curves, 4).draws)
    assert again.to_dict() == result.to_dict()  # the descents too


def test_seeds_matter_and_progress_is_told(case, serial):
    told = []
    other = bootstrap(*case, 25, seed=4, progress=lambda *args: told.append(args)).draws
    assert not np.array_equal(other, serial)
    assert told[-1] == (25, 25, "refits")
    assert np.array_equal(bootstrap(*case, 10, seed=3).draws, serial[:10])


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_the_width_is_the_scatter_of_repeated_runs(correlation):
    """Many simulated runs: their estimates scatter as one bootstrap says, to a factor."""
    law, params, step = get_law("onepower"), TRUTH["onepower"], np.arange(20, 12000, 20)
    plan = schedule.constant(12000, 3e-4)

    def run(seed):
        rng = np.random.default_rng(seed)
        made = simulate(law, params, plan, step, noise=7e-4, correlation=correlation, rng=rng)
        return [made], fit([made], "onepower")

    runs = [run(seed) for seed in range(24)]
    scatter = np.std([result.values for _, result in runs], axis=0)
    said = [list(bootstrap(one, curves, 40).standard_errors().values()) for curves, one in runs[:4]]
    ratio = np.median(said, axis=0) / scatter
    assert np.all((ratio > 0.55) & (ratio < 1.6)), ratio


def test_blocks_follow_the_correlation():
    rng = np.random.default_rng(0)
    lengths = []
    for correlation in (0.0, 0.5, 0.9):
        x = rng.standard_normal(3000)
        for i in range(1, x.size):
            x[i] += correlation * x[i - 1]
        lengths.append(block_length(x))
    assert lengths[0] <= 4 < lengths[1] < lengths[2] <= 3 * np.sqrt(3000)
    assert block_length(np.zeros(50)) == block_length(np.ones(3)) == 1


def test_the_length_of_a_block_is_the_best_one_of_an_autoregression():
    """(6 r²/(1 - r²)²)^(1/3) n^(1/3), the rule's limit for correlations of r^k."""
    n, r = 8000, 0.5
    found = []
    for seed in range(40):
        noise = np.random.default_rng(seed).standard_normal(n)
        found.append(block_length(lfilter([1.0], [1.0, -r], noise)))
    assert np.mean(found) == pytest.approx((6 * r**2 / (1 - r**2) ** 2 * n) ** (1 / 3), rel=0.05)


def literal_block_length(x):
    """Politis and White's rule as the docstring writes it, one lag after the other."""
    n = len(x)
    x = x - x.mean()
    R = [sum(x[i] * x[i + k] for i in range(n - k)) / n for k in range(n)]
    row = max(5, math.ceil(math.sqrt(math.log10(n))))
    looked = min(math.ceil(math.sqrt(n)) + row, n - 1)
    first = max(looked - row, 1)
    for k in range(looked - row + 1):
        near = [abs(R[k + i] / R[0]) for i in range(1, row + 1)]
        if max(near) < 2 * math.sqrt(math.log10(n) / n):
            first = max(k, 1)
            break
    M = min(2 * first, looked)
    G = D = 0.0
    for k in range(-M, M + 1):
        part = 1.0 if abs(k) <= M / 2 else 2 * (1 - abs(k) / M)
        G += part * abs(k) * R[abs(k)]
        D += part * R[abs(k)]
    if D <= 0:  # a spectrum of none: no correlation to keep
        return 1
    b = (2 * G**2 / (4 / 3 * D**2)) ** (1 / 3) * n ** (1 / 3)
    return min(max(math.ceil(b), 1), int(min(math.ceil(3 * math.sqrt(n)), n // 3)))


@pytest.mark.parametrize("n", [6, 7, 9, 12, 30, 100])
def test_the_length_of_a_block_is_that_of_the_rule_written_out(n):
    lengths = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        x = lfilter([1.0], [1.0, -rng.uniform(-0.5, 0.95)], rng.standard_normal(n))
        lengths.append(block_length(x))
        assert lengths[-1] == literal_block_length(x)
    assert len(set(lengths)) > 1


def test_residuals_are_drawn_in_blocks_of_neighbours_that_go_round():
    drawn = np.concatenate(
        [_resample(np.arange(10.0), 4, np.random.default_rng(seed)) for seed in range(300)]
    ).reshape(300, 10)
    steps = np.diff(drawn, axis=1) % 10
    inside = np.delete(steps, [3, 7], axis=1)
    assert np.all(inside == 1)
    assert 0.05 < np.mean(steps[:, [3, 7]] == 1) < 0.16  # a block begins anywhere
    counts = np.bincount(drawn.astype(int).ravel(), minlength=10)
    assert np.ptp(counts) < 0.35 * counts.mean()  # every row as often


@pytest.mark.parametrize("key", ["mpl", "effective"])
def test_a_refit_ends_where_a_full_descent_ends(key):
    curves = three_curves("mpl", noise=1e-3)
    result = fit(curves, key, leave_out=False)
    law = result.formula
    objective = objective_of(result, curves)
    box, at = parameter_box(law, curves), to_unknowns(law, result.values)
    unit = noise_unit(objective, at)
    other = Objective(
        law,
        objective.predictors,
        objective.log_loss + np.random.default_rng(2).normal(0, 5e-4, objective.log_loss.size),
        objective.curve_of,
        objective.prior,
    )
    near = refit(other, box, at, unit)
    far = descend(other, box, at)
    assert near.converged
    assert near.value <= far.value + 0.02 * unit


def test_a_prior_keeps_its_width():
    """Where the data say nothing of a parameter, it scatters as the prior does."""
    curves = three_curves("mpl", noise=1e-3, every=100)
    result = fit(curves, "effective", leave_out=False)
    found = bootstrap(result, curves, 60)
    assert found.standard_errors()["p"] > 0.6 * result.standard_errors["p"]


def test_it_round_trips_in_the_fit(case):
    result, curves = case
    found = bootstrap(result, curves, 20)
    kept = Fit.from_dict(
        json.loads(json.dumps({**result.to_dict(), "bootstrap": found.record().to_dict()}))
    )
    again = Bootstrap.of(kept)
    assert np.array_equal(again.draws, found.draws)
    assert again.record() == found.record() == kept.bootstrap
    assert Bootstrap.of(result) is None
    plan, at = schedule.constant(4000, 3e-4), np.array([100, 3999])
    low, high = again.predict(plan, at)
    assert np.all(low < result.predict(plan, at))
    assert np.all(result.predict(plan, at) < high)


def test_too_few_refits_get_a_sentence(case):
    with pytest.raises(FitError, match="at least 2 refits"):
        bootstrap(*case, 1)
