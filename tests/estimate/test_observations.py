"""How many rows count as one observation: the prior's own 30, but where left-out runs gain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mplfit import fit, simulate
from mplfit.estimate.constants import ENOUGH, PER_OBSERVATION
from mplfit.estimate.huber import DELTA
from mplfit.estimate.objective import Objective
from mplfit.estimate.observations import counted
from mplfit.estimate.prior import prior_for
from mplfit.estimate.solver import parameter_box
from mplfit.laws import get_law
from mplfit.schedule import constant, wsdld

LAW = get_law("effective", {"eta_ref": 1e-3})
TYPICAL = np.array([2.5, 0.4, 0.53, 0.31, 47.0, 0.53, 0.07, 0.8, 0.21])


def runs(count: int, misfit: float):
    """Constant and WSD runs in turn; each pair ends above or below what the law says."""
    made, rng = [], np.random.default_rng(1)
    for i in range(count):
        steps = 3000 + 500 * i
        plan = wsdld(steps, 1e-3, decay=0.3) if i % 2 else constant(steps, 1e-3)
        step = np.arange(400, steps, 100)
        run = simulate(LAW, TYPICAL, plan, step, name=f"run{i}", noise=3e-4, rng=rng)
        off = misfit * (-1) ** (i // 2) * (step / steps)
        made.append(replace(run, loss=run.loss * np.exp(off)))
    return made


def objective(curves):
    return Objective.of(LAW, curves, prior_for(LAW, "weak")), parameter_box(LAW, curves)


def test_runs_that_the_law_does_not_describe_make_the_prior_weigh_more():
    found = counted(*objective(runs(ENOUGH, misfit=0.02))).prior
    assert found.rows > PER_OBSERVATION
    assert found.name == f"weak:{found.rows:g}"
    assert found.unit == pytest.approx(found.rows * DELTA**2)


@pytest.mark.parametrize(("count", "misfit"), [(ENOUGH - 1, 0.02), (ENOUGH, 0.0)])
def test_few_runs_and_runs_of_the_law_leave_it_as_it_is(count, misfit):
    start, box = objective(runs(count, misfit))
    assert counted(start, box).prior == start.prior


def test_the_default_prior_is_found_and_a_named_one_is_kept():
    curves = runs(ENOUGH, misfit=0.02)
    found = fit(curves, "effective", quick=True)
    assert found.prior.name.startswith("weak:")
    named = fit(curves, "effective", prior="weak", quick=True)
    assert named.prior.name == "weak"
    again = fit(curves, "effective", prior=found.prior.name, quick=True)
    assert again.params == found.params
    assert found.prior.rows > named.prior.rows == PER_OBSERVATION
    # Rows that know less leave the parameters less sure.
    sure, unsure = named.standard_errors["beta"], found.standard_errors["beta"]
    assert unsure > sure
