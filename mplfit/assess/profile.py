"""Profile likelihoods: how the best objective rises as one parameter is held elsewhere.

For a parameter θ the penalised objective that the fit minimised is minimised again over all other
parameters, with θ held at values further and further away. With m the objective at the fit and m(θ)
that at θ, the deviance

    d(θ) = 2 (m(θ) - m) / c

crosses z² at the ends of the interval of level z. c is what Laplace's interval has too: 30 δ² with
a prior (whose strength says how many rows count as one), else V_ii / (H⁻¹)_ii, the sandwich
variance of the unknown over that of the plain curvature: the inflation for noise, Huber zone and
correlation of the residuals. Where the objective is a parabola the two intervals are the same;
where they differ, the profile one is right, for it sees how the objective bends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

import numpy as np

from mplfit import tasks
from mplfit.assess.intervals import LEVELS
from mplfit.assess.parameters import laplace_intervals
from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.estimate.covariance import factorise
from mplfit.estimate.huber import quadratic_share
from mplfit.estimate.objective import Objective, objective_of
from mplfit.estimate.refit import refit
from mplfit.estimate.result import Fit
from mplfit.estimate.solver import Box, parameter_box
from mplfit.estimate.uncertainty import noise_unit, uncertainty
from mplfit.laws.base import to_params, to_unknowns
from mplfit.results import Result
from mplfit.types import FloatArray, Record

__all__ = ["Profile", "Profiles", "profile"]

_FURTHEST = 1.15 * max(LEVELS.values())  # roots of the deviance to follow a profile to
_STEP = 0.45  # aimed rise of the root from point to point
_MOST = 40  # points to a side

Ends = tuple[float | None, float | None]


@dataclass(frozen=True, eq=False)
class Profile(Record):
    """The profile of one parameter.

    laplace_intervals, intervals : by level ("0.80", "0.95"); an end of a profile interval is None
        where the deviance stays below its threshold up to the bound of the parameter's box.
    value : (K,) values, ascending, the fitted one among them.
    deviance : (K,) d at them.
    laplace : (K,) the parabola that Laplace's approximation puts in its place; NaN without one.
        Not written to JSON, and empty where read from it.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("note",)

    fitted: float
    laplace_intervals: Mapping[str, tuple[float, float] | None] = field(metadata={"key": "laplace"})
    intervals: Mapping[str, Ends] = field(metadata={"key": "profile"})
    value: FloatArray
    deviance: FloatArray
    laplace: FloatArray = field(default_factory=lambda: np.empty(0), metadata={"written": False})

    @property
    def note(self) -> str | None:
        """What the profile shows that an interval alone does not say."""
        low, high = self.intervals["0.95"]
        if low is None and high is None:
            return "the data do not bound it on either side"
        if low is None:
            return "the data do not bound it from below"
        if high is None:
            return "the data do not bound it from above"
        if self.deviance.min() < -0.05:
            return "the profile found a lower objective than the fit: fit again"
        return None


@dataclass(frozen=True, eq=False, repr=False)
class Profiles(Result):
    """The profiles of a fit's parameters, by name; see `profile`.

    params : what the fit is called.  curves : how many training curves it has.
    """

    SCHEMA: ClassVar[str] = "mplfit.profile/1"

    params: str
    law: str
    prior: str
    curves: int
    parameters: Mapping[str, Profile]

    def __iter__(self) -> Iterator[Profile]:
        return iter(self.parameters.values())

    def __getitem__(self, name: str) -> Profile:
        return self.parameters[name]

    def __len__(self) -> int:
        return len(self.parameters)


def profile(
    fit: Fit,
    curves: Sequence[Curve],
    names: Sequence[str] = (),
    *,
    name: str = "",
    executor: Executor | None = None,
    progress: tasks.Progress | None = None,
) -> Profiles:
    """The profiles of some parameters (all of them by default).

    Parameters
    ----------
    fit : the fit, whose law, prior and parameters are used.
    curves : its training curves.
    name : what the fit is called in the result.
    executor : each parameter is a task.

    Raises
    ------
    DataError
        If the law has no parameter of a name.

    Examples
    --------
    >>> import numpy as np
    >>> from mplfit import simulate
    >>> from mplfit.estimate.fit import fit
    >>> from mplfit.assess.profile import profile
    >>> from mplfit.laws import get_law
    >>> from mplfit.schedule import constant
    >>> plan, step = constant(1000, 1e-2), np.arange(10, 1000, 10)
    >>> run = simulate(get_law("onepower"), np.array([2.0, 1.0, 0.5]), plan, step, noise=1e-3)
    >>> low, high = profile(fit([run], "onepower"), [run], ["alpha"])["alpha"].intervals["0.95"]
    >>> bool(0.4 < low < 0.5 < high < 0.6)
    True
    """
    law = fit.formula
    objective = objective_of(fit, curves)
    box, unknowns = parameter_box(law, curves), to_unknowns(law, fit.values)
    spread = uncertainty(objective, box, unknowns).covariance.matrix
    for one in names:
        if one not in law.names:
            raise DataError(
                f"the law {fit.law} has no parameter {one!r}: choose of {', '.join(law.names)}"
            )
    names = list(dict.fromkeys(names)) or law.names
    problem = _Problem(
        fit=fit,
        curves=tuple(replace(curve, origin=None) for curve in curves),
        box=box,
        unknowns=unknowns,
        covariance=spread,
        scale=_scales(objective, box, unknowns, spread),
    )
    found = tasks.run(
        partial(_one, problem),
        [law.names.index(name) for name in names],
        executor=executor,
        progress=progress,
        what="profiles",
    )
    laplace = {f"{level:.2f}": laplace_intervals(fit, level) for level in LEVELS}
    made = {
        name: replace(
            of_one, laplace_intervals={level: ends[name] for level, ends in laplace.items()}
        )
        for name, of_one in zip(names, found, strict=True)
    }
    return Profiles(name, fit.law, fit.prior_name, len(curves), made)


