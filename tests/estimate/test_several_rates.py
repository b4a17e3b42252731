"""Training runs of several peak rates: the effective-rate law's two more parameters."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit import Curve, Fit, schedule
from mplfit.assess.bootstrap import bootstrap
from mplfit.estimate.fit import fit
from mplfit.estimate.prior import prior_for
from mplfit.estimate.simulate import simulate
from mplfit.laws import get_law
from mplfit.laws.effective import SEVERAL
from mplfit.plan.forecast import forecast


def test_runs_of_three_peak_rates_give_the_norm_an_exponent():
    """Rates within 5 % are one rate, and a constant that is given goes before the curves."""
    law = get_law("effective")

    def of(*peaks):
        step = np.arange(20, 400, 20)
        return [
            Curve(
                f"run {i}",
                step,
                np.linspace(4, 3, step.size),
                schedule.constant(400, peak, warmup=20),
            )
            for i, peak in enumerate(peaks)
        ]

    for peaks, rates in (
        ([1e-3, 1e-3, 1.04e-3], 1),
        ([1e-3, 2e-3, 2e-3], 2),
        ([4e-3, 1e-3, 2e-3], 3),
        ([1e-3, 2e-3, 4e-3, 8e-3], 4),
    ):
        trained = law.trained_on(of(*peaks))
        assert trained.constants["peak_rates"] == rates
        assert (trained.names[-2:] == ("nu", "kB")) == (rates >= SEVERAL)
        prior = prior_for(trained, "weak")
        assert prior.mean.size == len(trained.names)
        assert prior.covers(trained)
        assert get_law("effective", trained.constants) == trained
    assert "nu" not in law.trained_on(of(1, 2, 4)).with_constants({"peak_rates": 1}).names
    assert law.with_constants({"weight_decay": 0.2}).constants["peak_rates"] == 1
    assert get_law("amplitude").trained_on(of(1, 2, 4)).constants == {
        "eta_ref": 4,
        "longest": schedule.constant(400, 4, warmup=20).lr[:381].sum() / 4,  # to the last row
    }


def test_a_fit_with_the_exponent_is_kept_drawn_from_and_forecast_with():
    """Everything downstream finds the ninth and tenth parameter by the fit's constants."""
    law = get_law("effective", {"eta_ref": 4e-3, "weight_decay": 0.1, "peak_rates": 3})
    truth = np.array([2.0, 0.3, 0.5, 1.4, 9.0, 0.22, 0.8, 0.26, 2.0, 0.15])
    step, rng = np.arange(100, 2000, 20), np.random.default_rng(0)
    curves = [
        simulate(law, truth, plan, step, name=f"run {count}", noise=1e-3, rng=rng)
        for count, plan in enumerate(
            schedule.wsdld(2000, peak, decay=decay, warmup=50)
            for peak in (1e-3, 2e-3, 4e-3)
            for decay in (200, 1000)
        )
    ]
    made = fit(curves[:-1], "effective", quick=True, leave_out=False)
    assert made.params["nu"] == pytest.approx(2.0, abs=4 * made.standard_errors["nu"])
    assert made.params["kB"] == pytest.approx(0.15, abs=4 * made.standard_errors["kB"])
    again = Fit.from_dict(made.to_dict())
    assert again.formula.names[-2:] == ("nu", "kB")
    assert again.formula == made.formula
    drawn = bootstrap(made, curves[:-1], 3, seed=1)
    assert set(drawn.standard_errors()) == set(made.params)
    # The run that is forecast has one peak rate; the fit's ten parameters stay.
    part = Curve("new", step[:40], curves[-1].loss[:40], curves[-1].schedule)
    rest = forecast(part, known=made)
    assert set(rest.fit.params) == set(made.params)
    assert rest.interval.loss[-1] == pytest.approx(curves[-1].loss[-1], abs=0.02)
