"""What a user may say about logs, in every command: nothing is dropped or changed in silence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit.cli.main import main
from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.readers.csv_log import read_csv
from mplfit.readers.options import ReadOptions
from mplfit.readers.selecting import spikes


def log(path: Path, step: np.ndarray, loss: np.ndarray) -> Path:
    rows = [f"{t},0.001,{y!r}" for t, y in zip(step.tolist(), loss.tolist(), strict=True)]
    path.write_text("\n".join(["step,lr,loss", *rows]))
    return path


def curve_of(
    folder: Path, step: np.ndarray, loss: np.ndarray, **options: object
) -> tuple[Curve, str]:
    curve = read_csv(log(folder / "run.csv", step, loss), ReadOptions(**options))
    assert curve.origin is not None
    return curve, " | ".join(curve.origin.notes)


STEP = np.arange(0, 1000, 10)
LOSS = 2 + 5 * (1 + STEP) ** -0.3


def test_a_stretch_of_steps(tmp_path: Path) -> None:
    curve, said = curve_of(tmp_path, STEP, LOSS, from_step=100, to_step=500)
    assert curve.step[[0, -1]].tolist() == [100, 500]
    assert curve.schedule.steps == 991
    assert "59 rows outside the steps 100–500 asked for dropped" in said
    with pytest.raises(DataError, match=r"no row lies in the steps asked for .* has steps 0–990"):
        curve_of(tmp_path, STEP, LOSS, from_step=5000)
    with pytest.raises(DataError, match="from_step 9 lies after to_step 3"):
        ReadOptions(from_step=9, to_step=3)


def test_means_over_neighbouring_rows_are_centred(tmp_path: Path) -> None:
    line = 5 - STEP / 1000
    curve, said = curve_of(tmp_path, STEP, line, smooth=5)
    assert np.allclose(curve.loss, line, rtol=1e-12)
    assert "means over 5 neighbouring rows (smooth=)" in said


def test_one_row_in_so_many_steps_keeps_the_last(tmp_path: Path) -> None:
    curve, said = curve_of(tmp_path, STEP, LOSS, every=100)
    assert curve.step.tolist() == [90, 190, 290, 390, 490, 590, 690, 790, 890, 990]
    assert "one row in each 100 steps kept (every=): 10 of 100" in said


@pytest.mark.parametrize("noise", [0.0, 1e-3, 2e-2])
def test_spikes_are_said_and_dropped_only_when_asked(tmp_path: Path, noise: float) -> None:
    rng = np.random.default_rng(0)
    loss = LOSS * np.exp(noise * rng.standard_normal(100))
    assert not spikes(loss).any()
    loss[[50, 51, 70]] *= 1.5
    curve, said = curve_of(tmp_path, STEP, loss)
    assert len(curve) == 100
    assert "3 losses stand far above the neighbouring rows (the largest" in said
    assert "at step 500): kept" in said
    curve, said = curve_of(tmp_path, STEP, loss, spikes="drop")
    assert sorted(set(STEP) - set(curve.step.tolist())) == [500, 510, 700]
    assert "dropped (spikes='drop')" in said


def test_a_resumed_run_later_rows_win_also_at_other_steps(tmp_path: Path) -> None:
    step = np.concatenate([np.arange(0, 500, 10), np.arange(405, 900, 10)])
    loss = np.concatenate([np.full(50, 4.0), np.full(50, 3.0)])
    curve, said = curve_of(tmp_path, step, loss)
    assert curve.step[:42].tolist() == [*range(0, 410, 10), 405]
    assert (curve.loss[curve.step > 400] == 3).all()
    assert "the run was resumed: 9 earlier rows lie between steps logged again later" in said


def test_units_other_than_steps(tmp_path: Path) -> None:
    curve, said = curve_of(tmp_path, (STEP + 1) * 4096, LOSS, tokens_per_step=4096)
    assert curve.step.tolist() == STEP.tolist()
    assert "divided by 4096" in said
    curve, said = curve_of(tmp_path, (STEP + 1) * 4096 + 1500, LOSS, tokens_per_step=4096)
    assert "100 rows fall between two updates: rounded" in said
    with pytest.raises(DataError, match=r"more updates than a run has.*tokens_per_step="):
        curve_of(tmp_path, (STEP + 1) * 4_000_000, LOSS)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"spikes": "foo"}, "spikes must be 'keep' or 'drop', got 'foo'"),
        ({"steps_are": "odd"}, "steps_are must be 'index' or 'count', got 'odd'"),
        ({"metric": None}, "metric must be the name of a column, got None"),
        ({"loss_col": 3}, "loss_col must be the name of a column, got 3"),
        ({"run_col": ""}, "run_col must be the name of a column, got ''"),
        ({"schedule": 3}, "schedule must be a Schedule or its text, got int"),
        ({"warmup": -1}, "warmup must be a whole number from 0 on, got -1"),
        ({"warmup": 1.5}, "warmup must be a whole number from 0 on, got 1.5"),
        ({"smooth": 0}, "smooth must be a whole number from 1 on, got 0"),
        ({"every": None}, "every must be a whole number from 1 on, got None"),
        ({"from_step": True}, "from_step must be a whole number from 0 on, got True"),
        ({"to_step": "9"}, "to_step must be a whole number from 0 on, got '9'"),
        ({"tokens_per_step": 0}, "tokens_per_step must be a positive number, got 0"),
        ({"tokens_per_step": float("nan")}, "tokens_per_step must be a positive number, got nan"),
        ({"tokens_per_step": "9"}, "tokens_per_step must be a positive number, got '9'"),
    ],
)
def test_every_option_is_checked(options: dict[str, object], said: str) -> None:
    with pytest.raises(DataError) as caught:
        ReadOptions(**options)
    assert str(caught.value) == said


def test_whole_numbers_of_numpy_are_whole_numbers() -> None:
    options = ReadOptions(smooth=np.int64(3), from_step=np.int32(7), tokens_per_step=np.float64(8))
    assert options == ReadOptions(smooth=3, from_step=7, tokens_per_step=8)
    assert type(options.smooth) is int


def test_steps_that_are_counts(tmp_path: Path) -> None:
    curve, said = curve_of(tmp_path, STEP, LOSS, steps_are="count")
    assert curve.step.tolist() == (STEP[1:] - 1).tolist()
    assert "at count 0, before any update, dropped" in said


def test_every_command_that_reads_has_the_options(tmp_path: Path) -> None:
    path = log(tmp_path / "run.csv", STEP, LOSS)
    run = CliRunner()
    result = run.invoke(
        main, ["read", str(path), "--every", "100", "--from-step", "95", "--json", "-v"]
    )
    assert result.exit_code == 0, result.output
    (entry,) = json.loads(result.stdout)["runs"]
    assert (entry["points"], entry["first_step"], entry["format"]) == (9, 190, "table")
    assert "one row in each 100 steps kept" in result.stderr
    for command in ("fit", "evaluate"):
        assert "--tokens-per-step" in run.invoke(main, [command, "--help"]).output
    fitted = run.invoke(
        main, ["fit", str(path), "--law", "onepower", "--smooth", "3", "--no-save", "-v"]
    )
    assert fitted.exit_code == 0, fitted.output
    assert "means over 3 neighbouring rows" in fitted.stderr
    bad = run.invoke(main, ["read", str(path), "--smooth", "0"])
    assert (bad.exit_code, bad.stderr) == (
        1,
        "Error: --smooth must be a whole number from 1 on, got 0\n",
    )
