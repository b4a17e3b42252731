"""Does another law predict better? A cheap answer, by held-out errors alone.

The rival is one that the law names (`Law.rival`), whose prior says where to begin, so that one
descent fits it. Both laws are measured on the same rows: of the
test curves, those that no training curve shares; without test curves, on each training curve as
predicted by a fit to the others. The training objective plays no part: the law that fits best is
not the one that predicts best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mplfit.assess.compare import held_out_group
from mplfit.curve import Curve
from mplfit.errors import MplfitError
from mplfit.estimate.fit import fit
from mplfit.estimate.paired import difference
from mplfit.estimate.records import Rival
from mplfit.estimate.result import Fit
from mplfit.laws.registry import get_law

__all__ = ["Rival", "find_rival"]


def find_rival(
    own: Fit,
    train: Sequence[Curve],
    test: Sequence[Curve] = (),
    constants: Mapping[str, float] | None = None,
) -> Rival | None:
    """The rival's errors beside a fit's own; None where nothing is held out, or it has no fit.

    Parameters
    ----------
    own : the fit, with its metrics.
    train, test : its curves.
    constants : what the runs' laws must be told, such as {"weight_decay": 0.1}.
    """
    law = own.formula.rival
    known = get_law(law).constants
    told = {name: value for name, value in (constants or {}).items() if name in known}
    mine = held_out_group(own, not test)
    if mine is None:
        return None
    try:
        other = fit(train, law, quick=True, constants=told, test=test, leave_out=not test)
    except MplfitError:
        return None
    theirs = held_out_group(other, not test)
    if theirs is None:
        return None
    return Rival(
        law=law,
        mae=theirs.unshared.mean.mae,
        own_mae=mine.unshared.mean.mae,
        final_error=theirs.final_error.value,
        own_final_error=mine.final_error.value,
        difference=difference(theirs, mine),
        curves=len(mine.curves),
        left_out=not test,
    )
