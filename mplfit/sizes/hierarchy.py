"""The joint fit of all sizes: each with parameters of its own, which scatter around the law.

The estimate minimises, over the own unknowns θ_i of every size and the law's unknowns η,

    Σ_i [ Σ_rows huber(ln y - ln L(θ_i)) / (30 δ²) + ½ |(θ_i - m_i(η)) / s|² ] + ½ |(η - η0) / sd|²

with m_i the law (`mplfit.sizes.size_law`) and s the spreads between sizes: a row's weight is that
of an ordinary fit (30 rows count as one observation). Rows tell a size's own eight unknowns alone,
so that their curvature is a block of 8 × 8 for each size, and the law's unknowns follow from Schur
complements: memory and time are linear in the number of sizes. The spreads are estimated by EM,
beside PSEUDO sizes that have the usual ones.

f of a size is taken to first order around the common shapes (`mplfit.sizes.sums`), but for b, in
which it is linear and which may change with the size; rounds of Newton steps alternate with new
sums until the common shapes stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mplfit.estimate.constants import PER_OBSERVATION
from mplfit.estimate.huber import DELTA, huber, huber_slope, huber_weight
from mplfit.sizes.constants import PSEUDO, SPREADS
from mplfit.sizes.size_law import COMMON, OWN, SizeLawPrior, mean_and_slopes, start_of
from mplfit.sizes.sums import SHAPES, SharedSums
from mplfit.types import FloatArray

__all__ = ["UNIT", "Joint", "Problem", "amplitudes", "solve"]

UNIT = PER_OBSERVATION * DELTA**2
"""What a rise of the objective by 1 is in units of the training objective."""

_FLOOR = 0.05  # predictions below this share of the observation are continued linearly
_ROUNDS, _STEPS = 25, 60
_STAYS, _SMALL = 1e-3, 1e-6
_FARTHEST = np.array([1.0, 1.0, 0.3, 1.0, 0.3, 0.3, 0.1, 0.3, 0.3, 0.1, *[0.5] * 6])  # of one step
_B = SHAPES.index("b")
_FIRST_SHAPE = len(COMMON) - len(OWN) + 2


@dataclass(frozen=True)
class Joint:
    """The joint fit.

    common : (16,) η.  covariance : (16, 16) of it.  spreads : (8,) s.
    own : (m, 8) θ_i.  own_covariance : (m, 8, 8), of each size alone.
    scatter : 1.25 times the mean absolute log residual of the rows, by size.
    value : of the objective.  converged : whether the common shapes stayed.
    """

    common: FloatArray
    covariance: FloatArray
    spreads: FloatArray
    own: FloatArray
    own_covariance: FloatArray
    scatter: FloatArray
    value: float
    converged: bool


class Problem:
    """The objective around given common shapes, where f and its slopes are known.

    places : (m, 2) n and x of each size.
    """

    def __init__(self, sums: SharedSums, places: FloatArray, prior: SizeLawPrior) -> None:
        self.sums, self.places, self.prior = sums, places, prior
        self.shapes = np.empty(0)
        self._f: list[FloatArray] = []
        self._slopes: list[FloatArray] = []

    def around(self, shapes: FloatArray) -> FloatArray:
        """Sum anew, around these common shapes; f of these."""
        f, slopes = self.sums(shapes)
        self.shapes = shapes.copy()
        self._f = [f[rows] for rows in self.sums.rows]
        self._slopes = [slopes[rows] for rows in self.sums.rows]
        return f

    def residuals(self, i: int, own: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Log residuals of a size's rows, and the (n, 8) slopes of its log predictions."""
        off = own[2:] - self.shapes
        grown = np.exp(off[_B])
        off[_B] = grown - 1  # f is linear in b itself
        f, in_shapes = self._f[i] + self._slopes[i] @ off, self._slopes[i].copy()
        in_shapes[:, _B] *= grown
        L0, A = np.exp(own[:2])
        loss = L0 + A * f
        floor = _FLOOR * np.exp(self.sums.log_loss[i])
        above = np.maximum(loss, floor)
        log = np.log(above) + np.minimum(loss - floor, 0.0) / floor
        slopes = np.column_stack([np.full_like(f, L0), A * f, A * in_shapes])
        return self.sums.log_loss[i] - log, slopes / above[:, None]

    def value_and_gradient(
        self, own: FloatArray, common: FloatArray, spreads: FloatArray
    ) -> tuple[float, FloatArray, FloatArray]:
        """The objective, and its derivatives in θ (m, 8) and η (16,)."""
        value = self.prior.penalty(common)
        in_common = self.prior.precision * (common - self.prior.mean)
        in_own = np.empty_like(own)
        for i, (n, x) in enumerate(self.places):
            residual, slopes = self.residuals(i, own[i])
            mean, mean_slopes = mean_and_slopes(common, n, x)
            off = (own[i] - mean) / spreads**2
            value += float(huber(residual).sum()) / UNIT + 0.5 * float(off @ (own[i] - mean))
            in_own[i] = off - slopes.T @ huber_slope(residual) / UNIT
            in_common -= mean_slopes.T @ off
        return value, in_own, in_common


