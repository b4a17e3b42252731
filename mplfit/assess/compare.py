"""Every law on the same curves: which one predicts held-out runs best, and how it is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mplfit.assess.intervals import Coverage, coverage
from mplfit.curve import Curve
from mplfit.errors import FitError, MplfitError
from mplfit.estimate.constants import PER_OBSERVATION
from mplfit.estimate.fit import fit
from mplfit.estimate.huber import DELTA
from mplfit.estimate.mean import Mean, binomial
from mplfit.estimate.metrics import Group
from mplfit.estimate.result import Fit
from mplfit.laws.registry import LAWS, get_law
from mplfit.tasks import Progress
from mplfit.types import to_plain

__all__ = ["Comparison", "compare_laws", "held_out_group"]


@dataclass(frozen=True)
class Comparison:
    """One law's fit to the training curves, and its errors on curves that it has not seen.

    left_out : whether these are the training curves, each predicted by a fit to the others, as
        there is no test curve.
    criterion : 2 · (objective + penalty) / (30 δ²) + 2 · parameters, an AIC in which 30 logged rows
        count as one observation; comparable between laws on the same curves alone. (A prior
        "weak:N" has its penalty divided by N δ², so that it is ½ Σ ((φ - μ)/σ)² for every law.)
    failed : why there is no fit, if there is none.
    """

    law: str
    fit: Fit | None
    left_out: bool
    criterion: float | None
    coverage: Coverage | None
    failed: str = ""

    @property
    def held_out(self) -> Group | None:
        """The metrics of the curves that the law has not seen; None where there are none."""
        return None if self.fit is None else held_out_group(self.fit, self.left_out)

    @property
    def whole(self) -> dict[str, Mean] | None:
        """The mean metrics of whole held-out curves."""
        return self.held_out.means if self.held_out else None

    @property
    def branched(self) -> dict[str, Mean] | None:
        """The same without the rows shared with training curves."""
        return self.held_out.unshared.means if self.held_out else None

    @property
    def final_error(self) -> Mean | None:
        """Mean |predicted - observed| final loss of the held-out curves."""
        return self.held_out.final_error if self.held_out else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, a standard error or an interval beside every mean and share."""
        group, held = self.held_out, self.coverage
        parts = {
            "held_out": (group.mean, group.standard_error) if group else None,
            "after_branching": (group.unshared.mean, group.unshared.standard_error)
            if group
            else None,
            "final_error": (group.final_error.value, group.final_error.error) if group else None,
        }
        return {
            "law": self.law,
            "fit": self.fit.to_dict() if self.fit else None,
            "left_out": self.left_out,
            **{key: to_plain(pair and pair[0]) for key, pair in parts.items()},
            "standard_errors": {key: to_plain(pair and pair[1]) for key, pair in parts.items()},
            "criterion": self.criterion,
            "coverage": {f"{level:.2f}": share for level, share in held.points.items()}
            if held
            else None,
            "coverage_intervals": {
                f"{level:.2f}": binomial(share, held.curves) for level, share in held.points.items()
            }
            if held
            else None,
            "failed": self.failed or None,
        }


def held_out_group(fit: Fit, left_out: bool) -> Group | None:
    """A fit's metrics on its test curves, or on its training curves left out in turn."""
    if left_out or fit.metrics is None:
        return fit.left_out if left_out else None
    return fit.metrics.test


def compare_laws(
    train: Sequence[Curve],
    test: Sequence[Curve] = (),
    laws: Sequence[str] | None = None,
    *,
    constants: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> list[Comparison]:
    """Fit several laws, each with its default prior; the best on held-out curves first.

    With no test curve each training curve is left out in turn, and the law fitted to the others
    predicts it. A law that cannot be fitted to these curves is listed with the reason.

    Parameters
    ----------
    train, test : the curves to learn from, and the held-out ones.
    laws : keys of the laws; all of them where None.
    constants : given to the laws that have them, such as {"weight_decay": 0.1}.
    """
    rows = []
    keys = list(LAWS) if laws is None else list(laws)
    for done, key in enumerate(keys):
        known = {
            name: value
            for name, value in (constants or {}).items()
            if name in get_law(key).constants
        }
        try:
            rows.append(_compare(key, train, test, known))
        except MplfitError as error:
            rows.append(Comparison(key, None, not test, None, None, str(error)))
        if progress is not None:
            progress(done + 1, len(keys), "laws")
    return sorted(
        rows, key=lambda row: (bool(row.failed), row.whole["mae"].value if row.whole else np.inf)
    )


def _compare(
    key: str, train: Sequence[Curve], test: Sequence[Curve], constants: Mapping[str, float]
) -> Comparison:
    result = fit(train, key, constants=constants, test=test)
    if result.law != key:  # runs at a constant rate determine less than the law
        raise FitError(result.warnings[0])
    misfit = (result.objective or 0.0) / (PER_OBSERVATION * DELTA**2)
    misfit += result.penalty / ((result.prior.rows if result.prior else PER_OBSERVATION) * DELTA**2)
    criterion = 2 * misfit + 2 * len(result.params)
    return Comparison(key, result, not test, criterion, coverage(result, test, train))
