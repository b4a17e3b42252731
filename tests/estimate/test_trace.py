"""The solver's iterations, and L-BFGS-B beside the default one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mplfit import Fit
from mplfit.errors import FitError
from mplfit.estimate.fit import fit
from mplfit.estimate.objective import objective_of
from mplfit.estimate.simulate import simulate
from mplfit.estimate.solver import parameter_box
from mplfit.estimate.trace import iterations
from mplfit.laws import get_law
from mplfit.laws.base import to_unknowns
from mplfit.schedule import constant

RUN = simulate(
    get_law("onepower"),
    np.array([2.5, 0.6, 0.5]),
    constant(2000, 3e-4, warmup=100),
    np.arange(200, 2000, 20),
    noise=0.003,
    rng=np.random.default_rng(3),
)
FITS = {solver: fit(RUN, "onepower", solver=solver) for solver in ("trust", "lbfgs")}


@pytest.mark.parametrize("solver", FITS)
def test_every_descent_is_followed_from_its_start_to_its_end(solver):
    made, found = iterations(FITS[solver], RUN), FITS[solver]
    box = parameter_box(found.formula, [RUN])
    for start, end in enumerate(found.starts.objectives):
        own = [one for one in made if one.start == start]
        assert [one.number for one in own] == list(range(len(own)))
        assert own[-1].objective == pytest.approx(end, rel=1e-12)
        assert own[0].objective > end
        assert own[-1].gradient < 1e-6 < own[0].gradient
        unknowns = to_unknowns(found.formula, own[0].params)
        assert np.all((unknowns >= box.low - 1e-9) & (unknowns <= box.high + 1e-9))
    best = next(one for one in reversed(made) if one.start == 0)
    assert best.params == pytest.approx(found.values, rel=1e-12)
    assert best.gradient == pytest.approx(
        np.linalg.norm(objective_of(found, RUN)(to_unknowns(found.formula, found.values))[1]),
        abs=1e-9,
    )


def test_both_solvers_end_at_one_minimum_and_lbfgs_takes_more_iterations():
    trust, plain = FITS["trust"], FITS["lbfgs"]
    assert trust.converged
    assert plain.converged
    assert plain.objective == pytest.approx(trust.objective, rel=1e-6)
    assert plain.values == pytest.approx(trust.values, rel=1e-3)
    assert len(plain.starts.paths[0]) > len(trust.starts.paths[0])
    assert (trust.options.solver, plain.options.solver) == ("trust", "lbfgs")
    assert Fit.from_dict(plain.to_dict()).options.solver == "lbfgs"


def test_a_fit_from_a_file_has_no_iterations():
    with pytest.raises(FitError, match="does not keep its iterations: fit the curves again"):
        iterations(Fit.from_dict(FITS["trust"].to_dict()), RUN)
    with pytest.raises(FitError, match="does not keep"):
        iterations(replace(FITS["trust"], starts=None), RUN)
