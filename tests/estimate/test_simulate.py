"""Simulated noise has the size and the correlation that were asked for; data/ is made by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit import schedule
from mplfit.cli.main import main
from mplfit.errors import DataError
from mplfit.estimate.simulate import simulate
from mplfit.laws import get_law

DATA = Path(__file__).parents[2] / "data"


def test_noise_has_its_size_and_correlation():
    law, params = get_law("onepower"), np.array([2.0, 1.0, 0.5])
    plan, step = schedule.constant(40001, 1e-3), np.arange(1, 40001)
    noisy = simulate(
        law, params, plan, step, noise=2e-3, correlation=0.8, rng=np.random.default_rng(0)
    )
    error = np.log(noisy.loss / law.at(plan, step).loss(params))
    assert error.std() == pytest.approx(2e-3, rel=0.05)
    assert np.corrcoef(error[1:], error[:-1])[0, 1] == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(("kw", "message"), [({"noise": -1}, "noise"), ({"correlation": 1}, "lie")])
def test_impossible_noise_gets_a_sentence(kw, message):
    with pytest.raises(DataError, match=message):
        simulate(get_law("onepower"), np.ones(3), schedule.constant(9, 1), np.arange(1, 9), **kw)


@pytest.mark.parametrize("size", ["25", "100", "400"])
def test_the_data_are_made_by_the_command_in_their_readme(size, tmp_path):
    line = next(
        line.strip()
        for line in (DATA / "README.md").read_text().splitlines()
        if f"--out data/simulated_{size}" in line
    )
    arguments = line.replace(f"data/simulated_{size}", str(tmp_path / "out")).split()[1:]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    made = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    kept = {path.name: path.read_bytes() for path in (DATA / f"simulated_{size}").iterdir()}
    assert made == kept
