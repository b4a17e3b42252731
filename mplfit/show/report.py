"""One self-contained HTML page from results: what a reviewer asks of a fit, or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from mplfit.assess.compare import Comparison
from mplfit.assess.predict import Predictions
from mplfit.curve import Curve
from mplfit.estimate.records import CurveRecord
from mplfit.estimate.result import Fit
from mplfit.plan.optimize import Plan
from mplfit.show.html import details, figure, page, section
from mplfit.show.plot import plot_predictions, plot_residuals, svg
from mplfit.show.table import Cell, Column, Table, html
from mplfit.show.tables import tables
from mplfit.show.tables.fit import more_tables

__all__ = ["Report", "report"]

_BYTES = 1_200_000  # of figures of single curves: with base64 and the rest, below 2 MB
_POINTS = (200, 1200)  # that a curve is thinned to: with many curves fewer, with few more


@dataclass(frozen=True)
class Report:
    """What goes into the page.

    fits : by a name that tells them apart.
    curves : the curves that could be read again as they were fitted, by name.
    candidates : what each fit predicts of the same schedules, by the fit's name.
    commands : the command lines that made all this.
    comparisons : results of `mplfit compare`, by name.
    plans : of `mplfit optimize`, by name.
    sweeps : sections of `mplfit.show.sweep_report`.
    """

    title: str
    fits: Mapping[str, Fit]
    curves: Mapping[str, Curve] = field(default_factory=dict)
    candidates: Mapping[str, Predictions] = field(default_factory=dict)
    commands: Sequence[str] = ()
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    sweeps: Sequence[str] = ()


def report(what: Report, first: Sequence[str] = ()) -> bytes:
    """The page, the same bytes for the same results; `first` are sections to begin with."""
    parts = [
        *first,
        _summary(what.fits) if what.fits else "",
        *(
            section("Laws compared" + (f": {name}" if name else ""), *_html(one))
            for name, one in what.comparisons.items()
        ),
        *(_fit(name, fit) for name, fit in what.fits.items()),
        _candidates(what.candidates) if what.candidates else "",
        *(_plan(name, plan) for name, plan in what.plans.items()),
        _data(what) if what.fits else "",
        _figures(what),
        *what.sweeps,
        _made(what),
    ]
    return page(what.title, [part for part in parts if part])


def _html(result: object) -> list[str]:
    """The tables that the result's command prints."""
    return [html(one) for one in tables(result)]


def _fit(name: str, fit: Fit) -> str:
    """One fit: its warnings, its tables, and what is folded away."""
    items = "".join(f"<li>{escape(text)}</li>" for text in fit.warnings)
    warned = f'<div class="warn"><h3>Warnings</h3><ul>{items}</ul></div>' if items else ""
    more = (details(title, *map(html, some)) for title, some in more_tables(fit).items())
    return section(f"{name}: {fit.formula.title}", *_html(fit), warned, *more)


def _candidates(candidates: Mapping[str, Predictions]) -> str:
    """What every fit predicts of the schedules; the curves by the first one."""
    name, found = next(iter(candidates.items()))
    numbered = {f"schedule {i + 1}": one for i, one in enumerate(found.predictions)}
    drawn = figure(
        svg(
            plot_predictions(
                {key: one.schedule for key, one in numbered.items()},
                {key: one.loss for key, one in numbered.items()},
            )
        ),
        f"Predicted loss over the steps, and the learning rates, of {len(numbered)} schedules",
        f"Predicted by {name}. "
        + "; ".join(f"{i + 1}: {one.name}" for i, one in enumerate(found.predictions)),
    )
    shown = (
        part
        for key, one in candidates.items()
        for part in (f"<h3>Predicted by {escape(key)}</h3>", *_html(one))
    )
    return section("Candidate schedules", *shown, drawn)


def _plan(name: str, plan: Plan) -> str:
    """The schedule of `mplfit optimize`: what it gains over the usual ones, and its knots."""
    knots = Table("", (Column("step"), Column("lr", ".6g")), plan.knots)
    folded = details(f"Its {len(plan.knots)} knots", html(knots))
    return section(f"Optimized schedule: {name}", *_html(plan), folded)


def _summary(fits: Mapping[str, Fit]) -> str:
    rows: list[tuple[Cell, ...]] = []
    for name, fit in fits.items():
        found = [fit.metrics.train, fit.metrics.test] if fit.metrics else [None, None]
        means = [group.mean if group else None for group in found]
        errors: list[Cell] = []
        for mean in means:
            errors += [mean.mae, mean.r2] if mean else [None, None]
        sure = "yes" if fit.converged else "no"
        rows.append(
            (name, fit.formula.title, len(fit.params), len(fit.trained),
             None if fit.objective is None else f"{fit.objective:.4g}", *errors, sure)
        )  # fmt: skip
    titles = ("fit", "law", "parameters", "curves", "objective")
    columns = [Column(title) for title in titles]
    for part in ("training", "held-out"):
        columns += [Column(f"{part} MAE", ".5f"), Column(f"{part} R2", ".4f")]
    note = (
        "The objective is the Huber sum of the log residuals of the training points. Held-out "
        "curves took no part in the fit. Metrics are taken per curve, then averaged."
    )
    shown = Table("", (*columns, Column("converged")), tuple(rows), (note,))
    return section("Summary", html(shown))


def _data(what: Report) -> str:
    entries: dict[str, CurveRecord] = {}
    for fit in what.fits.values():
        for entry in fit.data:
            entries.setdefault(f"{entry.name} {entry.sha256}", entry)
    if not entries:
        return section("Data", "<p>The parameters are published ones: no data are in the fit.</p>")
    rows = tuple(
        (
            one.name,
            {"train": "training", "test": "held out"}[one.role],
            one.points,
            f"{one.first_step}–{one.last_step} of {one.steps}",
            one.warmup,
            one.peak,
            (one.sha256 or "–")[:12],
        )
        for one in entries.values()
    )
    columns = (
        Column("curve"), Column("role"), Column("rows"), Column("steps"), Column("warmup"),
        Column("peak lr", ".4g"), Column("sha256"),
    )  # fmt: skip
    notes = [
        f"<li>{escape(one.name)}<ul>"
        + "".join(f"<li>warning: {escape(str(text))}</li>" for text in one.warnings)
        + "".join(f"<li>{escape(str(note))}</li>" for note in one.notes)
        + "</ul></li>"
        for one in entries.values()
        if one.notes or one.warnings
    ]
    told = details("What was assumed, dropped or mended", f"<ul>{''.join(notes)}</ul>")
    shown = html(Table("", columns, rows))
    return section("Data, and what was done to it", shown, told if notes else "")


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
        columns = (Column("package"), Column("version"))
        parts.append(html(Table("", columns, tuple(versions.items()))))
    rows = tuple(
        (name, ", ".join(f"{k} = {v}" for k, v in fit.options.to_dict().items()))
        for name, fit in what.fits.items()
        if fit.options is not None
    )
    if rows:
        shown = html(Table("", (Column("fit"), Column("options")), rows))
        parts.append(details("Options of the fits", shown))
    return section("How it was made", *parts)
