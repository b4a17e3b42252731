"""The registry of laws: a new law is one new file and one line of `TABLE`.

The table loads no law, so that a help text can list them all without loading numba.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from mplfit.errors import FitError

if TYPE_CHECKING:
    from mplfit.laws.base import Law

    LAWS: dict[str, Law]

__all__ = ["LAWS", "TABLE", "get_law", "register", "unregister"]

TABLE = {
    "mpl": ("mpl.MultiPowerLaw", "the Multi-Power Law of Luo et al. 2025"),
    "effective": ("effective.EffectiveLaw", "changes of the rate relative to the weights' norm"),
    "amplitude": ("effective.AmplitudeLaw", "the effective law without the norm"),
    "onepower": ("onepower.OnePowerLaw", "a power of the cumulative rate, at a constant rate"),
    "momentum": ("momentum.MomentumLaw", "the momentum law of Tissue et al. 2024"),
    "fsl": ("fsl.FunctionalLaw", "the functional scaling law of Li et al. 2025"),
    "bound": ("bound.BoundLaw", "the convex bound of Schaipp et al. 2025"),
}
"""key: (what makes the law, below mplfit.laws; what it is, in a line for help texts)."""


def __getattr__(name: str) -> dict[str, Law]:
    """`LAWS`, made when it is first asked for."""
    if name != "LAWS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    laws: dict[str, Law] = {}
    for key, (place, _) in TABLE.items():
        module, _, maker = place.partition(".")
        laws[key] = getattr(import_module(f"mplfit.laws.{module}"), maker)()
    globals()["LAWS"] = laws
    return laws


def register(law: Law, summary: str) -> None:
    """Add a law of one's own for this process: every call and command knows it from then on.

    summary : what it is, in a line for help texts.

    Raises
    ------
    FitError
        If there is a law of that key.
    """
    from mplfit.laws.registry import LAWS

    if law.key in LAWS:
        raise FitError(f"there is a law {law.key!r} already: give this one another key")
    LAWS[law.key] = law
    TABLE[law.key] = ("", summary)


def unregister(key: str) -> None:
    """Take away a law that `register` has added.

    Raises
    ------
    FitError
        If it is none of these.
    """
    from mplfit.laws.registry import LAWS

    get_law(key)
    if TABLE[key][0]:
        raise FitError(f"the law {key!r} is one of mplfit's own: it stays")
    del LAWS[key], TABLE[key]


def get_law(key: str, constants: Mapping[str, float] | None = None) -> Law:
    """The law of that key, with the constants that a fit has kept for it.

    >>> from mplfit.laws import get_law
    >>> get_law("onepower").names
    ('L0', 'A', 'alpha')
    """
    from mplfit.laws.registry import LAWS

    try:
        law = LAWS[key]
    except KeyError:
        raise FitError(f"there is no law {key!r}: choose one of {', '.join(LAWS)}") from None
    return law.with_constants(constants) if constants else law
