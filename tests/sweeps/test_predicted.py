"""Best rates that a law predicts, beside the observed ones."""

import numpy as np
import pytest

from mplfit import Fit, Schedule, load_fit
from mplfit.errors import FitError
from mplfit.schedule import wsdld
from mplfit.sweeps.optimum import find_optima
from mplfit.sweeps.predicted import compare_predicted, predictor
from mplfit.sweeps.table import groups_of
from tests.support.sweeps import basin, simulate_sweep

RATES = 2.0 ** np.arange(-14, -4)


def test_a_law_that_is_right_and_one_that_is_not():
    table = simulate_sweep([64, 256], RATES, exponents={"mup": 0.0}, eta0=4e-3)
    optima = find_optima(groups_of(table), draws=100)
    right = compare_predicted(optima, lambda setting, lr: basin(np.log(lr / 4e-3))[None])
    wrong = compare_predicted(optima, lambda setting, lr: -lr[None])
    assert all(one.inside and one.paid < 0.01 for one in right)
    assert all(not one.inside and one.paid > 0.1 for one in wrong)
    assert all(one.interval is None for one in right)
    assert all(0 < one.paid_error < one.paid for one in wrong)


def test_draws_of_the_parameters_tell_how_sure_a_predicted_best_rate_is():
    table = simulate_sweep([64], RATES, exponents={"mup": 0.0}, eta0=4e-3)
    centres = 4e-3 * np.exp([0.0, *np.random.default_rng(3).normal(0, 0.7, 200)])
    (one,) = compare_predicted(
        find_optima(groups_of(table), draws=100),
        lambda setting, lr: basin(np.log(lr / centres[:, None])),
    )
    low, high = one.interval
    assert low < one.predicted_lr < high
    assert np.log(high / low) == pytest.approx(2 * 1.96 * 0.7, abs=np.log(2))  # the grid's step


def test_a_fit_of_the_effective_law_predicts_a_best_peak():
    """The law has an optimum inside a wide range of peaks; the Multi-Power Law is refused."""
    names = ("L0", "A", "alpha", "b", "tau", "beta", "p", "rho")
    values = (2.4, 0.11, 0.52, 1.4, 9.0, 0.22, 0.8, 0.4)
    constants = {"eta_ref": 1e-3, "weight_decay": 0.1}
    fit = Fit("effective", dict(zip(names, values, strict=True)), constants=constants)
    plan = wsdld(20000, 1.0, decay=0.2, warmup=300)
    rates = np.geomspace(1e-5, 0.5, 12)
    loss = predictor(fit, plan)({}, rates)
    assert loss.shape == (1, 12)  # without draws, for this fit does not know how sure it is
    at = int(loss.argmin())
    assert 0 < at < rates.size - 1
    assert loss[0, at] == pytest.approx(fit.loss(Schedule(rates[at] * plan.lr))[-1], abs=1e-9)
    with pytest.raises(FitError, match="the law mpl has no best peak rate"):
        predictor(load_fit("400"), plan)
