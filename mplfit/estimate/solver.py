"""Minimising an objective in a box: many starts, a trust-region descent, an L-BFGS-B finish.

The objective is a badly conditioned sum of Huber losses. From a distant start L-BFGS-B needs 200 to
500 evaluations and often stops half-way; a trust-region method that knows the residuals' Jacobian
(scipy's `least_squares`, which minimises the same Huber sum in the same box) needs about 60 and
arrives. Where the Gauss-Newton step from there would still lower the objective, L-BFGS-B finishes,
in unknowns in which the minimum is round, and decides whether the descent has converged.

All starts go down on a few of the curves, where there are many, and on all of them from the
different ends of that.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
from scipy.optimize import least_squares, minimize, nnls

from mplfit import tasks
from mplfit.curve import Curve
from mplfit.errors import FitError
from mplfit.estimate.covariance import factorise
from mplfit.estimate.huber import DELTA, huber
from mplfit.estimate.objective import Objective
from mplfit.laws.base import Law, to_unknowns
from mplfit.types import FloatArray, IntArray

__all__ = [
    "Box",
    "Descent",
    "Solver",
    "approach",
    "descend",
    "from_prior",
    "newton_step",
    "parameter_box",
    "prior_points",
    "search",
    "spanning_points",
]

Solver: TypeAlias = Literal["trust", "lbfgs"]
"""The trust-region descent with its finish, or L-BFGS-B alone."""

SCREENED, DESCENDED, FROM_PRIOR = 64, 5, 3
AGREEMENT = 1e-6
"""Ends whose objectives differ by less than this (relative) count as the same minimum."""

_EDGE = 1e-6  # of the box's width: closer to a bound is at the bound
_ROUNDS = 12
_ROUNDING = 1e-14  # of the objective's sums, relative
_LOWER = 1e-14  # of the objective: a Gauss-Newton step that promises less is none
_ROUND = 1e-9  # of the objective: L-BFGS-B that gains less has arrived
FEW = 6
"""With more curves than this, starts first go down on so many of them, evenly spread."""


@dataclass(frozen=True)
class Box:
    """Bounds of the unknowns."""

    low: FloatArray
    high: FloatArray

    def at_edge(self, unknowns: FloatArray) -> IntArray:
        """-1, 0 or 1 for each unknown at its lower bound, inside, or at its upper bound."""
        edge = np.nan_to_num(_EDGE * (self.high - self.low), posinf=0.0)
        above, below = unknowns > self.high - edge, unknowns < self.low + edge
        return above.astype(np.int64) - below.astype(np.int64)


def parameter_box(law: Law, curves: Sequence[Curve]) -> Box:
    """The box of a law's unknowns in which a fit to these curves is sought."""
    ends = np.array([to_unknowns(law, bound) for bound in law.box(curves)])
    return Box(ends.min(axis=0), ends.max(axis=0))


@dataclass(frozen=True)
class Descent:
    """One descent: where it ended, how low, and whether the solver calls that a minimum.

    path : (iterations, P) unknowns from the start to the end, a row after each iteration.
    """

    unknowns: FloatArray
    value: float
    converged: bool
    path: FloatArray = field(default_factory=lambda: np.empty((0, 0)), compare=False)


def search(
    objective: Objective,
    box: Box,
    *,
    solver: Solver = "trust",
    executor: Executor | None = None,
    progress: tasks.Progress | None = None,
) -> list[Descent]:
    """Descents from several points; the lowest end first.

    With a prior on every shape they are its mean and draws from it: it leaves one valley to go
    down. Else the best of many points that span the box. Every shape is paired with the amplitudes
    that fit it best: the law is linear in them, so that screening a point costs one evaluation.

    With more than `FEW` curves they first go down on so many of them, and then on all from each
    end that differs there: an end that does not is the same one.
    """
    count = len(objective.predictors)
    some = objective
    if count > FEW:
        places = np.unique(np.linspace(0, count - 1, FEW).round().astype(np.int64))
        some = objective.of_curves(places.tolist())
    if objective.prior is not None and objective.prior.covers(objective.law):
        best = prior_points(some, box, FROM_PRIOR)
    else:
        screened = [_screen(some, box, point) for point in spanning_points(box, SCREENED)]
        screened.sort(key=lambda pair: pair[0])
        best = [point for _, point in screened[:DESCENDED]]
    go = partial(tasks.run, executor=executor, progress=progress, what="starts")
    if some is objective:
        ends: list[Descent] = go(partial(descend, objective, box, solver=solver), best)
    else:
        ends = go(partial(descend, some, box, solver=solver), best)
        first = sorted(ends, key=lambda end: end.value)
        alike = np.cumsum(
            [0] + [b.value > a.value * (1 + AGREEMENT) for a, b in itertools.pairwise(first)]
        ).tolist()
        different = [first[alike.index(k)].unknowns for k in range(alike[-1] + 1)]
        full = go(partial(descend, objective, box, solver=solver), different)
        ends = [full[k] for k in alike]
    return sorted(ends, key=lambda end: end.value)