@dataclass(frozen=True)
class _Problem:
    """What the profiles share."""

    fit: Fit
    curves: tuple[Curve, ...]
    box: Box
    unknowns: FloatArray
    covariance: FloatArray
    scale: FloatArray


def _scales(
    objective: Objective, box: Box, unknowns: FloatArray, covariance: FloatArray
) -> FloatArray:
    """c for every unknown."""
    unit = noise_unit(objective, unknowns)
    scales = np.full(unknowns.size, unit)
    if objective.prior is not None:
        return scales
    free = box.at_edge(unknowns) == 0
    residual, jacobian = objective.linearise(unknowns)
    inverse = factorise(jacobian[:, free]).inverse
    plain = np.sum(inverse**2, axis=1) / quadratic_share(residual)
    seen = np.flatnonzero(free)[plain > 0]
    scales[seen] = np.diag(covariance)[seen] / plain[plain > 0]
    return scales


def _one(problem: _Problem, index: int) -> Profile:
    objective = objective_of(problem.fit, problem.curves)
    law, box, start = objective.law, problem.box, problem.unknowns
    scale, lowest = float(problem.scale[index]), objective(start)[0]
    sd = float(np.sqrt(problem.covariance[index, index]))
    if not np.isfinite(sd) or sd == 0:
        sd = 0.05
    points = {float(start[index]): 0.0}
    for sign in (-1, 1):
        edge = float(box.low[index] if sign < 0 else box.high[index])
        at, previous, root, step = start, None, 0.0, _STEP * sd
        for _ in range(_MOST):
            place = float(at[index]) + sign * step
            stop = sign * (place - edge) >= 0
            place = edge if stop else place
            guess = at.copy()
            if previous is not None:  # the others go on as they went
                ratio = (place - at[index]) / (at[index] - previous[index])
                guess = at + np.clip(ratio, 0, 2) * (at - previous)
            guess[index] = place
            end = refit(objective, box, guess, scale, fixed=index)
            deviance = 2 * (end.value - lowest) / scale
            points[place] = deviance
            rise = float(np.sqrt(max(deviance, 0.0))) - root
            if rise > 2 * _STEP and step > 1e-3 * sd:  # a bend: look closer
                step *= 0.4
                continue
            previous, at = at, end.unknowns
            root += rise
            if root > _FURTHEST or stop:
                break
            step *= float(np.clip(_STEP / max(rise, 1e-9), 0.5, 1.6))
    order = np.array(sorted(points))
    heights = np.array([points[one] for one in order])
    variance = problem.covariance[index, index]
    with np.errstate(invalid="ignore", divide="ignore"):
        parabola = (order - start[index]) ** 2 / variance

    def shown(unknown: float) -> float:
        moved = start.copy()
        moved[index] = unknown
        return float(to_params(law, moved)[index])

    value = np.array([shown(one) for one in order])
    intervals: dict[str, Ends] = {}
    for level, z in LEVELS.items():
        ends = _crossings(order, heights, float(start[index]), z)
        made = [None if end is None else shown(end) for end in ends]
        if value[0] > value[-1]:  # ln(1 - θ) falls as θ rises
            made.reverse()
        intervals[f"{level:.2f}"] = (made[0], made[1])
    upward = slice(None) if value[0] <= value[-1] else slice(None, None, -1)
    return Profile(
        fitted=shown(float(start[index])),
        value=value[upward],
        deviance=heights[upward],
        laplace=parabola[upward],
        laplace_intervals={},
        intervals=intervals,
    )


def _crossings(
    at: FloatArray, deviance: FloatArray, centre: float, z: float
) -> tuple[float | None, float | None]:
    """Where the signed root of the deviance first passes -z and z, linearly between points."""
    ends: list[float | None] = []
    root = np.sqrt(np.maximum(deviance, 0.0))
    middle = int(np.searchsorted(at, centre))
    for side in (range(middle, 0, -1), range(middle, at.size - 1)):
        found = None
        for i in side:
            j = i - 1 if side.step < 0 else i + 1
            if root[j] >= z:
                share = (z - root[i]) / (root[j] - root[i])
                found = float(at[i] + share * (at[j] - at[i]))
                break
        ends.append(found)
    return ends[0], ends[1]
