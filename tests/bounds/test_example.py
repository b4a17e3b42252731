"""The worst run in one dimension: below the bound of every schedule, and what it is known to be."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit.bounds import best_base, bound_curve
from mplfit.bounds.example import worst_run
from mplfit.cli.main import main
from mplfit.errors import DataError
from mplfit.schedule import constant, cosine, linear, wsdld


@pytest.mark.parametrize("factor", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("make", [constant, linear, cosine, wsdld])
def test_its_losses_lie_below_the_bound_at_every_update(make, factor):
    lr = make(120, 1.0, **({"decay": 0.2} if make is wsdld else {})).lr
    lr = lr[lr > 0]
    lr = factor * best_base(lr, D=2.0, G=3.0).rate * lr
    found = worst_run(lr, D=2.0, G=3.0)
    assert 0 < found.slope <= 3
    assert 0 <= found.start <= 2
    assert np.all(found.losses <= bound_curve(lr, D=2.0, G=3.0) * (1 + 1e-12))
    x = found.start
    for t, rate in enumerate(lr):
        assert found.losses[t] == pytest.approx(found.slope * abs(x), rel=1e-12, abs=1e-15)
        x -= rate * found.slope * (1 if x >= 0 else -1)


def test_a_run_that_cannot_come_to_the_minimum_has_half_the_way_left():
    # 100 updates come a tenth of the way before the last loss.
    lr = constant(101, 1e-3).lr
    found = worst_run(lr, D=1.0, G=1.0)
    assert (found.slope, found.start) == (1.0, 1.0)
    assert found.losses[-1] == pytest.approx(0.9)
    longer = worst_run(np.full(101, 0.02))
    assert longer.slope == pytest.approx(1 / 4)
    assert longer.losses[-1] == pytest.approx(1 / 8)
    with pytest.raises(DataError, match="positive distance"):
        worst_run(lr, D=0.0)


def test_the_command_shows_and_draws_it(tmp_path):
    spec = "linear:steps=100,peak=1"
    result = CliRunner().invoke(main, ["bound", spec, "--example", "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "worst of g·|x|" in result.stdout
    assert "bound.png, example.png and the numbers as csv" in result.stdout
    assert (tmp_path / "out" / "example.png").read_bytes().startswith(b"\x89PNG")
    made = CliRunner().invoke(main, ["bound", spec, "--example", "--no-save", "--json"])
    (one,) = json.loads(made.stdout)["schedules"]
    lr = linear(100, 1.0).lr
    expected = worst_run(best_base(lr).rate * lr).losses[-1]
    assert one["example"] == pytest.approx(expected, rel=1e-9)
