"""The table of `Profiles`: profile intervals of the parameters beside Laplace's."""

from __future__ import annotations

from mplfit.assess.profile import Ends, Profiles
from mplfit.show.table import Cell, Column, Table

__all__ = ["tables"]


def tables(found: Profiles) -> list[Table]:
    """One row a parameter."""
    levels = list(next(iter(found)).intervals)[::-1]  # 95 % first
    columns = [Column("parameter"), Column("value", ".5g")]
    for level in levels:
        titles = (f"{100 * float(level):.0f} % {kind}" for kind in ("Laplace", "profile"))
        columns += [Column(title, wide=level != levels[0]) for title in titles]
    rows = []
    for name, parameter in found.parameters.items():
        row: list[Cell] = [name, parameter.fitted]
        for level in levels:
            laplace = parameter.laplace_intervals[level]
            row += ["none (at a bound)" if laplace is None else _ends(laplace)]
            row.append(_ends(parameter.intervals[level]))
        rows.append(tuple(row))
    held = f", with the {found.prior} prior" if found.prior != "none" else ""
    notes = [
        f"{name}: {parameter.note}."
        for name, parameter in found.parameters.items()
        if parameter.note
    ]
    notes.append(
        "Both widths allow for the residuals' correlation along a run, not for differences between "
        f"runs{', and contain the prior' if held else ''}."
    )
    return [Table(_answer(found, held), tuple(columns), tuple(rows), tuple(notes))]


def _answer(found: Profiles, held: str) -> str:
    """How many of the parameters the data bound."""
    bounded = sum(None not in one.intervals["0.95"] for one in found)
    return (
        f"The data bound {bounded} of {len(found)} parameters of the law {found.law} on both sides "
        f"(95 %; {found.curves} training curves{held})."
    )


def _ends(ends: Ends) -> str:
    return " – ".join("open" if end is None else f"{end:.4g}" for end in ends)
