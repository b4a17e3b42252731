"""Laws of the best rate: published numbers, plain fits, and known truths."""

import numpy as np
import pytest
from scipy.stats import linregress, t

from mplfit.errors import FitError
from mplfit.readers.sweep_table import read_sweep
from mplfit.sweeps.optimum import find_optima
from mplfit.sweeps.power_law import _student, fit_power_law
from mplfit.sweeps.table import SweepTable, groups_of
from tests.shared_data import shared
from tests.support.sweeps import basin, simulate_sweep

RATES = 2.0 ** np.arange(-14, -4)


@pytest.fixture(scope="module")
def optimetal():
    path = shared("sweeps", "optimetal_widths.json")
    return find_optima(groups_of(read_sweep([path])))


def simulated(**options):
    options = {"exponents": {"sp": -0.8}, "eta0": 4e-3, "noise": 3e-3} | options
    table = simulate_sweep([64, 128, 256, 512, 1024], RATES, **options)
    return find_optima(groups_of(table), draws=400)


def test_the_notebooks_line_to_its_last_digit(optimetal):
    law = fit_power_law(optimetal, ["num_parameter"], "grid", single=True)
    assert law.reference == (8140195.0,)
    assert f"{law.gamma:.4f}" == "0.9955"
    assert f"{law.eta0:.3e}" == "6.190e-04"
    without = fit_power_law(optimetal, ["num_parameter"], "grid")
    assert f"{without.gamma:.4f}" == "0.9944"
    assert without.left_out == ("width=256",)


@pytest.mark.parametrize("method", ["ordinary", "robust"])
def test_the_better_estimate_agrees_but_is_less_sure(optimetal, method):
    law = fit_power_law(optimetal, ["num_parameter"], method)
    grid = fit_power_law(optimetal, ["num_parameter"], "grid", single=True)
    assert law.settings == 6
    assert law.intervals[0][0] < grid.exponents[0] < law.intervals[0][1]
    widths = [one.intervals[0][1] - one.intervals[0][0] for one in (law, grid)]
    assert widths[0] > widths[1]


def test_the_grids_interval_is_scipys(optimetal):
    kept = [one for one in optimetal if "single rate" not in one.flags]
    sizes = [one.group.sizes["width"] for one in kept]
    plain = linregress(np.log(sizes), np.log([one.grid_lr for one in kept]))
    law = fit_power_law(optimetal, ["width"], "grid")
    reach = t.ppf(0.975, 4) * plain.stderr
    assert np.isclose(law.exponents[0], plain.slope)
    assert np.allclose(law.intervals[0], [plain.slope - reach, plain.slope + reach])


@pytest.mark.parametrize("method", ["ordinary", "robust"])
def test_a_known_law_is_recovered_and_covered(method):
    hits = 0
    for seed in range(20):
        law = fit_power_law(simulated(seed=seed), ["width"], method, reference=[64])
        hits += law.intervals[0][0] <= -0.8 <= law.intervals[0][1]
        assert abs(law.exponents[0] + 0.8) < 0.25
        assert 0.5 < law.eta0 / 4e-3 < 2
    assert hits >= 17


def test_rescaled_rates_rescale_eta0_alone():
    table = simulate_sweep([64, 128, 256, 512], RATES, exponents={"sp": -0.5})
    scaled = SweepTable(table.lr * 7, table.loss, table.columns, table.groups, table.sizes)
    plain, other = (
        fit_power_law(find_optima(groups_of(one), draws=200), ["width"], "robust")
        for one in (table, scaled)
    )
    assert np.isclose(other.eta0, 7 * plain.eta0, rtol=1e-6)
    assert np.allclose(other.exponents, plain.exponents, atol=1e-6)


