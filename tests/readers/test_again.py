"""A fit records how its logs were read, and they are read again like that."""

from __future__ import annotations

import json
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
