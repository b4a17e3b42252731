"""How far the errors of a fit's parameters move a predicted loss (the delta method)."""

from __future__ import annotations

import numpy as np

from mplfit.estimate.result import Fit
from mplfit.laws.registry import get_law
from mplfit.schedule import Schedule

__all__ = ["final_error"]


def final_error(fit: Fit, schedule: Schedule) -> float | None:
    """The standard error of the predicted final loss, from those of the parameters.

    sqrt(g' C g), with g the gradient of the final loss in the parameters and C their covariance.
    It is a lower bound: runs of one schedule differ, and the law is not the truth. None where the
    fit has no errors for all parameters.
    """
    law = get_law(fit.law)
    errors = [(fit.standard_errors or {}).get(name) for name in law.names]
    if fit.correlations is None or None in errors:
        return None
    scale = np.array(errors, dtype=np.float64)
    at = law.at(schedule, np.array([schedule.steps - 1]))
    gradient = at.loss_and_gradient(fit.values)[1][0] * scale
    variance = float(gradient @ np.array(fit.correlations) @ gradient)
    return float(np.sqrt(variance)) if np.isfinite(variance) and variance >= 0 else None
