"""How much better one schedule is than another, how sure that is, and whether it is a gain at all.

The gain L_other - L_chosen is predicted by every draw of the parameters (`estimate.posterior`), so
that what the two losses share cancels. What no draw has, the law's error in a *difference* between
two schedules and the noise of two runs, is a normal with standard deviation TAU · s · loss, where s
is the scatter of the training residuals. The gain's distribution is the mixture of those normals.

TAU (`mplfit.estimate.constants`) was chosen on the released curves of Luo et al. (the pairs of
held-out runs, both sizes); it is held out on the 124M runs of Schaipp et al.: see
tests/study/GAINS.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from mplfit.assess.intervals import LEVELS
from mplfit.assess.posterior import draw, final_losses
from mplfit.errors import FitError
from mplfit.estimate.constants import TAU
from mplfit.estimate.result import Fit
from mplfit.schedule import Schedule
from mplfit.types import FloatArray, Record

__all__ = ["DRAWS", "Gain", "GainSummary", "gains"]

DRAWS = 120


@dataclass(frozen=True)
class Gain:
    """What a schedule gains over another, in loss.

    value : at the fit's own parameters.  draws : in every draw.  noise : see the module.
    """

    value: float
    draws: FloatArray
    noise: float

    @property
    def sd(self) -> float:
        """The standard deviation."""
        return float(np.hypot(self.draws.std(), self.noise))

    @property
    def probability(self) -> float:
        """Of a gain above 0."""
        return float(np.mean(ndtr(self.draws / self.noise)))

    def bounds(self, level: float) -> tuple[float, float]:
        """Lower and upper end of the central interval.

        >>> import numpy as np
        >>> from mplfit.assess.gains import Gain
        >>> low, high = Gain(0.01, np.full(9, 0.01), 0.002).bounds(0.95)
        >>> round(low, 4), round(high, 4)
        (0.0061, 0.0139)
        """
        return self._quantile((1 - level) / 2), self._quantile((1 + level) / 2)

    def summary(self) -> GainSummary:
        """What a result keeps of it."""
        intervals = {f"{level:.2f}": self.bounds(level) for level in LEVELS}
        return GainSummary(self.value, self.sd, self.probability, intervals)

    def _quantile(self, share: float) -> float:
        far = 9 * self.noise
        return float(
            brentq(
                lambda x: np.mean(ndtr((x - self.draws) / self.noise)) - share,
                self.draws.min() - far,
                self.draws.max() + far,
            )
        )


@dataclass(frozen=True, eq=False)
class GainSummary(Record):
    """A gain: its value and standard deviation, the probability that it is one, and its intervals
    by level."""

    value: float
    sd: float
    probability: float
    intervals: Mapping[str, tuple[float, float]]


def gains(
    fit: Fit,
    schedule: Schedule,
    others: Sequence[Schedule],
    *,
    count: int = DRAWS,
    seed: int = 0,
) -> list[Gain]:
    """The gain of a schedule over each of the others.

    Raises
    ------
    FitError
        If the fit has no covariance, or gives losses that are not finite.
    """
    every = [schedule, *others]
    drawn = final_losses(fit, every, draw(fit, count, seed))
    centre = final_losses(fit, every, fit.values[None])[0]
    if not (np.isfinite(drawn).all() and np.isfinite(centre).all()):
        raise FitError(
            "draws of the fit's parameters give losses that are not finite: its covariance does "
            "not belong to its parameters; fit again"
        )
    scatter = fit.spread.scatter if fit.spread else 0.0
    noise = max(TAU * scatter * float(centre[0]), 1e-12)
    return [
        Gain(float(centre[k] - centre[0]), drawn[:, k] - drawn[:, 0], noise)
        for k in range(1, len(every))
    ]
