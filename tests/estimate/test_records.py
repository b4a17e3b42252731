"""fit.json: every field is checked when it is read, and what is read is what was written."""

from __future__ import annotations

import copy
import json
import pickle
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mplfit import evaluate, load_fit, simulate
from mplfit.assess.bootstrap import bootstrap
from mplfit.assess.identify import identified
from mplfit.assess.posterior import draw
from mplfit.assess.profile import profile
from mplfit.curve import Origin
from mplfit.errors import DataError
from mplfit.estimate.fit import fit
from mplfit.estimate.prior import Prior, prior_for
from mplfit.estimate.records import Direction, Identification, Move
from mplfit.estimate.result import Fit
from mplfit.laws import get_law
from mplfit.schedule import constant, cosine
from mplfit.show.report import Report, report

DATA = Path(__file__).parents[2] / "data"
FIRST = "fits/onepower_25.json"  # of schema mplfit.fit/1
PLAN, STEP = constant(1000, 1e-2), np.arange(10, 1000, 10)
LAW, TRUE = get_law("onepower"), np.array([2.0, 1.0, 0.5])


def run(name="run", seed=0):
    return simulate(LAW, TRUE, PLAN, STEP, noise=1e-3, name=name, rng=np.random.default_rng(seed))


@pytest.fixture(scope="module")
def whole() -> Fit:
    """A fit with everything that one can have."""
    curves = [run("a"), run("b", 1)]
    prior = Prior("mine", np.array([0.7, 0.0, -0.7]), np.diag([0.0, 0.0, 2.0]), 40.0)
    found = identified(fit(curves, "onepower", prior=prior, test=[run("c", 2)]), curves)
    drawn = bootstrap(found, curves, 2)
    others = (load_fit(DATA / "fit_25"), load_fit("25"))
    return replace(found, bootstrap=drawn.record(curves), others=others, made_by="mplfit fit x")


@pytest.mark.parametrize(
    ("kind", "by", "said"),
    [
        ("+", 0.123, "+0.12"),
        ("+", -2.0, "-2"),
        ("×", 2.0, "2 times as large"),
        ("×", 1.96, "up 96 %"),
        ("×", 0.5, "2 times as small"),
        ("×", 0.52, "down 48 %"),
        ("×", 1.03, "up 3 %"),
        ("×", 0.985, "down 1.5 %"),
        ("×", 1.0006, "up 0.1 %"),
        ("×", 1.0004, "hardly moved"),
    ],
)
def test_a_move_in_words(kind, by, said):
    assert str(Move(kind, by)) == said


def test_a_move_by_no_factor():
    for by in (0.0, -1.0):
        with pytest.raises(DataError, match="a factor must be positive"):
            Move("×", by)


def direction(reach, with_prior=None, **shrink):
    return Direction({"A": Move("×", 2.0)}, reach, with_prior or reach, shrink)


def test_what_is_open_in_words():
    begin = "A 2 times as large changes the fit by no more than the noise"
    runs = {"long": 10, "short": 5}
    found = Identification(
        (
            direction(9.0, long=0.5, short=0.9),
            direction(4.0, 3.1, long=0.95, short=0.9),
            direction(3.0, 2.5, long=0.95, short=0.89),
            direction(2.0), direction(1.5), direction(1.0),
        ),
        runs, (),
    )  # fmt: skip
    assert found.open_count == 5
    assert found.sentences == (
        f"{begin}; long would leave 50 % of what is open now",
        f"{begin}; the prior leaves 78 % of that; no single run of the usual kinds would tell",
        f"{begin}; short would leave 89 % of what is open now",
        "2 more directions are open",
    )
    assert replace(found, directions=found.directions[:4]).sentences[-1] == (
        "1 more direction is open"
    )
    assert replace(found, directions=found.directions[:3]).sentences == found.sentences[:3]
    with pytest.raises(DataError, match="not of the candidates"):
        replace(found, candidates={"long": 10})
    for wrong in ({"reach": 0.0}, {"reach": 1.0, "with_prior": -1.0}):
        with pytest.raises(DataError, match="positive reach"):
            direction(**wrong)


def test_moves_of_several_parameters_in_words():
    moves = {name: Move("×", 1.1) for name in ("A", "B", "C")}
    for count, said in (
        (2, "A up 10 % with B up 10 %"),
        (3, "A up 10 % with B up 10 % and C up 10 %"),
    ):
        some = dict(list(moves.items())[:count])
        assert Direction(some, 2.0, 2.0).text().startswith(f"{said} changes the fit")


