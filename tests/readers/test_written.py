"""Samples that the real loggers wrote (tests/readers/written): read as they were logged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mplfit.curve import Curve
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves, read_runs
from mplfit.readers.selecting import warmup_of

WRITTEN = Path(os.environ.get("MPLFIT_WRITTEN", Path(__file__).parent / "written"))
TRUTH = json.loads((WRITTEN / "truth.json").read_text())
DECAY = 0.125


def read(name: str, **options: object) -> Curve:
    (curve,) = read_curves(WRITTEN / name, ReadOptions(**{"from_step": 0, **options}))
    return curve


def notes(curve: Curve) -> str:
    assert curve.origin is not None
    return " | ".join(curve.origin.notes)


@pytest.mark.parametrize(
    "name", ["wandb", "mlruns", "mlflow.db.gz", "tensorboard", "clearml", "aim.csv"]
)
def test_what_was_logged_by_step(name: str) -> None:
    truth, curve = TRUTH["plain"], read(name)
    assert curve.step.tolist() == truth["step"]
    assert curve.loss == pytest.approx(truth["loss"], rel=1e-6)  # TensorBoard has float32
    assert curve.schedule.lr[truth["step"]] == pytest.approx(truth["rate"], rel=1e-6)
    (_, log), = read_runs(WRITTEN / name).read  # fmt: skip
    assert log.norm.value == pytest.approx([1.5] * 12)
    if name != "tensorboard":  # which has no settings
        assert (curve.weight_decay, curve.size.width, curve.size.depth) == (DECAY, 64, 2)
        assert name == "aim.csv" or curve.name == "mine"


def test_keras_s_csv() -> None:
    curve = read("keras.csv", steps_per_row=8)
    assert curve.step.tolist() == TRUTH["keras_run"]["step"]
    assert curve.loss == pytest.approx(TRUTH["keras_run"]["loss"])
    assert curve.schedule.lr[curve.step] == pytest.approx([1e-2 * (6 - e) / 6 for e in range(6)])


@pytest.mark.parametrize("name", ["lightning", "lightning_events"])
def test_lightning_s_csv_and_events(name: str) -> None:
    curve = read(name)
    assert curve.step.tolist() == TRUTH["lightning_run"]["step"]
    assert curve.loss == pytest.approx(TRUTH["lightning_run"]["loss"])
    rates = [1e-2 * min(1, (t + 1) / 5, 1 - t / 60) for t in curve.step.tolist()]
    assert curve.schedule.lr[curve.step] == pytest.approx(rates)
    assert (curve.weight_decay, curve.size.depth) == (DECAY, 2)
    assert "also logged: val_loss" in notes(curve)


@pytest.mark.parametrize("name", ["hf", "hf_events", "hf_stdout.log"])
def test_the_trainer_s_state_events_and_lines(name: str) -> None:
    text = name.endswith(".log")
    curve = read(name, **({"steps_per_row": 5} if text else {}))
    assert curve.step.tolist() == TRUTH["trainer_runs"]["step"]
    assert curve.loss == pytest.approx(TRUTH["trainer_runs"]["loss"], rel=6e-4 if text else 1e-6)
    rates = [1e-3 * min(t / 10, (60 - t) / 50) for t in curve.step.tolist()]
    assert curve.schedule.lr[curve.step] == pytest.approx(rates, rel=1e-6)
    if name == "hf_events":  # its arguments are a text among the scalars
        assert curve.weight_decay == DECAY
        assert "are those of Hugging Face's Trainer" in notes(curve)
        assert read(name, steps_are="index").step[0] == curve.step[0] + 1
    assert text or curve.size.width == 16
    assert warmup_of(curve.schedule) == 15  # rows lie 5 updates apart: it is 10
