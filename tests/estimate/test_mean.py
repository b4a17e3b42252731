"""A mean, its standard error and what may be concluded from them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mplfit.estimate.mean import Mean, binomial
from mplfit.types import to_plain


def test_the_error_is_that_of_scipy():
    values = [0.3, 0.1, 0.7, 0.4]
    mean = Mean.of(values)
    assert mean.value == pytest.approx(np.mean(values))
    assert mean.error == pytest.approx(stats.sem(values))
    assert to_plain(mean) == {"mean": mean.value, "standard_error": mean.error, "count": 4}


def test_one_value_has_no_error_and_none_is_no_number():
    assert f"{Mean.of([0.25]):.2f}" == "0.25"
    assert f"{Mean.of([]):.2f}" == f"{Mean.of([0.1, None]):.2f}" == "–"
    assert to_plain(Mean.of([0.25])) == {"mean": 0.25, "standard_error": None, "count": 1}


def test_an_error_that_rounds_to_nothing_is_shown_all_the_same():
    assert f"{Mean.of([0.99990, 0.99994]):.4f}" == "0.9999 ± 2e-05"
    assert f"{Mean.of([1.0, 1.0]):.4f}" == "1.0000 ± 0.0000"
    assert f"{Mean.of([1e308, 1.0]):.1e}" == "5.0e+307"  # an error beyond what numbers can be


@pytest.mark.parametrize("shift", [0.0, 0.4, 1.0])
def test_sure_is_the_t_test(shift):
    values = np.array([0.1, -0.3, 0.4, 0.0, 0.2]) + shift
    assert Mean.of(values).sure == (stats.ttest_1samp(values, 0).pvalue < 0.05)
    assert not Mean.of(values[:1]).sure


@pytest.mark.parametrize("hits", [0, 3, 7])
def test_shares_have_clopper_and_pearson_s_interval(hits):
    ends = stats.binomtest(hits, 7).proportion_ci(method="exact")
    assert binomial(hits / 7, 7) == pytest.approx((ends.low, ends.high))
