"""What is advised: the usual shape unless the other is surely better, and what it is worth."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from mplfit import load_fit, simulate
from mplfit.assess.gains import gains
from mplfit.curve import Curve
from mplfit.errors import FitError
from mplfit.estimate.fit import fit
from mplfit.estimate.result import Fit
from mplfit.plan import advise as room
from mplfit.plan.advise import SURE, Advice, Ending, advise, endings
from mplfit.plan.baselines import Baseline
from mplfit.plan.design import design
from mplfit.schedule import Schedule, constant, cosine, wsdld
from mplfit.show.tables import whole_text

TRUTH = load_fit("400")


def run_of(schedule: Schedule, name: str, seed: int = 0) -> Curve:
    step = np.arange(150, schedule.steps, 20)
    rng = np.random.default_rng(seed)
    return simulate(TRUTH.formula, TRUTH.values, schedule, step, name=name, noise=1e-3, rng=rng)


@pytest.fixture(scope="module")
def runs() -> list[Curve]:
    return [
        run_of(constant(3000, 3e-4, warmup=100), "flat"),
        run_of(cosine(3000, 3e-4, 3e-5, warmup=100), "cosine", 1),
    ]


@pytest.fixture(scope="module")
def fitted(runs: list[Curve]) -> Fit:
    return fit(runs, "effective", quick=True)


@pytest.fixture(scope="module")
def said(fitted: Fit, runs: list[Curve]) -> Advice:
    return advise(fitted, runs, loss=3.3)


def test_the_advice_is_the_best_usual_schedule_or_a_surely_better_one(
    said: Advice, fitted: Fit
) -> None:
    assert said.optimized == (said.over_usual.probability >= SURE)
    assert said.chosen.loss <= said.best_usual.loss <= said.reference.loss
    assert (said.reference.name, said.own) == ("cosine to 10 %", True)
    again = gains(fitted, said.schedule, [said.reference.schedule])[0].summary()
    assert said.gain.to_dict() == again.to_dict()
    assert said.chosen.loss == pytest.approx(float(fitted.loss(said.schedule)[-1]), rel=1e-9)
    assert said.needed > said.schedule.steps
    low, high = said.saved
    assert low <= 1 - said.schedule.steps / said.needed <= high


def test_how_sure_a_gain_must_be_decides_the_shape(
    fitted: Fit, runs: list[Curve], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SURE", 0.0)
    bold = advise(fitted, runs)
    assert (bold.optimized, bold.chosen.name) == (True, "optimized")
    monkeypatch.setattr(room, "SURE", 1.1)
    careful = advise(fitted, runs)
    assert (careful.optimized, careful.chosen.name) == (False, careful.best_usual.name)
    assert bold.chosen.loss < careful.chosen.loss


def test_a_loss_is_reached_after_so_many_updates(said: Advice, fitted: Fit) -> None:
    assert said.wanted == 3.3
    best = next(
        one
        for one in room.usual_schedules(
            lambda lr: fitted.formula.final(fitted.values, lr), steps=3000, warmup=100, peak=3e-4
        )
        if one.name == said.best_usual.name
    )
    assert best.value(best.make(said.reached).lr) <= 3.3
    assert best.value(best.make(said.reached - 10).lr) > 3.3
    assert advise(fitted, [run_of(constant(3000, 3e-4), "x")], loss=2.4).reached is None


def test_a_run_of_at_least_two_warmups_and_ten_updates_is_looked_for() -> None:
    plan = constant(3000, 3e-4, warmup=100)
    usual = Baseline("constant", plan, 3.0, lambda n: plan, lambda lr: 3.0)
    assert room._reached(usual, 3.1) == 211


def test_runs_without_a_decay_are_said_to_be_too_little(runs: list[Curve]) -> None:
    found = fit(runs[:1], "effective", quick=True)
    alone = advise(found, runs[:1])
    assert not alone.fallen
    assert not alone.own
    branch, more = alone.telling.branch, alone.telling.updates
    run = wsdld(branch + more, 3e-4, decay=more, warmup=100)
    made = design(found, alone.schedule, {"run": run}, runs=1)
    half_widths = np.array([alone.telling.before, alone.telling.after])
    np.testing.assert_allclose(
        half_widths, norm.ppf(0.975) * np.array([made.before, made.choices[0].sd])
    )
    text = whole_text(alone)
    assert "Too little to be sure: no run's rate has fallen" in text.replace("\n", " ")
    assert len(text.splitlines()) <= 11
    assert alone.telling.after < 0.9 * alone.telling.before


def test_the_text_has_the_answer_first_and_at_most_twelve_lines(said: Advice) -> None:
    lines = whole_text(said).splitlines()
    assert lines[0].startswith("Run this next, 3,000 updates: ")
    assert len(lines) <= 11  # and one that says where the files are
    assert max(map(len, lines)) <= 100
    assert f"{said.chosen.loss:.3f} ±" in whole_text(said)


def test_ways_to_end_a_run_are_ordered_and_priced(fitted: Fit, runs: list[Curve]) -> None:
    found = endings(fitted, runs[0], 2000, 1000, runs)
    losses = [way.option.loss for way in found.ways]
    assert losses == sorted(losses)
    assert {(way.more, way.decay) for way in found.ways} == {
        (0, 0), (1000, 0), (500, 500), (1000, 1000), (1000, 200), (1000, 500),
    }  # fmt: skip
    assert {way.gain for way in found.ways if way.decay == 0} == {None}
    stop = next(way for way in found.ways if way.more == 0)
    assert stop.option.loss == pytest.approx(found.now, rel=1e-12)
    floor = found.floor.schedule.lr
    assert floor[-1] == pytest.approx(0.1 * 3e-4, rel=0.02)
    assert np.array_equal(floor[:2000], runs[0].schedule.lr[:2000])
    again = gains(fitted, found.schedule, [found.floor.schedule])[0].summary()
    assert found.over_floor.to_dict() == again.to_dict()
    lines = whole_text(found).splitlines()
    assert len(lines) <= 11
    assert max(map(len, lines)) <= 100
    for way in found.ways:
        lr = way.option.schedule.lr
        assert np.array_equal(lr[:2000], runs[0].schedule.lr[:2000])
        assert lr.size == 2000 + way.more
        assert lr[-way.decay - 1 if way.decay else -1] == pytest.approx(3e-4)
        if way.decay:
            assert way.gain.probability > 0.9
    assert np.array_equal(found.schedule.lr, found.ways[0].option.lr)
    assert "From update 2,000 of flat: " in whole_text(found)


@pytest.mark.parametrize(
    ("at", "budget", "text"),
    [
        (0, 100, "cannot go on from update 0"),
        (3001, 100, "has 3000 updates"),
        (900, 5, "10 updates"),
    ],
)
def test_what_cannot_go_on_is_refused(
    fitted: Fit, runs: list[Curve], at: int, budget: int, text: str
) -> None:
    with pytest.raises(FitError, match=text):
        endings(fitted, runs[0], at, budget)


def test_advice_and_endings_are_what_was_written(
    said: Advice, fitted: Fit, runs: list[Curve]
) -> None:
    for made in (said, endings(fitted, runs[0], 2000, 100)):
        kind: type[Advice] | type[Ending] = type(made)
        again = kind.from_dict(json.loads(json.dumps(made.to_dict())))
        assert again.to_dict() == made.to_dict()
        assert whole_text(again) == whole_text(made)


def test_the_reference_is_a_cosine_where_runs_are_of_no_usual_kind(fitted: Fit) -> None:
    odd = wsdld(3000, 3e-4, 2.9e-4, decay=2000, warmup=100)
    found = advise(fitted, [replace(run_of(odd, "odd"))])
    assert found.reference.name in ("cosine to 10 %", "constant")
