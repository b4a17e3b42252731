"""A fit records how its logs were read, and they are read again like that."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mplfit import Fit, read_curves
from mplfit.errors import DataError
from mplfit.estimate.fit import fit
from mplfit.readers.again import read_again
from mplfit.readers.options import ReadOptions
from mplfit.schedule import constant
from mplfit.schedule.spec import parse_schedule
from tests.support.logs import epfml, events, framed, row, scalar, state, wide

PLAN = "constant:steps=400,peak=1e-2,warmup=10"


@pytest.fixture
def logs(tmp_path: Path) -> list[Path]:
    step = np.arange(9, 400, 10)
    rng = np.random.default_rng(0)
    made = []
    for name in ("a", "b"):
        loss = 2 + (1e-2 * step) ** -0.5 * np.exp(1e-3 * rng.standard_normal(step.size))
        rows = "\n".join(f"{s},{one:.6f},{2 * one:.6f}" for s, one in zip(step, loss, strict=True))
        made.append(tmp_path / f"{name}.csv")
        made[-1].write_text(f"step,loss,other\n{rows}\n")
    return made


def saved(found: Fit) -> Fit:
    return Fit.from_dict(json.loads(json.dumps(found.to_dict())))


def test_logs_are_read_again_as_the_library_read_them(logs):
    first = ReadOptions(smooth=3, schedule=PLAN, from_step=50)
    second = ReadOptions(every=20, from_step=0, metric="other")
    curves = [
        *read_curves(logs[:1], first),
        *read_curves(logs[1:], second, schedules={"b": constant(400, 2e-2)}),
    ]
    found = saved(fit(curves, "onepower", leave_out=False))
    told = [dict(record.reading) for record in found.data]
    assert told[0] == {"smooth": 3, "schedule": PLAN, "from_step": 50}
    assert (told[1]["every"], told[1]["metric"]) == (20, "other")
    assert read_again(found) == curves
    assert curves[0].schedule == parse_schedule(PLAN)


def test_logs_of_other_losses_are_refused(logs):
    options = ReadOptions(schedule=PLAN, from_step=100)
    curves = read_curves(logs, options)
    found = saved(fit(curves, "onepower", leave_out=False))
    for change, said in (
        ({"smooth": 3}, "a, read like this, has other losses than the fit had"),
        ({"metric": "other"}, "has other losses"),
        ({"every": 20}, "a has 15 rows where the fit had 30"),
        ({"from_step": 0}, "rows where the fit had 30"),
    ):
        with pytest.raises(DataError, match=said):
            read_again(found, replace(options, **change))
    # A file of the first schema does not say how its logs were read: rows and losses tell.
    old = replace(found, data=tuple(replace(one, reading=None) for one in found.data))
    assert read_again(old, options) == curves
    with pytest.raises(DataError, match="has other losses"):
        read_again(old, replace(options, metric="other"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"spikes": "foo"}, "spikes must be 'keep' or 'drop', got 'foo'"),
        ({"steps_are": "counts"}, "steps_are must be 'index' or 'count', got 'counts'"),
        ({"warmup": -1}, "warmup must be a whole number from 0 on, got -1"),
    ],
)
def test_options_are_checked(wrong, said):
    with pytest.raises(DataError, match=said):
        ReadOptions(**wrong)


def _resumed_events(folder: Path) -> list[Path]:
    for part, steps in enumerate((range(60), range(40, 90))):
        rows = [
            scalar(t, "loss", 2 + (t + 1 + part) ** -0.5) + scalar(t, "lr", 1e-3) for t in steps
        ]
        events(folder / f"events.out.tfevents.{part}.h", rows)
    return [folder]


def _resumed_wandb(folder: Path) -> list[Path]:
    for part, steps in enumerate((range(60), range(40, 90))):
        rows = [{"loss": 2 + (t + 1 + part) ** -0.5, "lr": 1e-3, "_step": t} for t in steps]
        place = folder / f"run-2024010{part}_0-abc"
        place.mkdir(parents=True)
        (place / "run-abc.wandb").write_bytes(framed([row(one) for one in rows]))
    return [folder]


def _charts(folder: Path) -> list[Path]:
    losses = [2 + (t + 1) ** -0.5 for t in range(90)]
    wide(folder / "loss.csv", "train/loss", {"a": losses})
    wide(folder / "rate.csv", "train/lr", {"a": [1e-3] * 90})
    return [folder / "loss.csv", folder / "rate.csv"]


def _trainer(folder: Path) -> list[Path]:
    state(folder, ahead=0, every=10)
    log = json.loads((folder / "trainer_state.json").read_text())["log_history"]
    rows = [scalar(one["step"], "train/loss", one["loss"]) for one in log if "loss" in one]
    rates = [scalar(one["step"], "train/learning_rate", 2e-5) for one in log if "loss" in one]
    events(folder / "runs" / "now" / "events.out.tfevents.1.h", [*rows, *rates])
    return [folder]


def _branch(folder: Path) -> list[Path]:
    epfml(folder / "base.json", wsd_fract_decay=0.0)
    branch = json.loads(epfml(folder / "b.json", resume_from="x/base/200").read_text())
    train = branch["history"]["train"]
    branch["history"]["train"] = {name: some[20:] for name, some in train.items()}
    (folder / "b.json").write_text(json.dumps(branch))
    return [folder]


@pytest.mark.parametrize("write", [_resumed_events, _resumed_wandb, _charts, _trainer, _branch])
def test_a_run_of_several_files_is_read_again_from_all_of_them(
    tmp_path: Path, write: Callable[[Path], list[Path]]
) -> None:
    (tmp_path / "r").mkdir()
    reading = ReadOptions(from_step=0)
    curves = [one for one in read_curves(write(tmp_path / "r"), reading) if one.origin.beside]
    found = saved(fit(curves, "onepower", leave_out=False))
    (record,) = found.data
    assert len(record.beside) == 1
    assert read_again(found) == curves
    # Files of one run that are given one by one are one run too.
    files = [*record.beside, record.path]
    assert [one.loss.tolist() for one in read_curves(files, reading) if one.origin.beside] == [
        curves[0].loss.tolist()
    ]
    with pytest.raises(DataError, match=r"given twice|both have a loss of the run a"):
        read_curves([*files, files[1]])
    Path(files[0]).unlink()
    with pytest.raises(DataError, match="which this fit was made from, is not there"):
        read_again(found)
