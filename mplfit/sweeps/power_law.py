"""Laws for the best rate: a power of the model's size, or of several sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

import numpy as np
from scipy.stats import chi2, norm, t

from mplfit.errors import FitError
from mplfit.sweeps.optimum import Optimum
from mplfit.sweeps.settings import values_of
from mplfit.types import FloatArray

__all__ = ["METHODS", "PowerLaw", "fit_power_law", "reference_sizes"]

METHODS = ("grid", "ordinary", "robust")
_HUBER = 1.345  # residuals beyond so many standard errors pull no harder (95 % efficiency)
_ROUNDS = 100
_EXPLAINED = 0.05  # below this probability, the errors of the optima do not explain their scatter


@dataclass(frozen=True)
class PowerLaw:
    """The best rate as a power law of sizes.

        η* = eta0 · Π_v (x_v / x0_v)^exponent_v        (one size: gamma = −exponent)

    variables : the sizes. reference : x0. method : one of `METHODS`.
    eta0, exponents : the estimate; intervals are 95 %. misfit : the mean square of the residuals in
    standard errors (NaN without any to compare with). settings : how many optima were used.
    left_out : names of settings that were not, because their optimum is no optimum.
    draws : shape (draws, 1 + variables), samples of (ln eta0, exponents), for bands; not written to
    JSON.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("gamma", "gamma_interval")

    variables: tuple[str, ...]
    reference: tuple[float, ...]
    method: str
    eta0: float
    eta0_interval: tuple[float, float]
    exponents: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    misfit: float
    settings: int
    left_out: tuple[str, ...]
    draws: FloatArray = field(metadata={"written": False})

    @property
    def gamma(self) -> float:
        """The exponent of x0/x of a law in one size; NaN of a law in several."""
        return -self.exponents[0] if len(self.exponents) == 1 else float("nan")

    @property
    def gamma_interval(self) -> tuple[float, float]:
        """Its 95 % interval."""
        low, high = self.intervals[0] if len(self.exponents) == 1 else (float("nan"),) * 2
        return -high, -low

    def predict(self, sizes: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The best rate and its 95 % band at sizes, shape (n, variables): three arrays (n,)."""
        x = _design(np.asarray(sizes, dtype=np.float64), self.reference)
        best = np.exp(x @ np.array([np.log(self.eta0), *self.exponents]))
        low, high = np.quantile(x @ self.draws.T, [0.025, 0.975], axis=1)
        return best, np.exp(low), np.exp(high)


def reference_sizes(optima: Sequence[Optimum], variables: Sequence[str]) -> tuple[float, ...]:
    """The sizes at which a law states its rate: those of a setting that was run at one rate only
    (the one that others were scaled from), else the medians of the sizes in the sweep."""
    single = [optimum for optimum in optima if "single rate" in optimum.flags]
    if len(single) == 1:
        return tuple(single[0].group.sizes[name] for name in variables)
    values = [np.sort(values_of(optima, name)) for name in variables]
    return tuple(float(value[(value.size - 1) // 2]) for value in values)


def fit_power_law(
    optima: Sequence[Optimum],
    variables: Sequence[str],
    method: str = "robust",
    *,
    reference: Sequence[float] | None = None,
    single: bool = False,
) -> PowerLaw:
    """Fit ln η* = ln eta0 + Σ exponent_v ln(x_v / x0_v).

    * grid : the lowest rates on the grid, an unweighted line, Student's interval from its scatter:
      what notebooks do. It trusts every setting alike, those at the end of their grid included.
      Where the optima scatter less than rounding to the grid alone makes them (step²/12), as when
      all fall on one rate, the interval is that of the rounding instead. `single` keeps settings
      with a single rate, too, whose optimum was not found but given.
    * ordinary : interpolated optima, weighted by their errors, which hold the seeds' noise and the
      grid's resolution; optima at the edge of their grid, or from a single rate, are left out.
      Where they scatter more than their errors say, intervals widen by that; where by so much that
      the errors cannot be right (below 5 %), they are Student's.
    * robust : the same with Huber's weights, so that one odd setting has little say; intervals by
      refitting every resampled sweep.

    Parameters
    ----------
    optima : of one parametrization. variables : names of sizes. reference : x0 of each.

    Raises
    ------
    FitError
        If the method is unknown, or the usable settings are fewer than two more than the sizes or
        do not tell the sizes apart.
    """
    if method not in METHODS:
        raise FitError(f"there is no method {method!r}: the methods are {', '.join(METHODS)}")
    names = tuple(variables)
    if reference is None:
        reference = reference_sizes(optima, names)
    if len(reference) != len(names) or not all(np.isfinite(one) and one > 0 for one in reference):
        raise FitError(f"the reference must be a positive size for each of {', '.join(names)}")
    if method == "grid":
        kept = [
            optimum
            for optimum in optima
            if "no optimum" not in optimum.flags and (single or "single rate" not in optimum.flags)
        ]
    else:
        kept = [optimum for optimum in optima if optimum.usable and optimum.log_error > 0]
    inside = {id(optimum) for optimum in kept}
    left = tuple(optimum.group.name for optimum in optima if id(optimum) not in inside)
    x = _design(np.stack([values_of(kept, name) for name in names], axis=1), reference)
    if len(kept) < len(names) + 2 or np.linalg.matrix_rank(x) < x.shape[1]:
        raise FitError(
            f"a law of {', '.join(names)} needs at least {len(names) + 2} settings with an optimum "
            f"inside their grid that tell the sizes apart, got {len(kept)}"
            + (f" (left out: {'; '.join(left)})" if left else "")
        )
    centre, low, high, draws, misfit = _METHODS[method](x, kept)
    ends = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    return PowerLaw(
        variables=names,
        reference=tuple(map(float, reference)),
        method=method,
        eta0=float(np.exp(centre[0])),
        eta0_interval=(float(np.exp(ends[0][0])), float(np.exp(ends[0][1]))),
        exponents=tuple(centre[1:].tolist()),
        intervals=tuple(ends[1:]),
        misfit=misfit,
        settings=len(kept),
        left_out=left,
        draws=draws,
    )


def _design(sizes: FloatArray, reference: Sequence[float]) -> FloatArray:
    return np.concatenate([np.ones((len(sizes), 1)), np.log(sizes / np.array(reference))], axis=1)


_Estimate: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray, float]
# (estimate, lower ends, upper ends, draws, misfit)


def _grid(x: FloatArray, kept: Sequence[Optimum]) -> _Estimate:
    y = np.log([optimum.grid_lr for optimum in kept])
    inverse = np.linalg.pinv(x)
    centre = np.asarray(inverse @ y, dtype=np.float64)
    freedom = len(kept) - x.shape[1]
    scatter = float(np.sum((y - x @ centre) ** 2)) / freedom
    centre = np.where(np.abs(centre) < 1e-12, 0.0, centre)  # one rate everywhere: a slope of 0
    resolution = float(np.mean(np.log([optimum.step for optimum in kept]) ** 2)) / 12
    covariance = max(scatter, resolution) * (inverse @ inverse.T)
    known = resolution > scatter
    return *_student(centre, covariance, None if known else freedom, kept), float("nan")


def _ordinary(x: FloatArray, kept: Sequence[Optimum]) -> _Estimate:
    y = np.log([optimum.lr for optimum in kept])
    weight = 1 / np.array([optimum.log_error for optimum in kept])
    inverse = np.linalg.pinv(x * weight[:, None])
    centre: FloatArray = inverse @ (y * weight)
    freedom = len(y) - x.shape[1]
    misfit = float(np.sum(((y - x @ centre) * weight) ** 2)) / freedom
    covariance = inverse @ inverse.T * max(1.0, misfit)
    explained = chi2.sf(misfit * freedom, freedom) > _EXPLAINED
    return *_student(centre, covariance, None if explained else freedom, kept), misfit


def _robust(x: FloatArray, kept: Sequence[Optimum]) -> _Estimate:
    y = np.log([optimum.lr for optimum in kept])
    spread = np.array([optimum.log_error for optimum in kept])
    centre = _huber(x, y[None, :], spread)[0]
    misfit = float(np.sum(((y - x @ centre) / spread) ** 2)) / (len(y) - x.shape[1])
    # Resampled optima scatter about their own medians; the law is fitted around the estimate.
    drawn = np.stack([optimum.draws for optimum in kept], axis=1)
    draws = _huber(x, drawn - np.median(drawn, axis=0) + y, spread)
    draws = centre + (draws - centre) * np.sqrt(max(1.0, misfit))
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return centre, np.minimum(low, centre), np.maximum(high, centre), draws, misfit


_METHODS = {"grid": _grid, "ordinary": _ordinary, "robust": _robust}


def _student(
    centre: FloatArray, covariance: FloatArray, freedom: int | None, kept: Sequence[Optimum]
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Student's interval (None: the normal one) about an estimate, and samples like it."""
    quantile = float(norm.ppf(0.975) if freedom is None else t.ppf(0.975, freedom))
    reach = quantile * np.sqrt(np.diag(covariance))
    generator, count = np.random.default_rng(0), kept[0].draws.size
    # Cholesky's factor is unique, where singular vectors have other signs on other machines.
    draws = generator.multivariate_normal(
        np.zeros(centre.size), covariance, count, method="cholesky"
    )
    if freedom is not None:
        draws *= np.sqrt(freedom / generator.chisquare(freedom, (count, 1)))
    return centre, centre - reach, centre + reach, centre + draws


def _huber(x: FloatArray, y: FloatArray, spread: FloatArray) -> FloatArray:
    """Huber's estimate for each row of y, shape (b, n), by reweighting; shape (b, parameters).

    Normal equations do for thousands of rows at once: x is an intercept and the logarithms of two
    or three sizes, of full rank, and what comes out are estimates, not a covariance.
    """
    base = 1 / spread**2
    products = np.einsum("ni,nj->nij", x, x).reshape(len(x), -1)
    weight = np.broadcast_to(base, y.shape)
    solved = np.zeros((len(y), x.shape[1]))
    for _ in range(_ROUNDS):
        normal = (weight @ products).reshape(len(y), x.shape[1], x.shape[1])
        previous, right = solved, (weight * y) @ x
        solved = np.linalg.solve(normal, right[:, :, None])[:, :, 0]
        if np.abs(solved - previous).max() < 1e-9:
            break
        size = np.abs(y - solved @ x.T) / spread
        weight = base * np.minimum(1.0, _HUBER / np.maximum(size, 1e-12))
    return solved
