"""Which law is used where none is asked for, and what stands beside one that is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mplfit import Fit, load_fit, read_curves, schedule
from mplfit.assess.choose import fit_auto, fit_by_prior, fit_rival, published_beside
from mplfit.errors import FitError
from mplfit.estimate.fit import fit
from mplfit.estimate.simulate import simulate
from mplfit.laws import get_law
from mplfit.laws.mpl import PUBLISHED
from mplfit.readers.paths import split
from mplfit.show.tables.fit import tables
from tests.support.fits import three_curves

DATA = Path(__file__).parents[2] / "data"
LAW = get_law("effective", {"eta_ref": 3e-4, "weight_decay": 0.1})
PARAMS = np.array([2.4, 0.2, 0.5, 1.4, 9.0, 0.22, 0.8, 0.26])


def curves(law=LAW, params=PARAMS, noise=3e-4):
    """Runs that a law made, with noise."""
    plans = {
        "constant": schedule.constant(12000, 3e-4, warmup=500),
        "cosine": schedule.cosine(12000, 3e-4, 3e-5, warmup=500),
        "two-stage": schedule.two_stage(12000, 3e-4, 9e-5, switch=6000, warmup=500),
        "wsd": schedule.wsdld(12000, 3e-4, 3e-6, decay=3000, warmup=500),
    }
    rng = np.random.default_rng(3)
    step = np.arange(600, 12000, 100)
    return [
        simulate(law, params, plan, step, name=name, noise=noise, rng=rng)
        for name, plan in plans.items()
    ]


@pytest.fixture(scope="module")
def own():
    *train, held = curves()
    return fit(train, "onepower", test=[held])


@pytest.fixture(scope="module")
def chosen():
    *train, held = curves()
    return fit_auto(train, test=[held])


def test_the_law_with_the_smaller_left_out_final_error_is_used(chosen):
    (other,) = chosen.others
    assert {chosen.law, other.law} == {"effective", "mpl"}
    errors = [one.left_out.final_error.value for one in (chosen, other)]
    assert errors[0] < errors[1]
    assert chosen.choice == (
        f"{chosen.law} is used: it is less wrong in the final losses of training runs that are "
        f"left out in turn, {errors[0]:.4f} against {errors[1]:.4f} of {other.law}."
    )
    assert chosen.options.law == "auto"
    assert other.options.law == other.law
    assert Fit.from_dict(chosen.to_dict()).others[0].params == other.params


@pytest.mark.parametrize("smaller", ["effective", "mpl"])
def test_either_law_can_be_the_one(monkeypatch, chosen, smaller):
    """The choice reads the left-out final errors alone: exchanged, they choose the other law."""
    fits = {one.law: one for one in (chosen, *chosen.others)}
    low, high = sorted((one.left_out for one in fits.values()), key=lambda g: g.final_error.value)
    given = {law: replace(fits[law], left_out=low if law == smaller else high) for law in fits}
    monkeypatch.setattr("mplfit.assess.choose.fit", lambda train, law, **_: given[law])
    found = fit_auto(curves()[:3])
    assert found.law == smaller
    assert found.params == given[smaller].params
    assert [one.law for one in found.others] == [law for law in fits if law != smaller]
    monkeypatch.setattr("mplfit.assess.choose._FEWEST", 4)  # as with two runs
    assert fit_auto(curves()[:3]).law == "effective"


@pytest.mark.parametrize("better", ["none", None])
def test_where_runs_and_prior_disagree_left_out_errors_choose_between_it_and_none(
    monkeypatch, better
):
    far = np.array([2.4, 0.2, 0.9, 0.5, 90.0, 0.6, 0.5, 0.9])  # shapes of no family
    train = curves(params=far)[:3]
    own = fit(train, "effective", leave_out=True)
    assert any("runs and the prior disagree" in text for text in own.warnings)
    final = {
        name: replace(one, predicted=one.observed + 0.03)
        for name, one in own.left_out.final.items()
    }
    other = replace(own.left_out, final=final)
    given = {None: own, "none": replace(own, prior=None, warnings=("free",), left_out=other)}
    if better == "none":
        given = {
            None: replace(own, left_out=other),
            "none": replace(given["none"], left_out=own.left_out),
        }
    asked = []
    monkeypatch.setattr(
        "mplfit.assess.choose.fit", lambda *_, prior, **__: asked.append(prior) or given[prior]
    )
    found = fit_by_prior(train, "effective")
    assert asked == [None, "none"]
    assert (found.prior is None) == (better == "none")
    said, *rest = found.warnings
    assert "standard deviations of the prior off" in said
    error = f"{own.left_out.final_error.value:.4f}"
    if better == "none":
        assert said.endswith(
            f"0.0300 with the prior and by {error} without it: the fit without it is used"
        )
        assert rest == ["free"]
    else:
        assert said.endswith(
            f"{error} with the prior and by 0.0300 without it: the fit with it is used"
        )
    assert not any("compare held-out errors" in text for text in found.warnings)
    for few, prior in ((train[:2], None), (train, "weak")):  # nothing to choose
        given["weak"] = given[None]
        asked.clear()
        assert fit_by_prior(few, "effective", prior=prior).prior is not None
        assert asked == [prior]


def test_from_one_run_the_scale_free_law_is_used():
    found = fit_auto(curves()[1], prior="weak")
    assert found.law == "effective"
    assert found.choice.startswith("effective is used: 1 run does not determine mpl")


def test_runs_at_a_constant_rate_leave_the_scale_free_law():
    found = fit_auto(curves()[:1])
    assert (found.law, [one.law for one in found.others]) == ("effective", ["onepower"])
    assert "no training run has a rate that falls" in found.choice


def test_runs_of_different_weight_decay_leave_the_other_law():
    train = curves(get_law("mpl"), np.array(PUBLISHED["400"]))[:3]
    train = [replace(one, weight_decay=0.1 * (k + 1)) for k, one in enumerate(train)]
    found = fit_auto(train[:2], prior="weak")
    assert (found.law, found.others) == ("mpl", ())
    assert "no fit of effective (the runs' logs name different weight decays" in found.choice


def test_the_weight_decay_of_the_curves_is_that_of_the_law():
    train = [replace(one, weight_decay=0.05) for one in curves()[:1]]
    assert fit(train, "effective", quick=True).constants["weight_decay"] == 0.05
    told = fit(train, "effective", quick=True, constants={"weight_decay": 0.2})
    assert told.constants["weight_decay"] == 0.2


def test_too_few_points_for_either_law_are_refused():
    run = curves()[1]
    short = replace(run, step=run.step[:5], loss=run.loss[:5])
    with pytest.raises(FitError, match="too few for the 8 parameters of effective"):
        fit_auto(short)


def test_the_published_parameters_stand_beside_a_fit_of_the_released_curves():
    train, test, _ = split(read_curves(DATA / "simulated_400"))
    found = published_beside(train, test)
    assert found.published == "400"
    assert found.metrics.test.mean.prede < 0.01
    assert set(found.metrics.test.curves) == {curve.name for curve in test}
    far = [replace(one, loss=1.5 * one.loss) for one in train]
    assert published_beside(far, test) is None


def test_both_laws_are_shown(chosen):
    answer, why, *_, beside = tables(chosen)
    assert why.title == chosen.choice
    assert "the effective-rate law (effective), fitted to 3 runs" in answer.title
    assert [row[0] for row in beside.rows] == ["effective (used)", "mpl"]
    other = chosen.others[0]
    assert beside.rows[1][-1] == other.left_out.final_error.value
    assert beside.rows[1][1] == other.metrics.test.mean.mae
    assert f"mpl: L0 {other.params['L0']:.6g} ± " in beside.notes[0]


def test_a_rival_is_named_where_it_is_less_wrong_on_test_curves(own):
    *train, held = curves()
    rival = fit_rival(own, train, [held])
    assert rival.law == "effective"
    assert rival.metrics.test.mean.mae < 0.1 * own.metrics.test.mean.mae
    said = tables(replace(own, others=(rival,)))[1].title
    assert said.startswith("Another law was less wrong here, but not surely: effective")
    assert said.endswith("on the 1 held-out curves.")


def test_without_test_curves_the_training_curves_are_left_out(own):
    train = curves()[:3]
    found = fit(train, "onepower")
    rival = fit_rival(found, train)
    said = tables(replace(found, others=(rival,)))[1].title
    assert "each of the 3 training curves left out in turn" in said
    assert f"{rival.left_out.unshared.mean.mae:.5f} against {found.left_out.mean.mae:.5f}" in said


def test_a_law_that_is_right_has_no_better_rival():
    train = three_curves("onepower", noise=1e-4)
    found = fit(train, "onepower")
    said = tables(replace(found, others=(fit_rival(found, train),)))[1].title
    assert said.startswith("The law effective predicts no better")


def test_nothing_is_said_where_nothing_is_held_out():
    train = curves()[:1]
    assert fit_rival(fit(train, "onepower"), train) is None


def test_fits_that_kept_a_rival_are_read(tmp_path):
    kept = json.loads((DATA / "fit_25" / "fit.json").read_text())
    (other,) = kept.pop("others")
    del kept["choice"]
    (tmp_path / "fit.json").write_text(json.dumps({**kept, "rival": {"law": other["law"]}}))
    assert load_fit(tmp_path).others == ()
    assert load_fit(tmp_path).params == kept["params"]
