"""Covariances: products, with their rank, and the same digits under every BLAS kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from mplfit import Fit, schedule
from mplfit.assess.identify import identified, identify
from mplfit.assess.parameters import laplace_intervals
from mplfit.assess.posterior import draw
from mplfit.assess.profile import profile
from mplfit.estimate.covariance import factorise, root, updated
from mplfit.estimate.fit import fit
from mplfit.estimate.huber import DELTA
from mplfit.estimate.objective import Objective
from mplfit.estimate.prior import prior_for
from mplfit.estimate.simulate import simulate
from mplfit.estimate.solver import parameter_box
from mplfit.estimate.uncertainty import noise_unit, uncertainty
from mplfit.laws import get_law
from mplfit.laws.base import to_params, to_unknowns
from tests.support.fits import TRUTH, three_curves

pytestmark = pytest.mark.portable

STEP = np.arange(200, 2000, 40)
KERNELS = ("Haswell", "Zen", "SkylakeX", "Prescott")


def runs(kind):
    """Curves that are hard on a covariance."""
    law, truth = get_law("mpl"), TRUTH["mpl"]
    two_stage = schedule.two_stage(2000, 3e-4, 9e-5, switch=1000)
    noise = 0.0 if kind == "noiseless" else 1e-3
    rng = np.random.default_rng(1)
    if kind == "constant":
        plan = schedule.constant(2000, 3e-4)
        return [simulate(law, truth, plan, STEP, name="a", noise=noise, rng=rng)]
    one = simulate(law, truth, two_stage, STEP, name="a", noise=noise, rng=rng)
    if kind != "duplicate":
        return [one]
    return [
        one,
        simulate(law, truth, two_stage, STEP, name="b", noise=1e-3, rng=np.random.default_rng(1)),
    ]


def spread(kind, key="mpl"):
    """The uncertainty at the truth: what it says does not hang on where a solver stops."""
    law, curves = get_law(key), runs(kind)
    objective = Objective.of(law, curves)
    return uncertainty(objective, parameter_box(law, curves), to_unknowns(law, TRUTH[key]))


def summary():
    """Errors of every hard case, as they are printed; the subprocesses of the test below run it."""
    said = {}
    for kind in ("noiseless", "noisy", "duplicate", "constant"):
        found = spread(kind)
        said[kind] = [
            found.covariance.rank,
            [None if np.isnan(one) else f"{one:.3g}" for one in found.errors],
            list(found.covariance.reasons),
        ]
    known = fit(three_curves("momentum", noise=1e-3, every=100), "momentum", leave_out=False)
    said["draws"] = [[f"{one:.4g}" for one in row] for row in draw(known, 3)]
    return said


def test_every_blas_kernel_prints_the_same_errors():
    command = "import json, tests.estimate.test_covariance as t; print(json.dumps(t.summary()))"
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", command],
            env={**os.environ, "OPENBLAS_CORETYPE": kernel},
            stdout=subprocess.PIPE,
            text=True,
        )
        for kernel in KERNELS
    ]
    said = [json.loads(process.communicate()[0]) for process in started]
    assert [process.returncode for process in started] == [0] * len(KERNELS)
    assert all(one == said[0] for one in said[1:])
    assert said[0]["constant"][0] == 3


@pytest.mark.parametrize("kind", ["noiseless", "noisy", "duplicate", "constant"])
def test_what_the_rows_cannot_tell_has_a_reason_and_the_rest_its_error(kind):
    """One jump tells C·η^-gamma, not C and gamma; a constant rate tells nothing of a drop."""
    found, names = spread(kind), get_law("mpl").names
    if kind == "constant":
        wanted = dict.fromkeys(("B", "C", "beta", "gamma"), "no row depends on it")
    else:
        wanted = dict.fromkeys(("C", "gamma"), "only a combination of C and gamma is determined")
    why = dict(zip(names, found.covariance.reasons, strict=True))
    assert {name: text for name, text in why.items() if text} == wanted
    assert found.covariance.rank == (3 if kind == "constant" else 6)
    assert np.isnan(found.errors).tolist() == [name in wanted for name in names]
    assert np.array_equal(np.isnan(np.diag(found.correlations)), np.isnan(found.errors))
    size = np.sqrt(np.maximum(np.diag(found.covariance.matrix), 1e-300))
    scaled = found.covariance.matrix / np.outer(size, size)
    assert np.linalg.eigvalsh(scaled).min() > -1e-12


def test_the_sandwich_is_that_of_the_textbook_where_nothing_is_near_singular():
    law, curves = get_law("onepower"), three_curves("onepower", noise=1e-3)
    objective, unknowns = Objective.of(law, curves), to_unknowns(law, TRUTH["onepower"])
    found = uncertainty(objective, parameter_box(law, curves), unknowns)
    residual, jacobian = objective.linearise(unknowns)
    inverse = np.linalg.inv(np.mean(np.abs(residual) <= DELTA) * jacobian.T @ jacobian)
    scores = np.clip(residual, -DELTA, DELTA)[:, None] * jacobian
    r = found.lag_one
    assert 0 < r < 0.2
    wanted = inverse @ scores.T @ scores @ inverse * (1 + r) / (1 - r)
    np.testing.assert_allclose(found.covariance.matrix, wanted, rtol=1e-6)


@pytest.mark.parametrize("noise", [3e-3, 1e-4])
def test_laplace_s_covariance_has_the_prior_in_it(noise):
    """Rows count with their scatter, or δ where that is larger, 120 of them as one observation."""
    law = get_law("amplitude", {"eta_ref": 3e-4, "longest": 4000.0})
    prior = prior_for(law, "weak:120")
    unknowns = np.where(prior.known, prior.mean, np.log([2.5, 0.6, *np.ones(5)]))
    plan, rng = schedule.cosine(4000, 3e-4, warmup=200), np.random.default_rng(0)
    curve = simulate(
        law, to_params(law, unknowns), plan, np.arange(200, 4000, 50), noise=noise, rng=rng
    )
    objective = Objective.of(law, [curve], prior)
    found = uncertainty(objective, parameter_box(law, [curve]), unknowns)
    residual, jacobian = objective.linearise(unknowns)
    scatter = 1.25 * np.mean(np.abs(residual))
    assert (scatter > DELTA) == (noise > DELTA)
    information = jacobian.T @ jacobian / (120 * max(scatter, DELTA) ** 2)
    information += np.diag(np.diag(prior.whitening) ** 2)
    np.testing.assert_allclose(
        found.covariance.matrix, np.linalg.inv(information), rtol=1e-5, atol=1e-9
    )


def test_correlated_residuals_widen_the_errors():
    """By √((1 + r)/(1 - r)), for half the information or less."""
    law, plan = get_law("onepower"), schedule.constant(2000, 3e-4)
    errors, spans = [], []
    for correlation in (0.0, 0.8):
        rng, step = np.random.default_rng(0), np.arange(100, 2000, 4)
        run = simulate(
            law, TRUTH["onepower"], plan, step, noise=5e-4, correlation=correlation, rng=rng
        )
        objective = Objective.of(law, [run])
        found = uncertainty(
            objective, parameter_box(law, [run]), to_unknowns(law, TRUTH["onepower"])
        )
        errors.append(found.errors)
        spans.append(np.sqrt((1 + found.lag_one) / (1 - found.lag_one)))
        unit = noise_unit(objective, to_unknowns(law, TRUTH["onepower"]))
        assert unit == pytest.approx(spans[-1] ** 2 * 5e-4**2, rel=0.4)
    assert spans[1] == pytest.approx(3, rel=0.2)
    np.testing.assert_allclose(errors[1] / errors[0], spans[1] / spans[0], rtol=0.35)


def test_two_copies_of_a_curve_know_root_two_times_as_much():
    one, two = spread("noisy"), spread("duplicate")
    known = ~np.isnan(one.errors)
    np.testing.assert_allclose(two.errors[known], one.errors[known] / np.sqrt(2), rtol=1e-6)


def test_a_fit_says_which_parameters_have_no_error_and_why():
    curves = runs("noisy")
    made = identified(fit(curves, "mpl", leave_out=False), curves)
    result = Fit.from_dict(json.loads(json.dumps(made.to_dict())))
    assert result.standard_errors["C"] is None
    assert result.standard_errors["gamma"] is None
    assert result.standard_errors["L0"] > 0
    why = "only a combination of C and gamma is determined"
    assert [text for text in result.warnings if text.endswith(f"has no error: {why}")]
    assert result.identification.undetermined == {"C": why, "gamma": why}
    assert result.identification.rank == 6
    ends = laplace_intervals(result)
    assert ends["C"] is None
    assert ends["gamma"] is None
    assert ends["L0"][0] < result.params["L0"] < ends["L0"][1]
    assert np.all(np.isfinite(draw(result, 4)))
    assert identify(result, curves).directions[0].reach == 1e6
    shown = profile(result, curves, ["gamma"])["gamma"]
    assert shown.intervals["0.95"][0] is None  # from above the box of C bounds it


def test_a_root_depends_on_the_matrix_alone():
    """Opposite eigenvectors, or other ones of a repeated eigenvalue, would give other draws."""
    rng = np.random.default_rng(2)
    half = rng.standard_normal((5, 3)) * [1e3, 1, 1e-2]  # of rank 3
    matrix = half @ half.T
    found = root(matrix)
    np.testing.assert_allclose(
        found @ found.T, matrix, rtol=1e-7, atol=1e-7 * np.diag(matrix).min()
    )
    order = np.array([3, 1, 4, 0, 2])
    np.testing.assert_allclose(
        root(matrix[np.ix_(order, order)]), found[np.ix_(order, order)], rtol=1e-4, atol=1e-4
    )
    assert root(np.zeros((2, 2))).tolist() == [[0, 0], [0, 0]]


def test_an_update_is_the_inverse_of_the_sum_of_the_informations():
    rng = np.random.default_rng(3)
    factor, rows = rng.standard_normal((4, 4)), rng.standard_normal((9, 4))
    after = updated(factor, rows)
    wanted = np.linalg.inv(np.linalg.inv(factor @ factor.T) + rows.T @ rows)
    np.testing.assert_allclose(after @ after.T, wanted, rtol=1e-8)
    singular = updated(factor[:, :2], rows)  # two directions are known already: they stay so
    assert np.linalg.matrix_rank(singular @ singular.T) == 2


def test_a_factored_inverse_is_the_pseudo_inverse_and_units_do_not_matter():
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((12, 3)) * [1e-8, 1.0, 1e8]
    found = factorise(rows)
    assert found.rank == 3
    product = found.inverse @ found.inverse.T @ (rows.T @ rows)
    np.testing.assert_allclose(
        product * [1e8, 1, 1e-8] / np.array([[1e8], [1], [1e-8]]), np.eye(3), atol=1e-8
    )
