"""The Huber loss: quadratic near zero, linear beyond, so that spikes count little."""

from __future__ import annotations

import numpy as np

from mplfit.types import FloatArray

__all__ = ["DELTA", "huber", "huber_slope", "huber_weight", "quadratic_share"]

DELTA = 1e-3
"""Where the Huber loss of the log residuals turns from quadratic to linear."""

_LEAST = 0.05  # of the residuals: with hardly any in the zone a covariance would be endless


def huber(residual: FloatArray, delta: float = DELTA) -> FloatArray:
    """r²/2 where |r| <= delta, delta·(|r| - delta/2) beyond.

    >>> import numpy as np
    >>> from mplfit.estimate.huber import huber
    >>> huber(np.array([0.5, -3.0]), 1.0).tolist()
    [0.125, 2.5]
    """
    size = np.abs(residual)
    return np.where(size <= delta, 0.5 * residual**2, delta * (size - 0.5 * delta))


def huber_slope(residual: FloatArray, delta: float = DELTA) -> FloatArray:
    """The derivative of `huber`: the residual, clipped to ±delta."""
    return np.clip(residual, -delta, delta)


def huber_weight(residual: FloatArray, delta: float = DELTA) -> FloatArray:
    """Weights of the curvature: 1 inside the quadratic zone, 1/(2|r|/delta - 1) outside."""
    return 1 / np.maximum(2 * np.abs(residual) / delta - 1, 1.0)


def quadratic_share(residual: FloatArray, delta: float = DELTA) -> float:
    """The share of the residuals with |r| <= delta, and 0.05 at least: the mean curvature.

    >>> import numpy as np
    >>> from mplfit.estimate.huber import quadratic_share
    >>> quadratic_share(np.array([0.5, -3.0]), 1.0), quadratic_share(np.array([2.0]), 1.0)
    (0.5, 0.05)
    """
    return max(float(np.mean(np.abs(residual) <= delta)), _LEAST)
