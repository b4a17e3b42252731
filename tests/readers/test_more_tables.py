"""Tables of other loggers and in other files: Keras, Composer, Aim, npz, Parquet, stdin."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit.cli.main import main
from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves

GIVEN = "constant:steps=72,peak=1e-3"
ROWS = [(10 * t, 1e-3, round(4 - t / 7, 4)) for t in range(9)]
CSV = "\n".join(["step,lr,loss", *(f"{t},{lr},{y}" for t, lr, y in ROWS)])


def one(path: Path, **options: object) -> Curve:
    (curve,) = read_curves(path, ReadOptions(**{"from_step": 0, **options}))
    return curve


def notes(curve: Curve) -> str:
    assert curve.origin is not None
    return " | ".join(curve.origin.notes)


@pytest.mark.parametrize("first", [0, 1])
def test_keras_epochs_are_no_updates(tmp_path: Path, first: int) -> None:
    path = tmp_path / "training.csv"
    rows = [f"{first + t},0.5,1e-3,{4 - t / 7},{4.5 - t / 7}" for t in range(6)]
    path.write_text("\n".join(["epoch,accuracy,learning_rate,loss,val_loss", *rows]))
    with pytest.raises(DataError, match=r"counts epochs, .*, as in steps_per_row=500"):
        one(path)
    curve = one(path, steps_per_row=50)
    assert curve.step.tolist() == [49, 99, 149, 199, 249, 299]
    assert f"steps are its epochs, from {first} on, of 50 updates each" in notes(curve)
    # Beside a step an epoch is only another column.
    path.write_text("epoch,step,lr,loss\n0,5,1e-3,3\n0,9,1e-3,2.5\n")
    assert one(path).step.tolist() == [5, 9]


def test_lightning_s_csv_has_rows_of_the_rate_and_rows_of_losses(tmp_path: Path) -> None:
    rows = ["0,1e-3,0,,,"]
    for t in range(9, 100, 10):
        rows += [f"0,,{t},,{4 - t / 99},", f"0,1e-3,{t},,,"]
    rows += ["0,,99,3.5,,", "0,,99,,,3.75"]
    path = tmp_path / "lightning_logs" / "version_0" / "metrics.csv"
    path.parent.mkdir(parents=True)
    path.write_text(
        "\n".join(["epoch,lr-AdamW,step,train_loss_epoch,train_loss_step,val_loss", *rows])
    )
    curve = one(tmp_path)
    assert curve.step.tolist() == list(range(9, 100, 10))
    assert curve.loss[0] == 4 - 9 / 99
    assert one(path, metric="val").loss.tolist() == [3.75]


def test_composer_s_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = [
        {"batch": t, "loss/train/total": y, "lr-DecoupledAdamW/group0": lr} for t, lr, y in ROWS
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    curve = one(path)
    assert curve.step.tolist() == [t for t, _, _ in ROWS]
    assert curve.loss.tolist() == [y for _, _, y in ROWS]
    # Elsewhere a column called batch is no step.
    path.write_text('{"batch": 32, "loss": 3.0, "lr": 1e-3}\n')
    with pytest.raises(DataError, match="no column for the step"):
        one(path)


def test_levanter_s_json_lines_nest_their_metrics(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    lines = [{"tracker": "json_logger", "event": "hparams", "hparams": {"lr": 1e-3}}]
    for t, lr, y in ROWS:
        metrics = {"train/loss": y, "optim/learning_rate": lr}
        lines.append({"tracker": "json_logger", "event": "log", "step": t, "metrics": metrics})
    path.write_text("\n".join(map(json.dumps, lines)))
    curve = one(path)
    assert curve.loss.tolist() == [y for _, _, y in ROWS]
    assert curve.schedule.peak == 1e-3


LONG = {
    "mlflow": "run_id,key,value,step,timestamp",
    "aim": "run.hash,metric.name,metric.context.subset,step,value",
    "clearml": "task,metric,variant,iter,value",
}


@pytest.mark.parametrize("kind", LONG)
def test_tables_with_a_metric_a_row(tmp_path: Path, kind: str) -> None:
    lines = [LONG[kind]]
    for run in ("ab12", "cd34"):
        for t, lr, y in ROWS:
            for name, value in (("loss", y - (run == "cd34")), ("lr", lr)):
                lines.append(
                    {
                        "mlflow": f"{run},{name},{value},{t},17",
                        "aim": f'{run},"{name}",train,{t},{value}',
                        "clearml": f"{run},{name},train,{t},{value}",
                    }[kind]
                )
    path = tmp_path / "export.csv"
    path.write_text("\n".join(lines))
    a, b = read_curves(path, ReadOptions(from_step=0))
    assert [a.name, b.name] == ["ab12", "cd34"]
    assert a.step.tolist() == [t for t, _, _ in ROWS]
    assert b.loss.tolist() == pytest.approx([y - 1 for _, _, y in ROWS])
    assert a.schedule.peak == 1e-3


def test_npz(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    step, lr, loss = (np.array(column) for column in zip(*ROWS, strict=True))
    np.savez(path, step=step, lr=lr, loss=loss, seed=3, extra=np.ones((2, 2)), other=np.ones(3))
    curve = one(path)
    assert (curve.step.tolist(), curve.loss.tolist()) == (step.tolist(), loss.tolist())
    # Several runs, with the rate of every update.
    plan = np.linspace(1e-3, 1e-4, 100)
    runs = {
        f"{name}/{key}": v for name in ("a", "b/c") for key, v in (("step", step), ("lr", plan))
    }
    np.savez(path, **runs, **{"a/loss": loss, "b/c/loss": loss / 2}, weight_decay=0.2)
    a, b = read_curves(path, ReadOptions(from_step=0))
    assert ([a.name, b.name], a.weight_decay) == (["a", "b/c"], 0.2)
    assert b.loss.tolist() == (loss / 2).tolist()
    assert a.schedule.lr.tolist() == plan.tolist()
    np.savez(path, step=step, loss=np.array([{}] * 9, dtype=object))
    with pytest.raises(DataError, match=r"is no \.npz of plain arrays"):
        one(path)
    np.savez(path, seed=3)
    with pytest.raises(DataError, match="has no 1-D array: it has seed"):
        one(path)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match=r"is no \.npz of plain arrays"):
        one(path)


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    path.write_bytes(b"PAR1 and more")
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        with pytest.raises(DataError, match=r"pip install 'mplfit\[parquet\]'"):
            one(path)
        return
    with pytest.raises(DataError, match="is damaged, or no Parquet"):
        one(path)
    columns = {"step": [], "lr": [], "loss": [], "run": []}
    for run in "ab":
        for t, lr, y in ROWS:
            for name, value in zip(columns, (t, lr, y - (run == "b"), run), strict=True):
                columns[name].append(value)
    parquet.write_table(pyarrow.table(columns), path)
    a, b = read_curves(path, ReadOptions(from_step=0))
    assert [a.name, b.name] == ["a", "b"]
    assert b.loss.tolist() == [y - 1 for _, _, y in ROWS]


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input(packed: bool) -> None:
    data = gzip.compress(CSV.encode()) if packed else CSV.encode()
    result = CliRunner().invoke(main, ["read", "-", "--json", "--from-step", "0"], input=data)
    assert result.exit_code == 0, result.output
    (run,) = json.loads(result.stdout)["runs"]
    assert (run["name"], run["path"], run["points"]) == ("stdin", "-", 9)
    refused = CliRunner().invoke(main, ["read", "-"], input=b"nothing of use\n")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: standard input is no log that mplfit knows")


def test_a_file_called_minus_is_read_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    Path("-").write_text(CSV)
    assert len(one(Path("-"))) == 9


def test_json_of_columns(tmp_path: Path) -> None:
    names = ("step", "lr", "loss")
    columns = {
        name: list(column) for name, column in zip(names, zip(*ROWS, strict=True), strict=True)
    }
    by_row = {name: dict(enumerate(column)) for name, column in columns.items()}
    path = tmp_path / "run.json"
    for values in (
        {**columns, "config": {"d": 1}, "seeds": [1, 2]},
        by_row,  # pandas' to_json()
        {"columns": names, "index": [], "data": ROWS},  # and with orient="split"
    ):
        path.write_text(json.dumps(values))
        curve = one(path)
        assert (curve.step.tolist(), curve.loss.tolist()) == (columns["step"], columns["loss"])
        assert curve.schedule.peak == 1e-3
    # The history of Keras counts nothing but epochs.
    path.write_text(json.dumps({"loss": columns["loss"], "val_loss": columns["loss"]}))
    with pytest.raises(DataError, match=r"counts epochs, .*, as in steps_per_row=500"):
        one(path)
    curve = one(path, steps_per_row=8, schedule=GIVEN)
    assert curve.step.tolist() == list(range(7, 72, 8))


def test_json_rows_with_nested_values_and_numbers_as_texts(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    rows = [{"step": t, "train": {"loss": f"{y}", "lr": f"{lr:e}"}} for t, lr, y in ROWS]
    path.write_text("\n".join(map(json.dumps, rows)))
    curve = one(path)
    assert curve.loss.tolist() == [y for _, _, y in ROWS]
    assert curve.schedule.peak == 1e-3
    path.write_text(path.read_text().replace(f'"{ROWS[3][2]}"', '"1_0"'))
    with pytest.raises(DataError, match="row 4: 'train/loss' should be a number, got '1_0'"):
        one(path)
