"""Runs: the same seed is the same curve, resumed and branched bit for bit; divergence ends them."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from mplfit.errors import DataError
from mplfit.lab.checkpoint import from_bytes, to_bytes
from mplfit.lab.log import log_csv, schedule_text
from mplfit.lab.model import Shape
from mplfit.lab.run import Run, RunPlan, train
from mplfit.lab.tasks import IclRegression, Text
from mplfit.readers.csv_log import read_csv
from mplfit.schedule import constant, cosine, from_knots, wsdld
from mplfit.schedule.spec import parse_schedule

ICL = RunPlan(
    IclRegression(block=8), Shape(16, 1, 2, 8, 0, dropout=0.1), batch=2, every=7, evaluated=4
)


def text_plan(tmp_path, size=6000):
    rng = np.random.default_rng(0)
    (tmp_path / "text.bin").write_bytes(rng.integers(97, 101, size, dtype=np.uint8).tobytes())
    task = Text(block=8, path=str(tmp_path / "text.bin"))
    return RunPlan(task, Shape(16, 1, 2, 8, 256), batch=2, every=5, evaluated=4)


def state(run):
    return (
        run.done,
        run.rows,
        run.since,
        run.model.flat.tobytes(),
        run.optimizer.first.tobytes(),
        run.optimizer.second.tobytes(),
    )


@pytest.mark.parametrize("task", ["icl", "text"])
def test_the_same_seed_is_the_same_run(task, tmp_path):
    plan = ICL if task == "icl" else text_plan(tmp_path)
    one, two = (train(Run(plan, cosine(23, 1e-2))) for _ in range(2))
    assert state(one) == state(two)
    assert [row.step for row in one.rows] == [*range(plan.every - 1, 22, plan.every), 22]
    other = train(Run(replace(plan, seed=1), cosine(23, 1e-2)))
    assert other.rows[0].loss != one.rows[0].loss


@pytest.mark.parametrize("at", [1, 7, 12])
@pytest.mark.parametrize("task", ["icl", "text"])
def test_a_run_resumes_bit_for_bit(task, at, tmp_path):
    plan, schedule = ICL if task == "icl" else text_plan(tmp_path), cosine(20, 1e-2, warmup=3)
    whole = train(Run(plan, schedule))
    part = train(Run(plan, schedule), until=at)
    assert part.done == at
    assert state(train(from_bytes(to_bytes(part)))) == state(whole)


@pytest.mark.parametrize("at", [5, 12, 14])
def test_a_branch_goes_on_bit_for_bit_under_another_schedule(at):
    stable, cooled = constant(20, 1e-2, warmup=2), wsdld(24, 1e-2, decay=8, warmup=2)
    assert np.array_equal(stable.lr[:at], cooled.lr[:at])
    run = from_bytes(to_bytes(train(Run(ICL, stable), until=at)))
    run.branch(cooled)
    assert state(train(run)) == state(train(Run(ICL, cooled)))


def test_a_branch_with_another_past_is_refused():
    run = train(Run(ICL, constant(20, 1e-2)), until=10)
    with pytest.raises(DataError, match=r"had the rate 0\.01 in step 4"):
        run.branch(from_knots([(0, 1e-2), (3, 1e-2), (5, 0.0), (20, 0.0)]))
    with pytest.raises(DataError, match="10 updates are done"):
        run.branch(constant(9, 1e-2))
    done = train(Run(ICL, constant(20, 1e-2)))  # 20 is no multiple of 7: its last row is its own
    with pytest.raises(DataError, match="between two of its rows"):
        done.branch(constant(30, 1e-2))


def test_a_checkpoint_holds_no_pickle():
    data = to_bytes(train(Run(ICL, constant(5, 1e-2)), until=3))
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        for name in file.namelist():
            np.lib.format.read_array(io.BytesIO(file.read(name)), allow_pickle=False)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 nothing", b"no zip at all"])
def test_a_damaged_checkpoint_is_refused(data):
    with pytest.raises(DataError, match="no checkpoint of mplfit lab"):
        from_bytes(data)
    whole = to_bytes(train(Run(ICL, constant(5, 1e-2)), until=3))
    with pytest.raises(DataError, match="checkpoint"):
        from_bytes(whole[: len(whole) // 2])


def test_stopping_leaves_a_state_to_go_on_from():
    asked = iter([False] * 6 + [True] * 100)
    run = train(Run(ICL, constant(20, 1e-2)), stop=lambda: next(asked))
    assert run.done == 6
    assert state(train(from_bytes(to_bytes(run)))) == state(train(Run(ICL, constant(20, 1e-2))))


def test_a_run_that_diverges_ends_and_says_so():
    plan = replace(ICL, settings=replace(ICL.settings, weight_decay=0.0, clip=0.0))
    run = train(Run(plan, constant(60, 1e30)))
    assert run.diverged
    assert run.finished
    assert run.done < 60
    assert not np.isfinite(run.rows[-1].loss)


def test_rows_begin_where_they_are_asked_to():
    run = train(Run(replace(ICL, first=10), constant(24, 1e-2)))
    assert [row.step for row in run.rows] == [13, 20, 23]
    every = train(Run(ICL, constant(24, 1e-2)))
    assert run.rows == every.rows[1:]


@pytest.mark.parametrize(
    "schedule",
    [
        cosine(40, 3e-3, 1e-4, warmup=7),
        wsdld(40, 1e-2, decay=9),
        from_knots([(0, 0.0), (39, 1e-3)]),
    ],
)
@pytest.mark.parametrize("loss", ["train", "eval"])
def test_the_log_gives_the_schedule_back_exactly(schedule, loss, tmp_path):
    run = train(Run(ICL, schedule), until=30)  # also before the end
    text = schedule_text(schedule)
    (tmp_path / "run.csv").write_bytes(log_csv(ICL, text, run.rows, loss))
    curve = read_csv(tmp_path / "run.csv")
    assert np.abs(curve.schedule.lr - schedule.lr).max() <= 1e-13 * schedule.peak
    assert curve.schedule == parse_schedule(text)
    assert curve.schedule.warmup == schedule.warmup
    assert curve.step.tolist() == [row.step for row in run.rows]
    want = [row.loss if loss == "train" else row.eval_loss for row in run.rows]
    assert curve.loss == pytest.approx(want, abs=1e-6)
    assert curve.weight_decay == 0.1


def test_the_user_s_own_text_is_kept_where_it_is_the_schedule():
    spec = "cosine:steps=40,peak=3e-3"
    assert schedule_text(parse_schedule(spec), spec) == spec
    assert schedule_text(constant(40, 1e-3), spec) == "knots:0=0.001,39=0.001"


def test_a_plan_goes_through_json(tmp_path):
    for plan in (ICL, text_plan(tmp_path)):
        assert RunPlan.from_dict(plan.to_dict()) == plan


@pytest.mark.parametrize(
    ("change", "words"),
    [({"batch": 0}, "batch must be 1 or more"), ({"seed": -1}, "seed must be 0 or more"),
     ({"shape": Shape(16, 1, 2, 8, 256)}, "does not fit the model")],
)  # fmt: skip
def test_a_wrong_plan_is_refused(change, words):
    with pytest.raises(DataError, match=words):
        replace(ICL, **change)


def test_text_is_read_once_and_no_more(tmp_path):
    plan = text_plan(tmp_path, 400)
    most = plan.task.most_steps(plan.batch)
    Run(plan, constant(most, 1e-3))
    with pytest.raises(DataError, match=f"suffice for {most}"):
        Run(plan, constant(most + 1, 1e-3))
