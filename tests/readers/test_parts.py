"""Rows of training and of evaluations in one column, and a log of printed rows that was resumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves

STEPS = list(range(0, 200, 5))


def one(path: Path, **options: object) -> Curve:
    (curve,) = read_curves(path, ReadOptions(**{"from_step": 0, **options}))
    return curve


@pytest.mark.parametrize(
    ("key", "train", "val"), [("type", "train", "eval"), ("split", "Train", "valid")]
)
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_evaluations_are_no_training_rows(
    tmp_path: Path, key: str, train: str, val: str, suffix: str
) -> None:
    rows = []
    for t in STEPS:
        rows.append({"step": t, key: train, "loss": 4 - t / 100, "lr": 1e-3})
        if t % 50 == 0:
            rows.append({"step": t, key: val, "loss": 5.0, "lr": 1e-3})
    path = tmp_path / f"run.{suffix}"
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    path.write_text("\n".join(lines if suffix == "csv" else map(json.dumps, rows)))
    curve = one(path)
    assert curve.step.tolist() == STEPS
    assert curve.loss.tolist() == [4 - t / 100 for t in STEPS]
    assert curve.origin is not None
    assert f"4 rows that {key} tells to be others than those of train left out" in " ".join(
        curve.origin.notes
    )
    held = one(path, metric="val")
    assert (held.step.tolist(), set(held.loss.tolist())) == ([0, 50, 100, 150], {5.0})
    # A column with one kind of rows says nothing.
    path.write_text(path.read_text().replace(f"{val}", "other"))
    assert len(one(path)) == 40


def printed(first: int, end: int, shift: float = 0.0) -> str:
    line = "{{'loss': {:.4f}, 'learning_rate': 1e-3, 'epoch': {:.4f}}}\n"
    return "".join(line.format(4 - shift - t / 99, (t + 1) / 64) for t in range(first, end))


def test_a_trainer_s_lines_of_a_resumed_run(tmp_path: Path) -> None:
    path = tmp_path / "out.log"
    path.write_text(printed(0, 20) + printed(15, 30, 0.5))
    curve = one(path, steps_per_row=10)
    assert curve.step.tolist() == list(range(9, 300, 10))
    assert curve.loss[14:16].tolist() == [round(4 - 14 / 99, 4), round(3.5 - 15 / 99, 4)]
    path.write_text(printed(0, 20) + printed(0, 20))
    with pytest.raises(DataError, match="the steps begin 2 times at 9"):
        one(path, steps_per_row=10)
    path.write_text(printed(0, 20) + "{'loss': 3.0, 'learning_rate': 1e-3, 'epoch': 0.01}\n")
    with pytest.raises(DataError, match=r"out.log: the epoch goes back from 0.3125 to 0.01"):
        one(path, steps_per_row=10)
