"""A mean or a share over curves, runs or seeds, and how sure it is: where every ± is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from scipy.special import betaincinv, stdtrit

from mplfit.types import MaybeNaN

__all__ = ["Mean", "binomial"]


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error s/√n, from the scatter of its n values.

    One value alone has no scatter: its error is NaN. Formatted as a number is, with its ±.

    >>> from mplfit.estimate.mean import Mean
    >>> errors = Mean.of([0.010, 0.014, 0.012])
    >>> f"{errors:.4f}", f"{Mean.of([0.01]):.4f}"
    ('0.0120 ± 0.0012', '0.0100')
    """

    value: MaybeNaN = field(metadata={"key": "mean"})
    error: MaybeNaN = field(metadata={"key": "standard_error"})
    count: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Mean:
        """The mean of some values; NaN where there is none, or one of them is not known."""
        some = np.array(list(values), dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):  # numbers of a damaged file
            error = np.std(some, ddof=1) / np.sqrt(some.size) if some.size > 1 else np.nan
            value = some.mean() if some.size else np.nan
        return cls(float(value), float(error), some.size)

    @property
    def _reach(self) -> float:
        """Half of the 95 % interval by Student's t."""
        with np.errstate(over="ignore"):
            return float(np.multiply(stdtrit(self.count - 1, 0.975), self.error))

    @property
    def sure(self) -> bool:
        """Whether the 95 % interval by Student's t leaves out zero; never of a single value."""
        if self.count < 2:
            return False
        return bool(abs(self.value) > self._reach)

    def __format__(self, form: str) -> str:
        value, error = self.shown(form)
        return value if error == "–" else f"{value} ± {error}"

    def shown(self, form: str) -> tuple[str, str]:
        """The mean and its standard error as text; "–" for one that is not known."""
        own = ".2g" if form.endswith("g") else form.lstrip("+")
        value, error = (
            format(number, how) if np.isfinite(number) else "–"
            for number, how in ((self.value, form), (self.error, own))
        )
        rounded_away = 0 < self.error < np.inf and float(error) == 0
        return value, f"{self.error:.0e}" if rounded_away else error


def binomial(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` trials (Clopper and Pearson).

    share · count need not be a whole number.

    >>> from mplfit.estimate.mean import binomial
    >>> [round(end, 3) for end in binomial(0.5, 6)]
    [0.118, 0.882]
    """
    hits, misses = share * count, (1 - share) * count
    low = float(betaincinv(hits, misses + 1, 0.025)) if hits > 1e-9 else 0.0
    high = float(betaincinv(hits + 1, misses, 0.975)) if misses > 1e-9 else 1.0
    return low, high
