"""Priors: what other people's runs say about a law's shape, where one's own say little.

A prior is normal in the solver's unknowns φ (logarithms, but delta and p themselves). With it the
estimate minimises

    (1/(30 δ²)) Σ huber_δ(log y - log L) + ½ Σ ((φ - μ)/σ)²,    δ = 1e-3

which is the training objective plus 15 δ² Σ ((φ - μ)/σ)²: some 30 neighbouring residuals of a run
count as one observation, for they are strongly correlated.

Where the constants come from, and so where they may not be reported as held out: μ of `effective`
and `amplitude` is the mean over eleven other families of runs (other model sizes, on two data
sets; neither the released curves of Luo et al. nor the 124M runs of Schaipp et al.), whose standard
deviations are .09 .07 .37 .19 .03 .02 .28; σ is wider on purpose. The divisor 30 and the widths
were chosen with the released curves in view. The prior of `mpl` is wide and round numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mplfit.errors import FitError
from mplfit.estimate.constants import PER_OBSERVATION
from mplfit.estimate.huber import DELTA
from mplfit.laws.base import Law
from mplfit.schedule import FloatArray

BoolArray: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]

__all__ = ["Prior", "default_prior", "prior_for"]

# name: (mean, standard deviation) of the unknown
_WEAK: dict[str, dict[str, tuple[float, float]]] = {
    "effective": {
        "alpha": (-0.64, 0.3),
        "B": (-1.16, 0.4),
        "tau": (3.85, 1.0),
        "beta": (-0.64, 0.5),
        "delta": (0.07, 0.06),
        "p": (0.80, 0.06),
        "rho": (-1.55, 0.6),
    },
    "amplitude": {
        "alpha": (-0.45, 0.3),
        "B": (-1.2, 0.4),
        "tau": (3.2, 1.0),
        "beta": (-0.55, 0.6),
        "delta": (0.12, 0.1),
        "p": (0.57, 0.1),
    },
    "mpl": {
        "C": (float(np.log(2.0)), 1.0),
        "beta": (float(np.log(0.6)), 1.0),
        "gamma": (float(np.log(0.64)), 1.0),
    },
}

_BY_DEFAULT = ("effective", "amplitude")


@dataclass(frozen=True)
class Prior:
    """A normal in the unknowns: W (φ - μ) is standard. A row and column of 0 leave one free.

    W (`whitening`) is diag(1/σ) where the unknowns are independent.
    """

    name: str
    mean: FloatArray
    whitening: FloatArray

    @property
    def known(self) -> BoolArray:
        """Which unknowns the prior says something about."""
        return np.asarray(np.any(self.whitening != 0, axis=0))

    def widened(self, factor: float) -> Prior:
        """The same means with standard deviations so many times as large."""
        return Prior(f"{self.name}, {factor:g} times as wide", self.mean, self.whitening / factor)

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
        """15 δ² |W (φ - μ)|², in the units of the training objective."""
        return 0.5 * PER_OBSERVATION * DELTA**2 * float(np.sum(self.standardised(unknowns) ** 2))

    def penalty_gradient(self, unknowns: FloatArray) -> FloatArray:
        """Its derivative in the unknowns."""
        slope: FloatArray = self.whitening.T @ self.standardised(unknowns)
        return PER_OBSERVATION * DELTA**2 * slope

    def curvature(self) -> FloatArray:
        """Its Hessian."""
        return PER_OBSERVATION * DELTA**2 * (self.whitening.T @ self.whitening)


def default_prior(law: Law) -> str:
    """The prior that a fit of this law has unless told: weak where it was measured to help."""
    return "weak" if law.key in _BY_DEFAULT else "none"


def prior_for(law: Law, name: str) -> Prior | None:
    """The prior of this name for a law; None for "none".

    Raises
    ------
    FitError
        If there is no such prior.
    """
    if name == "none":
        return None
    if name != "weak" or law.key not in _WEAK:
        known = "none or weak" if law.key in _WEAK else "none"
        raise FitError(f"there is no prior {name!r} for the law {law.key}: choose {known}")
    known_ones = _WEAK[law.key]
    pairs = [known_ones.get(parameter, (0.0, np.inf)) for parameter in law.names]
    mean, spread = np.array(pairs).T
    return Prior(name, mean, np.diag(1 / spread))
