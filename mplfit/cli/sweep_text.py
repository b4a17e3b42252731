"""A sweep's analysis as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from mplfit.cli.tables import render
from mplfit.estimate.mean import Mean
from mplfit.sweep.analysis import Part, SweepAnalysis
from mplfit.sweep.optimum import FLAGS, Optimum
from mplfit.sweep.power_law import PowerLaw
from mplfit.sweep.predicted import NOT_ASKED
from mplfit.sweep.size_law import SizeLaw
from mplfit.sweep.table import label
from mplfit.sweep.verdict import headline, sentences

__all__ = ["sweep_text"]

_ROWS = 40  # settings in the table, at most
_METHODS = (
    "grid: a line through the lowest rates of the grid, each trusted alike, as notebooks do",
    "ordinary, robust: interpolated optima inside their grids, weighted by their errors (seeds and",
    "  grid resolution); robust gives an odd setting less say",
    "misfit: mean square of the residuals in errors; 1 ± √(2/(settings − unknowns)) where the law",
    "  holds; above, intervals are widened",
)
_PARTS = 12  # parametrizations told in full, at most


def sweep_text(analysis: SweepAnalysis) -> str:
    """Optima, verdicts and laws; long tables are cut, and say so."""
    optima, parts = analysis.optima, analysis.parts
    tolerance = 100 * analysis.options.tolerance
    lines = [
        f"{len(analysis.table)} runs of {len(optima)} setting{'s' if len(optima) > 1 else ''}",
        "",
        render(
            [
                *(list(optima[0].group.key) or ["setting"]),
                *("best on grid", "resampled", "interpolated", "95 % interval"),
                *("its loss, 95 %", f"within {tolerance:g} %", "flags"),
            ],
            [_row(one) for one in optima[:_ROWS]],
        ),
    ]
    if len(optima) > _ROWS:
        lines.append(f"… and {len(optima) - _ROWS} more settings (--json or --out has all)")
    lines += _legend(optima)
    for part in parts[:_PARTS]:
        lines += ["", *_part_lines(part, analysis.options.method)]
    if len(parts) > _PARTS:
        lines.append(f"\n… and {len(parts) - _PARTS} more parametrizations (--json has all)")
    if any(part.laws for part in parts):
        lines += ["", *_METHODS]
    return "\n".join([*lines, "", *_predicted_lines(analysis)])


def _predicted_lines(analysis: SweepAnalysis) -> list[str]:
    if not analysis.predicted:
        return [NOT_ASKED]
    rows = [
        [
            one.optimum.group.name,
            f"{one.predicted_lr:.4g}",
            "–" if one.interval is None else f"{one.interval[0]:.3g}–{one.interval[1]:.3g}",
            f"{one.optimum.lr:.3g}",
            "yes" if one.inside else "no",
            f"{Mean(one.paid, one.paid_error, 2):.4f}",
        ]
        for one in analysis.predicted[:_ROWS]
    ]
    header = ["predicted by the fit", "best rate", "95 %", "observed", "in its interval"]
    return [
        render([*header, "loss paid"], rows),
        "best rate: on the grid; 95 %: over draws of the fit's parameters; ±: standard error by the"
        " noise of the runs",
    ]


def _row(one: Optimum) -> list[str]:
    setting = [label({"": value})[1:] for value in one.group.key.values()] or [one.group.name]
    if "no optimum" in one.flags:
        return [*setting, *["–"] * 6, ", ".join(one.flags)]
    low, high = (f"{end:.3g}" for end in one.interval)
    low, high = f"{'≤' if one.open_low else ''}{low}", f"{'≥' if one.open_high else ''}{high}"
    single = "single rate" in one.flags
    return [
        *setting,
        f"{one.grid_lr:.4g}",
        "–" if single or not one.noise.freedom else f"{100 * one.support:.0f} %",
        "–" if single else f"{one.lr:.3g}",
        "–" if single else f"{low}–{high}",
        f"{one.loss:.4f}" + ("" if single else " [{:.4f}, {:.4f}]".format(*one.loss_interval)),
        "–" if single else f"{one.basin[0]:.2g}–{one.basin[1]:.2g}",
        ", ".join(one.flags) or "–",
    ]


def _legend(optima: Sequence[Optimum]) -> list[str]:
    lines = [
        "",
        "resampled: how often a repeated sweep with the seeds' noise has the same rate lowest",
        "within: by the interpolation; the ends are as unsure as the best rate",
    ]
    seen = {flag for one in optima for flag in one.flags}
    lines += [f"{flag}: {text}" for flag, text in FLAGS.items() if flag in seen]
    sources = {one.noise.source for one in optima}
    if len(sources) == 1:
        source, spread = sources.pop(), 100 * optima[0].noise.spread
        if source == "repeated runs of the setting":
            text = "the noise of a setting is told by its own repeated runs"
        elif optima[0].noise.freedom:
            unsure = spread / (2 * optima[0].noise.freedom) ** 0.5  # of a standard deviation
            text = f"noise of one run: {spread:.2g} ± {unsure:.1g} % of the loss, from {source}"
        else:
            text = (
                "the noise of a run is not known, for no run is repeated: intervals hold the "
                "grid's resolution alone"
            )
        lines.append(text)
    return lines


def _part_lines(part: Part, method: str) -> list[str]:
    title = f"{part.name}: {headline(part)}"
    lines = [title, "-" * len(title)]
    for text in sentences(part):
        indent = "    " if text.startswith("  ") else "  "
        lines += textwrap.wrap(text.strip(), 100, initial_indent=indent, subsequent_indent=indent)
    if part.laws:
        lines += ["", *_law_lines(part.laws, method)]
    if part.size_laws:
        lines += ["", *_size_lines(part.size_laws)]
    if part.missing:
        lines += [""]
        for text in part.missing:
            lines += textwrap.wrap(text, 100, initial_indent="  ", subsequent_indent="  ")
    return lines


def _law_lines(laws: Sequence[PowerLaw], method: str) -> list[str]:
    """One table for each set of variables, the chosen method first."""
    lines = []
    for variables in dict.fromkeys(law.variables for law in laws):
        chosen = [law for law in laws if law.variables == variables]
        chosen.sort(key=lambda law: law.method != method)
        one, single = chosen[0], len(variables) == 1
        if single:
            name = f"gamma of {variables[0]}"
            form = f"best rate = eta0 · ({one.reference[0]:.10g} / {variables[0]})^gamma"
            header = ["method", "settings", "eta0", "95 %", name, "95 %", "misfit"]
        else:
            form = "best rate = eta0 · " + " · ".join(
                f"({name} / {value:g})^{chr(97 + i)}"
                for i, (name, value) in enumerate(zip(variables, one.reference, strict=True))
            )
            header = ["method", "settings", "eta0", "95 %"]
            for i in range(len(variables)):
                header += [chr(97 + i), "95 %"]
            header.append("misfit")
        rows = [_law_row(law, chosen, single) for law in chosen]
        table = render(header, rows)
        lines += [f"  {form}", *(f"    {row}" for row in table.splitlines()), ""]
        left = one.left_out
        if left and one.method != "grid":
            more = f" and {len(left) - 3} more" if len(left) > 3 else ""
            lines.insert(-1, f"    left out of {one.method}: {'; '.join(left[:3])}{more}")
    return lines[:-1]


def _law_row(law: PowerLaw, laws: Sequence[PowerLaw], single: bool) -> list[str]:
    sign = -1 if single else 1
    name = law.method
    if law.method == "grid" and sum(other.method == "grid" for other in laws) > 1:
        name += " (single rates too)" if not law.left_out else " (no single rates)"
    cells = [name, str(law.settings), f"{law.eta0:.3e}", _ends(law.eta0_interval, ".3g")]
    for exponent, ends in zip(law.exponents, law.intervals, strict=True):
        cells += [
            f"{sign * exponent + 0.0:.4f}",
            _ends(tuple(sorted(sign * end + 0.0 for end in ends)), ".3f"),
        ]
    return [*cells, "–" if law.misfit != law.misfit else f"{law.misfit:.2g}"]


def _size_lines(laws: Sequence[SizeLaw]) -> list[str]:
    lines = []
    for size in dict.fromkeys(law.size for law in laws):
        chosen = [law for law in laws if law.size == size]
        rows = [
            [
                "with floor" if law.floor else "no floor",
                f"{law.E:.4f}" if law.floor else "0",
                _ends(law.E_interval, ".3f") if law.floor else "–",
                f"{law.A:.4f}",
                _ends(law.A_interval, ".3f"),
                f"{law.alpha:.3f}",
                _ends(law.alpha_interval, ".3f") + ("" if law.determined else " not determined"),
                f"{law.misfit:.2g}",
            ]
            for law in chosen
        ]
        form = f"loss at the best rate = E + A · ({size} / {chosen[0].reference:.10g})^(−alpha)"
        header = ["law", "E", "95 %", "A", "95 %", "alpha", "95 %", "misfit"]
        table = render(header, rows).splitlines()
        lines += [f"  {form}, {chosen[0].settings} sizes", *(f"    {row}" for row in table), ""]
    return lines[:-1]


def _ends(ends: Sequence[float], digits: str) -> str:
    return f"[{ends[0]:{digits}}, {ends[1]:{digits}}]"
