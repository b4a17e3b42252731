"""What the data of a fit leave open, as a section of an HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from mplfit.estimate.records import Move
from mplfit.estimate.result import Fit
from mplfit.show.html import details, section, table

__all__ = ["identification_section"]


def identification_section(fit: Fit, title: str = "What the data leave open") -> str:
    """The open directions in words, then all of them and the candidate runs as tables.

    Empty for a fit that carries no identification, such as published parameters.
    """
    found = fit.identification
    if found is None:
        return ""
    directions = found.directions
    if found.sentences:
        items = "".join(f"<li>{escape(str(text))}</li>" for text in found.sentences)
        parts = [f"<ul>{items}</ul>"]
    else:
        parts = ["<p>Every combination of parameters is determined to within 10 %.</p>"]
    rows = [
        [str(number + 1), _moves(one.moves), _size(one.reach), _size(one.with_prior)]
        for number, one in enumerate(directions)
    ]
    header = ["direction", "a move", "open to, data alone", "with the prior"]
    note = (
        "How far parameters can move together until the fit changes by one standard error, as a "
        "multiple of moves of 10 %: above 1 the data leave the combination open. The moves are in "
        "the plane of the fit's curvature, shortened for open directions until the objective "
        "itself changes by no more than the noise."
    )
    parts.append(
        details(
            "All directions",
            table(header, rows),
            f'<p class="note">{escape(note)}</p>',
        )
    )
    asked = [(i + 1, one.shrink) for i, one in enumerate(directions) if one.shrink]
    if asked:
        names = list(found.candidates)
        rows = [
            [
                name,
                str(found.candidates[name]),
                *(f"{100 * shrink[name]:.0f} %" for _, shrink in asked),
            ]
            for name in names
        ]
        header = ["one more run", "updates", *(f"leaves of direction {i}" for i, _ in asked)]
        parts.append(details("Which further run would tell", table(header, rows)))
    return section(title, *parts)


def _moves(moves: Mapping[str, Move]) -> str:
    return ", ".join(
        f"{name} {one.by:+.2g}" if one.kind == "+" else f"{name} ×{one.by:.3g}"
        for name, one in moves.items()
    )


def _size(reach: float) -> str:
    return f"{reach:.2g}" if reach < 100 else "over 100"
