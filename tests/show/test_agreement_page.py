"""Theory beside runs as a page: courses, laws in the base rate, and what is drawn of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit.bounds import bound
from mplfit.bounds.agreement import Outcome, agreement
from mplfit.cli.main import main
from mplfit.readers.epfml_outcomes import read_outcomes
from mplfit.schedule import constant, wsdld
from mplfit.show.bound_plot import plot_courses
from tests.shared_data import shared

PEAKS = (5e-4, 1e-3, 2e-3, 4e-3)


def outcomes():
    """Runs whose losses are 2 + 3·Ω for D/G = 0.3, logged all along."""
    made = []
    for peak in PEAKS:
        for share in (0.1, 0.4):
            run = wsdld(400, peak, decay=share)
            step = np.arange(19, 400, 20)
            losses = np.array([2 + 3 * bound(run.lr[: t + 1], D=0.3) for t in step])
            name = f"wsd {share:g}, lr {peak:g}"
            made.append(Outcome(name, run, float(losses[-1]), "wsd linear", share, step, losses))
    return made


def test_the_loss_over_base_rates_has_the_form_of_the_bound():
    runs = outcomes()
    found = agreement(runs)
    assert found.ratio == pytest.approx(0.3, rel=1e-6)
    groups = [one for one in found.groups if one.varies == "base rate"]
    assert len(groups) == 2
    for one in groups:
        A, B, C = one.rate_law
        assert A / one.value + B * one.value + C == pytest.approx(one.loss, rel=1e-9)
        assert pytest.approx(2, rel=1e-6) == C
    assert all(one.rate_law is None for one in found.groups if one.varies == "cooldown")
    assert found.to_dict()["groups"][-1]["rate_law"] == pytest.approx([A, B, C])


def test_courses_show_losses_and_bounds_in_the_same_units():
    runs = outcomes()[:2]
    losses, theory, rates, _ = plot_courses(agreement(outcomes()), runs).axes
    for logged, expected in zip(losses.lines, theory.lines, strict=True):
        at, curve = expected.get_data()
        shared_steps = np.isin(logged.get_xdata(), at)
        assert shared_steps.any()
        assert logged.get_ydata()[shared_steps] == pytest.approx(
            curve[np.isin(at, logged.get_xdata())], rel=1e-6
        )
    assert len(rates.lines) == 2


def test_a_run_without_logged_losses_is_no_course():
    assert Outcome("one", constant(10, 1.0), 3.0, "constant").step.size == 0


def test_the_page_of_the_real_runs(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    for kind in ("cos-zero-*iter25000*", "ann124-0.2_*decay_linear*iter25000*"):
        for path in shared("curves", "epfml_124m").glob(kind):
            (folder / path.name).symlink_to(path)
    out = tmp_path / "theory"
    result = CliRunner().invoke(main, ["agreement", str(folder), "--html", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "agreement.png, agreement.json, agreement.html" in result.stdout
    text = " ".join(result.stdout.split())
    assert "observed loss = 1.92e-05/γ + 14.91·γ + 3.0037, through all three" in text
    page = (out / "agreement.html").read_text()
    # All runs, and every base rate.
    assert page.count("<figure>") == 1 + 3
    assert "Losses and bounds over 25000 updates at the base rate 0.001" in page
    assert "<script" not in page
    laws = [one["rate_law"] for one in json.loads((out / "agreement.json").read_text())["groups"]]
    assert sum(law is not None for law in laws) == 2
    runs, _ = read_outcomes(folder)
    assert all(np.all(np.diff(run.step) > 0) for run in runs)
