"""Intervals of a fit's parameters from its covariance (Laplace's approximation)."""

from __future__ import annotations

import numpy as np

from mplfit.assess.intervals import LEVELS
from mplfit.assess.posterior import covariance
from mplfit.estimate.result import Fit
from mplfit.laws.base import to_params, to_unknowns

__all__ = ["laplace_intervals"]


def laplace_intervals(fit: Fit, level: float = 0.95) -> dict[str, tuple[float, float] | None]:
    """The interval of every parameter at one of `LEVELS`: φ ± z·sd in the solver's unknown.

    So a positive parameter has a positive interval, and it need not be symmetric. None for a
    parameter without a standard error (at a bound of its box, or not determined), and for a fit
    without a covariance.

    >>> from mplfit import load_fit
    >>> from mplfit.assess.parameters import laplace_intervals
    >>> laplace_intervals(load_fit("400"))["alpha"] is None
    True
    """
    law, names = fit.formula, fit.formula.names
    if fit.spread is None:
        return dict.fromkeys(names)
    errors = fit.standard_errors or {}
    reach = LEVELS[level] * np.sqrt(np.diag(covariance(fit)))
    unknowns = to_unknowns(law, fit.values)
    ends = np.sort([to_params(law, unknowns - reach), to_params(law, unknowns + reach)], axis=0)
    return {
        name: None if errors.get(name) is None else (float(low), float(high))
        for name, low, high in zip(names, *ends, strict=True)
    }