def test_what_a_fit_knows_of_its_runs(whole):
    assert (whole.longest, whole.peak, whole.peaks) == (991, 0.01, (0.01, 0.01))
    published = load_fit("25")
    assert (published.longest, published.peak) == (24000, None)
    assert published.peaks == (3e-4, 3e-4)
    bare = Fit("onepower", {"L0": 2.0, "A": 1.0, "alpha": 0.5})
    assert bare.longest is bare.peak is bare.peaks is None
    a = run("a")
    assert whole.has_seen(a)
    assert not whole.has_seen(run("c", 2))  # a test curve
    assert not whole.has_seen(replace(a, name="z"))
    assert not whole.has_seen(replace(a, step=a.step[1:], loss=a.loss[1:]))


def test_a_curve_was_seen_if_its_file_was():
    def of(name, seed, sha256):
        return replace(run(name, seed), origin=Origin(path=f"{name}.csv", sha256=sha256))

    one, other, held = of("a", 0, "11" * 32), of("b", 1, "22" * 32), of("c", 2, "22" * 32)
    made = fit([one, other], "onepower", test=[held])
    assert made.has_seen(replace(one, name="renamed"))
    assert made.has_seen(other)
    assert not made.has_seen(held)  # another curve of the same file
    assert not made.has_seen(of("a", 0, "33" * 32))
    assert not made.has_seen(run("a"))  # what was read from a file is told by the file


def test_a_fit_is_what_was_written(whole):
    values = json.loads(json.dumps(whole.to_dict()))
    again = Fit.from_dict(values)
    assert again == whole
    assert hash(again) == hash(whole)
    assert again.to_dict() == values
    assert values["metrics"]["test"]["mean"]["mae"] == whole.metrics.test.mean.mae
    assert values["options"]["law"] == "onepower"
    assert values["options"]["prior"] == "mine"


def test_a_prior_of_one_s_own_is_kept(whole):
    curves, again = [run("a"), run("b", 1)], Fit.from_dict(whole.to_dict())
    assert (again.prior.name, again.prior.rows) == ("mine", 40.0)
    assert np.array_equal(again.prior.whitening, np.diag([0.0, 0.0, 2.0]))
    first, second = (bootstrap(one, curves, 2) for one in (whole, again))
    assert np.array_equal(first.draws, second.draws)
    (own,) = profile(again, curves, ["alpha"])
    (without,) = profile(replace(again, prior=None, penalty=0.0), curves, ["alpha"])
    assert own.intervals != without.intervals


def test_nothing_in_a_fit_can_be_changed(whole):
    for change in (
        lambda one: one.params.__setitem__("L0", 99),
        lambda one: one.metrics.test.curves.__setitem__("c", None),
        lambda one: one.identification.candidates.clear(),
        lambda one: one.prior.mean.__setitem__(0, 9.0),
        lambda one: one.bootstrap.draws.__setitem__(0, 9.0),
        lambda one: setattr(one.data[0], "points", 3),
    ):
        for one in (whole, pickle.loads(pickle.dumps(whole)), copy.deepcopy(whole)):
            with pytest.raises((TypeError, AttributeError, ValueError)):
                change(one)
            assert one == whole
    assert repr(whole.params).startswith("{'L0': ")


def test_equal_curves_are_equal_after_any_copy():
    curve = replace(run(), origin=Origin("run.csv", "hash", reading={"smooth": 3}))
    for other in (pickle.loads(pickle.dumps(curve)), copy.deepcopy(curve), copy.copy(curve), run()):
        assert other == curve
        assert hash(other) == hash(curve)
        assert not other.loss.flags.writeable
    for other in (
        run("other"), run(seed=1), replace(curve, weight_decay=0.1),
        replace(curve, schedule=cosine(1000, 1e-2)),
    ):  # fmt: skip
        assert other != curve
    assert curve != "run"


def test_evaluate_takes_a_fit_and_one_curve_or_several(whole):
    seen, fresh = run("a"), run("d", 3)
    alone = evaluate(whole, fresh)
    assert alone.train is None
    assert set(alone.test.curves) == {"d"}
    loss = whole.predict(PLAN, STEP)
    assert alone.test.mean.mae == pytest.approx(np.abs(loss - fresh.loss).mean())
    both = evaluate(whole, [seen, fresh])
    assert (list(both.train.curves), list(both.test.curves)) == (["a"], ["d"])
    assert list(evaluate(whole, [seen, fresh], train=fresh).train.curves) == ["d"]
    assert fit(seen, "onepower").params == fit([seen], "onepower").params
    with pytest.raises(DataError, match="no curve is given"):
        evaluate(whole, [])
    for wrong in ("run.csv", [seen, "x"], 3):
        with pytest.raises(DataError, match="expected curves"):
            evaluate(whole, wrong)


def test_files_of_the_first_schema_are_read():
    values = json.loads((DATA / FIRST).read_text())
    assert values["schema"] == "mplfit.fit/1"
    old = Fit.from_dict(values)
    again = Fit.from_dict(old.to_dict())
    assert again == old
    assert dict(old.params) == values["params"]
    assert old.prior_name == values["options"]["prior"]
    assert old.made_by == values["options"].get("command")
    assert old.residual_correlation == values["options"]["residual_correlation"]
    assert old.metrics.train.mean.to_dict() == pytest.approx(values["metrics"]["train"]["mean"])
    plan = cosine(2000, 1e-2, warmup=100)
    loss = old.formula.at(plan, np.arange(2000)).loss(np.array(list(values["params"].values())))
    assert np.array_equal(old.loss(plan), loss)
    assert old.loss(plan).tolist() == again.loss(plan).tolist()


