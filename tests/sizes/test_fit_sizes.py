"""The joint fit: it finds what made the runs, says how sure it is, and warns of odd ones."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mplfit import Curve
from mplfit.curve import RunSize
from mplfit.errors import DataError, FitError
from mplfit.estimate.fit import fit
from mplfit.laws.base import to_params
from mplfit.sizes.checks import far_warnings, level_sd, sentence_on_level
from mplfit.sizes.constants import SPREADS
from mplfit.sizes.fit import fit_sizes, learn_from_siblings
from mplfit.sizes.result import Sizes
from mplfit.sizes.size_law import OWN
from tests.sizes.runs import LAW, PEAK, PLANS, STEPS, TRUTH, runs, unknowns

SIZES = (1e7, 3e7, 1e8, 3e8)
BIG = RunSize(parameters=1e9)
HELD = PLANS["cosine"]


def truth(parameters: float) -> float:
    return LAW.final(to_params(LAW, unknowns(parameters)), HELD.lr)


@pytest.fixture(scope="module")
def sizes() -> Sizes:
    return fit_sizes(runs(SIZES))


def test_a_size_without_runs_is_predicted(sizes: Sizes) -> None:
    assert sizes.converged
    found = sizes.final(BIG, HELD)
    assert found.loss == pytest.approx(truth(1e9), rel=2.5 * found.sd)
    assert found.loss == pytest.approx(truth(1e9), rel=0.02)
    assert found.floor == pytest.approx(np.exp(unknowns(1e9)[0]), rel=0.03)
    flat = LAW.final(to_params(LAW, unknowns(1e9)), PLANS["constant"].lr)
    assert found.gain == pytest.approx(flat - truth(1e9), abs=3 * found.gain_sd)
    assert found.gain == pytest.approx(flat - truth(1e9), rel=0.15)


def test_a_size_with_runs_has_its_own_parameters(sizes: Sizes) -> None:
    found = sizes.final(RunSize(parameters=1e8), HELD)
    assert found.loss == pytest.approx(truth(1e8), rel=1.5e-3)
    assert found.sd < 0.005


def test_errors_cover_what_is_held_out() -> None:
    spreads = np.array([SPREADS[name] for name in OWN])
    off = []
    for seed in range(20):
        made = runs((*SIZES, 1e9), spreads=spreads, seed=seed)
        target = next(one for one in made if one.name == "cosine_1e+09")
        found = fit_sizes([one for one in made if one.size != BIG]).final(BIG, target.schedule)
        off.append(np.log(target.loss[-1] / found.loss) / found.sd)
    inside = np.abs(off)
    assert 13 <= int((inside < 1.2816).sum()) <= 20
    assert int((inside < 1.96).sum()) >= 17
    assert np.std(off) > 0.4


def test_it_is_the_same_after_json(sizes: Sizes) -> None:
    text = json.dumps(sizes.to_dict())
    again = Sizes.from_dict(json.loads(text))
    assert again == sizes
    assert again.final(BIG, HELD) == sizes.final(BIG, HELD)
    values = json.loads(text)
    values["common"] = values["common"][:-1]
    with pytest.raises(DataError, match="numbers of other shapes"):
        Sizes.from_dict(values)


def test_the_fit_at_a_size_is_a_fit_like_any_other(sizes: Sizes) -> None:
    made = sizes.at(BIG)
    assert made.loss(HELD)[-1] == pytest.approx(sizes.final(BIG, HELD).loss, rel=1e-9)
    assert made.spread is not None
    assert made.peak == PEAK
    assert type(made).from_dict(made.to_dict()) == made


def test_what_is_refused_and_what_is_said() -> None:
    with pytest.raises(FitError, match=r"needs two sizes or more, got runs of one \(10M\)"):
        fit_sizes(runs((1e7,)))
    with pytest.raises(DataError, match=r"cosine_1e\+07: the size of its model is not known"):
        fit_sizes([replace(one, size=RunSize()) for one in runs((1e7,))][1:])
    near = fit_sizes(runs((1e8, 1.2e8, 1.5e8)))
    assert any("within a factor of 1.5: L0 at other sizes is not" in one for one in near.warnings)
    two = fit_sizes(runs((1e7, 1e8)))
    assert any("two sizes do not determine how L0 falls" in one for one in two.warnings)
    assert "31M" in two.warnings[0] or "32M" in two.warnings[0]


def test_losses_that_no_order_of_sizes_explains(sizes: Sizes) -> None:
    mixed = [
        replace(one, loss=1.25 * one.loss) if one.size.parameters == 1e8 else one
        for one in runs(SIZES)
    ]
    said = fit_sizes(mixed).warnings
    assert any("the losses of 100M lie" in one and "above what its size" in one for one in said)
    assert not sizes.warnings


def test_runs_of_one_size_that_differ() -> None:
    made = runs(SIZES)
    odd = [replace(one, loss=1.08 * one.loss) if one.name == "wsd_1e+08" else one for one in made]
    said = fit_sizes(odd).warnings
    assert any(
        "runs of one size, 100M, differ by" in one and "wsd_1e+08 above" in one for one in said
    )


def test_a_floor_that_is_not_determined_names_the_run_that_would_tell(sizes: Sizes) -> None:
    two = fit_sizes(runs((1e7, 3e7)))
    said = sentence_on_level(two, BIG)
    assert said is not None
    assert "L0 at 1B is not determined" in said
    assert "would bring it to" in said
    more = level_sd(two, BIG, [RunSize(parameters=3e8)])
    assert more < 0.6 * level_sd(two, BIG)
    assert sentence_on_level(sizes, RunSize(parameters=1e8)) is None
    assert "33 times the largest size" in far_warnings(sizes, RunSize(parameters=1e10))[0]
    assert far_warnings(sizes, BIG) == []


def test_a_shape_of_the_model_moves_its_losses() -> None:
    made = []
    for i, (N, width, depth) in enumerate(
        ((1e7, 64, 16), (1.1e7, 640, 10), (1e8, 128, 32), (1.1e8, 1280, 20), (3e8, 512, 8))
    ):
        own = unknowns(N)
        own[0] += 0.02 * np.log(width / depth / 64)
        params = to_params(LAW, own)
        for name, plan in PLANS.items():
            step = np.arange(399, plan.steps, 200)
            loss = LAW.at(plan, step).loss(params)
            size = RunSize(N, width, depth)
            made.append(Curve(f"{name}{i}", step, loss, plan, size=size, weight_decay=1.0))
    named = fit_sizes(made).named
    assert named["c1"] == pytest.approx(0.02, abs=0.006)


def test_siblings_tell_the_shapes_of_half_of_one_constant_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(TRUTH, "b2", 0.0)
    monkeypatch.setitem(TRUTH, "b", np.log(2.0))
    own = [one for one in runs((1e9,), every=10) if one.name.startswith("constant")]
    half = own[0].step < STEPS // 2
    short = replace(own[0], step=own[0].step[half], loss=own[0].loss[half])
    known = learn_from_siblings([short], runs(SIZES, every=10))
    assert known.prior.name == "siblings (10M, 30M, 100M, 300M)"
    assert known.prior.covers(LAW)
    assert not known.prior.known[0]
    made = fit([short], "effective", prior=known.prior, constants=known.constants, quick=True)
    assert made.loss(HELD)[-1] == pytest.approx(truth(1e9), rel=3e-3)
    without = fit([short], "effective", constants=known.constants, quick=True).loss(HELD)[-1]
    assert abs(made.loss(HELD)[-1] - truth(1e9)) < 0.3 * abs(without - truth(1e9))
    again = type(made).from_dict(made.to_dict())
    assert again.prior == known.prior


def test_siblings_without_sizes_leave_a_free() -> None:
    bare = [replace(one, size=RunSize()) for one in runs((1e8,))]
    known = learn_from_siblings(bare[:1], bare)
    assert known.prior.known.tolist() == [False, False] + [True] * 6
    with pytest.raises(FitError, match="a sibling has the size of the runs to fit, 100M"):
        learn_from_siblings(runs((1e8,)), runs((1e8, 1e9)))
    with pytest.raises(FitError, match="the runs to fit are of 2 sizes"):
        learn_from_siblings(runs((1e8, 1e9)), runs((1e7,)))
