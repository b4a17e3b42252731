"""Which law predicts best, where none was asked for; and what stands beside one that was.

The training objective plays no part: the law that fits best is not the one that predicts best. Two
laws are fitted, the scale-free one (`effective`) and the Multi-Power Law (`mpl`). With three
training curves or more the one that is used is the one whose final losses are less wrong on the
training curves, each left out in turn; held-out curves have no say, so that their errors stay
errors on runs that nothing was chosen on. From one or two curves the Multi-Power Law is not
determined, and the scale-free law, which has a prior on every shape, is used.

Left-out errors also decide between a law's own prior and none, where runs and prior disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial

from mplfit.assess.compare import held_out_group
from mplfit.curve import Curve, curves_of
from mplfit.errors import FitError, MplfitError
from mplfit.estimate.checks import prior_warnings, some_curve
from mplfit.estimate.fit import fit
from mplfit.estimate.metrics import measure_curves
from mplfit.estimate.prior import Prior
from mplfit.estimate.result import Fit, published_fit
from mplfit.estimate.solver import Solver
from mplfit.laws.base import to_unknowns
from mplfit.laws.mpl import PUBLISHED
from mplfit.laws.registry import get_law
from mplfit.tasks import Progress

__all__ = ["AUTO", "fit_auto", "fit_by_prior", "fit_rival", "published_beside"]

AUTO = "auto"
"""What stands for a law where both are to be fitted (`FitOptions.law`)."""

_SCALE_FREE, _OTHER = "effective", "mpl"
_FEWEST = 3  # training curves from which on left-out errors choose
_MEETS = 0.01  # mean relative error of published parameters on the curves that they are of


def fit_auto(
    train: Curve | Iterable[Curve],
    *,
    prior: str | None = None,
    solver: Solver = "trust",
    constants: Mapping[str, float] | None = None,
    test: Curve | Iterable[Curve] = (),
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Fit the scale-free law and the Multi-Power Law, and use the one that predicts better.

    Parameters
    ----------
    train, prior, solver, constants, test, executor, progress : as in `mplfit.estimate.fit.fit`;
        each law takes those of the constants that it knows.

    Returns
    -------
    Fit
        Of the law that is used; `Fit.choice` says why, `Fit.others` has the fit of the other one.

    Raises
    ------
    FitError
        If neither law can be fitted: why the scale-free one cannot.

    >>> import numpy as np
    >>> from mplfit.assess.choose import fit_auto
    >>> from mplfit.estimate.result import published_fit
    >>> from mplfit.estimate.simulate import simulate
    >>> from mplfit.schedule import cosine
    >>> truth, step = published_fit("400"), np.arange(200, 2000, 20)
    >>> run = simulate(truth.formula, truth.values, cosine(2000, 3e-4, 3e-5, warmup=100), step)
    >>> found = fit_auto(run)
    >>> found.law, [other.law for other in found.others]
    ('effective', ['mpl'])
    """
    train, test = curves_of(train), curves_of(test)
    some_curve(train)
    made: dict[str, Fit] = {}
    failed: dict[str, FitError] = {}
    for law in (_SCALE_FREE, _OTHER):
        try:
            made[law] = fit_by_prior(
                train,
                law,
                prior=prior,
                solver=solver,
                constants=_known_to(law, constants),
                test=test,
                executor=executor,
                progress=progress,
            )
        except FitError as error:
            failed[law] = error
    if not made:
        raise failed[_SCALE_FREE]
    used, why = _choice(made, failed, len(train))
    own = made.pop(used)
    asked = replace(own.options, law=AUTO) if own.options else None
    return replace(own, options=asked, choice=why, others=tuple(made.values()))


