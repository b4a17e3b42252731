"""Which of two fits predicts better: their errors subtracted curve by curve.

The curves that are hard for one law are hard for the other, and runs at one model size share much
of their error, so that the difference is surer than either mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mplfit.estimate.mean import Mean
from mplfit.estimate.metrics import Group
from mplfit.types import Record

__all__ = ["Difference", "difference"]


@dataclass(frozen=True, eq=False)
class Difference(Record):
    """The errors of one fit less those of another on the same curves; negative: it is less wrong.

    mae : of the rows that no training curve has.  final_error : of |predicted - observed| last
    losses.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("sure",)

    mae: Mean
    final_error: Mean

    @property
    def sure(self) -> bool:
        """Whether both differences have one sign, and neither 95 % interval holds zero."""
        alike = self.mae.value * self.final_error.value > 0
        return alike and self.mae.sure and self.final_error.sure


def difference(first: Group, second: Group) -> Difference:
    """The errors of the first group less those of the second, on the curves that both have.

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
    both = [name for name in first.curves if name in second.curves]
    mine, theirs = first.unshared.curves, second.unshared.curves
    return Difference(
        Mean.of(mine[name].mae - theirs[name].mae for name in both),
        Mean.of(first.final[name].error - second.final[name].error for name in both),
    )
