"""Pieces of a self-contained HTML page: all text escaped, no scripts, nothing from the network."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

__all__ = ["details", "figure", "page", "section"]

_STYLE = """
:root { color-scheme: light dark; --text: #1b1b1b; --soft: #595959; --ground: #fff; --line: #ddd;
  --rule: #888; --code: #f5f5f5; --warn: #d55e00; }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e8; --soft: #aaa; --ground: #16181b;
  --line: #3a3d42; --rule: #888; --code: #22252a; --warn: #ffab70; } }
body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: var(--text);
  background: var(--ground); margin: 0 auto; padding: 1rem; max-width: 60rem;
  overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2.2rem;
  border-bottom: 1px solid var(--line); } h3 { font-size: 1.05rem; margin-bottom: .3rem; }
.answer { font-size: 1.15rem; font-weight: 600; margin: .4rem 0; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr));
  gap: .8rem; margin: .6rem 0; } .numbers p { margin: 0; color: var(--soft); font-size: .9rem; }
.numbers strong { display: block; font-size: 1.3rem; color: var(--text); }
.wide { overflow-x: auto; margin: .6rem 0; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
th, td { padding: .2rem .5rem; text-align: right; border-bottom: 1px solid var(--line);
  overflow-wrap: normal; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: normal;
  overflow-wrap: anywhere; min-width: 7rem; }
thead th { border-bottom: 1.5px solid var(--rule); vertical-align: bottom; white-space: normal; }
figure { margin: 1rem 0; break-inside: avoid; } img { max-width: 100%; height: auto;
  display: block; background: #fff; border-radius: 4px; }
figcaption, .note { color: var(--soft); font-size: .86rem; }
.warn { border-left: 4px solid var(--warn); padding-left: .7rem; }
details { margin: .6rem 0; } summary { cursor: pointer; }
details details { margin-left: 1rem; } details > summary { font-weight: 600; }
pre { white-space: pre-wrap; background: var(--code); padding: .6rem; font-size: .82rem; }
ul { padding-left: 1.2rem; }
@media (max-width: 40rem) { .many table, .many tbody, .many tr { display: block; }
  .many thead { display: none; } .many tr { border-bottom: 1px solid var(--line);
  padding: .3rem 0; } .many td { display: flex; justify-content: space-between; gap: 1rem;
  border: 0; padding: 0; white-space: normal; } .many td:empty { display: none; }
  .many td::before { content: attr(data-head); color: var(--soft); text-align: left; }
  .many td:first-child { font-weight: 600; } .many td:first-child::before { content: none; } }
@media print { body { max-width: none; font-size: 10.5pt; } .wide { overflow: visible; }
  h2, h3 { break-after: avoid; } tr { break-inside: avoid; } table { font-size: 7.5pt; }
  th, td { padding: .1rem .25rem; white-space: normal; }
  details::details-content { content-visibility: visible; display: block; height: auto; } }
"""
# Nothing may be loaded, whatever a text contains.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(title: str, parts: Iterable[str]) -> bytes:
    """The whole file. `parts` are HTML; the title is text."""
    name = escape(title)
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{name}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>",
            *parts,
            "</body>\n</html>\n",
        ]
    ).encode("utf-8", "replace")


def section(title: str, *parts: str) -> str:
    """A heading (text) and what stands under it (HTML)."""
    return f"<section>\n<h2>{escape(title)}</h2>\n" + "\n".join(parts) + "\n</section>"


def details(summary: str, *parts: str) -> str:
    """Something that opens on a click, without a script. `summary` is text, `parts` are HTML."""
    return f"<details><summary>{escape(summary)}</summary>\n" + "\n".join(parts) + "\n</details>"


def figure(svg: bytes, alt: str, caption: str) -> str:
    """An SVG inside the page, with a text for those who do not see it."""
    data = base64.b64encode(svg).decode()
    source = f"data:image/svg+xml;base64,{data}"
    return (
        f'<figure><div class="wide" tabindex="0"><img src="{source}" alt="{escape(alt)}"></div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
