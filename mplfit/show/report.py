"""One self-contained HTML page from results: what a reviewer asks of a fit, or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from mplfit.curve import Curve
from mplfit.estimate.result import Fit
from mplfit.schedule import Schedule
from mplfit.show.html import details, figure, page, section, table
from mplfit.show.plot import plot_predictions, plot_residuals, svg

__all__ = ["Candidate", "Report", "report"]

_METRICS = {
    "mae": "MAE", "r2": "R2", "rmse": "RMSE", "prede": "PredE", "worste": "WorstE",
    "huber": "Huber",
}  # fmt: skip
_BYTES = 1_200_000  # of figures of single curves: with base64 and the rest, below 2 MB
_POINTS = (200, 1200)  # that a curve is thinned to: with many curves fewer, with few more


@dataclass(frozen=True)
class Candidate:
    """A schedule and its predicted final loss by fit, each with its 95 % interval or None."""

    schedule: Schedule
    final: Mapping[str, tuple[float, tuple[float, float] | None]]


@dataclass(frozen=True)
class Report:
    """What goes into the page.

    fits : by a name that tells them apart.
    curves : the curves that could be read again as they were fitted, by name.
    candidates : schedules by name.
    commands : the command lines that made all this.
    """

    title: str
    fits: Mapping[str, Fit]
    curves: Mapping[str, Curve] = field(default_factory=dict)
    candidates: Mapping[str, Candidate] = field(default_factory=dict)
    commands: Sequence[str] = ()


def report(what: Report, first: Sequence[str] = ()) -> bytes:
    """The page, the same bytes for the same results; `first` are sections to begin with."""
    parts = [
        *first,
        _summary(what),
        _metrics(what),
        *(_fit(name, fit) for name, fit in what.fits.items()),
        _candidates(what),
        _data(what),
        _figures(what),
        _made(what),
    ]
    return page(what.title, [part for part in parts if part])


def _number(value: float | None, form: str = ".5g") -> str:
    return "–" if value is None else format(value, form)


def _group(fit: Fit, role: str) -> Mapping[str, Any] | None:
    return (fit.metrics or {}).get(role)


def _summary(what: Report) -> str:
    rows = []
    for name, fit in what.fits.items():
        trained = [entry for entry in fit.data if entry["role"] == "train"]
        cells = [name, fit.formula.title, str(len(fit.params)), str(len(trained))]
        cells.append(_number(fit.objective, ".4g"))
        for role in ("train", "test"):
            group = _group(fit, role)
            mean = group["mean"] if group else {}
            cells += [_number(mean.get(key), ".4f") for key in ("mae", "r2")]
        rows.append([*cells, "yes" if fit.converged else "no"])
    header = ["fit", "law", "parameters", "curves", "objective", "training MAE", "training R2"]
    header += ["held-out MAE", "held-out R2", "converged"]
    note = (
        "The objective is the Huber sum of the log residuals of the training points. Held-out "
        "curves took no part in the fit. Metrics are taken per curve, then averaged."
    )
    return section("Summary", table(header, rows), f'<p class="note">{escape(note)}</p>')


def _metrics(what: Report) -> str:
    parts = []
    for role, title in (("train", "training curves"), ("test", "held-out curves")):
        groups = {name: group for name, fit in what.fits.items() if (group := _group(fit, role))}
        if not groups:
            continue
        curves = list(dict.fromkeys(c for group in groups.values() for c in group["curves"]))
        tables = []
        for key, metric in _METRICS.items():
            rows = [
                [curve, *(_cell(group["curves"].get(curve), key) for group in groups.values())]
                for curve in curves
            ]
            rows.append(["mean", *(_cell(group["mean"], key) for group in groups.values())])
            branched = [group.get("after_branching") for group in groups.values()]
            if any(branched):
                means = [_cell(one["mean"], key) if one else "–" for one in branched]
                rows.append(["mean of rows not shared with training", *means])
            sums = 2 if any(branched) else 1
            tables.append(table([metric, *groups], rows, f"{metric}, {title}", sums))
        parts += [tables[0], details(f"R2, RMSE, PredE, WorstE and Huber, {title}", *tables[1:])]
    return section("Metrics side by side", *parts) if parts else ""


def _cell(values: Mapping[str, Any] | None, key: str) -> str:
    return _number(values[key] if values else None, ".3e" if key == "huber" else ".5f")


def _fit(name: str, fit: Fit) -> str:
    law, errors = fit.formula, fit.standard_errors or {}
    rows = [
        [one.name, f"{fit.params[one.name]:.6g}", _number(errors.get(one.name), ".2g"), one.meaning]
        for one in law.parameters
    ]
    parts = [table(["parameter", "value", "standard error", "meaning"], rows)]
    if fit.starts:
        starts = fit.starts
        text = (
            f"{starts.agreeing} of {starts.descended} descents agree to 1e-6, from the best of "
            f"{starts.screened} points that span the law's box."
        )
        parts.append(f"<p>{escape(text)}</p>")
        ends = [[str(i + 1), f"{value:.6g}"] for i, value in enumerate(starts.objectives)]
        parts.append(details("Where the descents ended", table(["descent", "objective"], ends)))
    if fit.correlations is not None:
        cells = [
            [law.names[i], *(_number(value, "+.3f") for value in row)]
            for i, row in enumerate(fit.correlations)
        ]
        shown = table(["", *law.names], cells)
        parts.append(details("Correlations of the estimates", shown))
    if fit.warnings:
        items = "".join(f"<li>{escape(text)}</li>" for text in fit.warnings)
        parts.append(f'<div class="warn"><h3>What the data leave open</h3><ul>{items}</ul></div>')
    return section(f"{name}: {law.title}", *parts)


def _candidates(what: Report) -> str:
    if not what.candidates:
        return ""
    rows = []
    for name, one in what.candidates.items():
        cells = [name, str(one.schedule.steps), f"{one.schedule.peak:.4g}"]
        cells.append(f"{one.schedule.lr[-1]:.3g}")
        for law in what.fits:
            loss, ends = one.final[law]
            cells.append(f"{loss:.4f}" + (f" ({ends[0]:.4f}–{ends[1]:.4f})" if ends else ""))
        rows.append(cells)
    header = ["schedule", "steps", "peak lr", "last lr", *(f"loss by {law}" for law in what.fits)]
    note = (
        "In parentheses: 95 % intervals, from the parameters' errors, the differences between runs "
        "and the extrapolation in the cumulative rate (none for published parameters)."
    )
    name, fit = next(iter(what.fits.items()))
    schedules = {f"schedule {i + 1}": c.schedule for i, c in enumerate(what.candidates.values())}
    losses = {key: fit.predict(one) for key, one in schedules.items()}
    numbered = "; ".join(f"{i + 1}: {key}" for i, key in enumerate(what.candidates))
    drawn = figure(
        svg(plot_predictions(schedules, losses)),
        f"Predicted loss over the steps, and the learning rates, of {len(schedules)} schedules",
        f"Predicted by {name}. {numbered}.",
    )
    return section(
        "Candidate schedules", table(header, rows), f'<p class="note">{escape(note)}</p>', drawn
    )


def _data(what: Report) -> str:
    entries: dict[str, Mapping[str, Any]] = {}
    for fit in what.fits.values():
        for entry in fit.data:
            entries.setdefault(f"{entry['name']} {entry['sha256']}", entry)
    if not entries:
        return section("Data", "<p>The parameters are published ones: no data are in the fit.</p>")
    rows = [
        [
            str(one["name"]),
            {"train": "training", "test": "held out"}.get(str(one["role"]), str(one["role"])),
            str(one["points"]),
            f"{one.get('first_step', '?')}–{one.get('last_step', '?')} of {one['steps']}",
            str(one["warmup"]),
            f"{one['peak']:.4g}",
            str(one["sha256"] or "–")[:12],
        ]
        for one in entries.values()
    ]
    header = ["curve", "role", "rows", "steps", "warmup", "peak lr", "sha256"]
    notes = [
        f"<li>{escape(str(one['name']))}<ul>"
        + "".join(f"<li>{escape(str(note))}</li>" for note in one["notes"])
        + "</ul></li>"
        for one in entries.values()
        if one["notes"]
    ]
    told = details("What was assumed, dropped or mended", f"<ul>{''.join(notes)}</ul>")
    return section("Data, and what was done to it", table(header, rows), told if notes else "")


def _figures(what: Report) -> str:
    parts: list[str] = []
    size, points = 0, min(max(12_000 // max(len(what.curves), 1), _POINTS[0]), _POINTS[1])
    for name, curve in what.curves.items():
        drawn = svg(plot_residuals(curve, what.fits, points))
        size += len(drawn)
        if size > _BYTES:
            break
        roles = {
            str(e["role"]) for fit in what.fits.values() for e in fit.data if e["name"] == name
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
    more = f"<p>{left} more curves are in the tables only, to keep the page small.</p>"
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
        [name, ", ".join(f"{key} = {value}" for key, value in fit.options.items())]
        for name, fit in what.fits.items()
    ]
    parts.append(details("Options of the fits", table(["fit", "options"], rows)))
    return section("How it was made", *parts)
