"""One self-contained HTML page from results: what a reviewer asks of a fit, or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from mplfit.assess.compare import Comparison
from mplfit.curve import Curve
from mplfit.estimate.records import CurveRecord
from mplfit.estimate.result import Fit
from mplfit.plan.optimize import Plan
from mplfit.show.html import details, figure, page, section, table
from mplfit.show.plot import plot_residuals, svg
from mplfit.show.report_laws import (
    comparison_section,
    fit_section,
    group,
    metrics_section,
    number,
)
from mplfit.show.report_plans import Candidate, candidates_section, plan_section

__all__ = ["Candidate", "Report", "report"]

_BYTES = 1_200_000  # of figures of single curves: with base64 and the rest, below 2 MB
_POINTS = (200, 1200)  # that a curve is thinned to: with many curves fewer, with few more


@dataclass(frozen=True)
class Report:
    """What goes into the page.

    fits : by a name that tells them apart.
    curves : the curves that could be read again as they were fitted, by name.
    candidates : schedules by name.
    commands : the command lines that made all this.
    comparisons : results of `mplfit compare`, by name.
    plans : of `mplfit optimize`, by name.
    sweeps : sections of `mplfit.show.sweep_report`.
    """

    title: str
    fits: Mapping[str, Fit]
    curves: Mapping[str, Curve] = field(default_factory=dict)
    candidates: Mapping[str, Candidate] = field(default_factory=dict)
    commands: Sequence[str] = ()
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    sweeps: Sequence[str] = ()


def report(what: Report, first: Sequence[str] = ()) -> bytes:
    """The page, the same bytes for the same results; `first` are sections to begin with."""
    parts = [
        *first,
        _summary(what) if what.fits else "",
        *(comparison_section(name, values) for name, values in what.comparisons.items()),
        metrics_section(what.fits),
        *(fit_section(name, fit) for name, fit in what.fits.items()),
        candidates_section(what.fits, what.candidates) if what.candidates else "",
        *(plan_section(name, plan) for name, plan in what.plans.items()),
        _data(what) if what.fits else "",
        _figures(what),
        *what.sweeps,
        _made(what),
    ]
    return page(what.title, [part for part in parts if part])


def _summary(what: Report) -> str:
    rows = []
    for name, fit in what.fits.items():
        trained = fit.trained
        cells = [name, fit.formula.title, str(len(fit.params)), str(len(trained))]
        cells.append(number(fit.objective, ".4g"))
        for role in ("train", "test"):
            found = group(fit, role)
            mean = found.mean if found else None
            cells += [number(getattr(mean, key) if mean else None, ".4f") for key in ("mae", "r2")]
        rows.append([*cells, "yes" if fit.converged else "no"])
    header = ["fit", "law", "parameters", "curves", "objective", "training MAE", "training R2"]
    header += ["held-out MAE", "held-out R2", "converged"]
    note = (
        "The objective is the Huber sum of the log residuals of the training points. Held-out "
        "curves took no part in the fit. Metrics are taken per curve, then averaged."
    )
    return section("Summary", table(header, rows), f'<p class="note">{escape(note)}</p>')


def _data(what: Report) -> str:
    entries: dict[str, CurveRecord] = {}
    for fit in what.fits.values():
        for entry in fit.data:
            entries.setdefault(f"{entry.name} {entry.sha256}", entry)
    if not entries:
        return section("Data", "<p>The parameters are published ones: no data are in the fit.</p>")
    rows = [
        [
            one.name,
            {"train": "training", "test": "held out"}[one.role],
            str(one.points),
            f"{one.first_step}–{one.last_step} of {one.steps}",
            str(one.warmup),
            f"{one.peak:.4g}",
            (one.sha256 or "–")[:12],
        ]
        for one in entries.values()
    ]
    header = ["curve", "role", "rows", "steps", "warmup", "peak lr", "sha256"]
    notes = [
        f"<li>{escape(one.name)}<ul>"
        + "".join(f"<li>warning: {escape(str(text))}</li>" for text in one.warnings)
        + "".join(f"<li>{escape(str(note))}</li>" for note in one.notes)
        + "</ul></li>"
        for one in entries.values()
        if one.notes or one.warnings
    ]
    told = details("What was assumed, dropped or mended", f"<ul>{''.join(notes)}</ul>")
    return section("Data, and what was done to it", table(header, rows), told if notes else "")


def _figures(what: Report) -> str:
    parts: list[str] = []
    size = sum(map(len, what.sweeps)) * 3 // 4  # their figures are in base64 already
    points = min(max(12_000 // max(len(what.curves), 1), _POINTS[0]), _POINTS[1])
    for name, curve in what.curves.items():
        drawn = svg(plot_residuals(curve, what.fits, points))
        size += len(drawn)
        if size > _BYTES:
            break
        roles = {
            record.role for fit in what.fits.values() for record in fit.data if record.name == name
        }
        role = {"train": "training", "test": "held out"}.get("".join(sorted(roles)), "")
        alt = f"Loss, relative error and learning rate of the run {name} against the step"
        text = f"{name}{f' ({role})' if role else ''}: {len(curve)} rows"
        if len(curve) > points:
            text += f", {points} of them and the largest errors drawn"
        parts.append(figure(drawn, alt, text))
    if not what.curves:
        return ""
    left = len(what.curves) - len(parts)
    more = f"<p>{left} more in the tables only, to keep the page small.</p>"
    return section("Curves and residuals", *parts, more if left else "")


def _made(what: Report) -> str:
    lines = escape("\n".join(what.commands))
    versions: dict[str, str] = {}
    for fit in what.fits.values():
        versions |= fit.versions
    parts = [f"<pre>{lines}</pre>"] if what.commands else []
    if versions:
        parts.append(table(["package", "version"], [[k, v] for k, v in versions.items()]))
    rows = [
        [name, ", ".join(f"{k} = {v}" for k, v in fit.options.to_dict().items())]
        for name, fit in what.fits.items()
        if fit.options is not None
    ]
    if rows:
        parts.append(details("Options of the fits", table(["fit", "options"], rows)))
    return section("How it was made", *parts)