def from_prior(objective: Objective, box: Box, solver: Solver = "trust") -> Descent:
    """One descent from the prior's mean, with what the prior leaves free fitted to the data.

    Raises
    ------
    FitError
        If there is no prior, or it leaves a parameter free in which the law is not linear.
    """
    return descend(objective, box, prior_points(objective, box, 1)[0], solver)


def prior_points(objective: Objective, box: Box, count: int) -> list[FloatArray]:
    """The prior's mean and draws from it (always the same), what it leaves free fitted to the data.

    Raises
    ------
    FitError
        As `from_prior`.
    """
    law, prior = objective.law, objective.prior
    if prior is None or not prior.covers(law):
        raise FitError(f"the law {law.key} has no prior on its shapes to begin from")
    rng = np.random.default_rng(0)
    free, inside = ~prior.known, 1e-3 * (box.high - box.low)
    made = []
    for drawn in (prior.mean, *(prior.draw(rng) for _ in range(count - 1))):
        point = np.clip(drawn, box.low + inside, box.high - inside)
        if free.any():
            params = objective.params(point)
            params[free] = 1.0
            loss, gradient = objective.predict(params)
            shapes = gradient[:, free] / np.exp(objective.log_loss)[:, None]
            rest = 1 - loss / np.exp(objective.log_loss) + shapes.sum(axis=1)
            params[free] = np.maximum(nnls(shapes, rest)[0], 1e-300)
            point = np.clip(to_unknowns(law, params), box.low + inside, box.high - inside)
        made.append(point)
    return made


def spanning_points(box: Box, count: int) -> list[FloatArray]:
    """Low-discrepancy points of the whole box: Roberts' additive recurrence, deterministic."""
    size = box.low.size
    ratio = 2.0  # tends to the positive root of x^(size+1) = x + 1
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (size + 1))
    steps = ratio ** -np.arange(1.0, size + 1)
    return [box.low + (box.high - box.low) * ((0.5 + i * steps) % 1) for i in range(count)]


def _screen(objective: Objective, box: Box, unknowns: FloatArray) -> tuple[float, FloatArray]:
    """The point with its linear parameters fitted (non-negative least squares), and its value."""
    law = objective.law
    linear = [i for i, parameter in enumerate(law.parameters) if parameter.linear]
    params = objective.params(unknowns)
    shapes = objective.predict(params)[1][:, linear] / np.exp(objective.log_loss)[:, None]
    params[linear] = np.maximum(nnls(shapes, np.ones(len(shapes)))[0], 1e-300)
    inside = 1e-3 * (box.high - box.low)
    point = np.clip(to_unknowns(law, params), box.low + inside, box.high - inside)
    ratio = np.maximum(shapes @ objective.params(point)[linear], 1e-300)
    value = float(huber(np.log(ratio)).sum())
    return value + (objective.prior.penalty(point) if objective.prior else 0.0), point


def descend(objective: Objective, box: Box, start: FloatArray, solver: Solver = "trust") -> Descent:
    """From a point to the minimum below it.

    The trust-region descent has converged where the Gauss-Newton step from its end promises less
    than 1e-14 of the objective. Else rounds of L-BFGS-B in whitened unknowns follow, until one
    gains less than 1e-9 of the objective. L-BFGS-B alone, as the Multi-Power Law's release uses
    it, has converged where that step promises less than 1e-9.
    """
    path = [start]

    def ended(end: FloatArray, value: float, converged: bool) -> Descent:
        last = [] if np.array_equal(path[-1], end) else [end]
        return Descent(end, value, converged, np.array(path + last))

    if solver == "lbfgs":
        end = _plain(objective, box, start, path.append)
    else:
        end = approach(objective, box, start, path.append)
    residual, jacobian = objective.linearise(end)
    value = objective.summed(end, residual, jacobian)[0]
    step, promise = newton_step(objective, box, end, residual, jacobian)
    if solver == "lbfgs":
        return ended(end, value, promise <= _ROUND * value)
    if promise <= _LOWER * value:
        moved = np.clip(end + step, box.low, box.high)
        lower = objective(moved)[0]
        better = lower <= value * (1 + _ROUNDING)
        return ended(moved, lower, True) if better else ended(end, value, True)
    converged = False
    for _ in range(_ROUNDS):
        before = value
        path.append(end)
        end, value = _whitened_round(objective, box, end, value)
        if before - value <= _ROUND * before:
            converged = True
            break
    return ended(end, value, converged)


def _plain(
    objective: Objective, box: Box, start: FloatArray, visit: Callable[[FloatArray], object]
) -> FloatArray:
    end: FloatArray = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(box.low, box.high, strict=True)),
        callback=lambda x: visit(x.copy()),
        options={"maxiter": 5000, "maxfun": 20000, "maxcor": 20, "ftol": 1e-15, "gtol": 1e-10},
    ).x
    return end


