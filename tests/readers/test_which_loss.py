"""Which loss of a log is read, and what is said of the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves
from tests.support.logs import events, row, scalar, write


def one(path: Path, **options: str) -> Curve:
    (curve,) = read_curves(path, ReadOptions(from_step=0, **options))
    return curve


def notes(curve: Curve) -> str:
    assert curve.origin is not None
    return " | ".join(curve.origin.notes)


def only_validation(folder: Path) -> dict[str, Path]:
    (folder / "a.csv").write_text("step,lr,val_loss\n0,1e-3,3\n9,1e-3,2.5\n")
    lines = [{"step": t, "lr": 1e-3, "eval/loss": y} for t, y in ((0, 3), (9, 2.5))]
    (folder / "b.jsonl").write_text("\n".join(map(json.dumps, lines)))
    state = [{"step": t, "learning_rate": 1e-3} for t in (1, 10)]
    state += [{"step": t, "eval_loss": y} for t, y in ((1, 3), (10, 2.5))]
    (folder / "c.json").write_text(json.dumps({"log_history": state}))
    board = [scalar(t, "val/loss", y) + scalar(t, "lr", 1e-3) for t, y in ((0, 3), (9, 2.5))]
    own = [row({"val/loss": y, "lr": 1e-3, "_step": t}) for t, y in ((0, 3), (9, 2.5))]
    return {
        "csv": folder / "a.csv", "json": folder / "b.jsonl", "state": folder / "c.json",
        "events": events(folder / "d.tfevents.1", board),
        "wandb": write(folder / "run-e.wandb", own),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "json", "state", "events", "wandb"])
def test_a_validation_loss_is_taken_where_it_is_the_only_one(tmp_path: Path, kind: str) -> None:
    curve = one(only_validation(tmp_path)[kind])
    assert (curve.step.tolist(), curve.loss.tolist()) == ([0, 9], [3, 2.5])
    assert "no training loss is logged: " in notes(curve)
    assert ", of validation, is taken" in notes(curve)


def test_where_both_are_logged_the_other_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("step,lr,loss,my val/loss,val_loss\n0,1e-3,3,1,\n1,1e-3,2.5,2,2.7\n")
    curve = one(path)
    assert curve.loss.tolist() == [3, 2.5]
    assert "also logged: val_loss (for it metric='val_loss')" in notes(curve)
    sparse = one(path, metric="val_loss")
    assert (sparse.step.tolist(), sparse.loss.tolist()) == ([1], [2.7])
    assert "metric='loss'" in notes(sparse)


def test_a_training_loss_without_a_value_is_refused_with_the_name_of_the_other(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    for empty in ("", "nan", "0.0"):
        path.write_text(f"step,lr,loss,val_loss\n0,1e-3,{empty},3\n1,1e-3,{empty},2.5\n")
        with pytest.raises(DataError) as error:
            one(path)
        assert str(error.value) == (
            f"{path} has no finite value above 0 of loss in 2 rows, but logs val_loss: choose with "
            "metric='val_loss'"
        )
