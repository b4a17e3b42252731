"""The registry of laws: a new law is one new file and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from mplfit.errors import FitError
from mplfit.laws.base import Law
from mplfit.laws.bound import BoundLaw
from mplfit.laws.effective import EffectiveLaw
from mplfit.laws.fsl import FunctionalLaw
from mplfit.laws.momentum import MomentumLaw
from mplfit.laws.mpl import MultiPowerLaw
from mplfit.laws.onepower import OnePowerLaw

__all__ = ["LAWS", "get_law"]

LAWS: dict[str, Law] = {
    law.key: law
    for law in (
        MultiPowerLaw(),
        EffectiveLaw(),
        EffectiveLaw(norm=False),
        OnePowerLaw(),
        MomentumLaw(),
        FunctionalLaw(),
        BoundLaw(),
    )
}


def get_law(key: str, constants: Mapping[str, float] | None = None) -> Law:
    """The law of that key, with the constants that a fit has kept for it.

    >>> from mplfit.laws import get_law
    >>> get_law("onepower").names
    ('L0', 'A', 'alpha')
    """
    try:
        law = LAWS[key]
    except KeyError:
        raise FitError(f"there is no law {key!r}: choose one of {', '.join(LAWS)}") from None
    return law.with_constants(constants) if constants else law
