"""The registry of laws: a new law is one new file and one line here."""

from __future__ import annotations

from mplfit.errors import FitError
from mplfit.laws.base import Law
from mplfit.laws.bound import BoundLaw
from mplfit.laws.momentum import MomentumLaw
from mplfit.laws.mpl import MultiPowerLaw
from mplfit.laws.onepower import OnePowerLaw

__all__ = ["LAWS", "get_law"]

LAWS: dict[str, Law] = {
    law.key: law for law in (MultiPowerLaw(), OnePowerLaw(), MomentumLaw(), BoundLaw())
}


def get_law(key: str) -> Law:
    """The law of that key.

    >>> from mplfit.laws import get_law
    >>> get_law("onepower").names
    ('L0', 'A', 'alpha')
    """
    try:
        return LAWS[key]
    except KeyError:
        raise FitError(f"there is no law {key!r}: choose one of {', '.join(LAWS)}") from None