def test_several_variables():
    width, steps, lr, seed = (
        axis.ravel()
        for axis in np.meshgrid([64.0, 256, 1024], [1e3, 1e4], RATES, [0.0, 1.0], indexing="ij")
    )
    generator = np.random.default_rng(1)
    best = 2e-3 * (width / 256) ** -0.7 * (steps / 1e3) ** -0.3
    loss = 3 * (1 + 0.05 * basin(np.log(lr / best))) * (1 + 1e-3 * generator.normal(size=lr.size))
    columns = {"width": width, "steps": steps}
    table = SweepTable(lr, loss, columns, ("width", "steps"), ("width", "steps"), seed)
    law = fit_power_law(
        find_optima(groups_of(table), draws=400), ["width", "steps"], reference=[256, 1e3]
    )
    assert np.allclose(law.exponents, [-0.7, -0.3], atol=0.1)
    for exponent, (low, high) in zip([-0.7, -0.3], law.intervals, strict=True):
        assert low <= exponent <= high
    rate, low, high = law.predict(np.array([[256.0, 1e3]]))
    assert np.isclose(rate[0], law.eta0)
    assert low[0] < rate[0] < high[0]


def test_a_reference_size_may_be_below_one():
    optima = simulated()
    one = fit_power_law(optima, ["width"], reference=[1.0])
    half = fit_power_law(optima, ["width"], reference=[0.5])
    assert half.eta0 == pytest.approx(one.eta0 * 0.5 ** one.exponents[0])
    for bad in (0.0, -1.0, np.inf):
        with pytest.raises(FitError, match="must be a positive size"):
            fit_power_law(optima, ["width"], reference=[bad])


def test_student_s_samples_have_one_scale_for_all_parameters():
    optima = simulated()
    centre, low, high, draws = _student(np.array([1.0, -2.0]), np.eye(2), 1, optima)
    assert draws.shape == (400, 2)
    np.testing.assert_allclose(high - centre, t.ppf(0.975, 1))
    np.testing.assert_allclose(centre - low, t.ppf(0.975, 1))
    size = np.log(np.abs(draws - centre))
    assert 0.35 < np.corrcoef(size.T)[0, 1] < 0.65  # 1/2: of one chi², without it 0
    normal = _student(centre, np.eye(2), None, optima)[3]
    assert abs(np.corrcoef(np.log(np.abs(normal - centre)).T)[0, 1]) < 0.15


def test_the_robust_fit_gives_an_odd_setting_less_say():
    table = simulate_sweep([64, 128, 256, 512, 1024], RATES, exponents={"sp": -0.5}, noise=1e-3)
    odd = table.columns["width"] == 1024
    moved = SweepTable(
        np.where(odd, table.lr * 8, table.lr), table.loss, table.columns, table.groups, table.sizes
    )
    optima = find_optima(groups_of(moved), draws=200)
    errors = [
        abs(fit_power_law(optima, ["width"], method).exponents[0] + 0.5)
        for method in ("ordinary", "robust")
    ]
    assert errors[1] < 0.6 * errors[0]
    # and both say that the law does not hold
    assert fit_power_law(optima, ["width"], "ordinary").misfit > 3


def test_one_rate_everywhere_is_not_an_exact_slope_of_zero():
    lr = np.tile([1e-3, 3e-3, 9e-3], 4)
    width = np.repeat([64.0, 128, 256, 512], 3)
    table = SweepTable(lr, np.tile([3.0, 2.0, 3.0], 4), {"width": width}, ("width",), ("width",))
    law = fit_power_law(find_optima(groups_of(table), draws=100), ["width"], "grid")
    assert law.exponents == (0.0,)
    assert law.intervals[0][0] < -0.1 < 0.1 < law.intervals[0][1]


def test_what_cannot_be_fitted_is_said():
    optima = simulated()
    with pytest.raises(FitError, match="no method 'best'"):
        fit_power_law(optima, ["width"], "best")
    with pytest.raises(FitError, match="needs at least 3 settings"):
        fit_power_law(optima[:2], ["width"])
    with pytest.raises(FitError, match="positive size"):
        fit_power_law(optima, ["width"], reference=[0])
