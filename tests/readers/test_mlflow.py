"""MLflow's stores: written as MLflow writes them, and by MLflow itself where it is installed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves
from tests.support.logs import LOSS, database, file_run


def read(path: Path) -> list[Curve]:
    return read_curves(path, ReadOptions(from_step=0))


def test_the_folders_of_a_file_store(tmp_path: Path) -> None:
    file_run(tmp_path / "mlruns", "a1b2", "first")
    file_run(tmp_path / "mlruns", "c3d4", "'second run'", 0.5)
    (tmp_path / "mlruns" / "123" / "meta.yaml").write_text("name: experiment\n")
    curves = {curve.name: curve for curve in read(tmp_path)}
    assert set(curves) == {"first", "second run"}
    curve = curves["second run"]
    assert curve.step.tolist() == [t for t, _ in LOSS]
    assert curve.loss.tolist() == [y - 0.5 for _, y in LOSS]
    assert (curve.weight_decay, curve.schedule.peak) == (0.2, 1e-3)
    (again,) = read(tmp_path / "mlruns" / "123" / "a1b2" / "meta.yaml")  # as a fit names it
    assert again == curves["first"]


def test_a_damaged_line_is_refused_with_its_place(tmp_path: Path) -> None:
    folder = file_run(tmp_path, "a1b2", "first")
    with (folder / "metrics" / "lr").open("a") as file:
        file.write("17 0.001\n")
    with pytest.raises(DataError, match=r"metrics/lr line 11 is '17 0.001': expected a time, a"):
        read(tmp_path)


def test_an_sqlite_store(tmp_path: Path) -> None:
    path = database(tmp_path / "mlflow.db", {"abc": "one", "def": "two"})
    one, two = read(path)
    assert [one.name, two.name] == ["one", "two"]
    assert two.loss.tolist() == [y - 1 / 9 for t, y in LOSS if t != 5]
    assert (one.weight_decay, one.schedule.peak) == (0.2, 1e-3)
    assert read(tmp_path) == [one, two]
    path.unlink()
    twins = read(database(path, {"abcdefghij": "one", "klmnopqrst": "one"}))
    assert [curve.name for curve in twins] == ["one-abcdefgh", "one-klmnopqr"]


def test_other_and_damaged_databases_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as base:
        base.execute("CREATE TABLE x (y INTEGER)")
        base.commit()
    with pytest.raises(DataError, match="is an SQLite file, but no store of MLflow: no such table"):
        read(path)
    path.unlink()
    data = database(path, {"abc": "one"}).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="is an SQLite file, but no store of MLflow"):
        read(path)
    with pytest.raises(DataError, match="is a store of MLflow without an active run"):
        read(database(tmp_path / "gone.db", {"abc": "one"}, "deleted"))


def test_a_store_that_mlflow_itself_wrote(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="mlflow is not installed")
    code = (
        f"import mlflow; mlflow.set_tracking_uri('sqlite:///{tmp_path}/own.db')\n"
        "with mlflow.start_run(run_name='mine'):\n"
        "    mlflow.log_params({'weight_decay': 0.2})\n"
        "    for t, y in [(0, 4.0), (5, 3.5)]: mlflow.log_metrics({'loss': y, 'lr': 1e-3}, step=t)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    (curve,) = read(tmp_path / "own.db")
    assert (curve.name, curve.weight_decay) == ("mine", 0.2)
    assert (curve.step.tolist(), curve.loss.tolist()) == ([0, 5], [4, 3.5])