def approach(
    objective: Objective,
    box: Box,
    start: FloatArray,
    visit: Callable[[FloatArray], object] | None = None,
) -> FloatArray:
    """Trust-region reflective descent on the residuals in units of the Huber threshold.

    It arrives near enough to a minimum to predict from; `descend` makes sure. `visit` is called
    with the unknowns after every iteration.
    """
    kept: list[tuple[FloatArray, FloatArray]] = []
    prior, points = objective.prior, objective.log_loss.size
    weight = 0.0 if prior is None else np.sqrt(prior.unit) / DELTA

    def residuals(unknowns: FloatArray) -> FloatArray:
        residual, jacobian = objective.linearise(unknowns)
        kept[:] = [(unknowns.copy(), jacobian)]
        if prior is None:
            return residual / DELTA
        return np.append(residual / DELTA, weight * prior.standardised(unknowns))

    def jacobian(unknowns: FloatArray) -> FloatArray:
        if not kept or not np.array_equal(kept[0][0], unknowns):
            residuals(unknowns)
        rows = -kept[0][1] / DELTA
        return rows if prior is None else np.vstack([rows, weight * prior.whitening])

    def loss(squares: FloatArray) -> FloatArray:
        """Huber's rho of the squared residuals and its derivatives; plain squares for the prior."""
        rho = np.array([squares, np.ones_like(squares), np.zeros_like(squares)])
        far = np.flatnonzero(squares[:points] > 1)
        root = np.sqrt(squares[far])
        rho[:, far] = 2 * root - 1, 1 / root, -0.5 / (root * squares[far])
        return rho

    result = least_squares(
        residuals,
        start,
        jacobian,
        bounds=(box.low, box.high),
        method="trf",
        x_scale="jac",
        loss=loss,
        ftol=1e-13,
        xtol=1e-12,
        gtol=1e-15,
        max_nfev=1000,
        callback=visit and (lambda x: visit(x.copy())),
    )
    end: FloatArray = result.x
    return end


def newton_step(
    objective: Objective, box: Box, unknowns: FloatArray, residual: FloatArray, jacobian: FloatArray
) -> tuple[FloatArray, float]:
    """The Gauss-Newton step from a point, and by how much it would lower the objective.

    Unknowns that the gradient presses against a bound stay; directions that the rows do not
    determine are not taken.

    Parameters
    ----------
    residual, jacobian : of `Objective.linearise` there.
    """
    gradient = objective.summed(unknowns, residual, jacobian)[1]
    free = box.at_edge(unknowns) * gradient >= 0
    step = np.zeros_like(unknowns)
    if free.any():
        rows = objective.weighted(residual, jacobian)[:, free]
        triangle = np.asarray(np.linalg.qr(rows, mode="r"), dtype=np.float64)
        inverse = factorise(triangle).inverse
        step[free] = -inverse @ (inverse.T @ gradient[free])
    return step, -0.5 * float(gradient @ step)


def _whitened_round(
    objective: Objective, box: Box, centre: FloatArray, value: float
) -> tuple[FloatArray, float]:
    """L-BFGS-B along the principal directions of the Gauss-Newton rows, each in its own unit.

    Its box is inscribed in the law's, and unknowns that press against a bound stay there.
    """
    gradient = objective(centre)[1]
    edge = box.at_edge(centre)
    free = edge * gradient >= 0  # not pressed against a bound by the descent
    if not free.any() or value <= 0:
        return centre, value
    rows = objective.rows(centre)[:, free]
    size = np.maximum(np.sqrt(np.sum(rows**2, axis=0)), 1e-150)
    _, singular, right = np.linalg.svd(rows / size, full_matrices=False)
    whiten = right.T / np.maximum(singular, 1e-7 * singular[0]) / size[:, None] * np.sqrt(value)
    slack = np.minimum(centre - box.low, box.high - centre)[free]
    slack = np.maximum(slack, _EDGE * (box.high - box.low)[free])
    reach = np.min(slack[:, None] / (slack.size * np.abs(whiten) + 1e-300), axis=0)

    def place(steps: FloatArray) -> FloatArray:
        moved = centre.copy()
        moved[free] += whiten @ steps
        return np.clip(moved, box.low, box.high)

    def scaled(steps: FloatArray) -> tuple[float, FloatArray]:
        total, slopes = objective(place(steps))
        return total / value, slopes[free] @ whiten / value

    polished = minimize(
        scaled,
        np.zeros(slack.size),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(-reach, reach, strict=True)),
        options={"maxcor": 20, "maxiter": 60, "ftol": 1e-14, "gtol": 1e-9},
    )
    end = place(polished.x)
    lowest = objective(end)[0]
    return (end, lowest) if lowest < value else (centre, value)
