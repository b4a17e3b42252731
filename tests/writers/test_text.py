"""The bytes of results: every digit kept, no NaN in JSON, names that any file system takes."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mplfit import schedule as s
from mplfit.curve import Curve
from mplfit.readers.csv_log import ReadOptions, read_csv
from mplfit.schedule import Schedule
from mplfit.writers.text import (
    curve_csv,
    file_name,
    json_bytes,
    prediction_csv,
    schedule_csv,
    schedule_files,
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=6,
)


def nulled(value: object) -> object:
    """The independent road: the standard library's own text, its NaN and Infinity made null."""
    return json.loads(json.dumps(value), parse_constant=lambda _: None)


@settings(max_examples=25)
@given(st.dictionaries(st.text(max_size=5), anything, max_size=4))
def test_json_is_standard_and_keeps_every_value(values: dict[str, object]) -> None:
    text = json_bytes(values).decode("utf-8")
    assert json.loads(text, parse_constant=pytest.fail) == nulled(values)
    assert text.endswith("}\n")


def test_json_takes_tuples_numpy_floats_and_broken_file_names() -> None:
    broken = b"caf\xe9.csv".decode("utf-8", "surrogateescape")
    values = {"a": (1, np.float64(0.1)), "b": np.float64("nan"), "path": broken}
    assert json.loads(json_bytes(values)) == {"a": [1, 0.1], "b": None, "path": broken}


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=50).filter(any))
def test_a_schedule_s_files_hold_every_bit(values: list[float]) -> None:
    schedule = Schedule(values)
    written = schedule_files(schedule, schedule.to_dict())
    lines = written["schedule.csv"].decode().splitlines()
    assert lines[0] == "step,lr"
    assert [line.split(",") for line in lines[1:]] == [
        [str(t), repr(v)] for t, v in enumerate(schedule.lr.tolist())
    ]
    assert written["schedule.csv"] == schedule_csv(schedule)
    array = np.load(io.BytesIO(written["schedule.npy"]), allow_pickle=False)
    assert array.tobytes() == schedule.lr.tobytes()
    assert json.loads(written["schedule.json"])["lr"] == values


@settings(suppress_health_check=list(HealthCheck))
@given(values=st.lists(st.floats(1e-300, 1e300), min_size=2, max_size=30))
def test_a_prediction_is_read_back_as_a_log(tmp_path: Path, values: list[float]) -> None:
    schedule = s.constant(len(values), 1e-3, warmup=1)
    loss = np.array([np.nan, *values[1:]])
    path = tmp_path / "curve.csv"
    path.write_bytes(prediction_csv(schedule, loss))
    curve = read_csv(path)
    assert curve.step.tolist() == list(range(1, len(values)))
    assert curve.loss.tolist() == values[1:]
    assert curve.schedule.lr.tolist() == schedule.lr.tolist()


def test_a_curve_is_read_back_as_a_log(tmp_path: Path) -> None:
    schedule = s.cosine(1000, 3e-4, 3e-5, warmup=100)
    step = np.arange(100, 1000, 50)
    curve = Curve("run", step, 2 + 1 / step, schedule)
    (tmp_path / "run.csv").write_bytes(curve_csv(curve, digits=6))
    back = read_csv(tmp_path / "run.csv", ReadOptions(schedule=schedule))
    assert back.step.tolist() == step.tolist()
    assert back.loss == pytest.approx(curve.loss, abs=5e-7)
    assert back.origin is not None
    assert [note for note in back.origin.notes if not note.startswith("steps are taken")] == []
    rebuilt = read_csv(tmp_path / "run.csv", ReadOptions(warmup=100))
    assert rebuilt.schedule.lr[step].tolist() == schedule.lr[step].tolist()


@given(st.text())
def test_any_name_becomes_a_file_s(name: str) -> None:
    made = file_name(name)
    assert made
    assert not set(made) & set('/\\:*?"<>|\0\n ')
    assert made.strip(".") == made
    assert file_name(made) == made


@pytest.mark.parametrize(
    ("name", "made"),
    [("../../etc/x", "etc_x"), ("", "unnamed"), ("...", "unnamed"), ("è-1.5", "è-1.5")],
)
def test_some_names(name: str, made: str) -> None:
    assert file_name(name) == made