def amplitudes(sums: SharedSums, f: FloatArray) -> FloatArray:
    """(m, 2) ln L0 and ln A of each size, fitted to its rows with the common shapes' f."""
    found = []
    for log_loss, rows in zip(sums.log_loss, sums.rows, strict=True):
        loss, shape = np.exp(log_loss), f[rows]
        terms = np.column_stack([np.ones_like(shape), shape]) / loss[:, None]
        pair = np.linalg.lstsq(terms, np.ones_like(shape), rcond=None)[0]
        found.append(np.log(np.maximum(pair, [0.2 * loss.min(), 0.02 * loss.min()])))
    return np.array(found)


def solve(problem: Problem, shapes: FloatArray, wider: float = 1.0) -> Joint:
    """Minimise the objective, from these common shapes on.

    wider : times SPREADS are the usual spreads between sizes.
    """
    usual = wider * np.array([SPREADS[name] for name in OWN])
    spreads = usual.copy()
    first = amplitudes(problem.sums, problem.around(shapes))
    own = np.column_stack([first, np.tile(shapes, (len(first), 1))])
    common = start_of(np.exp(first[:, 0]), np.exp(first[:, 1]), problem.prior)
    common[_FIRST_SHAPE:] = shapes
    converged = False
    for _ in range(_ROUNDS):
        for _ in range(_STEPS):
            newton = _newton(problem, own, common, spreads, _descending)
            own, common = own + newton.in_own, common + newton.in_common
            before = spreads
            spreads = _spreads(problem, own, common, newton, usual)
            moved = max(np.abs(newton.in_common).max(), np.abs(newton.in_own).max())
            if moved < _SMALL and np.allclose(spreads, before, rtol=1e-6):
                break
        moved = np.abs(common[_FIRST_SHAPE:] - problem.shapes).max()
        if moved < _STAYS:
            converged = True
            break
        problem.around(common[_FIRST_SHAPE:])
    newton = _newton(problem, own, common, spreads, huber_weight)
    scatter = [
        1.25 * float(np.abs(problem.residuals(i, one)[0]).mean()) for i, one in enumerate(own)
    ]
    return Joint(
        common, newton.covariance, spreads, own, newton.own_covariance(), np.array(scatter),
        problem.value_and_gradient(own, common, spreads)[0], converged,
    )  # fmt: skip


@dataclass(frozen=True)
class _Newton:
    """A step, the covariance of the law's unknowns, and of each size's own given the law's."""

    in_own: FloatArray
    in_common: FloatArray
    covariance: FloatArray
    inverses: Sequence[FloatArray]
    follows: Sequence[FloatArray]

    def own_covariance(self) -> FloatArray:
        """(m, 8, 8) of each size's own unknowns."""
        pairs = zip(self.inverses, self.follows, strict=True)
        return np.array([inverse + G @ self.covariance @ G.T for inverse, G in pairs])


def _newton(
    problem: Problem,
    own: FloatArray,
    common: FloatArray,
    spreads: FloatArray,
    weight: Callable[[FloatArray], FloatArray],
) -> _Newton:
    """A Gauss-Newton step by Schur complements, no longer than _FARTHEST.

    weight : of a row, by its residual: δ/|r| beyond δ descends without fail, the curvature of an
        ordinary fit (`huber_weight`) is for errors.

    Of a size, with H and g of its rows, S the spreads' precision, D the slopes of the law and d
    how far it is from the law: (H + S) Δθ - S D Δη = g - S d.
    """
    precision = np.diag(problem.prior.precision)
    slope = -problem.prior.precision * (common - problem.prior.mean)
    S = np.diag(1 / spreads**2)
    inverses: list[FloatArray] = []
    follows: list[FloatArray] = []
    alone: list[FloatArray] = []
    for i, (n, x) in enumerate(problem.places):
        residual, slopes = problem.residuals(i, own[i])
        H = (slopes * weight(residual)[:, None]).T @ slopes / UNIT
        g = slopes.T @ huber_slope(residual) / UNIT
        mean, D = mean_and_slopes(common, n, x)
        pull = S @ (own[i] - mean)
        inverse: FloatArray = np.asarray(np.linalg.inv(H + S), dtype=np.float64)
        follow, rest = inverse @ S @ D, inverse @ (g - pull)
        precision = precision + D.T @ S @ (D - follow)
        slope = slope + D.T @ (pull + S @ rest)
        inverses.append(inverse)
        follows.append(follow)
        alone.append(rest)
    inverted = np.linalg.inv(precision)
    covariance: FloatArray = 0.5 * (inverted + inverted.T)
    step = covariance @ slope
    share = min(1.0, float(np.min(_FARTHEST / np.maximum(np.abs(step), 1e-300))))
    in_own = [share * (rest + follow @ step) for rest, follow in zip(alone, follows, strict=True)]
    return _Newton(np.array(in_own), share * step, covariance, inverses, follows)


def _descending(residual: FloatArray) -> FloatArray:
    return DELTA / np.maximum(np.abs(residual), DELTA)


def _spreads(
    problem: Problem, own: FloatArray, common: FloatArray, newton: _Newton, usual: FloatArray
) -> FloatArray:
    """EM's next standard deviations between sizes, beside PSEUDO sizes with the usual ones."""
    squares = PSEUDO * usual**2
    for i, (n, x) in enumerate(problem.places):
        mean, D = mean_and_slopes(common, n, x)
        apart = newton.follows[i] - D
        variance = newton.inverses[i] + apart @ newton.covariance @ apart.T
        squares = squares + (own[i] - mean) ** 2 + np.diag(variance)
    return np.sqrt(squares / (len(problem.places) + PSEUDO))
