"""One self-contained HTML page from results: what a reviewer asks of a fit, or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape

from mplfit.assess.compare import Comparison
from mplfit.assess.intervals import coverage, run_effect, run_effect_sentence
from mplfit.assess.predict import Prediction, Predictions
from mplfit.curve import Curve
from mplfit.estimate.records import CurveRecord
from mplfit.estimate.result import Fit
from mplfit.plan.optimize import Plan
from mplfit.show.html import details, figure, page, section
from mplfit.show.plot import plot_plan, plot_predictions, plot_residuals, svg
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
    """The page, the same bytes for the same results; `first` are sections to begin with.

    What a person decides on is open: the schedules with their bands and intervals, and how far to
    trust them. Data, laws and statistics are folded.
    """
    statistics = [
        _summary(what.fits) if what.fits else "",
        *(
            section("Laws compared" + (f": {name}" if name else ""), *_html(one))
            for name, one in what.comparisons.items()
        ),
        *(_fit(name, fit) for name, fit in what.fits.items()),
    ]
    parts = [
        *first,
        *(_plan(name, plan) for name, plan in what.plans.items()),
        _candidates(what.candidates) if what.candidates else "",
        _trust(what) if what.fits else "",
        details("Laws and statistics", *statistics) if any(statistics) else "",
        details("Data, and what was done to it", _data(what)) if what.fits else "",
        details("Curves and residuals", _figures(what)) if what.curves else "",
        *what.sweeps,
        details("How it was made", _made(what)),
    ]
    return page(what.title, [part for part in parts if part])


def _trust(what: Report) -> str:
    """Three numbers: errors on runs that were not seen, the intervals' share, and runs' spread."""
    name, fit = next(iter(what.fits.items()))
    test = fit.metrics.test if fit.metrics else None
    found = [(group, where) for group, where in ((test, "held-out"), (fit.left_out, "left-out"))
             if group is not None]  # fmt: skip
    shown: list[tuple[str, str]] = []
    if found:
        group, where = found[0]
        runs = len(group.curves)
        off = f"{group.final_error.value:.4f}"
        shown.append(
            (off, f"mean error of the final losses of {runs} {where} run{'s' * (runs > 1)}")
        )
    else:
        shown.append(("not known", "error on runs that were not seen: none was held out"))
    train, held = (
        [what.curves[one.name] for one in fit.data if one.role == role and one.name in what.curves]
        for role in ("train", "test")
    )
    inside = coverage(fit, held, train)
    if inside is not None:
        share = inside["0.95"].points
        shown.append((f"{100 * share:.0f} %", "of held-out points inside the 95 % intervals"))
    else:
        shown.append(("not known", "share of held-out points inside the intervals"))
    effect = run_effect_sentence(fit)
    spread = None if fit.spread is None else run_effect(fit.spread)
    said = "how far two runs of one schedule differ (one standard deviation)"
    if spread is None or effect is None:
        shown.append(("0.1 to 0.8 %", f"{said}, as usual: this fit does not know it"))
    else:
        shown.append((f"{100 * spread:.2g} %", said))
    numbers = "".join(f"<p><strong>{escape(top)}</strong>{escape(text)}</p>" for top, text in shown)
    of = f'<p class="note">Of {escape(name)}.</p>' if len(what.fits) > 1 else ""
    return section("How far to trust this", f'<div class="numbers">{numbers}</div>', of)


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
    drawn = figure(
        svg(plot_predictions(_alphabetical({one.name: one for one in found.predictions}))),
        f"Predicted loss over the steps, and the learning rates, of {len(found.predictions)} "
        "schedules",
        f"Predicted by {name}; bands hold a run's loss with a probability of 95 %.",
    )
    first, *others = (
        part
        for key, one in candidates.items()
        for part in (f"<h3>Predicted by {escape(key)}</h3>", *_html(one))
    )
    answer = f'<p class="answer">{escape(tables(found)[0].title)}</p>'
    return section("Candidate schedules", answer, drawn, first, *others)


def _alphabetical(named: Mapping[str, Prediction]) -> dict[str, Prediction]:
    """With names that a figure's fonts have: others would be drawn as boxes."""
    return {
        "".join(c if c.isprintable() and ord(c) < 0x250 else "?" for c in name): one
        for name, one in named.items()
    }


def _plan(name: str, plan: Plan) -> str:
    """The schedule of `mplfit optimize`: what it gains over the usual ones, and its knots."""
    knots = Table("", (Column("step"), Column("lr", ".6g")), plan.knots)
    folded = details(f"Its {len(plan.knots)} knots", html(knots))
    first, *others = tables(plan)
    drawn = figure(
        svg(plot_plan(plan)),
        f"Predicted loss over the steps, and the learning rates, of {len(plan.baselines) + 1} "
        "schedules",
        "The schedule and the usual ones; bands hold a run's loss with a probability of 95 %.",
    )
    answer = f'<p class="answer">{escape(first.title)}</p>'
    shown = [html(replace(first, title="")), *(html(one) for one in others if not one.more)]
    statistics = [html(one) for one in others if one.more]
    return section(f"Which schedule to run: {name}", answer, drawn, *shown, folded, *statistics)


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