def fit_by_prior(
    train: Curve | Iterable[Curve],
    law: str,
    *,
    prior: str | Prior | None = None,
    solver: Solver = "trust",
    constants: Mapping[str, float] | None = None,
    test: Curve | Iterable[Curve] = (),
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Fit a law with its own prior; where three runs or more disagree with it, without one too.

    The one that is used has the smaller final errors on training runs that are left out in turn;
    a warning of it gives both.

    Parameters
    ----------
    train, law, solver, constants, test, executor, progress : as in `mplfit.estimate.fit.fit`.
    prior : one that is given is kept.
    """
    train = curves_of(train)
    make = partial(
        fit, train, law, solver=solver, constants=constants, test=test, executor=executor,
        progress=progress,
    )  # fmt: skip
    own = make(prior=prior)
    said = prior_warnings(own.prior, to_unknowns(own.formula, own.values))
    if prior is not None or not said or len(train) < _FEWEST:
        return own
    free = make(prior="none")
    if own.left_out is None or free.left_out is None:
        return own
    errors = own.left_out.final_error.value, free.left_out.final_error.value
    used, which = (own, "with") if errors[0] <= errors[1] else (free, "without")
    text = (
        f"{said[0].partition(';')[0]}; final losses of training runs that are left out in turn are "
        f"wrong by {errors[0]:.4f} with the prior and by {errors[1]:.4f} without it: the fit "
        f"{which} it is used"
    )
    return replace(used, warnings=(text, *(one for one in used.warnings if one not in said)))


def fit_rival(
    own: Fit,
    train: Sequence[Curve],
    test: Sequence[Curve] = (),
    constants: Mapping[str, float] | None = None,
) -> Fit | None:
    """The law that a law names as its rival (`Law.rival`), fitted quickly: from its prior's mean.

    None where no curve is held out or left out, or the rival has no fit.

    Parameters
    ----------
    own : the fit beside which it stands.
    train, test : its curves.
    constants : those of them that the rival knows are given to it.
    """
    law = own.formula.rival
    if held_out_group(own, not test) is None:
        return None
    try:
        return fit(
            train,
            law,
            quick=True,
            constants=_known_to(law, constants),
            test=test,
            leave_out=not test,
        )
    except MplfitError:
        return None


def published_beside(train: Sequence[Curve], test: Sequence[Curve] = ()) -> Fit | None:
    """The published parameters of the Multi-Power Law that meet the curves, with their errors.

    None where those of no size do: their mean relative error on the training curves is above 1 %.
    """
    measured = [
        replace(known, metrics=measure_curves(known.formula, known.values, train, test))
        for known in map(published_fit, PUBLISHED)
    ]
    errors = [one.metrics.train.mean.prede for one in measured if one.metrics and one.metrics.train]
    if not errors or min(errors) > _MEETS:
        return None
    return measured[errors.index(min(errors))]


def _known_to(law: str, constants: Mapping[str, float] | None) -> dict[str, float]:
    known = get_law(law).constants
    return {name: value for name, value in (constants or {}).items() if name in known}


def _choice(made: Mapping[str, Fit], failed: Mapping[str, FitError], count: int) -> tuple[str, str]:
    """The law to use, and why, in a sentence."""
    if failed:
        (law,) = made
        ((missing, reason),) = failed.items()
        return law, f"{law} is used: there is no fit of {missing} ({reason})."
    free, other = made[_SCALE_FREE], made[_OTHER]
    if other.law != _OTHER:
        return _SCALE_FREE, (
            f"{free.law} is used: no training run has a rate that falls, so that {_OTHER} cannot "
            f"be fitted ({other.law} is, beside it), and the prior of {free.law} says what a fall "
            "gives."
        )
    if count < _FEWEST or free.left_out is None or other.left_out is None:
        runs = f"{count} run{'s' if count > 1 else ''}"
        return _SCALE_FREE, (
            f"{free.law} is used: {runs} do{'es' * (count == 1)} not determine {_OTHER}, and "
            f"{free.law} has a prior from other people's runs."
        )
    errors = {law: one.left_out.final_error.value for law, one in made.items() if one.left_out}
    law = min(errors, key=lambda key: errors[key])
    ((worse, error),) = [pair for pair in errors.items() if pair[0] != law]
    return law, (
        f"{law} is used: it is less wrong in the final losses of training runs that are left out "
        f"in turn, {errors[law]:.4f} against {error:.4f} of {worse}."
    )
