"""Best rates that a law predicts, beside the observed ones."""

import numpy as np
import pytest

from mplfit import Fit, Schedule, load_fit
from mplfit.errors import FitError
from mplfit.schedule import wsdld
from mplfit.sweep.optimum import find_optima
from mplfit.sweep.predicted import compare_predicted, predictor
from mplfit.sweep.simulate import basin, simulate_sweep
from mplfit.sweep.table import groups_of

RATES = 2.0 ** np.arange(-14, -4)


def test_a_law_that_is_right_and_one_that_is_not():
    table = simulate_sweep([64, 256], RATES, exponents={"mup": 0.0}, eta0=4e-3)
    optima = find_optima(groups_of(table), draws=100)
    right = compare_predicted(optima, lambda setting, lr: basin(np.log(lr / 4e-3)))
    wrong = compare_predicted(optima, lambda setting, lr: -lr)
    assert all(one.inside and one.paid < 0.01 for one in right)
    assert all(not one.inside and one.paid > 0.1 for one in wrong)


def test_a_fit_of_the_effective_law_predicts_a_best_peak():
    """The law has an optimum inside a wide range of peaks; the Multi-Power Law is refused."""
    names = ("L0", "A", "alpha", "B", "tau", "beta", "delta", "p", "rho")
    values = (2.4, 0.38, 0.52, 0.22, 50.0, 0.33, 0.05, 0.8, 0.4)
    constants = {"eta_ref": 1e-3, "weight_decay": 0.1}
    fit = Fit("effective", dict(zip(names, values, strict=True)), constants=constants)
    plan = wsdld(20000, 1.0, decay=0.2, warmup=300)
    rates = np.geomspace(1e-5, 0.5, 12)
    loss = predictor(fit, plan)({}, rates)
    assert 0 < loss.argmin() < rates.size - 1
    at = int(loss.argmin())
    assert loss[at] == pytest.approx(fit.predict(Schedule(rates[at] * plan.lr))[-1], abs=1e-9)
    with pytest.raises(FitError, match="the law mpl has no best peak rate"):
        predictor(load_fit("400"), plan)
