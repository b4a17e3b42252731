"""Priors: what other people's runs say about a law's shape, where one's own say little.

A prior is normal in the solver's unknowns φ (logarithms, but p, nu and kB themselves). With it the
estimate minimises

    (1/(30 δ²)) Σ huber_δ(log y - log L) + ½ Σ ((φ - μ)/σ)²,    δ = 1e-3

which is the training objective plus 15 δ² Σ ((φ - μ)/σ)²: some 30 neighbouring residuals of a run
count as one observation, for they are strongly correlated. "weak:N" is the weak prior where N count
as one.

A law's file has its prior's means and standard deviations, and says where they come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mplfit.errors import DataError, FitError
from mplfit.estimate.constants import PER_OBSERVATION
from mplfit.estimate.huber import DELTA
from mplfit.laws.base import Law
from mplfit.types import FloatArray, Record

BoolArray: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]

__all__ = ["Prior", "prior_for"]


@dataclass(frozen=True, eq=False)
class Prior(Record):
    """A normal in the unknowns: W (φ - μ) is standard. A row and column of 0 leave one free.

    W (`whitening`) is diag(1/σ) where the unknowns are independent. So many logged `rows` weigh as
    much as one observation against it.
    """

    name: str
    mean: FloatArray
    whitening: FloatArray
    rows: float = PER_OBSERVATION

    def __post_init__(self) -> None:
        super().__post_init__()
        mean, whitening = self.mean, self.whitening
        if mean.ndim != 1 or whitening.ndim != 2 or whitening.shape[1] != mean.size:
            raise DataError(f"the prior {self.name} has a mean and a whitening that do not match")
        if not (np.isfinite(mean).all() and np.isfinite(whitening).all() and self.rows >= 1):
            raise DataError(f"the prior {self.name} has rows below 1, or numbers not finite")

    @property
    def unit(self) -> float:
        """What a rise of the training objective by ½χ² = 1 amounts to: 30 δ² for 30 rows."""
        return self.rows * DELTA**2

    @property
    def known(self) -> BoolArray:
        """Which unknowns the prior says something about."""
        return np.asarray(np.any(self.whitening != 0, axis=0))

    def covers(self, law: Law) -> bool:
        """Whether it says something of every shape parameter: all that the law is not linear in."""
        shape = np.array([not parameter.linear for parameter in law.parameters])
        return bool(np.all(self.known[shape]))

    def standardised(self, unknowns: FloatArray) -> FloatArray:
        """W (φ - μ)."""
        return self.whitening @ (unknowns - self.mean)

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Unknowns drawn from it; those that it leaves free stay at their mean."""
        spread = np.linalg.pinv(self.whitening)
        drawn: FloatArray = self.mean + spread @ rng.standard_normal(self.mean.size)
        return drawn

    def penalty(self, unknowns: FloatArray) -> float:
        """15 δ² |W (φ - μ)|² for 30 rows, in the units of the training objective."""
        return 0.5 * self.unit * float(np.sum(self.standardised(unknowns) ** 2))

    def penalty_gradient(self, unknowns: FloatArray) -> FloatArray:
        """Its derivative in the unknowns."""
        slope: FloatArray = self.whitening.T @ self.standardised(unknowns)
        return self.unit * slope

    def curvature(self) -> FloatArray:
        """Its Hessian."""
        return self.unit * (self.whitening.T @ self.whitening)


def prior_for(law: Law, name: str) -> Prior | None:
    """The prior of this name for a law ("weak", or "weak:N"); None for "none".

    Raises
    ------
    FitError
        If there is no such prior.

    >>> from mplfit.estimate.prior import prior_for
    >>> from mplfit.laws import get_law
    >>> prior_for(get_law("effective"), "weak:480").rows
    480.0
    """
    if name == "none":
        return None
    kind, _, count = name.partition(":")
    some = any(parameter.prior for parameter in law.parameters)
    if kind != "weak" or (count and not _is_count(count)) or not some:
        known = (
            "none, weak or weak:N (N, 1 or more, logged rows count as one observation; weak: 30)"
            if some
            else "none"
        )
        raise FitError(f"there is no prior {name!r} for the law {law.key}: choose {known}")
    pairs = [parameter.prior or (0.0, np.inf) for parameter in law.parameters]
    mean, spread = np.array(pairs).T
    return Prior(name, mean, np.diag(1 / spread), float(count) if count else PER_OBSERVATION)


def _is_count(text: str) -> bool:
    try:
        return 1 <= float(text) < np.inf
    except ValueError:
        return False
