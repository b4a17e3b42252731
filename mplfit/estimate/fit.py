"""Estimate a law's parameters from curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from mplfit.curve import Curve, curves_of
from mplfit.errors import FitError
from mplfit.estimate.checks import (
    beginning_warnings,
    curve_warnings,
    decay_warnings,
    determined_law,
    logged_weight_decay,
    not_held_out,
    poor_curves,
    prior_warnings,
    some_curve,
)
from mplfit.estimate.leave_out import leave_each_out
from mplfit.estimate.metrics import CurveReport, group_of, measure_curves
from mplfit.estimate.objective import Objective
from mplfit.estimate.prior import Prior, prior_for
from mplfit.estimate.records import CurveRecord, FitOptions, Starts, rows
from mplfit.estimate.result import Fit
from mplfit.estimate.solver import (
    AGREEMENT,
    SCREENED,
    Box,
    Solver,
    from_prior,
    parameter_box,
    search,
)
from mplfit.estimate.spread import spread_of
from mplfit.estimate.uncertainty import uncertainty
from mplfit.laws.base import Law
from mplfit.laws.registry import get_law
from mplfit.tasks import Progress
from mplfit.types import FloatArray

__all__ = ["fit"]


def fit(
    train: Curve | Iterable[Curve],
    law: str = "mpl",
    *,
    prior: str | Prior | None = None,
    quick: bool = False,
    leave_out: bool = True,
    solver: Solver = "trust",
    constants: Mapping[str, float] | None = None,
    test: Curve | Iterable[Curve] = (),
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Fit a law to curves by minimising Σ huber(log observed - log predicted, 1e-3).

    The minimum is the true one of that objective, as far as descents from many points can
    tell (`Fit.starts` says how many agree). With two or three curves it is not the best
    predictor: see `Fit.warnings`.

    Parameters
    ----------
    train : the curves to learn from, or one.
    law : a law's key, see `mplfit.laws.LAWS`. Where no training curve has a change of the rate,
        and no prior says what a drop is like, the constant-rate law is fitted instead
        (`Fit.law`), with a warning and the law that was asked for in `Fit.options`.
    prior : "none", "weak" or "weak:N" (`mplfit.estimate.prior`), or a `Prior`; the law's default
        where None.
    quick : one descent, from the prior's mean, instead of several: from the prior's mean and draws
        from it, or from the best of many points where a shape parameter has no prior.
    leave_out : fit again without each curve in turn, which the intervals rest on: they are those
        of a fit to a single curve where this is not done.
    solver : "lbfgs": L-BFGS-B alone descends, as in the Multi-Power Law's release, instead of a
        trust-region method. Fits without each curve in turn go on by the latter.
    constants : what the law must be told of the runs, such as {"weight_decay": 0.1} for the
        effective-rate law; a weight decay that is not given is that of the curves, where they
        have one.
    test : held-out curves, only measured.
    executor : runs the descents, where given (threads or processes); the result is the same.
    progress : called as progress(done, total, what).

    Returns
    -------
    Fit
        Parameters with errors, warnings, metrics and the provenance of every curve.

    Raises
    ------
    FitError
        If there are too few points, two curves have one name, or a loss precedes every positive
        rate.

    Examples
    --------
    >>> import numpy as np
    >>> from mplfit import simulate
    >>> from mplfit.estimate.fit import fit
    >>> from mplfit.laws import get_law
    >>> from mplfit.schedule import constant
    >>> params, step = np.array([2.0, 1.0, 0.5]), np.arange(10, 1000, 10)
    >>> curve = simulate(get_law("onepower"), params, constant(1000, 1e-2), step)
    >>> {name: round(value, 4) for name, value in fit([curve], "onepower").params.items()}
    {'L0': 2.0, 'A': 1.0, 'alpha': 0.5}
    """
    train, test = curves_of(train), curves_of(test)
    some_curve(train)
    _check_names(train, test)
    # What is given goes before what the curves would set.
    formula = get_law(law).trained_on(train)
    if "weight_decay" in formula.constants and "weight_decay" not in (constants or {}):
        decay = logged_weight_decay(train)
        constants = {**(constants or {}), **({} if decay is None else {"weight_decay": decay})}
    formula = formula.with_constants(constants or {})
    chosen = formula.default_prior if prior is None else prior
    known = chosen if isinstance(chosen, Prior) else prior_for(formula, chosen)
    key, instead = determined_law(formula, known, train)
    asked = FitOptions(
        law=law,
        prior=prior.name if isinstance(prior, Prior) else prior,
        quick=quick,
        leave_out=leave_out,
        solver=solver,
        constants=constants or {},
    )
    if instead:
        formula, known = get_law(key).trained_on(train), None
    _check_points(train, formula)
    objective = Objective.of(formula, train, known)
    box = parameter_box(formula, train)
    if quick:
        ends = [from_prior(objective, box, solver)]
    else:
        ends = search(objective, box, solver=solver, executor=executor, progress=progress)
    best = ends[0]
    params = objective.params(best.unknowns)
    errors = uncertainty(objective, box, best.unknowns)
    left_out: dict[str, CurveReport] = {}
    if leave_out:
        left_out = leave_each_out(
            objective, box, best.unknowns, train, executor=executor, progress=progress
        )
    agreeing = sum(end.value <= best.value * (1 + AGREEMENT) for end in ends)
    measured = measure_curves(formula, params, train, test)
    warnings = [
        *([instead] if instead else []),
        *_solver_warnings(best.converged, agreeing, len(ends)),
        *_bound_warnings(formula, box, best.unknowns, params),
        *[
            f"{name} = {value:.4g} has no error: {why}"
            for name, value, why, edge in zip(
                formula.names,
                params,
                errors.covariance.reasons,
                box.at_edge(best.unknowns),
                strict=True,
            )
            if why and not edge
        ],
        *curve_warnings(formula, train),
        *decay_warnings(formula, train),
        *prior_warnings(objective.prior, best.unknowns),
        *not_held_out(train, test),
        *beginning_warnings(train, objective.by_curve(objective.residuals(params))),
        *poor_curves(measured.train),
    ]
    return Fit(
        law=formula.key,
        params=dict(zip(formula.names, params.tolist(), strict=True)),
        constants=dict(formula.constants),
        objective=objective.value(params),
        penalty=objective.prior.penalty(best.unknowns) if objective.prior else 0.0,
        converged=best.converged,
        warnings=tuple(warnings),
        standard_errors={
            name: float(error) if np.isfinite(error) else None
            for name, error in zip(formula.names, errors.errors, strict=True)
        },
        correlations=rows(errors.correlations),
        spread=spread_of(objective, params, errors.covariance.matrix, train, left_out),
        starts=Starts(
            len(ends) if known and known.covers(formula) else SCREENED,
            len(ends),
            agreeing,
            tuple(end.value for end in ends),
            tuple(end.path for end in ends),
        ),
        data=(
            *(CurveRecord.of(curve, "train") for curve in train),
            *(CurveRecord.of(curve, "test") for curve in test),
        ),
        residual_correlation=errors.lag_one,
        prior=objective.prior,
        options=asked,
        versions=_versions(),
        metrics=measured,
        left_out=group_of(left_out),
    )


