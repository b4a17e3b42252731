"""Coverage pooled over curves: each counts the same, and branched runs count once."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit import Curve, load_fit, schedule
from mplfit.assess.intervals import predict_interval
from mplfit.errors import DataError, FitError
from mplfit.estimate.fit import fit
from tests.study.pooled import PARTS, CurveCoverage, curve_coverage, independent_runs, pool
from tests.study.ranking import ranking
from tests.support.fits import three_curves


def test_coverage_of_a_curve_counts_rows_of_its_parts():
    train = three_curves("onepower", noise=1e-3)
    made = fit(train, "onepower")
    plan = train[1].schedule
    step = train[1].step
    interval = predict_interval(made, plan, step)
    branch = step >= 2000
    loss = np.where(branch, interval.bounds(0.95)[1] * 1.0001, train[1].loss)
    found = curve_coverage(made, Curve("branch", step, loss, plan), train).shares
    assert found["final"] == {0.80: 0.0, 0.95: 0.0}
    assert found["after branching"] == {0.80: 0.0, 0.95: 0.0}
    before = ~branch
    off = np.abs(np.log(train[1].loss / interval.loss)) / interval.sd
    assert found["whole"][0.95] == pytest.approx(np.sum(off[before] <= 1.96) / step.size, abs=0.02)


def test_a_curve_that_is_all_shared_has_no_part_after_branching():
    train = three_curves("onepower", noise=1e-3)
    found = curve_coverage(fit(train, "onepower"), train[0], train)
    assert set(found.shares) == {"whole", "final"}


def test_a_fit_without_intervals_is_refused():
    with pytest.raises(FitError, match="no intervals"):
        curve_coverage(load_fit("400"), three_curves("mpl")[0], ())


def test_pooled_shares_are_means_over_curves_with_a_binomial_interval():
    def one(value):
        return CurveCoverage("c", {part: {0.80: value, 0.95: 1.0} for part in PARTS})

    pooled = pool([one(1.0), one(0.5), one(0.9)], independent=10)
    share = pooled["whole"][0.80]
    assert share.value == pytest.approx(0.8)
    # Clopper and Pearson's interval of 8 hits in 10.
    assert (share.low, share.high) == pytest.approx((0.44390, 0.97479), abs=1e-5)
    assert pooled["final"][0.95].high == 1.0
    assert pooled["final"][0.95].low == pytest.approx(0.025 ** (1 / 10))


def test_branched_runs_count_once():
    plan, step = schedule.constant(100, 1e-3), np.arange(10, 100, 10)
    base = np.linspace(4, 3, step.size)
    early = np.where(step < 50, base, base + 0.1)
    apart = base + 0.05
    curves = [Curve(str(i), step, loss, plan) for i, loss in enumerate((base, early, apart))]
    assert independent_runs(curves) == 2
    assert independent_runs(curves[:1]) == 1


def test_a_ranking_needs_two_runs():
    with pytest.raises(DataError, match="two or more runs"):
        ranking(np.array([1.0]), np.array([1.0]))
