"""The bound with logged gradient norms, fitted to logs that it made itself."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit import schedule as schedules
from mplfit.bounds import bound_curve
from mplfit.cli.main import main
from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.estimate.logged_norms import fit_logged_norms

RUNS = {
    "flat": schedules.constant(300, 1e-2),
    "wsd": schedules.wsdld(300, 1e-2, decay=0.4),
}
NORMS = {
    "flat": 1 + np.exp(-np.arange(300) / 40),
    "wsd": 1.1 + np.sin(np.arange(300) / 30) / 4,
}
STEP = np.arange(5, 300, 5)


def curve(name):
    loss = 2.5 + 0.4 * bound_curve(RUNS[name].lr, G=3 * NORMS[name])
    return Curve(name, STEP, loss[STEP], RUNS[name])


def test_the_parameters_are_found_again():
    found = fit_logged_norms([curve("flat"), curve("wsd")], NORMS)
    assert found.converged
    assert found.descended > 1
    assert found.params == pytest.approx({"C": 2.5, "M": 0.4, "G": 3.0}, rel=1e-5)
    assert found.metrics.curves["wsd"].mae < 1e-6


def test_the_standard_errors_tell_how_far_the_parameters_move_with_noise():
    rng, found = np.random.default_rng(5), []
    for _ in range(12):
        noisy = [
            Curve(
                one.name,
                one.step,
                one.loss * np.exp(rng.normal(0, 1e-3, one.step.size)),
                one.schedule,
            )
            for one in (curve("flat"), curve("wsd"))
        ]
        found.append(fit_logged_norms(noisy, NORMS))
    for name in "CMG":
        moved = np.std([one.params[name] for one in found], ddof=1)
        said = np.mean([one.standard_errors[name] for one in found])
        assert 0.5 < said / moved < 2  # the scatter of 12 fits is known to a fifth


def test_curves_without_their_norms_are_refused():
    with pytest.raises(DataError, match="wsd: expected a gradient norm for each of 300 updates"):
        fit_logged_norms([curve("wsd")], {"flat": NORMS["flat"]})
    twin = Curve("twin", STEP, curve("wsd").loss, RUNS["wsd"])
    with pytest.raises(DataError, match="twin has the schedule of another run"):
        fit_logged_norms([curve("wsd"), twin], {"wsd": NORMS["wsd"], "twin": NORMS["flat"]})


def test_the_command_reads_them_from_logs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    step = np.arange(300)
    for name, run in RUNS.items():
        loss = 2.5 + 0.4 * bound_curve(run.lr, G=3 * NORMS[name])
        rows = [f"{t},{float(run.lr[t])!r},{loss[t]:.9f},{float(NORMS[name][t])!r}" for t in step]
        text = "\n".join(["step,lr,loss,train_grad_norm", *rows, ""])
        (tmp_path / f"{name}.csv").write_text(text)
    arguments = ["bound", "--fit", "flat.csv", "--fit", "wsd.csv"]
    result = CliRunner().invoke(main, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    params = found["params"]
    assert all(0 < error < 0.05 * params[name] for name, error in found["standard_errors"].items())
    assert params == pytest.approx({"C": 2.5, "M": 0.4, "G": 3.0}, rel=1e-3)
    shown = CliRunner().invoke(main, arguments).stdout
    assert "descents agree to 1e-6" in shown
    assert shown.startswith("C + M·bound with G_t = G · logged norm describes 2 runs with a mean ")
    assert "parameter  value  std. error\nC " in shown
    wrong = CliRunner().invoke(main, [*arguments, "--grad-norm-col", "norm"])
    assert wrong.exit_code == 1
    assert "no column for the gradient norm (looked for norm)" in wrong.stderr
    assert CliRunner().invoke(main, [*arguments, "constant:steps=3,peak=1"]).exit_code == 2
    assert CliRunner().invoke(main, ["bound"]).exit_code == 2
