"""How the parameters of the law depend on a model's size and shape.

With n = ln(N/N0), N0 the geometric mean of the sizes, and x = ln(width/depth) - ln(64):

    ln L0(N) = ln(E + F·e^(-a n)) + c1 x + c2 x² + c4 x n
    ln A(N)  = ln A1 - a2 n + c3 x
    ln b(N)  = ln b1 - b2 n,        the other shapes are common to all sizes

A model's own parameters scatter around these, independently and normally, by the spreads.
"""

from __future__ import annotations

import numpy as np

from mplfit.sizes.constants import EXPONENTS, USUAL_SHAPE
from mplfit.sizes.sums import SHAPES
from mplfit.types import FloatArray

__all__ = ["COMMON", "OWN", "SizeLawPrior", "mean_and_slopes", "place_of", "prior_of", "start_of"]

OWN = ("L0", "A", *SHAPES)
"""The unknowns of one size: logarithms, but p itself."""

COMMON = ("E", "F", "a", "A", "a2", "c1", "c2", "c3", "b2", "c4", *SHAPES)
"""The unknowns of the law: ln E, ln F, a, ln A1, a2, c1, c2, c3, b2, c4 and the common shapes."""

_E, _F, _a, _A, _a2, _c1, _c2, _c3, _b2, _c4, _shapes = range(11)
_OPEN = 1e3  # a standard deviation that says nothing


class SizeLawPrior:
    """A normal in the law's unknowns: mean and standard deviations."""

    def __init__(self, mean: FloatArray, sd: FloatArray) -> None:
        self.mean, self.precision = mean, 1 / sd**2

    def penalty(self, common: FloatArray) -> float:
        """½ Σ ((η - mean)/sd)²."""
        return 0.5 * float(self.precision @ (common - self.mean) ** 2)


def prior_of(
    smallest: float,
    amplitude: float,
    shapes: tuple[FloatArray, FloatArray],
    *,
    siblings: bool = False,
) -> SizeLawPrior:
    """The prior of the law's unknowns.

    smallest : about the smallest L0.  amplitude : about A, of which nothing is said.
    shapes : means and standard deviations of the common shapes.  siblings : whether the law is to
        be a prior for a size that has runs, which tell much of its b themselves.
    """
    told = EXPONENTS
    e, f, low = told["E"], told["F"], float(np.log(smallest))
    b = told["b by size, of siblings" if siblings else "b by size"]
    pairs = [
        (low + e[0], e[1]), (low + f[0], f[1]), told["a"], (float(np.log(amplitude)), _OPEN),
        told["a2"], told["L0 by shape"], told["L0 by shape squared"], told["A by shape"], b,
        told["L0 by shape and size"],
    ]  # fmt: skip
    mean, sd = np.array(pairs).T
    return SizeLawPrior(np.concatenate([mean, shapes[0]]), np.concatenate([sd, shapes[1]]))


def place_of(
    parameters: float, reference: float, width: float | None, depth: float | None
) -> tuple[float, float]:
    """n and x of a model; x is 0 where width or depth is not known."""
    x = np.log(width / depth / USUAL_SHAPE) if width and depth else 0.0
    return float(np.log(parameters / reference)), float(x)


def mean_and_slopes(common: FloatArray, n: float, x: float) -> tuple[FloatArray, FloatArray]:
    """(8,) what the law says of a size's own unknowns, and its (8, 16) derivatives.

    >>> import numpy as np
    >>> from mplfit.sizes.size_law import mean_and_slopes
    >>> common = np.zeros(16)
    >>> float(np.exp(mean_and_slopes(common, 0.0, 0.0)[0][0]))  # E + F
    2.0
    """
    E, F = np.exp(common[_E]), np.exp(common[_F] - common[_a] * n)
    share = F / (E + F)
    mean = np.concatenate([np.zeros(2, dtype=common.dtype), common[_shapes:]])
    mean[0] = np.log(E + F) + common[_c1] * x + common[_c2] * x * x + common[_c4] * x * n
    mean[1] = common[_A] - common[_a2] * n + common[_c3] * x
    mean[3] -= common[_b2] * n
    slopes = np.zeros((len(OWN), len(COMMON)), dtype=common.dtype)
    slopes[0, [_E, _F, _a, _c1, _c2, _c4]] = 1 - share, share, -n * share, x, x * x, x * n
    slopes[1, [_A, _a2, _c3]] = 1, -n, x
    slopes[2:, _shapes:] = np.eye(len(SHAPES))
    slopes[3, _b2] = -n
    return mean, slopes


def start_of(L0: FloatArray, A: FloatArray, prior: SizeLawPrior) -> FloatArray:
    """Where a search for the law's unknowns begins: its prior, at the sizes' mean L0 and A."""
    common = prior.mean.copy()
    rest = max(
        float(np.exp(np.mean(np.log(L0)))) - float(np.exp(common[_E])), 0.1 * float(L0.min())
    )
    common[_F], common[_A] = np.log(rest), np.mean(np.log(A))
    return common
