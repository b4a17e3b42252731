"""Folders of runs: which files are read, what the runs are called, and what is said of the rest."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from mplfit.errors import DataError
from mplfit.estimate.records import CurveRecord
from mplfit.estimate.result import Fit, published_fit
from mplfit.readers.again import read_again
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves, read_runs
from tests.support.logs import MEGATRON, database, events, framed, row, scalar


def log(path: Path, last: float = 2.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"step,lr,loss\n0,1e-3,3\n1,1e-3,{last}\n")
    return path


def names(*paths: Path) -> list[str]:
    return [curve.name for curve in read_curves(paths)]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        # A file that every run has so is called after its folder.
        (["runs/a/metrics.csv", "runs/b/metrics.csv"], ["a", "b"]),
        (["a/logs/version_0/metrics.csv", "b/logs/version_0/metrics.csv"], ["a", "b"]),
        (["e/version_0/metrics.csv", "e/version_1/metrics.csv"], ["e/version_0", "e/version_1"]),
        (["a/metrics.csv", "b/train.log.csv", "c.csv"], ["c", "a", "b"]),
        (["metrics.csv"], ["metrics"]),
        # Other names are kept, with what tells them apart before them.
        (["x/lr1.csv", "x/lr2.csv", "y/lr1.csv"], ["x/lr1", "lr2", "y/lr1"]),
        (["x/1/s/a.csv", "x/2/s/a.csv", "y/1/s/a.csv"], ["x/1/a", "x/2/a", "y/1/a"]),
        (["run0.csv", "run1.csv"], ["run0", "run1"]),
        (["lr=1e-3/metrics.csv", "lr=3e-4/metrics.csv"], ["lr=1e-3", "lr=3e-4"]),
    ],
)  # fmt: skip
def test_runs_are_named_by_what_tells_them_apart(
    tmp_path: Path, files: list[str], expected: list[str]
) -> None:
    for number, name in enumerate(files):
        log(tmp_path / name, 2 - number / 10)
    assert names(tmp_path) == expected
    if len(files) > 1:  # and so they are when the files are given one by one
        assert sorted(names(*(tmp_path / name for name in files))) == sorted(expected)


def test_hidden_checkpoint_cache_and_result_folders_are_not_entered(tmp_path: Path) -> None:
    for name in (
        ".git", "checkpoint-100", "checkpoints", "ckpt_5", "global_step100", "__pycache__",
        "my_cache", "mplfit-runs", "iter_0000100",
    ):  # fmt: skip
        log(tmp_path / name / "no.csv")
    log(tmp_path / "deep" / "er" / "yes.csv")
    log(tmp_path / "no-kv-cache" / "too.csv", 1.5)
    log(tmp_path / ".hidden.csv")
    assert names(tmp_path) == ["yes", "too"]
    assert names(tmp_path / "checkpoints") == ["no"]  # asked for by itself


def test_links_are_followed_once_and_real_folders_first(tmp_path: Path) -> None:
    log(tmp_path / "z" / "run-1" / "metrics.csv")
    log(tmp_path / "elsewhere" / "run-2" / "metrics.csv", 1.5)
    os.symlink(tmp_path / "z" / "run-1", tmp_path / "z" / "latest")
    os.symlink(tmp_path / "z", tmp_path / "z" / "loop")
    os.symlink(tmp_path / "elsewhere" / "run-2", tmp_path / "z" / "run-2")
    assert names(tmp_path / "z") == ["run-1", "run-2"]


def test_one_unreadable_file_stops_no_other(tmp_path: Path) -> None:
    log(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("step,lr,loss\n")
    (tmp_path / "c.csv").write_text("step,lr,loss\n0,1,nan\n1,1,nan\n")
    (tmp_path / "d.jsonl").write_text("{oops\n{oops\n")
    (tmp_path / "readme.txt").write_text("hello there\n")
    (tmp_path / "config.json").write_text('{"hidden": 1}')
    (tmp_path / "more.json").write_text('{"hidden": 1}')
    runs = read_runs([tmp_path])
    skipped = {one.path.name: (one.log, one.why) for one in runs.skipped}
    assert {name: log for name, (log, _) in skipped.items()} == {
        "b.csv": True, "c.csv": True, "d.jsonl": True, "readme.txt": False, "more.json": False,
    }  # fmt: skip
    assert skipped["c.csv"][1].startswith("has no finite loss in 2 rows")
    origin = runs.curves[0].origin
    assert origin is not None
    assert len(origin.warnings) == 3
    assert "b.csv is skipped: has a header but no rows" in origin.warnings[0]
    assert "2 other files hold no log that mplfit knows (more.json, readme.txt)" in origin.notes[-1]
    # A file given by itself must be right.
    with pytest.raises(DataError, match="header but no rows"):
        read_curves([tmp_path, tmp_path / "b.csv"][::-1])
    (tmp_path / "a.csv").unlink()
    with pytest.raises(DataError, match=r"c.csv has no finite loss"):
        read_curves([tmp_path])


def test_progress_ends_at_all_files_and_all_runs(tmp_path: Path) -> None:
    for name in "abc":
        log(tmp_path / f"{name}.csv")
    said: list[tuple[int, int, str]] = []
    read_runs([tmp_path], progress=lambda *what: said.append(what))
    assert said[0] == (0, 3, "reading logs:")
    assert (3, 3, "reading logs:") in said
    assert said[-1] == (3, 3, "runs:")


def test_a_run_that_was_named_beside_others_is_found_without_them(tmp_path: Path) -> None:
    for name in "ab":
        log(tmp_path / name / "metrics.csv", 2 - (name == "b") / 9)
    curves = read_curves([tmp_path], ReadOptions(from_step=0))
    record = CurveRecord.of(curves[0], "train")
    fit = Fit("mpl", published_fit("25").params, data=(record,))
    (again,) = read_again(fit)
    assert (again.name, again) == ("a", curves[0])
    log(tmp_path / "a" / "metrics.csv", 2.5)
    with pytest.raises(DataError, match="has changed since the fit"):
        read_again(fit)


def test_an_unknown_table_gets_a_command_that_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    rows = [f"{10 * t},{0.5 + t / 7},{1e-3 - t / 1e5},{4 - t / 10}" for t in range(9)]
    path.write_text("\n".join(["n,seconds,my rate,objective", *rows]))
    expected = rf"Perhaps: mplfit read {path} --step-col n --lr-col 'my rate' --loss-col objective"
    with pytest.raises(DataError) as error:
        read_curves([path])
    assert str(error.value).endswith(expected)
    options = ReadOptions(step_col="n", lr_col="my rate", loss_col="objective")
    (curve,) = read_curves([path], options)
    assert curve.step[-1] == 80


def test_an_unknown_text_is_shown_with_what_was_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "odd.log"
    path.write_text("epoch one done\n\nepoch two done\n" + "x" * 100)
    with pytest.raises(DataError) as error:
        read_curves([path])
    said = str(error.value)
    assert "It begins with 'epoch one done', 'epoch two done', 'xxx" in said
    assert "Looked for: a table" in said
    assert "Megatron-LM" in said
    assert len(said) < 600


def test_compressed_logs_of_every_kind(tmp_path: Path) -> None:
    def rows(shift: float) -> list[tuple[int, float, float]]:
        return [(t, 1e-3, 3 + shift - t / 9) for t in range(6)]

    dicts = [{"step": t, "lr": lr, "loss": y} for t, lr, y in rows(0.1)]
    text = [MEGATRON.format(c=t + 1, n=t, lr=lr, loss=y) for t, lr, y in rows(0.2)]
    own = [row({"loss": y, "lr": lr, "_step": t}) for t, lr, y in rows(0.3)]
    board = [scalar(t, "loss", y) + scalar(t, "lr", lr) for t, lr, y in rows(0.4)]
    step, lr, loss = zip(*rows(0.5), strict=True)
    np.savez(tmp_path / "f.npz", step=step, lr=lr, loss=loss)
    made = {
        "a.csv": "step,lr,loss\n" + "".join(f"{t},{lr},{y}\n" for t, lr, y in rows(0)),
        "b.jsonl": "\n".join(map(json.dumps, dicts)),
        "c.log": "\n".join(text),
        "run-d.wandb": framed(own),
        "e.tfevents.1": events(tmp_path / "e", board).read_bytes(),
        "f.npz": (tmp_path / "f.npz").read_bytes(),
        "g.db": database(tmp_path / "g", {"g": "g"}).read_bytes(),
    }
    packed = tmp_path / "packed"
    packed.mkdir()
    for name, data in made.items():
        content = data.encode() if isinstance(data, str) else data
        (packed / f"{name}.gz").write_bytes(gzip.compress(content))
    assert sorted(names(packed)) == ["a", "b", "c", "d", "f", "g", "packed"]
