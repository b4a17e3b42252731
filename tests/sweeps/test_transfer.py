"""Transfer: what the public sweep says, and simulated ones."""

import numpy as np
import pytest

from mplfit.readers.sweep_table import read_sweep
from mplfit.sweeps.analysis import Options, analyse
from mplfit.sweeps.table import SweepTable
from mplfit.sweeps.verdict import headline, sentences
from tests.shared_data import shared
from tests.support.sweeps import simulate_sweep

RATES = 2.0 ** np.arange(-14, -4)


@pytest.fixture(scope="module")
def icl():
    path = shared("sweeps", "icl_mup.csv")
    return analyse(read_sweep([path])).parts


def test_mup_keeps_its_grid_optimum_in_all_nine_settings(icl):
    part = icl[1]
    assert part.key == {"use_mup": "True"}
    assert [one.grid_lr for one in part.optima] == [0.00243] * 9
    assert headline(part).startswith("no sign that the best rate moves")
    assert headline(part).endswith("but a move is not excluded")
    text = " ".join(sentences(part))
    assert "0.00243 in all 9 settings" in text
    assert "steps by a factor of 3" in text
    assert all(t.verdict != "moves" for t in part.transfers)
    assert all(t.carried.paid == 0 for t in part.transfers)
    # and that is no proof: smaller moves are not excluded
    assert all(t.interval[1] - t.interval[0] > 0.5 for t in part.transfers)


def test_sp_moves_from_256_to_512_and_1024(icl):
    part = icl[0]
    (along,) = part.transfers
    assert along.grid == (0.00243, 0.00081, 0.00081)
    assert along.verdict == "moves"
    assert along.interval[0] < -0.8 < along.interval[1] < 0
    assert along.interval[1] - along.interval[0] > 0.5
    text = " ".join(sentences(part))
    assert "0.00243 at 256; 0.00081 at 512 and 1024" in text
    assert "With 2 runs a rate" in text
    cost = along.carried
    assert round(cost.paid, 4) == 0.0096
    assert cost.interval[0] == 0  # the small model's sweep might have found the other rate
    assert 0.0096 < cost.interval[1] < 0.03


def test_verdicts_on_known_sweeps():
    table = simulate_sweep(
        [64, 128, 256, 512], RATES, exponents={"mup": 0.0, "sp": -1.0}, eta0=4e-3, seeds=3
    )
    mup, sp = analyse(table, Options(draws=400)).parts
    assert [t.verdict for t in mup.transfers] == ["stays"]
    assert [t.verdict for t in sp.transfers] == ["moves"]
    (along,) = sp.transfers
    assert along.interval[0] < -1 < along.interval[1]
    assert along.carried.paid > 0.05
    assert mup.transfers[0].carried.paid < 0.02


def test_false_alarms_are_rare():
    moved = 0
    for seed in range(20):
        table = simulate_sweep(
            [64, 128, 256], 3.0 ** np.arange(-9, -2), exponents={"x": 0.0}, noise=1e-2, seed=seed
        )
        (part,) = analyse(table, Options(draws=200)).parts
        moved += part.transfers[0].verdict == "moves"
    assert moved <= 4


def test_a_rate_outside_the_large_models_grid_is_said():
    first = simulate_sweep([64], RATES, exponents={"x": 0.0}, eta0=4e-3)
    second = simulate_sweep([512], RATES / 64, exponents={"x": 0.0}, eta0=4e-3 / 64)
    table = SweepTable(
        np.concatenate([first.lr, second.lr]),
        np.concatenate([first.loss, second.loss]),
        {"width": np.concatenate([first.columns["width"], second.columns["width"]])},
        ("width",),
        ("width",),
    )
    (part,) = analyse(table, Options(draws=200)).parts
    cost = part.transfers[0].carried
    assert cost.at_least
    assert cost.used == RATES[-1] / 64 < cost.rate
    assert "lies outside the rates tried there" in " ".join(sentences(part))


def test_one_setting_has_nothing_to_compare():
    table = simulate_sweep([64], RATES, exponents={"x": 0.0})
    (part,) = analyse(table, Options(draws=100)).parts
    assert part.transfers == ()
    assert headline(part) == "there are no two settings to compare"


def test_without_repeated_runs_and_few_rates_nothing_is_claimed():
    lr = np.tile([1.0, 2.0, 4.0, 8.0], 2)
    loss = np.array([3.0, 2.0, 2.5, np.nan, 3.0, 2.6, 2.2, 3.0])
    width = np.repeat([64.0, 128.0], 4)
    table = SweepTable(lr[:7], loss[:7], {"width": width[:7]}, ("width",), ("width",))
    (part,) = analyse(table, Options(draws=100)).parts
    assert all(one.noise.freedom == 0 for one in part.optima)
    assert "cannot be told" in headline(part)
    assert [t.verdict for t in part.transfers] in ([], ["undecided"])
    assert "[0.0000, 0.0000]" not in " ".join(sentences(part))
