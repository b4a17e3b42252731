"""Which of two fits predicts better: their errors subtracted curve by curve.

The curves that are hard for one law are hard for the other, and runs at one model size share much
of their error, so that the difference is surer than either mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mplfit.estimate.mean import Mean

__all__ = ["Difference", "difference"]


@dataclass(frozen=True)
class Difference:
    """The errors of one fit less those of another on the same curves; negative: it is less wrong.

    mae : of the rows that no training curve has.  final_error : of |predicted - observed| last
    losses.
    """

    mae: Mean
    final_error: Mean

    @property
    def sure(self) -> bool:
        """Whether both differences have one sign, and neither 95 % interval holds zero."""
        alike = self.mae.value * self.final_error.value > 0
        return alike and self.mae.sure and self.final_error.sure

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "mae": self.mae.to_dict(),
            "final_error": self.final_error.to_dict(),
            "sure": self.sure,
        }


def difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> Difference:
    """Of two groups of a fit's metrics (`metrics.group_of`), on the curves that both have.

    >>> from mplfit.estimate.metrics import CurveReport, Metrics, group_of
    >>> from mplfit.estimate.paired import difference
    >>> def group(*errors):
    ...     of = {name: Metrics(1, error, 0, 0, 0, 0) for name, error in zip("abc", errors)}
    ...     return group_of(
    ...         {name: CurveReport(m, 9, 0, None, 8, 3.0, 3.0 + m.mae) for name, m in of.items()}
    ...     )
    >>> found = difference(group(0.02, 0.05, 0.03), group(0.03, 0.06, 0.045))
    >>> f"{found.mae:+.3f}", found.sure
    ('-0.012 ± 0.002', True)
    """
    mine, theirs = (_errors(group) for group in (one, other))
    both = [name for name in mine if name in theirs]
    mae, final = (
        Mean.of(mine[name][i] - theirs[name][i] for name in both) for i in range(2)
    )  # fmt: skip
    return Difference(mae, final)


def _errors(group: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    curves, ends = group.get("after_branching", group)["curves"], group["final"]
    return {
        name: (curves[name]["mae"], abs(ends[name]["predicted"] - ends[name]["observed"]))
        for name in curves
    }
