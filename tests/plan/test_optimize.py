"""The plan: its defaults, what is beside the best schedule, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mplfit import Fit, schedule
from mplfit.bounds import best_base, bound, bound_curve
from mplfit.errors import FitError
from mplfit.estimate.fit import fit
from mplfit.plan import search
from mplfit.plan.optimize import _unusual, optimize, optimize_bound
from tests.support.fits import three_curves


@pytest.fixture(scope="module")
def made():
    return fit(three_curves("momentum", noise=1e-3), "momentum")


def test_what_is_not_given_is_that_of_the_longest_run(made):
    plan = optimize(made, knots=8)
    assert (plan.steps, plan.warmup, plan.knots[0]) == (4000, 200, (200, pytest.approx(3e-4)))
    assert plan.notes[-1] == (
        "steps, warmup and peak that are not given are those of the longest training run, cosine, "
        "and the largest peak of all"
    )
    assert plan.warnings == plan.peaks == ()
    assert (plan.params, plan.what, plan.robust) == ("given", "loss", None)
    given = optimize(made, steps=1000, warmup=0, peak=1e-4, knots=8, name="mine")
    assert (given.steps, given.warmup, given.knots[0]) == (1000, 0, (0, pytest.approx(1e-4)))
    assert not any("not given" in note for note in given.notes)
    assert given.params == "mine"


def test_a_high_end_and_a_fall_at_once_are_set_against_linear_to_zero(made):
    def noted(plan):
        return [note for note in plan.notes if "D2Z" in note]

    assert not noted(optimize(made, knots=8, steps=1000, final=1e-6))
    high = optimize(made, knots=8, steps=1000, final=6e-5)  # of a peak of 3e-4
    usual = next(one for one in high.baselines if one.name == "linear to 0")
    assert usual.gain.value == pytest.approx(usual.loss - high.best.loss, rel=0.05)
    assert noted(high) == [
        "the optimized schedule ends at 20 % of its peak; linear to zero, as practice is (D2Z), is "
        f"predicted {usual.loss - high.best.loss:+.4f} above it, a gain with probability "
        f"{usual.gain.probability:.2f}"
    ]
    rates = np.concatenate([np.linspace(0, 3e-4, 201)[1:], np.full(400, 3e-4), np.full(400, 1e-4)])
    drawn = schedule.Schedule(rates, 200)
    beside = [replace(usual, gain=None)]
    (said,) = _unusual(drawn, usual.loss + 0.01, beside)
    assert said == (
        "the optimized schedule ends at 33.3 % of its peak and falls by 66.7 % of its peak in one "
        "update; linear to zero, as practice is (D2Z), is predicted -0.0100 above it"
    )
    assert not _unusual(drawn, 3.0, [])  # nothing of the kind to set it against


def test_what_a_fit_without_runs_takes(monkeypatch):
    asked = {}

    def stop(final, **options):
        asked.update(options)
        raise FitError("enough")

    monkeypatch.setattr("mplfit.plan.optimize.search_schedule", stop)
    with pytest.raises(FitError, match="enough"):
        optimize(Fit("onepower", {"L0": 2.0, "A": 1.0, "alpha": 0.5}))
    assert (asked["steps"], asked["warmup"], asked["peak"]) == (24000, 2160, 3e-4)
    assert (asked["minimum"], asked["knots"], asked["end"]) == (1e-10, 64, None)
    with pytest.raises(FitError, match="enough"):
        optimize_bound(100, peak=0.5)
    assert (asked["peak"], asked["minimum"]) == (0.5, pytest.approx(0.3 * 0.5 / 100))
    with pytest.raises(FitError, match="enough"):
        optimize_bound()
    best = best_base(schedule.linear(24000, 1.0).lr).rate
    assert asked["peak"] == pytest.approx((best / 10, best * 10))


def test_a_free_peak_goes_to_the_largest_training_rate_unless_told(made):
    plan = optimize(made, knots=8, peak="free")
    # The momentum law has no best peak: the search ends at the end of its range.
    assert plan.schedule.peak == pytest.approx(3e-4)
    assert plan.warnings[0] == (
        "the peak rate was stopped at the end of its range, 0.0003, the largest training rate"
    )
    assert "it has been wrong about cosines to zero and long decays" in plan.warnings[1]
    plan = optimize(made, knots=8, peak="free", highest=9e-4)
    assert plan.schedule.peak == pytest.approx(9e-4)
    assert plan.warnings[0] == "the peak rate was stopped at the end of its range, 0.0009"
    for wrong, options in (
        ("a tenth of the largest training rate", {"peak": "free", "highest": 2e-5}),
        ('goes with peak="free"', {"peak": 1e-4, "highest": 3e-4}),
    ):
        with pytest.raises(FitError, match=wrong):
            optimize(made, **options)
    assert "the best peak rate is a law's guess" in plan.warnings[1]
    assert [one.peak for one in plan.peaks] == pytest.approx(9e-4 * 2.0 ** np.arange(-2, 0.1, 0.5))
    assert "G = 1" in (free := optimize_bound(100, knots=8)).params
    assert free.warnings == free.peaks == ()


def test_every_schedule_has_its_line_its_interval_and_what_it_would_save(made):
    plan = optimize(made, knots=8)
    assert plan.best.gain is plan.best.saved is None
    assert plan.best.steps_needed == 4000
    for one in (plan.best, *plan.baselines):
        assert one.line.step.size == one.line.lr.size == one.line.loss.size <= 310
        assert one.line.step[-1] == 3999
        assert np.all(np.isfinite(one.line.loss))
        assert one.line.loss[-1] == pytest.approx(one.loss)
        low, high = one.intervals["0.95"]
        assert low < one.loss < high
    for one in plan.baselines:
        assert one.gain.value == pytest.approx(one.loss - plan.loss, rel=0.2)
        assert 0 <= one.saved[0] < 1 - 4000 / one.steps_needed < one.saved[1] < 1


def test_a_descent_that_was_cut_short_is_said(made, monkeypatch):
    minimize = search.minimize

    def short(*arguments, options, **others):
        return minimize(*arguments, options={**options, "maxiter": 1}, **others)

    monkeypatch.setattr(search, "minimize", short)
    plan = optimize(made, knots=16)
    assert not plan.converged
    assert plan.warnings[0].startswith("the optimizer stopped before it converged")


@pytest.mark.parametrize("robust", ["mean", 0.8])
def test_a_robust_plan_is_no_worse_over_the_draws(made, robust):
    plan = optimize(made, knots=8, robust=robust)
    assert (plan.robust.objective, plan.robust.draws) == (str(robust), 32)
    assert plan.robust.value <= plan.robust.plain + 1e-12
    plain = optimize(made, knots=8)
    assert plan.loss == pytest.approx(plain.loss, abs=1e-3)
    if robust == 0.8:
        assert plan.robust.value > optimize(made, knots=8, robust="mean").robust.value


def test_the_bound_has_the_scale_of_a_linear_decay():
    plan = optimize_bound(100, knots=8, peak=0.5, warmup=10)
    G = best_base(schedule.linear(100, 1.0).lr).rate / 0.5
    assert plan.params == f"D = 1, G = {G:.4g}"
    assert plan.loss == pytest.approx(bound(plan.lr, G=G))
    curve = bound_curve(plan.lr, G=G)[plan.best.line.step]
    assert plan.best.line.loss == pytest.approx(curve)
    assert plan.best.intervals is None
    assert plan.notes[0].startswith("Exact, but a worst case")
    for peak in (0.0, np.inf):
        with pytest.raises(FitError, match="must be positive and finite"):
            optimize_bound(100, peak=peak)


def test_a_run_that_is_under_way_goes_on_from_its_last_rate(made):
    past = schedule.wsdld(2000, 3e-4, decay=1000, warmup=100)
    plan = optimize(made, steps=3000, knots=8, past=past, past_steps=1500)
    last = past.lr[1499]
    for one in (plan.best, *plan.baselines):
        step, lr = one.line.step, one.line.lr
        assert np.array_equal(lr[step < 1500], past.lr[step[step < 1500]])
        assert lr[step >= 1500].max() <= last * (1 + 1e-12)
    constant = plan.baselines[0].line
    assert np.all(constant.lr[constant.step >= 1500] == last)
    first = {one.name.split(",")[0]: one.line for one in plan.baselines}["cosine to 10 %"]
    assert first.lr[np.searchsorted(first.step, 1500)] == pytest.approx(last, rel=1e-3)
    assert not any("not given" in note for note in plan.notes)
    with pytest.raises(FitError, match="must end after its warmup"):
        optimize(made, steps=3000, past=past, past_steps=99)
    with pytest.raises(FitError, match=r"got step 2001"):
        optimize(made, steps=3000, past=past, past_steps=2001)
