"""A property of every reader: what a training code wrote is what the curve holds, digit for digit.

Any rising steps and any losses, written as each format writes them, come back at the updates that
they belong to; rows of other kinds in between change nothing.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mplfit import schedule as s
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves
from tests.support.logs import MEGATRON, SILENT, events, scalar

Rows = list[tuple[int, float]]  # updates and losses
GIVEN = s.constant(5000, 1e-3)


def lines(form: str) -> Callable[[Path, Rows], Path]:
    """A text log, with lines between that are no reports."""

    def write(folder: Path, rows: Rows) -> Path:
        path = folder / "run.log"
        shown = [form.format(c=t + 1, i=t, m=4 * t + 4, n=t, lr=1e-3, loss=y) for t, y in rows]
        path.write_text("starting: 1 of 2\n" + "\nsaved step 7 in 3.2 s\n".join(shown))
        return path

    return write


def table(mark: str, suffix: str) -> Callable[[Path, Rows], Path]:
    def write(folder: Path, rows: Rows) -> Path:
        path = folder / f"run{suffix}"
        body = [f"{t}{mark}x{mark}{y!r}{mark}1e-3" for t, y in rows]
        path.write_text("\n".join([mark.join(["Step", "note", "Train Loss", "lr"]), *body]))
        return path

    return write


def json_lines(folder: Path, rows: Rows) -> Path:
    path = folder / "run.jsonl"
    every = [row for t, y in rows for row in ({"_step": t, "loss": y}, {"_step": t, "gpu": 1})]
    path.write_text("\n".join(map(json.dumps, every)))
    return path


def json_list(folder: Path, rows: Rows) -> Path:
    path = folder / "run.json"
    path.write_text(json.dumps([{"step": t, "train/loss": y, "val/loss": 9} for t, y in rows]))
    return path


def chart(folder: Path, rows: Rows) -> Path:
    path = folder / "chart.csv"
    body = [f'"{t}","{y!r}","0","99"' for t, y in rows]
    head = '"Step","r - train/loss","r - train/loss__MIN","r - train/loss__MAX"'
    path.write_text("\n".join([head, *body]))
    return path


def board(folder: Path, rows: Rows) -> Path:
    path = folder / "run-r-tag-train_loss.csv"
    path.write_text("\n".join(["Wall time,Step,Value", *(f"1.7e9,{t},{y!r}" for t, y in rows)]))
    return path


def event_file(folder: Path, rows: Rows) -> Path:
    made = [scalar(t, "loss", y, tensor=t % 3 == 0) + scalar(t, "x", 1.0) for t, y in rows]
    return events(folder / "r" / "events.out.tfevents.1.h", made)


def state(folder: Path, rows: Rows) -> Path:
    path = folder / "trainer_state.json"
    history: list[dict[str, float]] = []
    for t, y in rows:
        history += [{"loss": y, "step": t + 1, "epoch": 0.5}, {"eval_loss": 1.0, "step": t + 1}]
    path.write_text(json.dumps({"log_history": history, "max_steps": 5000}))
    return path


def epfml(folder: Path, rows: Rows) -> Path:
    path = folder / "run.json"
    train = {"iter": [t + 1 for t, _ in rows], "train_loss": [y for _, y in rows]}
    path.write_text(json.dumps({"config": {}, "history": {"train": train}}))
    return path


def olmo(folder: Path, rows: Rows) -> Path:
    path = folder / "run.out"
    parts = [
        f"2025\thost:0\tINFO\t[step={t + 1}/5000,epoch=1]\n    train/CE loss={y:.3f}\n    t=1,024"
        for t, y in rows
    ]
    path.write_text("\n2025\thost:0\tINFO\tsaving\n".join(parts))
    return path


# How it is written, and the loss as it is after that.
FORMATS: dict[str, tuple[Callable[[Path, Rows], Path], Callable[[float], float]]] = {
    "csv": (table(",", ".csv"), float),
    "tsv": (table("\t", ".tsv"), float),
    "semicolons": (table(";", ".csv"), float),
    "JSON lines": (json_lines, float),
    "JSON list": (json_list, float),
    "W&B chart": (chart, float),
    "TensorBoard csv": (board, float),
    "TensorBoard events": (event_file, lambda y: float(np.float32(y))),
    "trainer_state": (state, float),
    "epfml": (epfml, float),
    "Megatron-LM": (lines(MEGATRON), lambda y: float(f"{y:.6E}")),
    "OLMo-core": (olmo, lambda y: float(f"{y:.3f}")),
    "torchtitan": (lines(SILENT["torchtitan"]), lambda y: float(f"{y:.4f}")),
    "nanoGPT": (lines(SILENT["nanoGPT"]), lambda y: float(f"{y:.4f}")),
    "litgpt": (lines(SILENT["litgpt"]), lambda y: float(f"{y:.3f}")),
}

ROWS = st.lists(
    st.tuples(st.integers(0, 4999), st.floats(0.015625, 999, width=32)),
    min_size=1, max_size=30, unique_by=lambda row: row[0],
).map(sorted)  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_what_was_written_is_what_is_read(name: str, rows: Rows) -> None:
    write, rounded = FORMATS[name]
    with tempfile.TemporaryDirectory() as folder:
        (curve,) = read_curves([write(Path(folder), rows)], ReadOptions(schedule=GIVEN))
    assert curve.step.tolist() == [t for t, _ in rows]
    assert curve.loss.tolist() == [rounded(y) for _, y in rows]


# One run as each code logs it: after every tenth update, with the rate of that update or the next.
LR = s.linear(400, 1e-3, warmup=41, endpoint=True).lr
COUNTS = range(10, 400, 10)


def rate_of(count: int, *, ahead: int = 0) -> float:
    return float(LR[min(count - 1 + ahead, 399)])


def loss_of(count: int) -> float:
    return round(5 - count / 100, 2)


def as_table(folder: Path) -> Path:
    path = folder / "run.csv"
    rows = [f"{c - 1},{rate_of(c)!r},{loss_of(c)}" for c in COUNTS]
    path.write_text("\n".join(["step,lr,loss", *rows]))
    return path


def as_wandb_history(folder: Path) -> Path:
    path = folder / "run.jsonl"
    keys = ("_step", "train/global_step", "train/loss", "train/learning_rate")
    rows = [
        dict(zip(keys, (k, c, loss_of(c), rate_of(c)), strict=True)) for k, c in enumerate(COUNTS)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def as_trainer_state(folder: Path, *, ahead: int = 0) -> Path:
    path = folder / "trainer_state.json"
    rows = [
        {"step": c, "loss": loss_of(c), "learning_rate": rate_of(c, ahead=ahead)} for c in COUNTS
    ]
    path.write_text(json.dumps({"log_history": rows, "max_steps": 400}))
    return path


def as_older_trainer_state(folder: Path) -> Path:
    return as_trainer_state(folder, ahead=1)


def as_events(folder: Path) -> Path:
    rows = [
        scalar(c - 1, "train/loss", loss_of(c)) + scalar(c - 1, "train/lr", rate_of(c))
        for c in COUNTS
    ]
    return events(folder / "r" / "events.out.tfevents.1.h", rows)


def as_megatron(folder: Path) -> Path:
    path = folder / "train.log"
    rows = [MEGATRON.format(c=c, n=c, lr=rate_of(c, ahead=1), loss=loss_of(c)) for c in COUNTS]
    path.write_text("\n".join(rows))
    return path


def as_olmo(folder: Path) -> Path:
    path = folder / "run.out"
    rows = [
        f"2025\th:0\tINFO\t[step={c}/400,epoch=1]\n    train/CE loss={loss_of(c)}\n"
        f"    optim/LR (group 0)={rate_of(c)!r}"
        for c in COUNTS
    ]
    path.write_text("\n".join(rows))
    return path


def as_epfml(folder: Path) -> Path:
    path = folder / "run.json"
    train = {
        "iter": list(COUNTS),
        "train_loss": [loss_of(c) for c in COUNTS],
        "train_lr": [rate_of(c, ahead=1) for c in COUNTS],
    }
    path.write_text(json.dumps({"config": {}, "history": {"train": train}}))
    return path


@pytest.mark.parametrize(
    "write",
    [
        as_table,
        as_wandb_history,
        as_trainer_state,
        as_older_trainer_state,
        as_events,
        as_megatron,
        as_olmo,
        as_epfml,
    ],
)
def test_one_run_is_the_same_curve_in_every_format(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    """An offset of one update, of the loss or of the rate, is not hidden by the tolerance."""
    (curve,) = read_curves([write(tmp_path)], ReadOptions(from_step=0))
    assert curve.step.tolist() == [c - 1 for c in COUNTS]
    assert curve.loss.tolist() == pytest.approx([loss_of(c) for c in COUNTS], rel=1e-6)
    update = np.r_[10:30, 60:380]  # away from the kink that lies between two rows
    slope = 1e-3 / 359  # of the decay: what an offset of one update would change
    assert np.abs(curve.schedule.lr[update] - LR[update]).max() < 0.1 * slope
