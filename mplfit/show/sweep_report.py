"""A sweep as a section of an HTML report, and as a page of its own."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape

from mplfit.show.html import details, page
from mplfit.show.table import html
from mplfit.show.tables import tables
from mplfit.sweeps.analysis import SweepAnalysis
from mplfit.sweeps.verdict import headline, sentences

__all__ = ["sweep_page", "sweep_section"]

_CAPTIONS = {
    "side-by-side": "Loss against rate, the parametrizations side by side",
    "along-sizes": "Loss against rate along each size, every seed shaded",
    "over-batch": "Rate and batch size chosen together",
    "overlay": "Loss against rate, all sizes on one axis",
    "transfer": "The best rate against every size",
    "best-rate": "Laws of the best rate",
    "best-loss": "Laws of the loss at the best rate",
    "exponents": "Loss by size and by what sets the rate",
    "basins": "Loss against rate, setting by setting",
}


def sweep_section(analysis: SweepAnalysis, figures: Mapping[str, bytes]) -> str:
    """The section: verdicts first, then figures, then every number folded away.

    `figures` are PNG files, by the names that `mplfit.show.sweep_plot.sweep_figures` gives them;
    they are put into the page, which needs no other file.
    """
    lines = ['<section class="sweep">', "<h2>Learning-rate sweep</h2>"]
    for part in analysis.parts:
        lines.append(f"<h3>{escape(part.name)}: {escape(headline(part))}</h3>\n<ul>")
        lines += [f"<li>{escape(one.strip())}</li>" for one in sentences(part)]
        lines.append("</ul>")
    for start, caption in _CAPTIONS.items():
        for name in (name for name in figures if name.startswith(start)):
            data = base64.b64encode(figures[name]).decode()
            lines.append(
                f'<figure><img alt="{caption}" src="data:image/png;base64,{data}">'
                f"<figcaption>{caption}</figcaption></figure>"
            )
    lines.append("<h3>Assumed in reading</h3>\n<ul>")
    lines += [f"<li>{escape(note)}</li>" for note in analysis.table.notes]
    lines.append("</ul>")
    lines.append(details("All numbers", *map(html, tables(analysis))))
    return "\n".join([*lines, "</section>"])


def sweep_page(analysis: SweepAnalysis, figures: Mapping[str, bytes]) -> bytes:
    """The section as a page."""
    return page("Learning-rate sweep", [sweep_section(analysis, figures)])
