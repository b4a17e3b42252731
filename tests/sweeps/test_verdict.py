"""The sentences about a sweep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mplfit.sweeps.analysis import Options, analyse
from mplfit.sweeps.verdict import headline, sentences
from tests.support.sweeps import simulate_sweep

RATES = 2.0 ** np.arange(-14, -4)


@pytest.fixture(scope="module")
def part():
    table = simulate_sweep([64, 128], RATES, exponents={"x": -1.0}, eta0=4e-3)
    return analyse(table, Options(draws=100)).parts[0]


def told(part, **changes):
    (along,) = part.transfers
    numbers = {
        "slope": -0.25, "interval": (-0.5, 0.125), "drift": 0.5, "drift_interval": (0.25, 1.5),
    }  # fmt: skip
    return sentences(replace(part, transfers=(replace(along, **{**numbers, **changes}),)))[-2]


NUMBERS = "slope -0.25 [-0.50, +0.12], ×0.5 [×0.25, ×1.5]"


def test_a_slope_and_its_verdict(part):
    assert told(part, verdict="moves") == (f"width: the best rate falls, {NUMBERS} from 64 to 128.")
    assert told(part, verdict="moves", slope=0.25).startswith("width: the best rate rises, slope +")
    assert told(part, verdict="stays") == (
        f"width: no sign that the best rate moves, {NUMBERS} from 64 to 128; slopes beyond ±0.5 "
        "are excluded."
    )
    assert told(part, verdict="undecided") == (
        "width: no sign that the best rate moves, but the sweep does not settle it: "
        f"{NUMBERS} from 64 to 128."
    )
    assert told(part, verdict="undecided", known=False) == (
        f"width: {NUMBERS} from 64 to 128, of the grid's resolution alone: no run is repeated, so "
        "that the noise is not known and the sweep does not settle whether the best rate moves."
    )
    assert told(part, slope=None, drift=None) == (
        "width: fewer than two optima lie inside their grids, so there is no slope."
    )
    (along,) = part.transfers
    fixed = replace(along.slice, fixed={"depth": 2.0})
    assert told(part, slice=fixed, verdict="moves").startswith("width (at depth=2): the best rate")


def test_what_the_small_models_rate_costs(part):
    (along,) = part.transfers

    def cost(known=True, **changes):
        numbers = {
            "rate": 4e-3, "used": 4e-3, "paid": 0.05, "interval": (0.01, 0.0625),
            "relative": 0.02, "at_least": False, **changes,
        }  # fmt: skip
        one = replace(along, carried=replace(along.carried, **numbers), known=known)
        return sentences(replace(part, transfers=(one,)))[-1]

    begin = "  The rate 0.004 of width 64, used at 128, "
    price = "0.0500 (2.0 %) [0.0100, 0.0625] in loss."
    assert cost() == f"{begin}costs {price}"
    assert cost(at_least=True) == f"{begin}costs at least {price}"
    assert cost(known=False) == f"{begin}costs 0.0500 (2.0 %) in loss."
    assert cost(used=2e-3) == (
        f"{begin}lies outside the rates tried there; even the nearest, 0.002, costs {price}"
    )


def test_a_headline_for_every_outcome(part):
    (along,) = part.transfers

    def line(*verdicts, known=True):
        several = tuple(replace(along, verdict=one, known=known) for one in verdicts)
        return headline(replace(part, transfers=several))

    assert line("stays", "moves") == "the best rate moves with width"
    assert line("stays", "stays") == "no sign that the best rate moves with width"
    assert line("stays", "undecided") == (
        "no sign that the best rate moves with width, but a move is not excluded"
    )
    assert line("undecided", known=False) == (
        "whether the best rate moves cannot be told: the noise of the runs is not known"
    )
    assert line() == "there are no two settings to compare"
    other = replace(along, slice=replace(along.slice, size="depth"), verdict="moves")
    both = (replace(along, verdict="moves"), other)
    assert headline(replace(part, transfers=both)) == "the best rate moves with width and depth"
    still = tuple(replace(one, verdict="stays") for one in both)
    assert headline(replace(part, transfers=still)) == (
        "no sign that the best rate moves with width or depth"
    )


def test_many_sizes_and_many_moves_are_told_shortly():
    widths = [2**k for k in range(4, 12)]
    table = simulate_sweep(widths, RATES, exponents={"x": 0.0}, eta0=4e-3, noise=1e-4)
    (same,) = analyse(table, Options(draws=100)).parts
    assert "in all 8 settings. The grid steps by a factor of 2, so that" in sentences(same)[0]
    (along,) = same.transfers

    def series(rates):
        optima = [replace(same.optima[0], grid_lr=rate) for rate in rates]
        moved = replace(along, grid=tuple(rates))
        return sentences(replace(same, optima=tuple(optima), transfers=(moved,)))[0]

    assert "along width, 1 at 16 to 1024; 2 at 2048. The grid" in series([1.0] * 7 + [2.0])
    assert "1 at 16, 32, 64, 128, 256 and 512; 2 at 1024 and 2048." in series([1.0] * 6 + [2.0] * 2)


def test_of_very_many_moves_the_first_and_the_last_are_told():
    widths = list(range(10, 24))
    table = simulate_sweep(widths, RATES, exponents={"x": 0.0}, eta0=4e-3, noise=1e-4)
    (part,) = analyse(table, Options(draws=100)).parts
    (along,) = part.transfers
    rates = tuple(float(one) for one in range(14))
    optima = tuple(replace(one, grid_lr=rate) for one, rate in zip(part.optima, rates, strict=True))
    moved = replace(part, optima=optima, transfers=(replace(along, grid=rates),))
    told = sentences(moved)[0].partition("along width, ")[2].partition(". The grid")[0]
    wanted = [f"{rate} at {rate + 10}" for rate in range(14)]
    assert told.split("; ") == [*wanted[:6], "…", *wanted[-6:]]
