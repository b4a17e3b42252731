"""Left-out fits by Gauss-Newton steps, against full descents; starts on a few of the curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mplfit import Curve, schedule
from mplfit.assess.intervals import predict_interval
from mplfit.estimate import leave_out, solver
from mplfit.estimate.fit import fit
from mplfit.estimate.leave_out import leave_each_out
from mplfit.estimate.objective import Objective, objective_of
from mplfit.estimate.refit import refit
from mplfit.estimate.simulate import simulate
from mplfit.estimate.solver import descend, newton_step, parameter_box, search
from mplfit.laws import get_law
from mplfit.laws.base import to_unknowns

LAW = get_law("effective", {"eta_ref": 3e-4, "weight_decay": 0.1})
PARAMS = np.array([2.4, 0.2, 0.5, 1.4, 9.0, 0.22, 0.8, 0.26])


def runs(count):
    rng = np.random.default_rng(5)
    made = []
    for k in range(count):
        steps = 2000 + 150 * k
        plan = (
            schedule.constant(steps, 3e-4, warmup=100),
            schedule.cosine(steps, 3e-4, 3e-5, warmup=100),
            schedule.wsdld(steps, 3e-4, 3e-6, decay=steps // 4, warmup=100),
        )[k % 3]
        step = np.arange(300, steps, 50)
        made.append(simulate(LAW, PARAMS, plan, step, name=f"run{k}", noise=2e-3, rng=rng))
    return made


@pytest.fixture(scope="module")
def fitted():
    train = runs(8)
    found = fit(train, "effective")
    return found, train, objective_of(found, train), parameter_box(found.formula, train)


def test_left_out_fits_are_those_of_full_descents(fitted, monkeypatch):
    found, train, objective, box = fitted
    unknowns, calls = to_unknowns(found.formula, found.values), []
    monkeypatch.setattr(leave_out, "descend", lambda *args: calls.append(1) or descend(*args))
    reports = leave_each_out(objective, box, unknowns, train)
    assert not calls  # near enough for steps alone
    off, moved = [], []
    for k, curve in enumerate(train):
        part = objective.without(k)
        params = part.params(descend(part, box, unknowns).unknowns)
        loss = found.formula.at(curve.schedule, curve.step[-1:]).loss(params)[0]
        apart = np.log(reports[curve.name].final_predicted / loss)
        assert abs(apart) < 0.1 * predict_interval(found, curve.schedule, curve.step[-1:]).sd[0]
        own = found.predict(curve.schedule, curve.step[-1:])[0]
        off.append(apart)
        moved.append(np.log(own / loss))
    assert np.linalg.norm(off) < 0.3 * np.linalg.norm(moved)  # not merely the fit to all


def test_a_left_out_run_has_no_part_in_the_run_effects_of_the_others():
    """Its replicates go by their own mean: the fit is that to the other curves, built anew."""
    effects = np.array([0.004, 0.0, 0.0, -0.01, 0.003, 0.0])  # of constant and decaying runs
    train = [
        Curve(run.name, run.step, run.loss * np.exp(effect), run.schedule)
        for run, effect in zip(runs(6), effects, strict=True)
    ]
    found = fit(train, "effective")
    objective, box = objective_of(found, train), parameter_box(found.formula, train)
    unknowns = to_unknowns(found.formula, found.values)
    for k, curve in enumerate(train):
        others = [*train[:k], *train[k + 1 :]]
        anew = Objective.of(found.formula, others, found.prior)
        part = objective.without(k)
        np.testing.assert_allclose(part.log_loss, anew.log_loss, atol=1e-14)
        assert part.curve_of.tolist() == anew.curve_of.tolist()
        loss = found.formula.at(curve.schedule, curve.step[-1:]).loss(
            anew.params(descend(anew, box, unknowns).unknowns)
        )
        apart = np.log(found.left_out.final[curve.name].predicted / loss[0])
        assert abs(apart) < 0.1 * predict_interval(found, curve.schedule, curve.step[-1:]).sd[0]
    kept = np.isin(objective.curve_of, [0, 2, 5])
    assert np.abs(objective.log_loss[kept] - objective.of_curves([0, 2, 5]).log_loss).max() > 1e-3


def test_steps_that_do_not_arrive_are_followed_by_damped_ones_and_these_by_a_descent(
    fitted, monkeypatch
):
    found, train, objective, box = fitted
    far = to_unknowns(found.formula, found.values) + 0.5
    near = leave_each_out(objective, box, to_unknowns(found.formula, found.values), train)
    calls = []
    monkeypatch.setattr(leave_out, "spread_evenly", lambda _: [0, 5])
    monkeypatch.setattr(leave_out, "_STEPS", 1)
    monkeypatch.setattr(leave_out, "descend", lambda *args: calls.append(1) or descend(*args))

    def unfinished(part, box, at, unit):
        return replace(refit(part, box, at, unit), unknowns=at, converged=False)

    for way, descents in ((refit, 0), (unfinished, 2)):
        monkeypatch.setattr(leave_out, "refit", way)
        for name, report in leave_each_out(objective, box, far, train).items():
            assert report.final_predicted == pytest.approx(near[name].final_predicted, rel=2e-4)
        assert len(calls) == descents
    monkeypatch.setattr(leave_out, "refit", None)  # few curves: a descent at once
    leave_each_out(objective.of_curves(range(6)), box, far, train[:6])
    assert len(calls) == 4


def test_the_promise_of_a_step_is_what_it_gains(fitted):
    found, _, objective, box = fitted
    unknowns = to_unknowns(found.formula, found.values)
    moved = unknowns + 0.01 * np.array([0, 0, 1, -1, 1, 1, 0, 1])
    step, promise = newton_step(objective, box, moved, *objective.linearise(moved))
    gained = objective(moved)[0] - objective(unknowns)[0]
    assert 0.3 * gained < promise < 1.5 * gained
    assert objective(moved + step)[0] < objective(moved)[0] - 0.5 * promise
    held = unknowns.copy()
    held[2] = box.low[2]  # a bound that the descent leaves, and the gradient does not press against
    assert newton_step(objective, box, held, *objective.linearise(held))[0][2] > 0


def test_many_curves_end_where_descents_on_all_of_them_do(fitted, monkeypatch):
    _, train, objective, box = fitted
    assert len(train) > solver.FEW
    few = search(objective, box)
    monkeypatch.setattr(solver, "FEW", len(train))
    whole = search(objective, box)
    assert few[0].converged
    assert len(few) == len(whole) == solver.FROM_PRIOR
    assert few[0].value == pytest.approx(whole[0].value, rel=1e-8)
    np.testing.assert_allclose(few[0].unknowns, whole[0].unknowns, atol=1e-3)


def test_ends_that_differ_on_few_curves_each_go_down_on_all(monkeypatch, fitted):
    _, _, objective, box = fitted
    ends = iter([3.0, 1.0, 2.0, 2.0 * (1 + 1e-8), 1.0])
    started = []

    def pretend(some, box, start, **_):
        if some is not objective:
            value = next(ends)
            return solver.Descent(np.full(8, value), value, True)
        started.append(float(start[0]))
        return solver.Descent(start, 10 - start[0], True)

    monkeypatch.setattr(solver, "descend", pretend)
    monkeypatch.setattr(solver, "FROM_PRIOR", 5)
    found = search(objective, box)
    assert started == [1.0, 2.0, 3.0]
    assert [end.value for end in found] == [7.0, 8.0, 8.0, 9.0, 9.0]
