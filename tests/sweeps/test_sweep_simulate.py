"""The committed simulated sweep is the one that its README describes."""

from pathlib import Path

import numpy as np

from tests.support.sweeps import basin, simulate_sweep, sweep_csv

DATA = Path(__file__).parents[2] / "data"


def test_the_data_are_made_again_byte_for_byte():
    rates = [2e-5 * 10 ** (k / 2) for k in range(8)]
    table = simulate_sweep(
        [64, 128, 256, 512, 1024],
        rates,
        exponents={"standard": -0.8, "muP": 0.0},
        eta0=4e-3,
        seeds=3,
        limit=60,
    )
    assert sweep_csv(table) == (DATA / "simulated_sweep.csv").read_bytes()


def test_the_basin_is_lowest_at_zero_with_no_slope():
    u = np.linspace(-3, 3, 601)
    assert basin(u).argmin() == 300
    assert abs(basin(np.array([1e-6]))[0]) < 1e-11
