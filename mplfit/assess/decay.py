"""What a weight decay that nobody has told may cost: other ones, with all else fitted anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mplfit.curve import Curve
from mplfit.estimate.fit import fit
from mplfit.estimate.result import Fit
from mplfit.types import FloatArray

__all__ = ["decay_shift"]


def decay_shift(found: Fit, train: Sequence[Curve], runs: Sequence[Curve]) -> float:
    """How far half or double the weight decay moves predicted final losses: the largest |change|.

    The law is fitted anew for each, by one descent from the prior.

    Parameters
    ----------
    found : a fit of a law that has a weight decay.
    train : the curves that it was fitted to.
    runs : those whose final losses are predicted; one at least.
    """

    def finals(factor: float) -> FloatArray:
        constants = {**found.constants, "weight_decay": factor * found.constants["weight_decay"]}
        other = fit(
            train, found.law, prior=found.prior, constants=constants, quick=True, leave_out=False
        )
        return np.array([other.formula.final(other.values, run.schedule.lr) for run in runs])

    middle = finals(1.0)
    return max(float(np.abs(finals(factor) - middle).max()) for factor in (0.5, 2.0))