def test_a_prior_that_the_first_schema_lost_is_said():
    values = json.loads((DATA / FIRST).read_text())
    known = load_fit(DATA / "fit_25")
    values |= {"law": known.law, "params": {**known.params}, "constants": {**known.constants}}
    values |= dict.fromkeys(("standard_errors", "correlations", "spread", "identification"))
    values["options"]["prior"] = "earlier fit"
    old = Fit.from_dict(values)
    assert "the prior 'earlier fit' of this fit is not in its file" in old.warnings[-1]
    values["options"]["prior"] = "weak:480"
    assert Fit.from_dict(values).prior == prior_for(get_law("effective"), "weak:480")


def leaves(values: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value, objects and lists included."""
    inside = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in inside:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, key))


WRONG = (
    None, "text", "", "\ud800", "\x1b[2J", -1, 0, 1, 2**70, 1e308, -1e308, 1e-308, float("nan"),
    float("inf"), True, [], {}, [None], {"a": None}, [[1.0]], "×",
)  # fmt: skip


def damaged(values: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """So many copies with one thing changed, lost, doubled or renamed."""
    places, rng = list(leaves(values)), np.random.default_rng(0)
    text = json.dumps(values)
    for _ in range(count):
        made = json.loads(text)
        at = made
        path = places[rng.integers(len(places))]
        for key in path[:-1]:
            at = at[key]
        what = rng.integers(len(WRONG) + 3)
        if what < len(WRONG):
            at[path[-1]] = WRONG[what]
        elif what == len(WRONG) or isinstance(at, list):
            del at[path[-1]]
        else:
            at["other"] = at.pop(path[-1])
        yield made


@pytest.mark.parametrize("source", ["whole", FIRST])
def test_a_damaged_fit_is_refused_in_a_sentence_or_is_a_fit(whole, source):
    values = whole.to_dict() if source == "whole" else json.loads((DATA / source).read_text())
    said, kept = [], []
    for number, made in enumerate(damaged(values, 1500)):
        try:
            found = Fit.from_dict(made)
        except DataError as error:
            said.append(str(error))
        else:
            assert Fit.from_dict(found.to_dict()) == found
            if number % 25 == 0:
                kept.append(found)
    assert len(said) > 700
    assert all(text.isprintable() and len(text) < 300 for text in said)
    assert len(kept) > 5
    for found in kept[:6]:
        page = report(Report("x", {"f": found}, candidates={}))
        assert re.search(rb"\bnan\b|\binf\b", page) is None
        if found.spread is not None:
            assert np.isfinite(draw(found, 2)).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v["spread"]["covariance"][0].__setitem__(1, 7.0), "not symmetric"),
        (lambda v: v["spread"]["covariance"][0].__setitem__(0, -1.0), "negative variance"),
        (lambda v: v["spread"]["covariance"][0].__setitem__(0, 1e-30), "positive semidefinite"),
        (lambda v: v["spread"]["covariance"][0].__setitem__(0, None), "lacks single numbers"),
        (lambda v: v["spread"]["covariance"].pop(), "not square"),
        (lambda v: v["correlations"][0].__setitem__(1, 3.0), "between -1 and 1"),
        (lambda v: v["correlations"].pop(), "not those of 3 parameters"),
        (lambda v: v["standard_errors"].pop("A"), "standard errors are not those of"),
        (lambda v: v["standard_errors"].update(A=-1.0), "standard error is negative"),
        (lambda v: v["prior"]["mean"].pop(), "do not match"),
        (lambda v: v["bootstrap"]["draws"].pop(), "draws of 2 converged refits"),
        (lambda v: v["metrics"]["test"]["final"].clear(), "not those of the same curves"),
        (lambda v: v["data"][0].update(name="b"), "two curves of this fit have one name"),
        (lambda v: v["data"][0].update(last_step=10**6), "do not lie in a run of 1000 updates"),
        (lambda v: v["starts"].update(agreeing=99), "99 of"),
        (lambda v: v.update(published="26"), "no parameters are published for '26'"),
        (lambda v: v["identification"]["directions"][0].update(reach=-1), "a positive reach"),
        (lambda v: v.update(residual_correlation=1.0), "lies from 0 to 1"),
    ],
)
def test_what_no_fit_can_have_is_refused(whole, change, said):
    values = whole.to_dict()
    change(values)
    with pytest.raises(DataError, match="this fit is damaged") as caught:
        Fit.from_dict(values)
    assert said in str(caught.value)
