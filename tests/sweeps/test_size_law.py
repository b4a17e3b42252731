"""Laws of the loss at the best rate, against scipy and known truths."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from mplfit.errors import FitError
from mplfit.sweeps.optimum import find_optima
from mplfit.sweeps.size_law import fit_size_law
from mplfit.sweeps.table import SweepTable, groups_of
from tests.support.sweeps import simulate_sweep

RATES = 2.0 ** np.arange(-14, -4)
WIDTHS = [16, 32, 64, 128, 256, 512, 1024]


@pytest.fixture(scope="module")
def optima():
    table = simulate_sweep(WIDTHS, RATES, exponents={"mup": 0.0}, noise=1e-3, seeds=3)
    return find_optima(groups_of(table), draws=400)


def test_the_law_is_scipys_and_covers_the_truth(optima):
    law = fit_size_law(optima, "width", floor=True, reference=64)
    y = np.array([one.loss for one in optima])
    error = np.array([one.loss_draws.std() for one in optima])
    plain, _ = curve_fit(
        lambda x, e, a, alpha: e + a * (x / 64) ** -alpha, WIDTHS, y, [2, 1, 0.5], error
    )
    assert np.allclose([law.E, law.A, law.alpha], plain, rtol=1e-3)
    for truth, (low, high) in zip(
        (2.0, 1.0, 0.5), (law.E_interval, law.A_interval, law.alpha_interval), strict=True
    ):
        assert low <= truth <= high
    assert law.determined
    best, low, high = law.predict(np.array([64.0]))
    assert np.isclose(best[0], law.E + law.A)
    assert low[0] < best[0] < high[0]


def test_without_a_floor_the_misfit_tells(optima):
    law = fit_size_law(optima, "width", floor=False)
    assert law.E == 0
    assert law.misfit > 100 * fit_size_law(optima, "width", floor=True).misfit


def test_too_few_sizes_are_said(optima):
    with pytest.raises(FitError, match="needs 4 sizes"):
        fit_size_law(optima[:3], "width", floor=True)


def test_intervals_cover_the_truth_on_coarse_grids():
    hits = 0
    for seed in range(20):
        table = simulate_sweep(
            [64, 128, 256, 512, 1024],
            2e-5 * 10 ** (np.arange(9) / 2),
            exponents={"x": -0.8},
            eta0=3e-3 * np.exp(0.05 * seed),
            seeds=3,
            seed=seed,
        )
        found = find_optima(groups_of(table), draws=200)
        low, high = fit_size_law(found, "width", floor=True).alpha_interval
        hits += low <= 0.5 <= high
    assert hits >= 17


@pytest.mark.parametrize("E", [0.0, 0.3, 2.0])
def test_a_floor_of_any_height_is_found(E):
    width, lr = (a.ravel() for a in np.meshgrid([16.0, 64.0, 256.0, 1024.0, 4096.0], RATES))
    loss = E + 0.8 * (width / 64) ** -0.4 + 0.01 * np.log(lr / 2**-9) ** 2
    table = SweepTable(lr, loss, {"width": width}, ("width",), ("width",))
    law = fit_size_law(find_optima(groups_of(table), draws=100), "width", floor=True, reference=64)
    assert (law.E, law.A, law.alpha) == pytest.approx((E, 0.8, 0.4), abs=5e-3)
