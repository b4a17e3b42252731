"""W&B's own files: written here by a plain writer, and by W&B itself where it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves, read_runs
from mplfit.readers.sweep_table import read_sweep
from tests.support.logs import BLOCK, framed, row, run_record, write


def rows(count: int, first: int = 0, gap: int = 10, **more: object) -> list[bytes]:
    return [
        row({"loss": 4 - t / 100, "lr": 1e-3, "_runtime": t / 7, **more, "_step": gap * t})
        for t in range(first, first + count)
    ]


def one(path: Path, **options: Any) -> Curve:
    (curve,) = read_curves(path, ReadOptions(**{"from_step": 0, **options}))
    return curve


def test_rows_configuration_and_name(tmp_path: Path) -> None:
    config = {"optimizer": {"weight_decay": 0.05, "lr": 1e-3}, "n_embd": 64, "n_layer": 2}
    path = tmp_path / "wandb" / "offline-run-20250101_000000-abc" / "run-abc.wandb"
    write(path, [run_record("abc", "my run", config), b"\x10\x01", *rows(30)])
    (path.parent / "files").mkdir()
    (path.parent / "files" / "output.log").write_text("iter 5: loss 3.0, time 1ms\n")
    curve = one(tmp_path)
    assert (curve.name, curve.weight_decay) == ("my run", 0.05)
    assert (curve.size.width, curve.size.depth) == (64, 2)
    assert curve.step.tolist() == list(range(0, 300, 10))
    assert curve.loss.tolist() == [4 - t / 100 for t in range(30)]
    assert curve.schedule.peak == 1e-3
    assert curve.origin is not None
    assert not curve.origin.warnings  # the run gave wandb.log its steps: they are not calls
    assert one(write(path, [run_record("abc"), *rows(30)])).name == "abc"


def test_steps_that_may_be_calls_are_warned_of(tmp_path: Path) -> None:
    curve = one(write(tmp_path / "run-a.wandb", rows(30, gap=1)))
    assert curve.origin is not None
    assert "counts calls of wandb.log" in curve.origin.warnings[0]


def test_steps_as_fields_nested_names_and_odd_values(tmp_path: Path) -> None:
    records = [
        row({("train", "loss"): 3.5, "lr": 1e-3, "note": "text", "image": {"a": 1}}, step=0),
        row({("train", "loss"): "NaN", "lr": 1e-3, "long": "x" * 300}, step=7),
        row({("train", "loss"): 3.25, "lr": 1e-3, "flag": True}, step=9),
        row({"val/loss": 3.3}, step=9),
    ]
    path = write(tmp_path / "run-a.wandb", records)
    curve = one(path)
    assert (curve.step.tolist(), curve.loss.tolist()) == ([0, 9], [3.5, 3.25])
    assert one(path, metric="val").loss.tolist() == [3.3]


def test_records_longer_than_a_block_and_ends_of_blocks(tmp_path: Path) -> None:
    for size in (*range(BLOCK - 80, BLOCK - 60), 3 * BLOCK):
        records = [row({"loss": 3.5, "lr": 1e-3, "_step": 0, "text": "x" * size}), *rows(3, 1)]
        curve = one(write(tmp_path / "run-a.wandb", records))
        assert curve.loss.tolist() == [3.5, *(4 - t / 100 for t in (1, 2, 3))]


def test_a_file_that_is_still_written_is_read_up_to_its_last_whole_record(tmp_path: Path) -> None:
    data = framed(rows(30))
    path = tmp_path / "run-a.wandb"
    for cut in (1, 20, len(rows(1)[0]), len(rows(1)[0]) + 6):
        path.write_bytes(data[:-cut])
        curve = one(path)
        assert curve.step[-1] == 280
        assert curve.origin is not None
        assert "the last record of run-a.wandb is cut short: dropped" in curve.origin.notes


def test_damage_is_refused(tmp_path: Path) -> None:
    data, path = framed(rows(30)), tmp_path / "run-a.wandb"
    for damaged, said in (
        (data[:100] + b"\0" + data[101:], "checksum of the record at byte 7"),
        (data[:5] + b"\0" + data[6:], r"begins with .*: expected b':W&B"),
        (framed([b"\x12\x7f"]), "a record is not one of W&B, although its checksum is right"),
        (framed([run_record("a")]), "has no row of wandb.log"),
        (data[:11] + b"\xff\xff" + data[13:], "checksum of the record at byte 7 is wrong"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=said):
            one(path)


def test_the_files_of_a_resumed_run_are_one_run(tmp_path: Path) -> None:
    for day, (count, first) in enumerate(((20, 0), (15, 15))):
        place = tmp_path / f"run-2025010{day}_000000-abc" / "run-abc.wandb"
        write(place, [run_record("abc", "r"), *rows(count, first, more=day)])
    runs = read_runs([tmp_path], ReadOptions(from_step=0))
    (curve,) = runs.curves
    assert curve.step.tolist() == list(range(0, 300, 10))
    assert not runs.skipped


def test_two_runs_of_one_display_name_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    for key in ("abc", "xyz"):
        place = tmp_path / "wandb" / f"run-20250101_000000-{key}" / f"run-{key}.wandb"
        write(place, [run_record(key, "base"), *rows(5)])
    names = [curve.name for curve in read_curves(tmp_path)]
    assert names == ["run-abc/base", "run-xyz/base"]


def test_the_older_history_of_json_lines(tmp_path: Path) -> None:
    for number in (1, 2):
        folder = tmp_path / f"run-2020010{number}_000000-id{number}"
        folder.mkdir()
        lines = [{"loss": 4 - t / 9 / number, "lr": 1e-3, "_step": t} for t in range(9)]
        (folder / "wandb-history.jsonl").write_text("\n".join(map(json.dumps, lines)))
        (folder / "wandb-summary.json").write_text('{"loss": 3.0, "_step": 8}')
        (folder / "config.yaml").write_text("weight_decay:\n  desc: null\n  value: 0.2\n")
    a, b = read_curves(tmp_path)
    assert [a.name, b.name] == ["run-20200101_000000-id1", "run-20200102_000000-id2"]
    assert a.weight_decay == 0.2


def test_tables_of_runs_and_summaries_hold_no_curve(tmp_path: Path) -> None:
    table = tmp_path / "runs.csv"
    head = "Name,State,Notes,User,Tags,Created,Runtime,Sweep,n_embd,learning_rate,train/loss"
    rows = [
        f"{n},{'crashed' if n == 2 else 'finished'},-,me,,2025-01-0{n},{n}00,,{64 + n // 4},"
        f"{lr},{3 + n / 9}"
        for n, lr in enumerate((1e-3, 2e-3, 4e-3, 8e-3) * 2, 1)
    ]
    table.write_text("\n".join([head, *rows]))
    with pytest.raises(DataError, match=r"is W&B's table of runs, .*`mplfit sweep` compares"):
        one(table)
    assert read_sweep([table]).groups == ("n_embd",)  # and no state, note or user
    summary = tmp_path / "wandb-summary.json"
    summary.write_text('{"loss": 3.0, "lr": 0.1, "_step": 100}')
    with pytest.raises(DataError, match=r"the last values of a run only: give its run-ID\.wandb"):
        one(summary)


def test_a_run_that_wandb_itself_wrote(tmp_path: Path) -> None:
    pytest.importorskip("wandb.sdk", reason="wandb is not installed")  # a folder wandb is no such
    code = (
        "import wandb; run = wandb.init(project='p', name='mine', config={'weight_decay': 0.3})\n"
        "for t in range(12): run.log({'train/loss': 4 - t / 9, 'train/lr': 1e-3}, step=5 * t)\n"
        "run.finish()"
    )
    quiet = {**os.environ, "WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    command = [sys.executable, "-c", code]
    subprocess.run(command, check=True, env=quiet, cwd=tmp_path, timeout=120)
    curve = one(tmp_path)
    assert (curve.name, curve.weight_decay) == ("mine", 0.3)
    assert curve.step.tolist() == list(range(0, 60, 5))
    assert curve.loss.tolist() == pytest.approx([4 - t / 9 for t in range(12)])
