"""Differences between two fits, curve by curve."""

from __future__ import annotations

import pytest

from mplfit.estimate.metrics import CurveReport, Metrics, group_of
from mplfit.estimate.paired import difference


def group(mae, final):
    return group_of(
        {
            name: CurveReport(Metrics(1, one, 0, 0, 0, 0), 9, 0, None, 8, 3.0, 3.0 + end)
            for name, one, end in zip("abc", mae, final, strict=True)
        }
    )


def test_what_curves_share_cancels():
    one = group([0.01, 0.11, 0.31], [0.02, -0.12, 0.32])
    other = group([0.03, 0.14, 0.33], [-0.05, 0.15, -0.35])
    apart = difference(one, other)
    assert apart.mae.value == pytest.approx(-0.07 / 3)
    assert apart.mae.error < 0.1 * one.standard_error.mae
    assert apart.sure
    assert not difference(one, one).sure


def test_two_measures_that_disagree_decide_nothing():
    one = group([0.01, 0.11, 0.31], [0.05, 0.15, 0.35])
    other = group([0.03, 0.14, 0.33], [0.02, 0.12, 0.32])
    apart = difference(one, other)
    assert apart.mae.sure
    assert apart.final_error.sure
    assert not apart.sure


def test_a_group_carries_the_errors_of_its_means():
    found = group([0.01, 0.11, 0.31], [0.02, -0.12, 0.32])
    assert found.final_error.value == pytest.approx(0.46 / 3)
    assert found.final_error.count == 3
    assert group_of({}) is None
