"""What the solver did, iteration by iteration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mplfit.curve import Curve
from mplfit.errors import FitError
from mplfit.estimate.objective import objective_of
from mplfit.estimate.result import Fit
from mplfit.types import FloatArray

__all__ = ["Iteration", "iterations"]


@dataclass(frozen=True, eq=False)
class Iteration:
    """Where a descent was after an iteration (0: at its start).

    start : the descent, 0 the one that ended lowest.
    objective : the Huber sum plus a prior's penalty.
    gradient : the norm of its gradient in the solver's unknowns (logarithms, mostly).
    params : in the law's order.
    """

    start: int
    number: int
    objective: float
    gradient: float
    params: FloatArray


def iterations(fit: Fit, curves: Curve | Iterable[Curve]) -> list[Iteration]:
    """The iterations of all descents of a fit that this process made; the best descent first.

    curves : those that it was fitted to. Where they are more than six, descents begin at the ends
        of those on six of them, which are not part of it.

    Raises
    ------
    FitError
        If the fit was read from a file, which does not keep them.

    >>> import numpy as np
    >>> from mplfit.estimate.fit import fit
    >>> from mplfit.estimate.result import published_fit
    >>> from mplfit.estimate.simulate import simulate
    >>> from mplfit.estimate.trace import iterations
    >>> from mplfit.schedule import constant
    >>> truth, step = published_fit("400"), np.arange(200, 2000, 20)
    >>> run = simulate(truth.formula, truth.values, constant(2000, 3e-4), step)
    >>> made = iterations(fit(run, "onepower"), run)
    >>> made[0].number, made[0].objective > 1e3 * made[-1].objective
    (0, True)
    """
    if fit.starts is None or not fit.starts.paths:
        raise FitError("a fit from a file does not keep its iterations: fit the curves again")
    objective = objective_of(fit, curves)
    made = []
    for start, path in enumerate(fit.starts.paths):
        for number, unknowns in enumerate(path):
            value, gradient = objective(unknowns)
            size = float(np.linalg.norm(gradient))
            made.append(Iteration(start, number, value, size, objective.params(unknowns)))
    return made
