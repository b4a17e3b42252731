"""Bad cases: each gets a sentence, and none a wrong number in silence."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from mplfit import Curve, schedule
from mplfit.assess.compare import compare_laws
from mplfit.errors import FitError
from mplfit.estimate.checks import decay_warnings, prior_warnings, rate_changes, steep_rows
from mplfit.estimate.fit import fit
from mplfit.estimate.prior import prior_for
from mplfit.estimate.simulate import simulate
from mplfit.laws import get_law
from tests.support.fits import TRUTH, three_curves

STEP = np.arange(200, 4000, 20)


def constant(name="constant", peak=3e-4, seed=0):
    rng, plan = np.random.default_rng(seed), schedule.constant(4000, peak, warmup=200)
    return simulate(get_law("mpl"), TRUTH["mpl"], plan, STEP, name=name, noise=1e-3, rng=rng)


def changed(curve, loss, name=None):
    return Curve(name or curve.name, curve.step, loss, curve.schedule)


def warned(result, *words):
    return [text for text in result.warnings if all(word in text for word in words)]


@pytest.mark.parametrize("key", ["mpl", "momentum", "fsl"])
def test_constant_runs_get_the_law_that_they_determine(key):
    curves = [constant("one"), constant("two", peak=1.5e-4, seed=1)]
    result = fit(curves, key)
    assert result.law == "onepower"
    assert result.options.law == key
    assert warned(result, f"the loss drop of {key}", "onepower is fitted instead")
    direct = fit(curves, "onepower")
    assert result.params == direct.params
    assert not warned(direct, "instead")
    assert direct.options.law == "onepower"


def test_a_prior_may_say_what_a_drop_is_like():
    result = fit([constant()], "effective")
    assert result.law == "effective"
    assert warned(result, "rests on the prior alone")
    assert fit([constant()], "effective", prior="none").law == "onepower"
    assert fit([constant()], "mpl", prior="weak").law == "onepower"  # it says nothing of B


def test_the_comparison_lists_what_constant_runs_do_not_determine():
    rows = compare_laws([constant("one"), constant("two", seed=1)], laws=["mpl", "onepower"])
    assert [row.law for row in rows] == ["onepower", "mpl"]
    assert not rows[0].failed
    assert "the loss drop of mpl" in rows[1].failed


def test_one_curve_alone_is_said():
    result = fit(three_curves("mpl", noise=1e-3)[:1], "mpl")
    assert warned(result, "one training curve alone")
    assert not warned(fit(three_curves("mpl", noise=1e-3), "mpl"), "alone")


def test_too_few_points_are_refused_for_the_law_that_is_fitted():
    plan = schedule.cosine(100, 1e-2, 1e-3)
    few = Curve("few", [10, 20, 30], [3.0, 2.9, 2.8], plan)
    with pytest.raises(FitError, match="3 training points are too few for the 7 parameters of mpl"):
        fit([few])
    flat = Curve("flat", [10, 20, 30], [3.0, 2.9, 2.8], schedule.constant(100, 1e-2))
    with pytest.raises(FitError, match="3 training points are too few for the 3 parameters of one"):
        fit([flat])


def test_a_test_curve_that_was_trained_on_is_said():
    train = three_curves("onepower", noise=1e-3)
    same = changed(train[0], train[0].loss, name="again")
    part = Curve("part", train[1].step[:50], train[1].loss[:50], train[1].schedule)
    other = changed(train[0], train[0].loss * 1.001, name="other")
    result = fit(train, "onepower", test=[same, part, other])
    assert warned(result, "again is not held out", "rows of the training curve cosine")
    assert warned(result, "part is not held out")
    assert not warned(result, "other is not")


def test_a_diverged_run_is_said():
    curves = three_curves("onepower", noise=1e-3)
    loss = curves[0].loss.copy()
    loss[120:] *= np.linspace(1, 2.5, loss.size - 120)
    result = fit([changed(curves[0], loss), *curves[1:]], "onepower")
    assert len(warned(result, "cosine diverged", "to_step=")) == 1
    assert not warned(fit(curves, "onepower"), "diverged")


@pytest.mark.parametrize(("last", "changes"), [(50, False), (51, True)])
def test_a_rate_that_changes_after_the_last_row_has_not_changed(last, changes):
    plan = schedule.two_stage(100, 1e-3, 5e-4, switch=51)
    assert rate_changes(Curve("c", [0, last], [3.0, 2.0], plan)) == changes
    rising = schedule.constant(100, 1e-3, warmup=20)
    for first in (18, 19):  # the warmup reaches the peak in update 19
        curve = Curve("c", [first, 60], [3.0, 2.0], rising)
        assert rate_changes(curve) == (first < 19)


def test_spikes_are_said_and_do_little():
    curves = three_curves("onepower", noise=1e-3)
    loss = curves[1].loss.copy()
    loss[[40, 100]] *= [1.3, 1.6]
    calm, spiked = fit(curves, "onepower"), fit([curves[0], changed(curves[1], loss)], "onepower")
    assert warned(spiked, "constant has 2 spikes", f"at step {curves[1].step[100]}")
    assert not warned(calm, "spike")
    assert abs(spiked.params["alpha"] - calm.params["alpha"]) < 0.02
    assert not warned(spiked, "diverged")


def test_a_weight_decay_that_the_log_has_otherwise_is_said():
    law = get_law("effective", {"weight_decay": 0.05})
    runs = three_curves("onepower")
    told = [
        replace(run, weight_decay=decay) for run, decay in zip(runs, (0.1, 0.05, None), strict=True)
    ]
    (said,) = decay_warnings(law, told)
    assert "takes the weight decay 0.05" in said
    assert f"({told[0].name} 0.1)" in said
    assert decay_warnings(law, told[1:]) == []
    assert decay_warnings(get_law("onepower"), told) == []


def test_runs_that_disagree_with_the_prior_are_said():
    prior = prior_for(get_law("effective"), "weak")
    sd = np.where(prior.known, 1 / np.maximum(np.diag(prior.whitening), 1e-300), 0.0)
    assert prior_warnings(prior, prior.mean + 1.15 * sd) == []
    (said,) = prior_warnings(prior, prior.mean - 1.3 * sd)
    assert "lie 1.3 standard deviations of the prior off" in said
    assert prior_warnings(replace(prior, name="earlier fit"), prior.mean - 9 * sd) == []
    assert prior_warnings(None, prior.mean) == []


@pytest.mark.parametrize(
    ("first", "scatter", "rows"),
    [
        ([0.05, -0.03, 0.01, 0.008, 0.007], 1e-3, 4),
        ([0.001, 0.05, 0.02, 0.001, 0.02], 1e-3, 5),  # most of the first rows, not all
        ([0.0, 0.0, 0.0, 0.05, 0.05], 1e-3, 0),  # not from the first rows on
        ([0.05], 1e-3, 0),  # one row
        ([0.019, 0.015, 0.01], 1e-3, 0),  # little
        ([0.05, 0.04, 0.03], 1e-2, 0),  # within the scatter
    ],
)
def test_the_first_rows_that_lie_off_a_law(first, scatter, rows):
    step = np.arange(0, 6000, 100)
    residual = scatter * np.where(np.arange(60) % 2, 1.0, -1.0)
    residual[: len(first)] = first
    assert steep_rows(step, residual) == rows
    assert steep_rows(step, residual + 0.2) == rows  # a run as a whole may lie off
    assert steep_rows(step + 6000, residual) == 0  # a log that begins late
    assert steep_rows(step[:19], residual[:19]) == 0  # too few rows to tell


def test_a_steep_beginning_is_said_with_a_step_to_begin_at():
    curves = [constant(), constant("other", seed=1), constant("third", seed=2)]
    for place, most, tau in ((0, 0.3, 60), (1, 0.1, 30)):
        one = curves[place]
        curves[place] = changed(one, one.loss * (1 + most * np.exp(-(one.step - 200) / tau)))
    found = fit(curves, "onepower", leave_out=False)
    (said,) = [text for text in found.warnings if "first rows" in text and "off the law" in text]
    assert said.startswith("the first rows of constant (and those of 1 more run) lie up to ")
    step = int(re.search(r"try from_step=(\d+),", said)[1])
    assert 320 <= step <= 800  # of the added part half a per cent is left after 250 steps
    later = [
        Curve(c.name, c.step[c.step >= step], c.loss[c.step >= step], c.schedule) for c in curves
    ]
    again = fit(later, "onepower", leave_out=False)
    assert not any("off the law" in text for text in again.warnings)
    alpha = TRUTH["mpl"][2]
    assert abs(again.params["alpha"] - alpha) < abs(found.params["alpha"] - alpha)
