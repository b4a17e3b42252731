"""How the loss at the best rate falls with a size: a power law, with a floor and without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mplfit.errors import FitError
from mplfit.sweeps.optimum import Optimum
from mplfit.sweeps.settings import values_of
from mplfit.types import FloatArray

__all__ = ["SizeLaw", "fit_size_law"]

_ALPHAS = np.geomspace(0.005, 5.0, 241)  # exponents searched; the parabola between them refines
_FEWEST = 4  # sizes


@dataclass(frozen=True)
class SizeLaw:
    """Loss at the best rate against a size.

        L(N) = E + A · (N / N0)^(−alpha)      (without a floor: E = 0)

    Intervals are 95 %, by refitting every resampled sweep (widened where the sizes scatter more
    than their errors say). determined : whether the exponents searched hold alpha's interval and,
    with a floor, E's is above 0; else the sizes do not tell a floor from a slow fall.
    draws : shape (draws, 3), of E, A, alpha; not written to JSON. misfit : mean square residual in
    standard errors.
    """

    size: str
    reference: float
    floor: bool
    E: float
    A: float
    alpha: float
    E_interval: tuple[float, float]
    A_interval: tuple[float, float]
    alpha_interval: tuple[float, float]
    determined: bool
    misfit: float
    settings: int
    draws: FloatArray = field(metadata={"written": False})

    def predict(self, sizes: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The loss and its 95 % band at sizes, shape (n,): three arrays (n,)."""
        x = np.log(np.asarray(sizes, dtype=np.float64) / self.reference)
        best = self.E + self.A * np.exp(-self.alpha * x)
        floors, heights, alphas = (self.draws[:, i, None] for i in range(3))
        low, high = np.quantile(floors + heights * np.exp(-alphas * x), [0.025, 0.975], axis=0)
        return best, low, high


def fit_size_law(
    optima: Sequence[Optimum], size: str, *, floor: bool, reference: float | None = None
) -> SizeLaw:
    """Fit the loss at the interpolated optima of at least four sizes, weighted by their errors.

    For each exponent the law is linear in E and A (neither below 0), so that the search is over
    one number and finds the global minimum.

    Raises
    ------
    FitError
        If fewer than four sizes have an optimum inside their grid.
    """
    kept = [optimum for optimum in optima if optimum.usable and float(optimum.loss_draws.std()) > 0]
    sizes = values_of(kept, size)
    if np.unique(sizes).size < _FEWEST:
        raise FitError(
            f"a loss law in {size} needs {_FEWEST} sizes with an optimum inside their grid, got "
            f"{np.unique(sizes).size}"
        )
    reference = float(np.sort(sizes)[(sizes.size - 1) // 2]) if reference is None else reference
    x = np.log(sizes / reference)
    y = np.array([optimum.loss for optimum in kept])
    drawn = np.stack([optimum.loss_draws for optimum in kept], axis=1)
    error = drawn.std(axis=0)
    centre = _solve(x, y[None, :], error, floor)[0]
    fitted = centre[0] + centre[1] * np.exp(-centre[2] * x)
    freedom = sizes.size - (3 if floor else 2)
    misfit = float(np.sum(((y - fitted) / error) ** 2)) / freedom
    # Resampled around the fitted law, as wide as the sizes scatter about it.
    widened = (drawn - drawn.mean(axis=0)) * np.sqrt(max(1.0, misfit))
    draws = _solve(x, fitted + widened, error, floor)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    low, high = np.minimum(low, centre), np.maximum(high, centre)
    inside = low[2] > _ALPHAS[0] * 1.05 and high[2] < _ALPHAS[-1] / 1.05
    ends = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    return SizeLaw(
        *(size, reference, floor, float(centre[0]), float(centre[1]), float(centre[2])),
        *(ends[0], ends[1], ends[2], bool(inside and (not floor or low[0] > 0))),
        *(misfit, int(sizes.size), draws),
    )


def _solve(x: FloatArray, y: FloatArray, error: FloatArray, floor: bool) -> FloatArray:
    """The least squares of every row of y, shape (b, n): E, A and alpha, shape (b, 3)."""
    weight = 1 / error**2
    values, _, _ = _linear(np.exp(-np.outer(_ALPHAS, x)), y, weight, floor)
    best = values.argmin(axis=1)
    inner = np.clip(best, 1, _ALPHAS.size - 2)
    rows = np.arange(len(y))
    left, middle, right = (values[rows, inner + step] for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(bend > 0, 0.5 * (left - right) / bend, 0.0)
    shift = np.clip(shift, -1.0, 1.0) * (best == inner)
    alpha = _ALPHAS[best] * (_ALPHAS[1] / _ALPHAS[0]) ** shift
    solved = np.empty((len(y), 3))
    for row, exponent in enumerate(alpha):
        power = np.exp(-exponent * x)[None, :]
        _, low, height = _linear(power, y[row : row + 1], weight, floor)
        solved[row] = low[0, 0], height[0, 0], exponent
    return solved


def _linear(
    power: FloatArray, y: FloatArray, weight: FloatArray, floor: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Misfit, E and A, none below 0, for rows of y (b, n) and of power (a, n): shapes (b, a)."""
    centre = (y @ weight / weight.sum())[:, None]
    one, p, pp = weight.sum(), power @ weight, power**2 @ weight
    # Sums of the centred losses: their squares would lose the misfit to rounding otherwise.
    cp, cc = (y - centre) @ (power * weight).T, ((y - centre) ** 2 @ weight)[:, None]
    height = (cp + centre * p) / pp
    low = np.zeros_like(height)
    if floor:
        both = cp / (pp - p**2 / one)
        level = centre - both * p / one
        low = np.where(both <= 0, centre, np.maximum(level, 0.0))
        height = np.where(both <= 0, 0.0, np.where(level > 0, both, height))
    shift = low - centre
    misfit: FloatArray = (
        cc - 2 * height * cp + one * shift**2 + 2 * shift * height * p + height**2 * pp
    )
    return misfit, low, height
