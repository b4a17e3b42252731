"""One fit to runs of several peak rates: how far it predicts the other runs, and the best peak."""

from __future__ import annotations

import pytest

from mplfit import fit
from tests.shared_data import shared
from tests.study.cases import RATES, of_rates
from tests.study.results import Job, Result, best_peak, mean_abs, observed_losses


@pytest.mark.slow
def test_one_fit_to_three_peak_rates_predicts_the_other_runs():
    """Measured 0.0065 from constant and WSD runs alone; no other law is near."""
    shared("curves")
    case = of_rates(RATES, without=["cos"])
    made = fit(case.train, "effective", test=case.test, quick=True)
    errors = Result(Job(case, "effective"), made).final_errors
    assert len(errors) == 22
    assert mean_abs(errors) < 0.007
    named = {curve.name: curve for curve in case.train}
    runs = [named[f"ann-0.2_{rate}_25000"] for rate in RATES]
    assert 1.0e-3 < observed_losses(runs).best < 1.2e-3
    # The minimum is flat: 1.68e-3 is predicted, where the loss is higher by less than 0.004.
    assert 0.7e-3 < best_peak(made, runs[1]) < 2e-3
