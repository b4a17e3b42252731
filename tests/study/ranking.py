"""Does a law put schedules in their right order? Rank correlation, and what its choice costs."""

from __future__ import annotations

from dataclasses import dataclass

from mplfit.bounds.agreement import spearman
from mplfit.errors import DataError
from mplfit.types import FloatArray

__all__ = ["Ranking", "ranking"]


@dataclass(frozen=True)
class Ranking:
    """How some runs of one length are ordered by their predicted final losses.

    spearman : the rank correlation of predicted and observed losses.
    regret : the observed loss of the run that was predicted best, less the lowest observed one.
    """

    runs: int
    spearman: float
    regret: float


def ranking(observed: FloatArray, predicted: FloatArray) -> Ranking:
    """Compare the predicted order of runs with the observed one.

    >>> import numpy as np
    >>> from tests.study.ranking import ranking
    >>> ranking(np.array([3.0, 2.0, 2.5]), np.array([3.1, 2.4, 2.3]))
    Ranking(runs=3, spearman=0.5, regret=0.5)
    """
    if observed.shape != predicted.shape or observed.size < 2:
        raise DataError(
            f"a ranking needs two or more runs, each observed and predicted, got "
            f"{observed.size} and {predicted.size}"
        )
    regret = float(observed[predicted.argmin()] - observed.min())
    return Ranking(observed.size, spearman(observed, predicted), regret)
