"""Lines of names and numbers that no known training code prints."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves

ROWS = [(10 * t, 1e-3 - 1e-5 * t, round(4 - t / 7, 4)) for t in range(9)]
LINES = {
    "pairs": "2025-01-01 10:00:00,123 INFO trainer: step={t} loss={y} lr={lr:.3e} grad_norm=1.5\n",
    "bars": "[INFO] epoch 1 | step {t:>6}/100 | loss {y} | lr {lr:.3e} | tok/s 12,345\n",
    "spaced": "Step {t}/100 | Train Loss: {y} | Val Loss: 9.0 | Learning Rate: {lr:.3e}\n",
    "fairseq": "| train_inner | epoch 001: 5 / 9 loss={y}, ppl=8, num_updates={t}, lr={lr:.3e}\n",
    "json within": '{{"time": 3}} {{"step": {t}, "loss": "{y}", "lr": "{lr:.3e}"}}\r\n',
}


def one(path: Path, **options: object) -> Curve:
    (curve,) = read_curves(path, ReadOptions(**{"from_step": 0, **options}))
    return curve


@pytest.mark.parametrize("kind", LINES)
def test_steps_losses_and_rates_by_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "train.log"
    text = "".join(LINES[kind].format(t=t, lr=lr, y=y) for t, lr, y in ROWS)
    path.write_text(f"seed 7, batch size 32\n{text}done: loss 3\n")
    curve = one(path)
    assert curve.step.tolist() == [t for t, _, _ in ROWS]
    assert curve.loss.tolist() == [y for _, _, y in ROWS]
    assert curve.schedule.lr[curve.step] == pytest.approx([lr for _, lr, _ in ROWS])
    assert curve.origin is not None
    assert "no known training code prints such lines" in curve.origin.notes[0]
    if kind == "spaced":
        assert set(one(path, metric="val").loss.tolist()) == {9.0}


def test_losses_of_evaluations_are_others(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    line = LINES["pairs"]
    path.write_text(
        "".join(line.format(t=t, lr=lr, y=y) + f"eval at step {t}: loss 9.5\n" for t, lr, y in ROWS)
    )
    assert one(path).loss.tolist() == [y for _, _, y in ROWS]
    assert set(one(path, metric="val").loss.tolist()) == {9.5}


def test_what_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("The loss of 3 runs, at step 2.\nAt step 5, a loss of 7.\nNo more.\n")
    with pytest.raises(DataError, match="is no log that mplfit knows"):
        one(path)
    lines = [LINES["pairs"].format(t=t, lr=lr, y=y) for t, lr, y in ROWS] * 3
    path.write_text("".join(lines))  # the step of an epoch
    with pytest.raises(DataError, match="the steps begin 3 times at 0"):
        one(path)


@pytest.mark.parametrize(
    "piece", ["step ", "loss=", "learning rate", "a" * 50, "val loss 1 ", "= \t"]
)
def test_damaged_lines_take_linear_time(tmp_path: Path, piece: str) -> None:
    path = tmp_path / "run.log"
    good = "".join(LINES["bars"].format(t=t, lr=lr, y=y) for t, lr, y in ROWS)
    path.write_text(good + "loss " + piece * (300_000 // len(piece)))
    start = time.process_time()
    assert len(one(path)) == 9
    assert time.process_time() - start < 1.5
