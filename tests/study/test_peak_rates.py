"""One fit to runs of several peak rates: how far it predicts the other runs, and the best peak."""

from __future__ import annotations

import pytest

from mplfit.estimate.fit import fit
from tests.shared_data import shared
from tests.study.cases import LAB_RATES, RATES, lab_peaks, of_rates
from tests.study.results import Job, Result, best_peak, mean_abs, observed_losses


@pytest.mark.slow
def test_one_fit_to_three_peak_rates_predicts_the_other_runs_and_the_best_peak():
    """Measured 0.0034 and 0.89e-3 from constant and WSD runs, at 1.08e-3 observed."""
    shared("curves")
    case = of_rates(RATES, without=["cos"])
    made = fit(case.train, "effective", test=case.test, quick=True, leave_out=False)
    errors = Result(Job(case, "effective"), made).final_errors
    assert len(errors) == 22
    assert mean_abs(errors) < 0.004
    named = {curve.name: curve for curve in case.train}
    runs = [named[f"ann-0.2_{rate}_25000"] for rate in RATES]
    observed = observed_losses(runs)
    assert 1.0e-3 < observed.best < 1.2e-3
    found = best_peak(made, runs[1])
    assert 0.85e-3 < found < 1.25e-3
    assert observed.loss(found) < observed.loss(observed.best) + 1e-3


def test_the_exponent_of_the_norm_carries_a_fit_to_a_higher_rate():
    """Three rates of the lab to fit, 0.012 to predict: its runs, and the best peaks."""
    case = lab_peaks(LAB_RATES[:3], ["constant", "wsd", "cosine"])
    errors, peaks = {}, {}
    everything = {curve.name: curve for curve in (*case.train, *case.test)}
    for count in (1, 3):
        made = fit(
            case.train,
            "effective",
            quick=True,
            leave_out=False,
            constants={"peak_rates": count},
            test=case.test,
        )
        assert ("nu" in made.params) == (count == 3)
        ends = Result(Job(case, "effective"), made).final_errors
        errors[count] = mean_abs({name: ends[name] for name in ends if "_0.012" in name})
        for kind in ("wsd", "cosine", "linear"):
            runs = [everything[f"{kind}_{rate}"] for rate in LAB_RATES]
            best = observed_losses(runs).best
            peaks[count, kind] = best_peak(made, everything[f"{kind}_0.006"]) / best
    assert errors[3] < 0.75 * errors[1]
    for kind in ("wsd", "cosine", "linear"):
        assert 0.7 < peaks[3, kind] < 1.3
    assert peaks[1, "cosine"] > 1.5
