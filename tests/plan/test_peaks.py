"""Final losses at other peak rates."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit import load_fit, schedule
from mplfit.estimate.fit import fit
from mplfit.plan.peaks import near_best, peak_losses
from tests.support.fits import three_curves


def test_losses_are_those_of_the_scaled_schedule():
    plan = schedule.wsdld(2000, 3e-4, decay=500, warmup=100)
    found = peak_losses(load_fit("400"), plan, highest=4.3e-4)
    assert [one.peak for one in found] == pytest.approx(3e-4 * 2.0 ** np.arange(-2, 0.51, 0.5))
    again = schedule.wsdld(2000, 1.5e-4, decay=500, warmup=100)
    loss = load_fit("400").predict(again, np.array([1999]))[0]
    assert found[2].loss == pytest.approx(loss, rel=1e-9)
    assert found[2].intervals is None
    assert near_best(found) is None


def test_peaks_within_the_interval_of_the_best():
    made = fit(three_curves("onepower", noise=1e-3), "onepower")
    found = peak_losses(made, schedule.constant(2000, 3e-4))
    low, high = near_best(found)
    best = min(found, key=lambda one: one.loss)
    assert low <= best.peak <= high
    for one in found:
        inside = one.loss <= best.intervals["0.80"][1]
        assert inside == (low <= one.peak <= high)
