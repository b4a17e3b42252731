"""The constants of the law over sizes, and the collections that each was chosen on.

Collections: SL and OWT, the models of 33M to 354M parameters on SlimPajama and OpenWebText in
github.com/fabian-sp/lr-scheduling; GEMSTONES, the shapes up to 517M of
github.com/mcleish7/gemstone-scaling-laws; LAB, data/lab_sizes; RELEASED (25M and 400M) and OLMO
(190M, 370M, 760M), on which no number here was fitted (the trend of b and A in the prior of
siblings were compared on them, too).
"""

from __future__ import annotations

from collections.abc import Mapping

from mplfit.errors import FitError

__all__ = ["CHOSEN_ON", "EXPONENTS", "GEMSTONES", "LAB", "OLMO", "OWT", "RELEASED", "SL", "SPREADS"]

SL, OWT, GEMSTONES, RELEASED, OLMO = "sl", "owt", "gemstones", "released", "olmo"
LAB = "lab"

SPREADS: Mapping[str, float] = {
    "L0": 0.0025, "A": 0.02,
    "alpha": 0.03, "b": 0.05, "tau": 0.075, "beta": 0.075, "p": 0.015, "rho": 0.075,
}  # fmt: skip
"""Between sizes, standard deviations of the unknowns (logarithms, but p itself) around the law;
they count like PSEUDO sizes beside those at hand. Half of the first choice, by which the 80 %
intervals of rollouts held 21 of 22 sizes."""

PSEUDO = 4.0

SIBLINGS_WIDER = 2.0
"""Times the spreads, for the prior of a size that has runs of its own: with them as they are, half
of one constant run and its siblings predicted the released curves four times worse. (Both were
compared on all collections, RELEASED and OLMO among them.)"""

EXPONENTS: Mapping[str, tuple[float, float]] = {
    "E": (-0.5, 0.3),  # ln(E / smallest L0)
    "F": (-1.0, 1.0),  # ln(F N0^-a / smallest L0)
    "a": (0.3, 0.1),
    "a2": (-0.1, 0.15),
    "L0 by shape": (0.0, 0.05),
    "L0 by shape squared": (0.0, 0.01),
    "L0 by shape and size": (0.0, 0.02),
    "A by shape": (0.0, 0.05),
    "b by size": (0.0, 0.15),
    "b by size, of siblings": (0.0, 0.05),
}
"""Prior means and standard deviations of what the size and the shape of a model do."""

USUAL_SHAPE = 64.0
"""A ratio of width to depth at which the terms of the shape are zero."""

RUN_EFFECT = 0.002
"""Relative standard deviation between two runs of one schedule and one size."""

CHOSEN_ON: Mapping[str, frozenset[str]] = {
    "SPREADS": frozenset({SL, OWT, GEMSTONES, LAB}),
    "PSEUDO": frozenset({SL, GEMSTONES}),
    "EXPONENTS": frozenset({SL, OWT, GEMSTONES}),
    "RUN_EFFECT": frozenset({SL, OWT}),
}


def check_held_out(collection: str) -> None:
    """Refuse to call a collection held out on which a constant here was chosen.

    Raises
    ------
    FitError
        If one was.
    """
    chosen = sorted(name for name, where in CHOSEN_ON.items() if collection in where)
    if chosen:
        raise FitError(
            f"{', '.join(chosen)} of the law over sizes were chosen on {collection!r}: what they "
            "give there is not held out"
        )
