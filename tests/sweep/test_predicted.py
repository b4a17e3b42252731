"""The seam for laws that know the peak rate."""

import numpy as np

from mplfit.sweep.optimum import find_optima
from mplfit.sweep.predicted import NOT_YET, compare_predicted
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
    assert "no law" in NOT_YET
