"""Bounds beside final losses: ranks, the line, the groups, and the logs they come from."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from mplfit import schedule as schedules
from mplfit.bounds import best_base, bound
from mplfit.bounds.agreement import Agreement, Outcome, agreement, spearman, spearman_interval
from mplfit.errors import DataError
from mplfit.readers.epfml import config_schedule
from mplfit.readers.epfml_outcomes import read_outcome, read_outcomes
from mplfit.readers.outcome_table import read_outcome_table
from tests.shared_data import shared


def runs(steps=300, ratio=0.7, floor=2.0, size=0.3):
    """Runs whose losses are exactly a line in the bound."""
    made = []
    for peak in (0.01, 0.03, 0.09):
        for cooldown in (0.1, 0.2, 0.4):
            schedule = schedules.wsdld(steps, peak, decay=cooldown)
            loss = floor + size * bound(schedule.lr, D=ratio)
            name = f"{peak} {cooldown}"
            made.append(Outcome(name, schedule, loss, "wsd linear", cooldown))
    return made


def test_a_line_in_the_bound_is_found_again():
    found = agreement(runs())
    assert found.ratio == pytest.approx(0.7, rel=1e-9)
    assert found.floor == pytest.approx(2.0, rel=1e-9)
    assert found.error < 1e-12
    assert found.everything.spearman == 1
    assert [group.varies for group in found.groups] == ["cooldown"] * 3 + ["base rate"] * 3
    for group in found.groups:
        assert len(group.names) == 3
        assert np.all(np.diff(group.value) > 0)
        assert group.spearman == 1
        assert (group.spearman_best is None) == (group.varies == "base rate")
    wanted = [best_base(schedules.wsdld(300, 1.0, decay=c).lr).bound for c in (0.1, 0.2, 0.4)]
    assert found.groups[0].best == pytest.approx(wanted)


def test_the_result_is_read_back_as_it_was():
    found = agreement(runs())
    plain = found.to_dict()
    assert Agreement.from_dict(plain) == found
    assert (plain["C"], plain["groups"][0]["title"]) == (found.floor, "all runs")
    assert plain["groups"][1]["best_bound"] == found.groups[0].best.tolist()


def test_spearman_equals_scipys_with_and_without_ties():
    rng = np.random.default_rng(1)
    for _ in range(20):
        x, y = rng.random(9).round(1), rng.random(9)
        assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-11)
    assert np.isnan(spearman(np.ones(3), np.arange(3.0)))


def test_the_line_says_how_far_it_moves_with_the_runs():
    exact = agreement(runs())
    assert exact.left_out_error < 1e-10
    assert exact.floor_error < 1e-8
    rng = np.random.default_rng(2)
    found = [
        agreement([replace(run, loss=run.loss + rng.normal(0, 3e-3)) for run in runs()])
        for _ in range(40)
    ]
    moved = np.std([one.floor for one in found], ddof=1)
    said = np.sqrt(np.mean([one.floor_error**2 for one in found]))
    assert 0.6 < said / moved < 2  # the jackknife errs on the safe side
    assert all(one.left_out_error > one.error for one in found)


def test_the_interval_of_a_rank_correlation_holds_it():
    rng, held = np.random.default_rng(4), 0
    truth = 6 / np.pi * np.arcsin(0.8 / 2)  # Spearman's of normal pairs with correlation 0.8
    for _ in range(400):
        x = rng.normal(size=12)
        low, high = spearman_interval(spearman(x, 0.8 * x + 0.6 * rng.normal(size=12)), 12)
        held += low < truth < high
    assert 0.92 < held / 400 < 0.98
    assert spearman_interval(1.0, 9) is spearman_interval(0.5, 3) is None


def test_too_few_runs_are_refused():
    with pytest.raises(DataError, match="3 finished runs are too few"):
        agreement(runs()[:3])


def test_every_logged_rate_of_the_real_runs_is_that_of_the_rebuilt_schedule():
    folder = shared("curves", "epfml_124m")
    found, left_out = read_outcomes(folder)  # refuses a rate that is off by 1e-6 of the peak
    assert left_out == []
    assert len(found) == len({run.name for run in found}) == 28
    assert {run.kind for run in found} == {
        "wsd linear", "wsd sqrt", "cosine to 0 %", "cosine to 10 %",
    }  # fmt: skip
    assert all(2.9 < run.loss < 3.2 for run in found)
    assert all(run.schedule.warmup == 300 for run in found)
    assert {run.schedule.steps for run in found} == {15000, 25000, 50000}
    start = {round(float(run.schedule.lr[0] / run.schedule.peak), 12) for run in found}
    assert start == {0.01}


def log(**changes):
    config = {
        "iterations": 100, "warmup_steps": 10, "lr": 1e-3, "scheduler": "wsd",
        "decay_type": "linear", "wsd_fract_decay": 0.2, "wsd_final_lr_scale": 0, "cos_final_lr": -1,
    }  # fmt: skip
    values = {
        "config": config,
        "summary": {"final-val/loss": 3.0},
        "history": {"train": {"iter": [50, 90, 100], "train_lr": [1e-3, 5e-4, 0]}},
    }
    return {**values, **changes}


def test_the_rate_beside_the_last_count_belongs_to_no_update(tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(log()))
    run = read_outcome(path)
    assert run.schedule.steps == 100
    assert run.schedule.lr[-1] == pytest.approx(1e-3 / 20)
    assert run.name == "wsd linear 20 %, lr 0.001, 100 steps"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"summary": {}}, "has no final-val/loss in its summary: the run is not finished"),
        ({"config": {}}, "there is no 'lr'"),
        ({"summary": {"final-val/loss": float("nan")}}, r"loss is nan: the run has diverged"),
        (
            {"history": {"train": log()["history"]["train"], "val": {"val_loss": [9.0, 2.7]}}},
            r"loss is 3\.0, 2\.7 at its lowest: the run has diverged",
        ),
        (
            {"history": {"train": {"iter": [50], "train_lr": [9e-4]}}},
            "rate logged at iteration 50 is 0.0009, but the configuration gives 0.001",
        ),
    ],
)
def test_logs_that_cannot_be_used_get_a_sentence(tmp_path, changes, sentence):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(log(**changes)))
    with pytest.raises(DataError, match=sentence):
        read_outcome(path)


def test_a_bad_log_is_left_out_and_the_others_are_read(tmp_path):
    old = {key: value for key, value in log()["config"].items() if key != "decay_type"}
    made = {
        "a.json": log(),
        "b.json": log(config=old),
        "c.json": log(summary={}),
        "d.json": {"config": []},
    }
    for name, values in made.items():
        (tmp_path / name).write_text(json.dumps(values))
    (tmp_path / "e.json").write_text("{")
    found, left_out = read_outcomes(tmp_path)
    assert [run.name for run in found] == ["wsd linear 20 %, lr 0.001, 100 steps"] * 2
    assert ["c.json" in left_out[0], "d.json" in left_out[1], "e.json" in left_out[2]] == [True] * 3
    assert len(left_out) == 3


def test_a_two_stage_run_is_rebuilt_from_its_rates_and_those_of_its_past(tmp_path):
    at, stage = np.arange(5, 101, 5), np.arange(85, 201, 5)
    base = config_schedule({**log()["config"], "wsd_fract_decay": 0.2}).lr
    two = np.where(stage < 160, 6e-4, 6e-4 * (200 - stage) / 40)
    history = {"iter": at.tolist(), "train_loss": [3.0] * at.size}
    first = log(history={"train": {**history, "train_lr": [*base[at[:-1]], 0.0]}})
    config = {
        **log()["config"],
        "scheduler": "wsd_twostage", "iterations": 200, "resume_from": "x/ckpts/80",
    }  # fmt: skip
    train = {"iter": stage.tolist(), "train_loss": [2.9] * stage.size, "train_lr": two.tolist()}
    second = log(config=config, history={"train": train})
    for name, values in (("base", first), ("extended", second)):
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
    (one, extended), left_out = read_outcomes(tmp_path)
    assert not left_out
    assert extended.name == "wsd two-stage linear 20 %, lr 0.001, 200 steps"
    lr = extended.schedule.lr
    assert np.allclose(lr[:80], one.schedule.lr[:80], rtol=1e-12)
    assert np.allclose(lr[80:160], 6e-4)
    assert np.allclose(lr[160:], 6e-4 * (200 - np.arange(160, 200)) / 40, atol=1e-9)


def test_a_folder_without_logs_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"has no \.json log"):
        read_outcomes(tmp_path)


def test_a_table_of_schedules_and_losses(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(
        'schedule,loss\n"wsdld:steps=100,peak=1e-3,decay=20",3.1\n'
        '"wsdld:steps=0.2k,peak=1e-3,decay=0.1k",3.0\n"cosine:steps=100,peak=1e-3",2.9\n'
    )
    first, second, third = read_outcome_table(path)
    assert (first.kind, first.cooldown, first.loss) == ("wsdld", 0.2, 3.1)
    assert (second.cooldown, second.schedule.steps) == (0.5, 200)
    assert (third.kind, third.cooldown) == ("cosine", None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b\n1,2\n", "expected rows with the columns schedule,loss, got a, b"),
        ("", "got no row"),
        ("schedule,loss\nconstant:steps=9,peak=1\n", "row 1: constant lacks peak"),
        ('schedule,loss\n"constant:steps=9,peak=1",x\n', "the loss must be a number, got 'x'"),
        ('schedule,loss\n"constant:steps=9,peak=1",-1\n', "the loss must be positive, got -1"),
    ],
)
def test_tables_that_cannot_be_used_get_a_sentence(tmp_path, text, sentence):
    path = tmp_path / "runs.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=sentence):
        read_outcome_table(path)
