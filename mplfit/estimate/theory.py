"""The convex bound in the place of a fit, so that what takes a fit can also take no run at all."""

from __future__ import annotations

from mplfit.bounds import best_base
from mplfit.errors import FitError
from mplfit.estimate.result import Fit
from mplfit.schedule import linear

__all__ = ["theory_fit"]

_NONE = 1e-300  # the law's sizes are positive; this one adds nothing to any loss


def theory_fit(steps: int, peak: float | None = None) -> Fit:
    """The law `bound` without data: its predictions are Ω_t of `mplfit.bounds`.

    steps : updates of the run that is planned.
    peak : a peak rate that is taken to be the best one for linear decay over these steps; it sets
    G for D = 1. With None both are 1, and rates come in units of D/G.

    Raises
    ------
    FitError
        If the peak is not positive.

    Examples
    --------
    >>> from mplfit.bounds import bound
    >>> from mplfit.estimate.theory import theory_fit
    >>> from mplfit.schedule import constant
    >>> run = constant(100, 0.1)
    >>> abs(float(theory_fit(100).predict(run)[-1]) / bound(run.lr) - 1) < 1e-9
    True
    """
    if peak is not None and not 0 < peak < float("inf"):
        raise FitError(f"the peak rate must be positive and finite, got {peak:g}")
    G = 1.0 if peak is None else best_base(linear(steps, 1.0).lr).rate / peak
    return Fit(
        law="bound",
        params={"C": _NONE, "M": 1.0, "G1": _NONE, "A1": 0.0, "G2": _NONE, "A2": 0.0, "B": G},
        warnings=("a bound of convex theory, not a fit to runs",),
        options={"D": 1.0, "G": G},
    )
