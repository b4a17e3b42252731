"""The example sweep in numbers: who changes an estimate does so on purpose."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from mplfit.errors import FitError
from mplfit.readers.sweep_table import read_sweep
from mplfit.sweeps.analysis import Options, analyse
from mplfit.sweeps.export import optima_rows
from mplfit.sweeps.table import SweepTable

SIMULATED = Path(__file__).parents[2] / "data" / "simulated_sweep.csv"

# grid_lr, grid_loss, support, lr, its interval, loss, its interval, basin, noise; muP and standard.
OPTIMA = [
    [
        (
            6.325e-3, 3.0159, 0.66, 3.617e-3, 2.629e-3, 4.89e-3,
            2.9979, 2.9796, 3.0142, 1.693e-3, 7.446e-3, 1.915e-3,
        ),
        (
            6.325e-3, 2.7110, 0.92, 3.763e-3, 2.807e-3, 4.973e-3,
            2.6950, 2.6788, 2.7121, 1.889e-3, 7.383e-3, 2.156e-3,
        ),
        (
            6.325e-3, 2.5070, 0.815, 3.684e-3, 2.740e-3, 4.813e-3,
            2.4916, 2.4758, 2.5069, 1.810e-3, 7.334e-3, 1.915e-3,
        ),
        (
            6.325e-3, 2.3597, 0.93, 3.752e-3, 2.818e-3, 4.918e-3,
            2.3459, 2.3306, 2.3620, 1.864e-3, 7.405e-3, 2.259e-3,
        ),
        (
            2e-3, 2.2578, 0.515, 3.512e-3, 2.524e-3, 4.733e-3,
            2.2502, 2.2342, 2.2607, 1.331e-3, 7.333e-3, 1.818e-3,
        ),
    ],
    [
        (
            6.325e-3, 3.005, 0.655, 3.599e-3, 2.712e-3, 4.725e-3,
            2.985, 2.965, 3.002, 1.775e-3, 7.165e-3, 1.536e-3,
        ),
        (
            2e-3, 2.708, 1.0, 1.931e-3, 1.480e-3, 2.516e-3,
            2.708, 2.702, 2.713, 7.995e-4, 4.663e-3, 1.698e-3,
        ),
        (
            2e-3, 2.506, 0.885, 1.183e-3, 9.063e-4, 1.577e-3,
            2.493, 2.478, 2.507, 5.703e-4, 2.422e-3, 1.921e-3,
        ),
        (
            6.325e-4, 2.351, 1.0, 6.586e-4, 4.943e-4, 8.688e-4,
            2.351, 2.345, 2.356, 2.774e-4, 1.564e-3, 2.112e-3,
        ),
        (
            6.325e-4, 2.252, 0.985, 3.978e-4, 3.069e-4, 5.247e-4,
            2.243, 2.232, 2.253, 1.919e-4, 8.198e-4, 2.063e-3,
        ),
    ],
]  # fmt: skip
# Slope, its interval, drift, its interval; paid, its interval.
TRANSFER = [
    (-0.008259, -0.161, 0.1566, 0.9774, 0.6399, 1.544, 7e-4, 0.0, 8.575e-3),
    (-0.7895, -0.9581, -0.6408, 0.112, 0.0702, 0.1692, 0.6127, 0.0965, 0.6202),
]
# Grid, ordinary, robust: eta0, its interval, gamma, its interval.
RATE_LAWS = [
    [
        (5.024e-3, 2.762e-3, 9.139e-3, 0.3322, -0.2782, 0.9426),
        (3.673e-3, 3.222e-3, 4.187e-3, 0.008259, -0.1311, 0.1476),
        (3.673e-3, 3.186e-3, 4.228e-3, 0.008259, -0.1575, 0.1579),
    ],
    [
        (1.589e-3, 9.463e-4, 2.667e-3, 0.8305, 0.3019, 1.359),
        (1.165e-3, 1.031e-3, 1.317e-3, 0.7895, 0.6651, 0.914),
        (1.165e-3, 1.011e-3, 1.349e-3, 0.7895, 0.6408, 0.9581),
    ],
]
# With a floor and without: E, its interval, A, its interval, alpha, its interval, misfit.
LOSS_LAWS = [
    [
        (2.036, 1.954, 2.099, 0.4537, 0.3793, 0.5441, 0.5419, 0.4628, 0.6254, 0.05461),
        (0, 0, 0, 2.547, 2.493, 2.604, 0.1026, 0.0839, 0.1236, 44.26),
    ],
    [
        (1.951, 1.863, 2.007, 0.5504, 0.4908, 0.6437, 0.4584, 0.393, 0.5094, 0.5837),
        (0, 0, 0, 2.529, 2.505, 2.553, 0.1001, 0.08754, 0.1122, 42.8),
    ],
]
SENTENCES = [
    [
        "The rate of the lowest loss on the grid: along width, 0.006325 at 64, 128, 256 and 512; "
        "0.002 at 1024. The grid steps by a factor of 3.2 there.",
        "With 3 runs a rate, a repeated sweep of a setting would find the same rate lowest in 52 "
        "to 93 % of cases.",
        "width: no sign that the best rate moves, slope -0.01 [-0.16, +0.16], ×0.98 [×0.64, ×1.5] "
        "from 64 to 1024; slopes beyond ±0.5 are excluded.",
        "The rate 0.006325 of width 64, used at 1024, costs 0.0007 (0.0 %) [0.0000, 0.0086] in "
        "loss.",
    ],
    [
        "The rate of the lowest loss on the grid: along width, 0.006325 at 64; 0.002 at 128 and "
        "256; 0.0006325 at 512 and 1024. The grid steps by a factor of 3.2 there.",
        "With 3 runs a rate, a repeated sweep of a setting would find the same rate lowest in 66 "
        "to 100 % of cases.",
        "width: the best rate falls, slope -0.79 [-0.96, -0.64], ×0.11 [×0.07, ×0.17] from 64 to "
        "1024.",
        "The rate 0.006325 of width 64, used at 1024, costs 0.6127 (27.2 %) [0.0965, 0.6202] in "
        "loss.",
    ],
]


@pytest.fixture(scope="module")
def found():
    return analyse(read_sweep([SIMULATED]), Options(draws=200))


@pytest.mark.parametrize("at", [0, 1])
def test_the_example_in_numbers(found, at):
    part = found.to_dict()["parametrizations"][at]
    optima = [
        (
            one["grid_lr"], one["grid_loss"], one["support"], one["lr"], *one["interval"],
            one["loss"], *one["loss_interval"], *one["basin"], one["noise"]["relative"],
        )
        for one in part["settings"]
    ]  # fmt: skip
    np.testing.assert_allclose(optima, OPTIMA[at], rtol=1e-3)
    (along,) = part["transfer"]
    cost = along["carried"]
    numbers = (
        along["slope"], *along["interval"], along["drift"], *along["drift_interval"],
        cost["paid"], *cost["interval"],
    )  # fmt: skip
    np.testing.assert_allclose(numbers, TRANSFER[at], rtol=1e-3, atol=1e-9)
    assert [law["misfit"] for law in part["rate_laws"][1:]] == pytest.approx(
        [(0.04147,) * 2, (0.07058,) * 2][at], rel=1e-3
    )
    laws = [
        (law["eta0"], *law["eta0_interval"], law["gamma"], *law["gamma_interval"])
        for law in part["rate_laws"]
    ]
    np.testing.assert_allclose(laws, RATE_LAWS[at], rtol=1e-3)
    laws = [
        (
            law["E"], *law["E_interval"], law["A"], *law["A_interval"], law["alpha"],
            *law["alpha_interval"], law["misfit"],
        )
        for law in part["loss_laws"]
    ]  # fmt: skip
    np.testing.assert_allclose(laws, LOSS_LAWS[at], rtol=2e-3)
    assert part["sentences"] == SENTENCES[at]


def test_what_is_counted_and_flagged(found):
    parts = found.to_dict()["parametrizations"]
    for part in parts:
        assert [one["sizes"] for one in part["settings"]] == [
            {"width": width} for width in (64, 128, 256, 512, 1024)
        ]
        assert part["missing"] == []
        for one in part["settings"]:
            assert one["second_basin"] is None
            assert not one["open_low"]
            assert not one["open_high"]
            assert one["noise"]["freedom"] == 10
            assert one["noise"]["source"] == "repeated runs of the setting"
            assert one["runs"] + one["diverged"] == 24
            assert ("diverged" in one["flags"]) == (one["diverged"] > 0)
            assert "flat" in one["flags"]
        assert [law["method"] for law in part["rate_laws"]] == ["grid", "ordinary", "robust"]
        assert [law["floor"] for law in part["loss_laws"]] == [True, False]
        assert all(law["reference"] == 256 for law in part["loss_laws"])
        assert all(law["settings"] == 5 for law in part["rate_laws"] + part["loss_laws"])
        (along,) = part["transfer"]
        assert along["noise_known"]
        cost = along["carried"]
        best = part["settings"][-1]["grid_loss"]
        assert not cost["at_least"]
        assert cost["relative"] == pytest.approx(cost["paid"] / best)
        assert cost["relative_interval"] == pytest.approx([end / best for end in cost["interval"]])
    assert [part["verdict"] for part in parts] == [
        "no sign that the best rate moves with width",
        "the best rate moves with width",
    ]
    assert [one["diverged"] for one in parts[1]["settings"]] == [0, 0, 0, 3, 3]


def test_what_follows_from_the_table_is_not_written(found):
    values = found.to_dict()
    assert values["schema"] == "mplfit.sweep/2"
    assert {"table", "options", "predicted", "parametrizations"} <= set(values)
    assert "parts" not in values


def test_the_table_of_optima_has_a_row_a_setting(found):
    header, rows = optima_rows(found.parts[1].optima)
    assert header == [
        "parametrization", "width", "lr_low", "lr_high", "lr", "loss", "grid_lr", "grid_loss",
        "support", "flags",
    ]  # fmt: skip
    assert rows[3][:2] == ["standard", 512]
    assert rows[3][2:9] == pytest.approx(
        [4.943e-4, 8.688e-4, 6.586e-4, 2.351, 6.325e-4, 2.351, 1.0], rel=1e-3
    )
    assert rows[3][-1] == "flat; diverged"


def test_a_setting_whose_runs_all_diverged_has_a_row_of_nothing():
    lr, loss = np.tile([1e-3, 2e-3, 4e-3], 2), np.array([np.nan] * 3 + [3.0, 2.0, 3.0])
    table = SweepTable(lr, loss, {"width": np.repeat([64.0, 128.0], 3)}, ("width",), ("width",))
    found = analyse(table, Options(draws=100))
    assert found.warnings[0].startswith("3 of 6 runs diverged")
    assert "at 3 rates, which are not taken as best" in found.warnings[0]
    first, second = found.parts[0].optima
    assert first.flags == ("no optimum", "diverged")
    assert (first.open_low, first.open_high) == (True, True)
    assert first.second is None
    numbers = (first.grid_lr, first.grid_loss, first.support, first.lr, first.loss, first.step)
    ends = (*first.interval, *first.loss_interval, *first.basin)
    assert all(math.isnan(one) for one in (*numbers, *ends))
    for draws in (first.draws, first.loss_draws, first.grid_draws):
        assert draws.shape == (100,)
        assert np.isnan(draws).all()
    assert second.usable


def test_sizes_that_do_not_vary_and_two_names_of_one_size():
    lr, width = (a.ravel() for a in np.meshgrid([1e-3, 2e-3, 4e-3], [64.0, 128.0]))
    sizes = {"depth": np.full(6, 2.0), "width": width, "params": width**2, "batch": np.full(6, 8.0)}
    loss = 3 + np.log(lr / 2e-3) ** 2
    table = SweepTable(lr, loss, sizes, ("width",), tuple(sizes))
    (part,) = analyse(table, Options(draws=100)).parts
    assert part.sizes == (("width", "params"),)


def test_several_sizes_have_one_law_of_the_rate_and_none_of_the_loss():
    width, steps, lr = (
        a.ravel()
        for a in np.meshgrid([64.0, 128.0, 256.0], [1e3, 4e3, 16e3], 2.0 ** np.arange(-14, -4))
    )
    best = np.log(2.0**-9 * (width / 128) ** -1 * (steps / 4e3) ** -0.5)
    loss = 2 + 10 / np.sqrt(width) + 0.05 * (np.log(lr) - best) ** 2
    names = ("width", "steps")
    table = SweepTable(lr, loss, {"width": width, "steps": steps}, names, names)
    (part,) = analyse(table, Options(draws=100)).parts
    law = part.law("ordinary")
    assert law.variables == names
    assert law.exponents == pytest.approx((-1, -0.5), abs=1e-6)
    assert law.eta0 == pytest.approx(2.0**-9, rel=1e-6)
    assert part.size_laws == ()
    assert part.missing == ("no law of the loss: several sizes vary at once (width, steps)",)
    assert {(t.slice.size, *t.fixed.values()) for t in part.transfers} == {
        *(("width", one) for one in (1e3, 4e3, 16e3)),
        *(("steps", one) for one in (64.0, 128.0, 256.0)),
    }
    with pytest.raises(FitError, match="must be a positive size"):
        analyse(table, Options(draws=100, reference=(("width", 0.0),)))
