"""ClearML's scalars in the layouts that its SDK and its page write, and Aim's tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves

STEPS = list(range(0, 60, 5))
LOSSES = [4 - t / 90 for t in STEPS]
PLAIN = ReadOptions(from_step=0)


def line(values: list[float], **more: object) -> dict[str, object]:
    return {"x": STEPS, "y": values, "type": "scatter", **more}


def is_the_run(curve: Curve) -> None:
    assert (curve.step.tolist(), curve.loss.tolist()) == (STEPS, LOSSES)
    assert curve.schedule.peak == 1e-3


@pytest.mark.parametrize(("title", "series"), [("train", "loss"), ("loss", "train")])
def test_an_offline_session(tmp_path: Path, title: str, series: str) -> None:
    event = {"timestamp": 17, "type": "training_stats_scalar", "task": "offline-1"}
    lines = [
        [
            {**event, "iter": t, "metric": title, "variant": series, "value": y},
            {**event, "iter": t, "metric": "train", "variant": "lr", "value": 1e-3},
            {**event, "iter": t, "metric": "val", "variant": "loss", "value": 9.0},
            {"type": "plot", "iter": t, "metric": "a", "variant": "b", "plot_str": "{}"},
        ]
        for t, y in zip(STEPS, LOSSES, strict=True)
    ]
    path = tmp_path / "session" / "metrics.jsonl"
    path.parent.mkdir()
    path.write_text("\n".join(map(json.dumps, lines)))
    values = {"weight_decay": "0.1", "name": "AdamW", "n_embd": "64", "n_layer": "2"}
    general = {key: {"name": key, "value": value} for key, value in values.items()}
    (path.parent / "task.json").write_text(
        json.dumps({"name": "mine", "hyperparams": {"General": general}})
    )
    (curve,) = read_curves(tmp_path, PLAIN)
    is_the_run(curve)
    assert (curve.name, curve.weight_decay, curve.size.width) == ("mine", 0.1, 64)
    (held_out,) = read_curves(path, ReadOptions(from_step=0, metric="val"))
    assert set(held_out.loss.tolist()) == {9.0}
    lines[3] = [{**lines[3][0], "value": "much"}]
    path.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(DataError, match=r"train/loss has 'much', expected a number"):
        read_curves(path, PLAIN)


def test_the_scalars_of_a_task(tmp_path: Path) -> None:
    path = tmp_path / "scalars.json"
    scalars = {"train": {"loss": line(LOSSES), "lr": line([1e-3] * 12)}, ":monitor:gpu": {}}
    path.write_text(json.dumps(scalars))
    (curve,) = read_curves(path, PLAIN)
    is_the_run(curve)
    assert curve.name == "scalars"
    scalars["train"]["loss"]["y"] = LOSSES[:-1]  # type: ignore[index]
    path.write_text(json.dumps(scalars))
    with pytest.raises(DataError, match="train/loss has 12 steps and 11 values"):
        read_curves(path, PLAIN)


def test_graphs_that_the_page_saved(tmp_path: Path) -> None:
    one = tmp_path / "train.json"
    task = "0123456789abcdef"
    lines = [line(LOSSES, task=task, name="loss"), line([1e-3] * 12, task=task, name="lr")]
    one.write_text(json.dumps(lines))
    (curve,) = read_curves(one, PLAIN)
    is_the_run(curve)
    assert curve.name == task[:8]
    # Two tasks compared, a graph each for the losses and the rates.
    for title, of in (("loss", LOSSES), ("learning_rate (1)", [1e-3] * 12)):
        some = [line(of, task=t, name=f"train - run-{t}") for t in "ab"]
        (tmp_path / f"{title}.json").write_text(json.dumps(some))
    one.unlink()
    a, b = read_curves(tmp_path, PLAIN)
    assert [a.name, b.name] == ["run-a", "run-b"]
    is_the_run(b)
    # A graph over time has no steps.
    lines[0]["x"] = ["2026-11-24 21:00:00"] * 12
    one.write_text(json.dumps(lines))
    with pytest.raises(DataError, match="save the graph with Iterations on its x axis"):
        read_curves(one, PLAIN)


AIM = "idx,step,value,epoch,time,run.hash,run.hparams.weight_decay,run.hparams.hidden_size,"
AIM += "metric.name,metric.context.subset"


def test_aim_s_dataframe(tmp_path: Path) -> None:
    rows = [AIM]
    for run, decay in (("53e4", 0.1), ("29b2", 0.2)):
        for name, part, values in (("loss", "train", LOSSES), ("lr", "", [1e-3] * 12)):
            rows += [
                f"{i},{t},{y},,2026-11-24 21:42:24,{run},{decay},64,{name},{part}"
                for i, (t, y) in enumerate(zip(STEPS, values, strict=True))
            ]
    path = tmp_path / "aim.csv"
    path.write_text("\n".join(rows))
    a, b = read_curves(path, PLAIN)
    is_the_run(a)
    assert (b.name, a.weight_decay, b.weight_decay, b.size.width) == ("29b2", 0.1, 0.2, 64)


def test_aim_s_table_below_a_chart_holds_no_curve(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    head = "experiment,run,metric,context,value,step,epoch,time\n"
    rows = [f'exp,12:10,loss,"subset=""{part}""",{{0}},{{0}},-,-' for part in ("train", "val")]
    for value in ("-", "3"):
        text = "\n".join([rows[0], ",".join(["--"] * 8), rows[1], ",".join(["--"] * 8)])
        path.write_text(head + text.format(value))
        with pytest.raises(DataError, match=r"no curve. Write curves in Python, with metric\.data"):
            read_curves(path, PLAIN)
