"""Gradient norms travel with a run in every format, and are read from logs of their own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit.cli.main import main
from mplfit.errors import DataError
from mplfit.readers.norms import norms_of, read_norms
from mplfit.readers.paths import read_runs
from tests.support.logs import events, row, scalar, write

STEP = np.arange(0, 60, 5)
NORM = 1 + STEP / 100


def written(folder: Path) -> dict[str, Path]:
    """The same run in several formats; those that count updates have the count."""
    rows = [(int(t), float(g), 4 - t / 99) for t, g in zip(STEP, NORM, strict=True)]
    table, lines = folder / "a.csv", folder / "b.jsonl"
    table.write_text("\n".join(["step,lr,loss,grad_norm", *(f"{t},1,{y},{g}" for t, g, y in rows)]))
    lines.write_text(
        "\n".join(
            json.dumps({"step": t, "lr": 1e-3, "loss": y, "train/grad_norm": g}) for t, g, y in rows
        )
    )
    state = [{"step": t + 1, "loss": y, "learning_rate": 1, "grad_norm": g} for t, g, y in rows]
    (folder / "c.json").write_text(json.dumps({"log_history": state}))
    board = [
        scalar(t, "loss", y) + scalar(t, "lr", 1) + scalar(t, "grad_norm", g) for t, g, y in rows
    ]
    text = [
        f" iteration {t + 1:8d}/ 100 | learning rate: 1.0E-03 | lm loss: {y:.6E} | "
        f"grad norm: {g:.3f} |"
        for t, g, y in rows
    ]
    (folder / "e.log").write_text("\n".join(text))
    own = [row({"loss": y, "lr": 1e-3, "grad_norm": g, "_step": t}) for t, g, y in rows]
    return {
        "csv": table,
        "json": lines,
        "state": folder / "c.json",
        "events": events(folder / "d.tfevents.1", board),
        "text": folder / "e.log",
        "wandb": write(folder / "run-f.wandb", own),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "json", "state", "events", "text", "wandb"])
def test_each_format_s_norms(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path)[kind]
    ((curve, log),) = read_runs([path]).read
    norms = norms_of(log, curve.schedule.steps)
    assert norms == pytest.approx(np.interp(np.arange(56), STEP, NORM), rel=1e-6)
    assert read_norms(path, 56) == pytest.approx(norms)


def test_read_shows_them_and_bound_fits_with_them(tmp_path: Path) -> None:
    path = written(tmp_path)["json"]
    result = CliRunner().invoke(main, ["read", str(path), "--json"])
    (entry,) = json.loads(result.stdout)["runs"]
    assert entry["gradient_norms"] == 12
    assert entry["median_gradient_norm"] == pytest.approx(np.median(NORM))
    wide = CliRunner().invoke(main, ["read", str(path), "--wide"]).stdout
    assert "median gradient norm" in wide
    assert "1.27" in wide
    judged = ["bound", "linear:steps=56,peak=1", "--grad-norm", str(path), "--no-save", "--json"]
    result = CliRunner().invoke(main, judged)
    assert result.exit_code == 0, result.output
    plain = CliRunner().invoke(main, [*judged[:2], "--no-save", "--json"])
    assert json.loads(result.stdout) != json.loads(plain.stdout)


def test_norms_that_are_no_numbers_cost_no_run(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("step,lr,loss,grad_norm\n0,1e-3,3,tensor(1.)\n1,1e-3,2.5,tensor(2.)\n")
    ((curve, log),) = read_runs([path]).read
    assert (len(curve), len(log.norm)) == (2, 0)
    assert "the gradient norms are not all numbers: left out" in log.notes
    with pytest.raises(DataError, match=r"a.csv logs no gradient norm \(such as grad_norm\)"):
        norms_of(log, 2)
    path.write_text("step,lr,loss,grad_norm\n0,1e-3,3,-1\n")
    with pytest.raises(DataError, match="row 1: the gradient norm is -1"):
        norms_of(read_runs([path]).read[0][1], 1)
