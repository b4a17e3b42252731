"""A law fitted to runs, and laws compared on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from operator import call
from typing import Any, Literal, TypeAlias

from mplfit import tasks
from mplfit.api.inputs import CURVES, RunsLike, curves_given
from mplfit.assess.bootstrap import bootstrap as resample
from mplfit.assess.choose import AUTO, fit_auto, fit_by_prior, fit_rival, published_beside
from mplfit.assess.compare import Comparison, compare_laws
from mplfit.assess.decay import decay_shift
from mplfit.assess.identify import identified
from mplfit.assess.weight_decay import LAW as DECAY_LAW
from mplfit.assess.weight_decay import profiled_weight_decay
from mplfit.curve import Curve
from mplfit.errors import ArgumentsError, DataError, FitError
from mplfit.estimate.checks import logged_weight_decay
from mplfit.estimate.prior import Prior
from mplfit.estimate.result import Fit
from mplfit.estimate.solver import Solver
from mplfit.laws.registry import LAWS, get_law
from mplfit.readers.names import listed
from mplfit.readers.paths import split
from mplfit.readers.released import TRAIN
from mplfit.sizes.fit import learn_from_siblings
from mplfit.tasks import Progress

__all__ = ["Say", "compare", "constants_of", "fit"]

Say: TypeAlias = Callable[[str], None]
"""Gets a sentence on what was decided, such as how runs were split, as soon as it is known."""


def fit(
    runs: RunsLike,
    law: str = AUTO,
    *,
    train: Sequence[str] = (),
    test: Sequence[str] | Curve | Iterable[Curve] = (),
    prior: str | Prior | None = None,
    weight_decay: float | Literal["fit"] | None = None,
    siblings: RunsLike = (),
    rival: bool = True,
    solver: Solver = "trust",
    bootstrap: int | None = None,
    seed: int = 0,
    executor: Executor | None = None,
    progress: Progress | None = None,
    say: Say | None = None,
) -> Fit:
    """Fit a law to runs, measure it on held-out ones, and say what they leave open.

    It is what `mplfit fit` does: known collections of runs are split into training and held-out
    ones as they are elsewhere, any others all train; without a law two are fitted, and the one that
    predicts better is used.

    Parameters
    ----------
    runs : curves, or the paths of logs.
    law : a law's key (`mplfit fit --help` lists them), or "auto".
    train, test : names of the runs to learn from, and to hold out. Held-out runs may be curves,
        too: then all of `runs` train.
    prior : "none", "weak", "weak:N" or a `Prior`; the law's own where None.
    weight_decay : AdamW's, for laws that have it; what the logs say, or 0.1, where None; "fit":
        from the losses, with its interval.
    siblings : runs of other sizes, of the same data: what they say is the prior.
    rival : whether another law is fitted beside a named one.
    solver : "trust", a trust-region method, or "lbfgs", L-BFGS-B alone, which is slower.
    bootstrap, seed : refit so many times to resampled residuals; of the random numbers.
    executor : runs the descents, where given (threads or processes); the result is the same.
    say : is told what is decided on the way.

    Raises
    ------
    DataError, FitError
        If a name is not that of a run, or the runs are too few or too short.

    >>> import mplfit
    >>> found = mplfit.fit("data/lab_text", law="onepower", rival=False)
    >>> found.law, [record.name for record in found.trained]
    ('onepower', ['lab_constant', 'lab_cosine', 'lab_two_stage'])
    """
    say = say or _nothing
    related = curves_given(siblings) if siblings else []
    law = _asked_law(law, prior, weight_decay == "fit", bool(related))
    automatic = law == AUTO
    trained, held = _sides(runs, train, test, say)
    decay, ends = (None, None) if weight_decay == "fit" else (weight_decay, None)
    if weight_decay == "fit":
        given = prior if isinstance(prior, (str, Prior)) else None
        decay, ends = profiled_weight_decay(trained, prior=given)
    constants: Mapping[str, float] | None = None
    try:
        constants = constants_of(DECAY_LAW if automatic else law, decay, trained, say)
    except FitError:
        if not automatic or decay is not None:  # else the other law is left, and why is said
            raise
    if related:
        learned = learn_from_siblings(
            trained, related, weight_decay=(constants or {}).get("weight_decay")
        )
        prior, constants = learned.prior, learned.constants
        say(f"note: the prior is from {len(related)} runs of other sizes: {prior.name}")
    make: Callable[..., Fit] = fit_auto if automatic else partial(fit_by_prior, law=law)
    made = make(
        trained, prior=prior, solver=solver, constants=constants, test=held, executor=executor,
        progress=progress,
    )  # fmt: skip
    if ends is not None and "weight_decay" in made.constants:
        made = replace(made, fitted_constants={"weight_decay": ends})
    if constants is None and made.constants.get("weight_decay", 0) > 0:
        made = replace(made, warnings=(*made.warnings, _untold_decay(made, trained, held)))
    jobs: list[Callable[[], Any]] = [partial(identified, made, trained)]
    if rival and not automatic:
        jobs.append(partial(fit_rival, made, trained, held, constants))
    found, *others = tasks.run(call, jobs, executor=executor)
    if {curve.name for curve in trained} == set(TRAIN):
        others.append(published_beside(trained, held))
    others = [*made.others, *(one for one in others if one is not None)]
    found = replace(found, others=tuple(others))
    if bootstrap is not None:
        found = _bootstrapped(found, trained, held, bootstrap, seed, executor, progress)
    object.__setattr__(found, CURVES, (tuple(trained), tuple(held)))
    made_fit: Fit = found
    return made_fit


def compare(
    runs: RunsLike,
    laws: Sequence[str] | None = None,
    *,
    train: Sequence[str] = (),
    test: Sequence[str] = (),
    weight_decay: float | None = None,
    command: str | None = None,
    progress: Progress | None = None,
    say: Say | None = None,
) -> Comparison:
    """Fit several laws to runs; the one that predicts unseen runs best comes first.

    laws : their keys; all that are quick to fit where None.  command : the command line that asks,
    to be recorded. The rest is as for `fit`.
    """
    chosen = [key for key, law in LAWS.items() if law.usually_compared] if laws is None else laws
    decaying = [key for key in chosen if "weight_decay" in get_law(key).constants]
    if weight_decay is not None and not decaying:
        raise ArgumentsError(
            "none of the compared laws has a weight decay: leave weight_decay= out"
        )
    trained, held = _sides(runs, train, test, say or _nothing)
    constants = constants_of(decaying[0], weight_decay, trained, say) if decaying else None
    found = compare_laws(
        trained, held, chosen, constants=constants, command=command, progress=progress
    )
    object.__setattr__(found, CURVES, (tuple(trained), tuple(held)))
    return found


def constants_of(
    law: str, weight_decay: float | None, curves: Sequence[Curve], say: Say | None = None
) -> dict[str, float] | None:
    """What a law must be told of the runs: the weight decay that is given, or that of the logs.

    Raises
    ------
    FitError
        If the law knows no weight decay, or the runs' logs name different ones.
    """
    if weight_decay is not None:
        get_law(law, {"weight_decay": weight_decay})  # refuses what the law does not know
        return {"weight_decay": weight_decay}
    if "weight_decay" not in get_law(law).constants:
        return None
    logged = logged_weight_decay(curves)
    text = "taken to be 0.1 (set it with weight_decay=)"
    if logged is not None:
        text = f"{logged:g}, from the runs' logs"
    (say or _nothing)(f"note: AdamW's weight decay is {text}")
    return None if logged is None else {"weight_decay": logged}


def _nothing(text: str) -> None:
    """Nobody listens."""


def _asked_law(law: str, prior: str | Prior | None, free_decay: bool, siblings: bool) -> str:
    """The law that is fitted; siblings and a fitted weight decay belong to one law."""
    if law != AUTO:
        get_law(law)  # refuses a wrong name before any work
    elif isinstance(prior, Prior):
        raise ArgumentsError("a Prior belongs to one law: name it, as law='effective'")
    if siblings and prior is not None:
        raise ArgumentsError("siblings= give the prior: it goes without prior=")
    for asked, what in (
        (siblings, "siblings= belong"),
        (free_decay, "weight_decay='fit' belongs"),
    ):
        if asked and law not in (AUTO, DECAY_LAW):
            raise ArgumentsError(f"{what} to law='{DECAY_LAW}', got law={law!r}")
    return DECAY_LAW if siblings else law


def _sides(
    runs: RunsLike,
    train: Sequence[str],
    test: Sequence[str] | Curve | Iterable[Curve],
    say: Say,
) -> tuple[list[Curve], list[Curve]]:
    """The curves to learn from, and those to hold out."""
    curves, names, held = curves_given(runs), list[str](), list[Curve]()
    for one in [test] if isinstance(test, (Curve, str)) else test:
        if isinstance(one, Curve):
            held.append(one)
        else:
            names.append(one)
    if held and names:
        raise DataError("test takes the names of runs, or curves: not both")
    if held and not train:
        return curves, held
    trained, rest, how = split(curves, train, names)
    held = held or rest
    out = listed([curve.name for curve in held]) or "nothing"
    say(f"training on {listed([curve.name for curve in trained])}; held out: {out}: {how}")
    return trained, held


def _bootstrapped(
    fit: Fit,
    train: Sequence[Curve],
    test: Sequence[Curve],
    refits: int,
    seed: int,
    executor: Executor | None,
    progress: Progress | None,
) -> Fit:
    """The fit with its bootstrap; where there is none, the fit stands and says why."""
    try:
        drawn = resample(fit, train, refits, seed=seed, executor=executor, progress=progress)
        return replace(fit, bootstrap=drawn.record([*train, *test], fit))
    except FitError as error:
        return replace(fit, warnings=(*fit.warnings, f"no bootstrap: {error}"))


def _untold_decay(fit: Fit, train: Sequence[Curve], test: Sequence[Curve]) -> str:
    moved = decay_shift(fit, train, test or train)
    which = "held-out" if test else "training"
    return (
        f"the weight decay is not in the logs: {fit.constants['weight_decay']:g} is assumed; half "
        f"or double of it moves the predicted final losses of the {which} runs by up to "
        f"{moved:.2g} (weight_decay=)"
    )