def _check_names(train: Sequence[Curve], test: Sequence[Curve]) -> None:
    names = [curve.name for curve in (*train, *test)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FitError(
            f"more than one curve is named {twice[0]}: names must differ, and a curve can be in "
            "the training or in the test set, not in both"
        )


def _check_points(train: Sequence[Curve], law: Law) -> None:
    points = sum(len(curve) for curve in train)
    if points <= len(law.parameters):
        raise FitError(
            f"{points} training points are too few for the {len(law.parameters)} parameters of "
            f"{law.key}: give more or longer curves"
            + (", or a law with fewer parameters (onepower: 3)" if len(law.parameters) > 3 else "")
        )


def _solver_warnings(converged: bool, agreeing: int, descended: int) -> list[str]:
    warnings = []
    if not converged:
        warnings.append("the solver did not converge: the parameters are not a minimum")
    if agreeing < min(max(2, descended // 2), descended):
        warnings.append(
            f"only {agreeing} of {descended} descents ended at the lowest objective: another "
            "minimum may be lower still"
        )
    return warnings


def _bound_warnings(law: Law, box: Box, unknowns: FloatArray, params: FloatArray) -> list[str]:
    return [
        f"{name} = {value:.4g} is at a bound of its box: the data do not determine it"
        for name, value, edge in zip(law.names, params, box.at_edge(unknowns), strict=True)
        if edge
    ]


def _versions() -> dict[str, str]:
    def of(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:  # run from a checkout
            return "not installed"

    return {package: of(package) for package in ("mplfit", "numpy", "numba", "scipy")}
