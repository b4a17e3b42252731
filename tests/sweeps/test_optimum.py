"""Optima of settings: recovered, covered by their intervals, and flagged."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from mplfit.errors import DataError
from mplfit.sweeps.optimum import _second_basin, find_optima, loss_at
from mplfit.sweeps.table import SweepTable, groups_of
from tests.support.sweeps import basin, simulate_sweep

FACTOR_3 = 3.0 ** np.arange(-9, -2)


def one_setting(loss, lr=FACTOR_3, **options):
    return find_optima(groups_of(SweepTable(lr, loss)), draws=200, **options)[0]


@pytest.mark.parametrize(("factor", "noise"), [(3.0, 1e-3), (3.0, 1e-2), (1.7, 3e-3)])
def test_intervals_cover_the_truth(factor, noise):
    generator = np.random.default_rng(5)
    hits, sweeps = 0, 100
    for number in range(sweeps):
        truth = generator.uniform(-0.5, 0.5) * np.log(factor)
        x = np.repeat(np.arange(-4, 5) * np.log(factor), 2)
        loss = 3 * (1 + 0.05 * basin(x - truth)) * (1 + noise * generator.normal(size=x.size))
        found = one_setting(loss, np.exp(x), seed=number)
        hits += found.interval[0] <= np.exp(truth) <= found.interval[1]
    assert hits >= 0.89 * sweeps  # nominal 95; 89 is three binomial errors below


def test_grid_and_interpolated_optimum_without_noise():
    loss = np.repeat(3 + 0.1 * (np.log(FACTOR_3) + 6.2) ** 2, 2)
    found = one_setting(loss, np.repeat(FACTOR_3, 2))
    assert found.grid_lr == FACTOR_3[np.argmin(np.abs(np.log(FACTOR_3) + 6.2))]
    assert np.isclose(found.lr, np.exp(-6.2), rtol=1e-9)
    assert np.isclose(found.loss, 3.0, rtol=1e-12)
    # 1 % of 3 is 0.03 = 0.1 · u²
    assert np.allclose(np.log(found.basin), [-6.2 - np.sqrt(0.3), -6.2 + np.sqrt(0.3)], atol=1e-6)
    assert found.usable


@given(st.floats(1e-6, 1e6))
@settings(max_examples=15, deadline=None)
def test_rescaled_rates_rescale_the_optimum(scale):
    generator = np.random.default_rng(2)
    lr = np.repeat(FACTOR_3, 3)
    loss = 3 * (1 + 0.05 * basin(np.log(lr / 3e-3))) * (1 + 3e-3 * generator.normal(size=lr.size))
    plain, scaled = one_setting(loss, lr), one_setting(loss, lr * scale)
    assert np.isclose(scaled.lr, plain.lr * scale, rtol=1e-6)
    assert np.allclose(scaled.interval, np.array(plain.interval) * scale, rtol=1e-6)
    assert scaled.support == plain.support


@given(st.floats(0.01, 100), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_scaled_losses_and_mixed_rows_change_nothing(scale, random):
    generator = np.random.default_rng(2)
    lr = np.repeat(FACTOR_3, 3)
    loss = 3 * (1 + 0.05 * basin(np.log(lr / 3e-3))) * (1 + 3e-3 * generator.normal(size=lr.size))
    order = list(range(lr.size))
    random.shuffle(order)
    plain, other = one_setting(loss, lr), one_setting(loss[order] * scale, lr[order])
    assert np.isclose(other.lr, plain.lr, rtol=1e-6)
    assert np.allclose(other.interval, plain.interval, rtol=1e-6)


def test_the_executor_does_not_matter():
    table = simulate_sweep([64, 128, 256], FACTOR_3, exponents={"sp": -1.0, "mup": 0.0})
    groups = groups_of(table)
    plain = find_optima(groups, draws=200)
    with ThreadPoolExecutor(2) as executor:
        pooled = find_optima(groups, draws=200, executor=executor)
    assert all(np.array_equal(a.draws, b.draws) for a, b in zip(plain, pooled, strict=True))
    assert not np.array_equal(plain[0].draws, find_optima(groups, draws=200, seed=1)[0].draws)


def test_edges_are_said_but_not_where_larger_rates_diverged():
    falling = np.linspace(4, 3, 7)
    assert "edge high" in one_setting(falling).flags
    assert "edge low" in one_setting(falling[::-1]).flags
    assert not one_setting(falling).usable
    stopped = one_setting(np.append(falling[:6], np.nan))
    assert "edge high" not in stopped.flags
    assert "diverged" in stopped.flags
    assert not stopped.open_high


def test_flat_and_two_basins():
    lr = np.repeat(FACTOR_3, 3)
    noise = np.tile([-1e-3, 0, 1e-3], 7)
    flat = one_setting(3 + 1e-4 * (np.log(lr) + 6) ** 2 + noise, lr)
    assert "flat" in flat.flags
    double = np.repeat([3.5, 3.0, 3.3, 3.4, 3.1, 3.2, 3.6], 3)
    two = one_setting(double + noise, lr)
    assert "two basins" in two.flags
    assert two.second == FACTOR_3[4]
    single = one_setting(np.repeat([3.5, 3.2, 3.1, 3.0, 3.1, 3.2, 3.6], 3) + noise, lr)
    assert "two basins" not in single.flags


def test_a_single_rate_says_nothing():
    table = SweepTable(
        [0.1, 0.1, 0.1, 0.2], [3.0, 3.1, 2.9, 3.0], {"w": np.array([1.0, 1, 2, 2])}, ("w",)
    )
    assert "single rate" in find_optima(groups_of(table), draws=100)[0].flags


def test_one_run_a_rate_still_has_an_interval():
    generator = np.random.default_rng(4)
    loss = 3 + 0.1 * (np.log(FACTOR_3) + 6.2) ** 2 + generator.normal(0, 0.003, 7)
    found = one_setting(loss)
    assert "no run is repeated" in found.noise.source
    assert found.interval[0] < np.exp(-6.2) < found.interval[1]


def test_a_setting_that_always_diverged_keeps_the_others():
    lost = np.concatenate([np.full(7, np.nan), 3 + (np.log(FACTOR_3) + 6) ** 2])
    width = np.repeat([1.0, 2.0], 7)
    table = SweepTable(np.tile(FACTOR_3, 2), lost, {"w": width}, ("w",), ("w",))
    first, second = find_optima(groups_of(table), draws=100)
    assert "no optimum" in first.flags
    assert second.usable
    with pytest.raises(DataError, match="every rate of every setting has a diverged run"):
        find_optima(groups_of(SweepTable(FACTOR_3, np.full(7, np.inf))))


def test_losses_between_rates_are_linear_in_the_log():
    (group,) = groups_of(SweepTable([1e-3, 1e-1], [2.0, 4.0]))
    assert np.isclose(loss_at(group, 1e-2), 3.0)
    assert loss_at(group, 1.0) == 4.0


@pytest.mark.parametrize("options", [{"tolerance": 0.0}, {"tolerance": 2.0}, {"draws": 5}])
def test_options_out_of_range_are_refused(options):
    groups = groups_of(SweepTable(FACTOR_3, np.arange(1.0, 8)))
    with pytest.raises(DataError, match="got"):
        find_optima(groups, **options)


def test_next_to_a_diverged_rate_the_interval_reaches_to_it():
    found = one_setting([3.0, 2.9, 2.8, np.nan], 2.0 ** np.arange(4))
    assert found.usable
    assert found.interval[0] < 2.2
    assert found.interval[1] > 7.3


def test_the_log_error_is_a_standard_error():
    found = one_setting(3 + 0.1 * (np.log(FACTOR_3) + 6.2) ** 2)
    normal = norm.ppf((np.arange(2000) + 0.5) / 2000, scale=0.3)
    assert replace(found, draws=normal).log_error == pytest.approx(0.3, rel=4e-3)


@pytest.mark.parametrize(("span", "flat"), [(2.9, False), (3.1, True)])
def test_a_basin_of_a_factor_of_three_is_flat(span, flat):
    lr = 1.2 ** np.arange(-20, 5)
    u = np.log(lr / 0.2) / np.log(span)  # the loss is 1 % above the lowest at u = ±1/2
    assert ("flat" in one_setting(3 * (1 + 0.04 * u**2), lr).flags) == flat


@pytest.mark.parametrize(("errors", "second"), [(2.8, None), (3.2, 2)])
def test_a_barrier_of_three_standard_errors_parts_two_basins(errors, second):
    barrier = 1.1 + errors * np.hypot(0.01, 0.01)
    assert _second_basin(np.array([1.0, barrier, 1.1]), np.full(3, 0.01)) == second


def test_the_loss_of_a_rate_is_the_mean_over_its_seeds():
    loss = np.tile([1.0, 1.0, 4.0], 3) + np.repeat([1, 0, 1], 3)
    assert one_setting(loss, np.repeat([1e-3, 1e-2, 1e-1], 3)).grid_loss == 2.0


@pytest.mark.parametrize("end", ["low", "high"])
def test_an_end_that_a_tenth_of_resampled_sweeps_prefer_is_open(end):
    level = np.array([2.985, 2.97, 3.1, 3.3, 3.6])[:: 1 if end == "low" else -1]
    loss = (level[:, None] + 0.02 * np.array([-1, 0, 1])).ravel()
    found = one_setting(loss, np.repeat(FACTOR_3[:5], 3))
    share = np.mean(found.grid_draws == np.log(FACTOR_3[0 if end == "low" else 4]))
    assert 0.03 < share < 0.22
    assert (found.open_low, found.open_high) == (end == "low", end == "high")
