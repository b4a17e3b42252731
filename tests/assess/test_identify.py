"""What is open is open, what is said is true, and the run that is named tells."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mplfit import Curve, Fit, load_fit, schedule
from mplfit.assess.identify import _gain, candidate_runs, identified, identify
from mplfit.estimate.fit import fit
from mplfit.estimate.objective import Objective
from mplfit.estimate.simulate import simulate
from mplfit.estimate.uncertainty import noise_unit
from mplfit.laws import get_law
from mplfit.laws.base import to_unknowns
from mplfit.show.table import html
from mplfit.show.tables.fit import more_tables
from tests.support.fits import TRUTH, three_curves

pytestmark = pytest.mark.portable


@pytest.fixture(scope="module")
def case():
    curves = three_curves("mpl", noise=1e-3)
    return fit(curves, "mpl", leave_out=False), curves


def test_what_is_said_to_hide_in_the_noise_does(case):
    result, curves = case
    found = identify(result, curves)
    assert found.open
    objective = Objective.of(get_law("mpl"), curves)
    unit = noise_unit(objective, to_unknowns(get_law("mpl"), result.values))
    for one in found.open:
        moved = dict(result.params)
        for name, by in one.moves.items():
            assert by.kind == "×"
            moved[name] *= by.by
        there = objective.value(np.array([moved[name] for name in get_law("mpl").names]))
        # Small parts of the move are not named, so that a little more than ½ may show.
        if set(one.moves) == set(moved):
            assert there - result.objective <= 0.51 * unit
    assert found.directions[0].reach == max(one.reach for one in found.directions)


def test_a_direction_s_reach_is_its_standard_error(case):
    """Against the covariance: the variance of the position along the direction."""
    result, curves = case
    covariance = np.array(result.spread.covariance)
    eigenvalues = np.linalg.eigvalsh(covariance) / np.log(1.1) ** 2
    reaches = [one.reach for one in identify(result, curves, {}).directions]
    np.testing.assert_allclose(sorted(reaches), np.sqrt(eigenvalues), rtol=1e-2)


def test_the_run_that_is_named_tells():
    """Refitted with the best candidate run the open direction is narrower than with the worst."""
    curves = three_curves("mpl", noise=1e-3)[:2]  # a cosine and a constant run
    result = fit(curves, "mpl", leave_out=False)
    one = identify(result, curves).directions[0]
    name, left = one.best()
    assert left < 0.7
    runs, law = candidate_runs(curves), get_law("mpl")

    def worst_error(added):
        step = np.arange(200, runs[added].steps, 20)
        more = simulate(
            law, TRUTH["mpl"], runs[added], step, noise=1e-3, rng=np.random.default_rng(5)
        )
        return (
            identify(fit([*curves, more], "mpl", leave_out=False), [*curves, more], {})
            .directions[0]
            .reach
        )

    useless = max(one.shrink, key=lambda run: one.shrink[run])
    assert worst_error(name) < min(one.reach, worst_error(useless))


def page(result):
    """What the report folds away of a fit."""
    return "".join(html(one) for some in more_tables(result).values() for one in some)


def test_a_prior_s_share_is_told():
    curves = three_curves("mpl", noise=1e-3, every=100)
    result = fit(curves, "effective", leave_out=False)
    found = identify(result, curves)
    assert all(one.with_prior <= one.reach * 1.001 for one in found.directions)
    assert found.open[0].with_prior < 0.8 * found.open[0].reach
    assert any("the prior leaves" in text for text in found.sentences)


def test_well_determined_parameters_leave_nothing_open():
    curves = three_curves("onepower", noise=1e-4)
    result = identified(fit(curves, "onepower"), curves)
    assert not result.identification.open
    assert not any("weakly" in text for text in result.warnings)
    assert "determined to within 10 %" in page(result)


def test_candidates_that_exist_already_are_not_proposed():
    curves = three_curves("mpl")
    names = set(candidate_runs(curves))
    assert "a constant run three times as long" in names
    assert not any(
        np.array_equal(run.lr, curves[0].schedule.lr) for run in candidate_runs(curves).values()
    )
    short = schedule.constant(30, 1e-2, warmup=29)
    assert candidate_runs([simulate(get_law("onepower"), TRUTH["onepower"], short, np.array([29]))])


def test_the_candidates_are_of_these_kinds():
    """steps, share of the run before the decay, and the last rate over the peak."""
    short = Curve("short", [60, 99], [3.0, 2.9], schedule.constant(100, 2e-3, warmup=50))
    long = Curve("long", [60, 999], [3.0, 2.9], schedule.cosine(1000, 1e-3, warmup=100))
    runs = candidate_runs([short, long])
    assert all(run.warmup == 100 and run.peak == pytest.approx(2e-3) for name, run in runs.items()
               if "half the peak" not in name)  # fmt: skip
    kinds = {}
    for name, run in runs.items():
        at_peak = np.flatnonzero(run.lr >= run.peak * (1 - 1e-9))
        kinds[name] = (run.steps, int(at_peak[-1]) + 1, round(run.lr[-1] / run.peak, 2))
    assert kinds == {
        "a run at the constant rate": (1000, 1000, 1.0),
        "a constant run three times as long": (3000, 3000, 1.0),
        "a run whose last 10 % decay to 1 %": (1000, 901, 0.02),
        "a run whose last 20 % decay to 10 %": (1000, 801, 0.1),
        "a run whose last 20 % decay to 1 %": (1000, 801, 0.01),
        "a run whose last half decays to 1 %": (1000, 501, 0.01),
        "linear decay to 1 % from the warmup on": (1000, 101, 0.01),
        "a cosine to 10 % three times as long": (3000, 101, 0.1),
        "a run that jumps to 10 % after a third": (1000, 333, 0.1),
        "a run that jumps to 60 % after a third": (1000, 333, 0.6),
        "a constant run at half the peak": (1000, 1000, 1.0),
    }
    assert runs["a constant run at half the peak"].peak == pytest.approx(1e-3)
    early = Curve("early", [900, 999], [3.0, 2.9], schedule.constant(1000, 1e-3, warmup=800))
    assert {run.warmup for run in candidate_runs([early]).values()} == {250}


def test_candidates_are_tried_for_the_open_directions_that_are_shown():
    curves = three_curves("mpl", noise=3e-3, every=100)[1:2]
    found = identify(fit(curves, "effective", leave_out=False), curves)
    assert len(found.open) > 3
    for number, one in enumerate(found.directions):
        asked = set(found.candidates) if number < 3 and one.is_open else set()
        assert set(one.shrink) == asked
        assert all(0 < left <= 1 + 1e-9 for left in one.shrink.values())
    assert found.sentences[3:] == (
        f"{len(found.open) - 3} more direction{'s are' if len(found.open) > 4 else ' is'} open",
    )


def test_a_candidate_s_information_knows_one_offset_a_run():
    """Against the covariance of rows that share an offset of the scatter b: its inverse."""
    law, params = get_law("onepower"), TRUTH["onepower"]
    plan, k, b = schedule.constant(400, 1e-2, warmup=20), 1e4, 0.02
    told = _gain(law, params, plan, 30, k, b)
    step = np.unique(np.linspace(20, 399, 30).astype(int))
    loss, gradient = law.at(plan, step).loss_and_gradient(params)
    J = gradient * params / loss[:, None]
    noise = np.eye(step.size) / k + b**2
    np.testing.assert_allclose(told.T @ told, J.T @ np.linalg.inv(noise) @ J, rtol=1e-6)
    bare = _gain(law, params, schedule.constant(50, 1e-2), 1000, k, b)
    assert len(bare) == 49  # from the update after the first positive rate on


def test_it_is_kept_and_shown(case):
    result, curves = case
    found = identify(result, curves)
    kept = Fit.from_dict(
        json.loads(json.dumps({**result.to_dict(), "identification": found.to_dict()}))
    )
    assert kept.identification == found
    shown = page(kept)
    for name in found.candidates:
        assert name in shown
    assert more_tables(load_fit("400")) == {}
    evil = {
        **found.to_dict(),
        "candidates": {"<script>": 9},
        "directions": [{**one.to_dict(), "shrink": {"<script>": 0.5}} for one in found.directions],
    }
    assert "<script>" not in page(Fit.from_dict({**result.to_dict(), "identification": evil}))
