"""Profiles: Laplace's interval where the objective is round, an independent minimum elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from mplfit import schedule
from mplfit.assess.intervals import LEVELS
from mplfit.assess.profile import Profiles, profile
from mplfit.estimate.fit import fit
from mplfit.estimate.objective import Objective
from mplfit.estimate.prior import prior_for
from mplfit.estimate.simulate import simulate
from mplfit.estimate.uncertainty import noise_unit
from mplfit.laws import get_law
from mplfit.laws.base import to_unknowns
from mplfit.show.tables import tables, whole_text
from tests.cluster import processes
from tests.support.fits import TRUTH, three_curves


@pytest.fixture(scope="module")
def case():
    curves = three_curves("onepower", noise=3e-4)
    return fit(curves, "onepower"), curves


def test_a_round_objective_has_laplace_s_intervals(case):
    for one in profile(*case):
        for level in (f"{level:.2f}" for level in LEVELS):
            laplace, ends = one.laplace_intervals[level], one.intervals[level]
            width = laplace[1] - laplace[0]
            np.testing.assert_allclose(ends, laplace, atol=0.12 * width)
        assert one.value[np.argmin(one.deviance)] == pytest.approx(one.fitted)
        assert not one.note


def test_the_deviance_is_that_of_an_independent_minimum():
    """scipy's Nelder-Mead and BFGS over the other unknowns find no lower objective."""
    curves = three_curves("mpl", noise=1e-3, every=100)
    result = fit(curves, "effective", leave_out=False)
    law = result.formula
    objective = Objective.of(law, curves, prior_for(law, "weak"))
    start = to_unknowns(law, result.values)
    unit = noise_unit(objective, start)
    lowest = objective(start)[0]
    one = profile(result, curves, ["beta"])["beta"]
    for pick in (1, len(one.value) - 2):
        held = start.copy()
        held[5] = np.log(one.value[pick])
        rest = [i for i in range(8) if i != 5]

        def others(x, held=held, rest=rest):
            at = held.copy()
            at[rest] = x
            value, gradient = objective(at)
            return value / unit, gradient[rest] / unit

        found = minimize(others, held[rest], jac=True, method="BFGS", options={"maxiter": 3000})
        assert one.deviance[pick] == pytest.approx(2 * (found.fun - lowest / unit), abs=0.03)


def test_no_bound_is_said():
    """One constant run says nothing of the speed of a drop."""
    step = np.arange(200, 4000, 40)
    run = simulate(
        get_law("mpl"), TRUTH["mpl"], schedule.cosine(4000, 3e-4, 2e-4, warmup=200), step,
        noise=2e-3, rng=np.random.default_rng(0),
    )  # fmt: skip
    result = fit([run], "mpl")
    one = profile(result, [run], ["C"])["C"]
    assert None in one.intervals["0.95"]
    assert "do not bound it" in one.note
    assert one.to_dict()["note"] == one.note
    found = Profiles("x", "mpl", "none", 1, {"C": one})
    assert Profiles.from_dict(found.to_dict()) == found
    (table,) = tables(found)
    assert table.title.startswith("The data bound 0 of 1 parameters of the law mpl on both sides")
    assert f"C: {one.note}." in table.notes
    assert "open" in whole_text(found)


def test_a_parameter_that_nears_one_keeps_its_order():
    curves = three_curves("momentum", noise=1e-3)
    one = profile(fit(curves, "momentum"), curves, ["lambda"])["lambda"]
    assert np.all(np.diff(one.value) > 0)
    low, high = one.intervals["0.80"]
    assert low < one.fitted < high < 1


def test_the_engine_does_not_matter(case):
    here = profile(*case)
    with processes() as pool:
        there = profile(*case, executor=pool)
    for one, other in zip(here, there, strict=True):
        assert np.array_equal(one.deviance, other.deviance)
        assert one.intervals == other.intervals


def test_a_lower_objective_is_said(case):
    result, curves = case
    moved = replace(result, params={**result.params, "A": result.params["A"] * 1.002})
    assert any("fit again" in (one.note or "") for one in profile(moved, curves))
