"""Rows of a logged warmup, and of the steep fall after it, stay out of fits unless asked for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit.cli.main import main
from mplfit.estimate.fit import fit
from mplfit.estimate.metrics import evaluate
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves, read_runs
from mplfit.readers.selecting import beginning
from mplfit.schedule import Schedule, constant, linear
from tests.shared_data import shared

PLAN = linear(4000, 1e-3, 1e-5, warmup=100)
STEP = np.arange(49, 4000, 50)


def write(folder: Path, first: int = 0, name: str = "run") -> Path:
    rows = [
        f"{t},{float(PLAN.lr[t])!r},{2 + 3 * (t + 1.0) ** -0.3!r}"
        for t in STEP.tolist()
        if t >= first
    ]
    path = folder / f"{name}.csv"
    path.write_text("\n".join(["step,lr,loss", *rows]))
    return path


def test_the_first_rows_are_left_out_and_said(tmp_path: Path) -> None:
    path = write(tmp_path)
    (curve,) = read_curves([path])
    assert curve.step[0] == 399  # update 400 of 4 warmups of 100
    assert curve.origin is not None
    (said,) = [note for note in curve.origin.notes if "left out" in note]
    assert said.startswith("7 rows before step 399 left out")
    assert "from_step=0" in said
    (whole,) = read_curves([path], ReadOptions(from_step=0))
    assert whole.step.tolist() == STEP.tolist()
    assert "left out" not in " ".join(whole.origin.notes if whole.origin else ())
    assert read_runs([path]).read[0][0].step.tolist() == STEP.tolist()


def test_a_log_that_begins_after_the_warmup_is_left_alone(tmp_path: Path) -> None:
    (curve,) = read_curves([write(tmp_path, first=100)], ReadOptions(schedule=PLAN))
    assert curve.step[0] == 149
    for size in ("csv_25", "csv_400"):
        folder = shared("curves", size)
        for curve, (whole, _) in zip(read_curves([folder]), read_runs([folder]).read, strict=True):
            assert np.array_equal(curve.step, whole.step), curve.name


@pytest.mark.parametrize(
    ("schedule", "last", "first"),
    [
        (constant(9000, 1e-3, warmup=200), 8999, 799),
        (constant(5000, 1e-3, warmup=200), 4999, 499),  # a tenth of the run
        (constant(1000, 1e-3, warmup=200), 999, 199),  # the warmup itself
        (constant(9000, 1e-3, warmup=200), 999, 499),  # half of what is logged so far
        (Schedule(constant(9000, 1e-3, warmup=200).lr), 8999, 799),  # nobody told the warmup
        (constant(9000, 1e-3), 8999, 0),
        (Schedule(np.linspace(0, 1, 900)), 899, 0),  # a rate that only rises has no warmup
    ],
)
def test_where_a_fit_begins(schedule: Schedule, last: int, first: int) -> None:
    assert beginning(schedule, np.arange(0, last + 1)) == first


def test_read_shows_all_rows_and_tells_what_a_fit_leaves_out(tmp_path: Path) -> None:
    path = str(write(tmp_path))
    shown = CliRunner().invoke(main, ["read", path, "--json"], catch_exceptions=False)
    (entry,) = json.loads(shown.stdout)["runs"]
    assert (entry["first_step"], entry["points"]) == (49, STEP.size)
    assert any("other commands leave out the rows before step 399" in n for n in entry["notes"])


def test_the_124m_runs_are_predicted_a_fifth_better() -> None:
    """Measured 0.0024 and 0.0019."""
    names = {
        "stable-124m": "iter50000",
        "cos-10-124m": "iter25000",
        "ann124-0.2": "decay_linear_0.2_iter25000",
    }
    files = list(shared("curves", "epfml_124m").glob("*_lr0.001_*.json"))

    def off(first: int | None) -> float:
        curves = read_curves(
            [shared("curves", "epfml_124m")], ReadOptions(metric="val", from_step=first)
        )
        curves = [curve for curve in curves if "_lr0.001_" in curve.name]
        assert len(curves) == len(files)
        train = [
            curve
            for curve in curves
            for kind, end in names.items()
            if curve.name.startswith(kind + "_") and end in curve.name
        ]
        assert len(train) == 3
        held = [curve for curve in curves if curve not in train]
        found = fit(train, "effective", leave_out=False, quick=True)
        group = evaluate(found, held, train=train).test
        assert group is not None
        reports = group.final.values()
        return float(np.mean([abs(one.predicted - one.observed) for one in reports]))

    better = off(None)
    assert better < 0.0022
    assert off(0) > 1.2 * better


@pytest.mark.parametrize(("kind", "end"), [("stable", "iter50000"), ("cos-10", "iter25000")])
def test_first_rows_that_spoil_a_fit_of_real_runs_are_said_with_a_step(kind: str, end: str) -> None:
    folder = shared("curves", "epfml_124m")
    files = [path for path in folder.glob("*_lr0.001_*.json") if end in path.name]
    reading = ReadOptions(metric="val", from_step=1500)
    held = [curve for curve in read_curves(files, reading) if "stable" not in curve.name]

    def off(first: int) -> tuple[float, list[int]]:
        (path,) = (path for path in files if path.name.startswith(kind))
        run = read_curves([path], ReadOptions(metric="val", from_step=first))
        found = fit(run, "effective", leave_out=False, quick=True)
        said = [int(step) for step in re.findall(r"try from_step=(\d+),", str(found.warnings))]
        group = evaluate(found, held, train=run).test
        assert group is not None
        ends = [abs(np.log(one.predicted / one.observed)) for one in group.final.values()]
        return float(np.mean(ends)), said

    whole, (step,) = off(0)
    cut, said = off(step)
    assert not said
    assert cut < 0.65 * whole
