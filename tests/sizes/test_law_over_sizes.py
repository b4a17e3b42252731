"""The law over sizes: its derivatives, its objective's gradient, and what is summed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mplfit import Schedule
from mplfit.curve import RunSize
from mplfit.laws.base import to_params
from mplfit.laws.learned import PRIORS
from mplfit.sizes.constants import OLMO, RELEASED, SL, SPREADS, check_held_out
from mplfit.sizes.groups import group_sizes, units_of
from mplfit.sizes.hierarchy import Problem, solve
from mplfit.sizes.size_law import COMMON, OWN, mean_and_slopes, place_of, prior_of
from mplfit.sizes.sums import SHAPES, SharedSums
from tests.sizes.runs import LAW, PEAK, PLANS, runs, unknowns

SIZES = (3e7, 1e8, 3e8)


def problem(sizes=SIZES, **options):
    groups = group_sizes(runs(sizes, **options))
    units = units_of(groups)
    sums = SharedSums(groups, [units.law(one.parameters) for one in groups])
    mean, sd = np.array([PRIORS["effective"]["all"][name] for name in SHAPES]).T
    places = np.array([place_of(N, units.reference, 100.0, 1.0) for N in sizes])
    made = Problem(sums, places, prior_of(2.0, 0.3, (mean, sd)))
    made.around(mean)
    return made, mean


def test_the_slopes_of_the_law_are_those_of_complex_steps() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        common, n, x = 0.5 * rng.standard_normal(len(COMMON)), *rng.standard_normal(2)
        _, slopes = mean_and_slopes(common, n, x)
        for k in range(len(COMMON)):
            moved = common.astype(complex)
            moved[k] += 1e-30j
            mean, _ = mean_and_slopes(moved, n, x)
            assert np.allclose(mean.imag / 1e-30, slopes[:, k], rtol=1e-12, atol=1e-14)


def test_the_objective_s_gradient_through_the_shared_shapes() -> None:
    made, _ = problem(noise=3e-3)
    rng = np.random.default_rng(2)
    own = np.array([unknowns(N) for N in SIZES]) + 0.05 * rng.standard_normal((3, len(OWN)))
    common = made.prior.mean + 0.1 * rng.standard_normal(len(COMMON))
    common[3] = -1.0
    spreads = np.array([SPREADS[name] for name in OWN])
    _, in_own, in_common = made.value_and_gradient(own, common, spreads)
    for at, gradient in ((own, in_own), (common, in_common)):
        for index in np.ndindex(at.shape):
            before, step = at[index], 1e-6
            at[index] = before + step
            high = made.value_and_gradient(own, common, spreads)[0]
            at[index] = before - step
            low = made.value_and_gradient(own, common, spreads)[0]
            at[index] = before
            assert gradient[index] == pytest.approx((high - low) / (2 * step), rel=2e-4, abs=1e-3)


def test_the_first_order_is_exact_at_the_common_shapes_and_in_b() -> None:
    made, mean = problem(noise=0.0)
    for i, N in enumerate(SIZES):
        own = np.concatenate([unknowns(N)[:2], mean])
        own[3] += 0.7
        params = to_params(LAW, own)
        parts = [
            LAW.at(plan, np.arange(399, plan.steps, 100)).loss(params) for plan in PLANS.values()
        ]
        residual, _ = made.residuals(i, own)
        assert np.allclose(
            made.sums.log_loss[i] - residual, np.log(np.concatenate(parts)), atol=1e-9
        )


def test_a_prior_for_siblings_is_wider() -> None:
    """Between three equal sizes hardly anything varies: what the spreads are is the usual ones'."""
    made, mean = problem(noise=0.0)
    usual, wide = (solve(made, mean, wider).spreads for wider in (1.0, 2.0))
    assert np.all(wide > 1.5 * usual)
    assert np.all(wide < 2.2 * usual)


def test_schedules_that_sizes_share_are_summed_once() -> None:
    many = problem((1e7, 2e7, 4e7, 8e7, 16e7))[0]
    assert many.sums.schedules == len(PLANS)
    assert many.sums.size == sum(len(np.arange(399, plan.steps, 100)) for plan in PLANS.values())


def test_constants_know_where_they_were_chosen() -> None:
    check_held_out(RELEASED)
    check_held_out(OLMO)
    with pytest.raises(Exception, match=r"EXPONENTS, PSEUDO, RUN_EFFECT, SPREADS .* 'sl'"):
        check_held_out(SL)


def test_a_reference_rate_is_on_the_line_through_the_peaks() -> None:
    slow = {name: Schedule(0.5 * plan.lr, plan.warmup) for name, plan in PLANS.items()}
    made = [*runs((1e7,)), *runs((1e8,), plans=slow)]
    units = units_of(group_sizes(made))
    assert units.peak(1e7) == pytest.approx(PEAK)
    assert units.peak(1e8) == pytest.approx(PEAK / 2)
    assert units.peak(1e9) == pytest.approx(PEAK / 4)
    assert units_of(group_sizes(runs((1e7, 1e8)))).rate_exponent == 0


def test_what_a_size_is() -> None:
    one, two, three = runs((1e7, 2e7, 3e7), plans={"constant": PLANS["constant"]})
    shaped = [
        replace(one, size=RunSize(1e7, 64, 8)),
        replace(two, size=RunSize(None, 64, 8)),
        replace(three, size=RunSize(None, 64, 9)),
    ]
    groups = group_sizes(shaped)
    assert [(len(group.curves), group.parameters) for group in groups] == [
        (1, 12 * 9 * 64**2),
        (2, 1e7),
    ]
