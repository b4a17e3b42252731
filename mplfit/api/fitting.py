"""A law fitted to runs, and laws compared on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace

from mplfit.api.inputs import CURVES, RunsLike, curves_given
from mplfit.assess.choose import AUTO, fit_auto, fit_rival, published_beside
from mplfit.assess.compare import Comparison, compare_laws
from mplfit.assess.identify import identified
from mplfit.curve import Curve
from mplfit.errors import DataError, FitError
from mplfit.estimate.fit import fit as fit_law
from mplfit.estimate.prior import Prior
from mplfit.estimate.result import Fit
from mplfit.laws.registry import LAWS, get_law
from mplfit.readers.paths import split
from mplfit.readers.released import TRAIN
from mplfit.tasks import Progress

__all__ = ["compare", "fit"]


def fit(
    runs: RunsLike,
    law: str = AUTO,
    *,
    train: Sequence[str] = (),
    test: Sequence[str] | Curve | Iterable[Curve] = (),
    prior: str | Prior | None = None,
    weight_decay: float | None = None,
    rival: bool = True,
    executor: Executor | None = None,
    progress: Progress | None = None,
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
    weight_decay : AdamW's, for laws that have it; what the logs say, or 0.1, where None.
    rival : whether another law is fitted beside a named one.
    executor : runs the descents, where given (threads or processes); the result is the same.

    Raises
    ------
    DataError, FitError
        If a name is not that of a run, or the runs are too few or too short.

    >>> import mplfit
    >>> found = mplfit.fit("data/lab_text", law="onepower", rival=False)
    >>> found.law, [record.name for record in found.trained]
    ('onepower', ['lab_constant', 'lab_cosine', 'lab_two_stage'])
    """
    curves, names, held = curves_given(runs), list[str](), list[Curve]()
    for one in [test] if isinstance(test, (Curve, str)) else test:
        if isinstance(one, Curve):
            held.append(one)
        else:
            names.append(one)
    trained = list(curves)
    if held and names:
        raise DataError("test takes the names of runs, or curves: not both")
    if train or not held:
        trained, rest, _ = split(curves, train, names)
        held = held or rest
    automatic = law == AUTO
    constants = constants_of("effective" if automatic else law, weight_decay, trained)
    if automatic:
        if isinstance(prior, Prior):
            raise FitError("a Prior belongs to one law: name it, as law='effective'")
        made = fit_auto(
            trained, prior=prior, constants=constants, test=held, executor=executor,
            progress=progress,
        )  # fmt: skip
    else:
        made = fit_law(
            trained, law, prior=prior, constants=constants, test=held, executor=executor,
            progress=progress,
        )  # fmt: skip
    others = [*made.others]
    if rival and not automatic and (other := fit_rival(made, trained, held, constants)) is not None:
        others.append(other)
    if {curve.name for curve in trained} == set(TRAIN):
        known = published_beside(trained, held)
        others += [known] if known is not None else []
    found = replace(identified(made, trained), others=tuple(others))
    object.__setattr__(found, CURVES, (*trained, *held))
    return found


def compare(
    runs: RunsLike,
    laws: Sequence[str] | None = None,
    *,
    train: Sequence[str] = (),
    test: Sequence[str] = (),
    weight_decay: float | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Fit several laws to runs; the one that predicts unseen runs best comes first.

    laws : their keys; all that are quick to fit where None. The rest is as for `fit`.
    """
    trained, held, _ = split(curves_given(runs), train, test)
    chosen = [key for key, law in LAWS.items() if law.usually_compared] if laws is None else laws
    decaying = [key for key in chosen if "weight_decay" in get_law(key).constants]
    constants = constants_of(decaying[0], weight_decay, trained) if decaying else None
    return compare_laws(trained, held, chosen, constants=constants, progress=progress)


def constants_of(
    law: str, weight_decay: float | None, curves: Sequence[Curve]
) -> dict[str, float] | None:
    """What a law must be told of the runs: the weight decay that is given, or that of the logs."""
    known = get_law(law).constants
    if weight_decay is not None:
        get_law(law, {"weight_decay": weight_decay})  # refuses what the law does not know
        return {"weight_decay": weight_decay}
    logged = {curve.weight_decay for curve in curves if curve.weight_decay is not None}
    return {"weight_decay": logged.pop()} if "weight_decay" in known and len(logged) == 1 else None
