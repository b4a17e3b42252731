"""Sections of the report on laws: their fits, their metrics side by side, their comparison."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from math import isfinite

from mplfit.assess.compare import Comparison
from mplfit.estimate.metrics import Group, Measured, Metrics
from mplfit.estimate.result import Fit
from mplfit.show.html import details, section, table, table_html
from mplfit.show.identification import identification_section
from mplfit.show.tables import tables

__all__ = ["comparison_section", "fit_section", "group", "metrics_section", "number"]

_METRICS = {
    "mae": "MAE", "r2": "R2", "rmse": "RMSE", "prede": "PredE", "worste": "WorstE",
    "huber": "Huber",
}  # fmt: skip


def number(value: float | None, form: str = ".5g") -> str:
    return "–" if value is None or not isfinite(value) else format(value, form)


def group(fit: Fit, role: str) -> Group | None:
    if fit.metrics is None:
        return None
    return fit.metrics.train if role == "train" else fit.metrics.test


def comparison_section(name: str, found: Comparison) -> str:
    """The laws of `mplfit compare`, the best on held-out curves first."""
    title = "Laws compared" + (f": {name}" if name else "")
    return section(title, *map(table_html, tables(found)))


def _of(metrics: Metrics | None, key: str) -> float | None:
    return getattr(metrics, key) if metrics else None


def metrics_section(fits: Mapping[str, Fit]) -> str:
    """Every metric of every curve, the fits side by side."""
    parts = []
    for role, title in (("train", "training curves"), ("test", "held-out curves")):
        groups = {name: found for name, fit in fits.items() if (found := group(fit, role))}
        if not groups:
            continue
        curves = list(dict.fromkeys(c for group in groups.values() for c in group.curves))
        made = []
        for key, metric in _METRICS.items():
            rows = [
                [curve, *(_cell(group.curves.get(curve), key) for group in groups.values())]
                for curve in curves
            ]
            rows.append(["mean ± standard error", *(_mean(one, key) for one in groups.values())])
            branched = [group.after_branching for group in groups.values()]
            if any(branched):
                means = [_mean(one, key) if one else "–" for one in branched]
                rows.append(["mean of rows not shared with training", *means])
            sums = 2 if any(branched) else 1
            made.append(table([metric, *groups], rows, f"{metric}, {title}", sums))
        parts += [made[0], details(f"R2, RMSE, PredE, WorstE and Huber, {title}", *made[1:])]
    note = (
        "The errors on a curve are exact for its rows and this fit; a mean has a standard error by "
        "their scatter over curves (none for one curve)."
    )
    return section("Metrics side by side", *parts, f'<p class="note">{note}</p>') if parts else ""


def _cell(metrics: Metrics | None, key: str) -> str:
    return number(_of(metrics, key), _form(key))


def _mean(part: Measured, key: str) -> str:
    return format(part.means[key], _form(key))


def _form(key: str) -> str:
    return ".3e" if key == "huber" else ".5f"


def fit_section(name: str, fit: Fit) -> str:
    """Parameters, errors, correlations, starts, warnings and identifiability of one fit."""
    law, errors = fit.formula, fit.standard_errors or {}
    rows = [
        [one.name, f"{fit.params[one.name]:.6g}", number(errors.get(one.name), ".2g"), one.meaning]
        for one in law.parameters
    ]
    parts = [table(["parameter", "value", "standard error", "meaning"], rows)]
    if fit.starts:
        starts = fit.starts
        text = f"{starts.agreeing} of {starts.descended} descents agree to 1e-6, {starts.origin}."
        parts.append(f"<p>{escape(text)}</p>")
        ends = [[str(i + 1), f"{value:.6g}"] for i, value in enumerate(starts.objectives)]
        parts.append(details("Where the descents ended", table(["descent", "objective"], ends)))
    if fit.correlations is not None:
        cells = [
            [law.names[i], *(number(value, "+.3f") for value in row)]
            for i, row in enumerate(fit.correlations)
        ]
        shown = table(["", *law.names], cells)
        parts.append(details("Correlations of the estimates", shown))
    if fit.warnings:
        items = "".join(f"<li>{escape(text)}</li>" for text in fit.warnings)
        parts.append(f'<div class="warn"><h3>Warnings</h3><ul>{items}</ul></div>')
    parts += _bootstrap(fit)
    title = f"{name}: {law.title}"
    return section(title, *parts) + identification_section(
        fit, f"{title}: what the data leave open"
    )


def _bootstrap(fit: Fit) -> list[str]:
    """The percentile intervals of a bootstrap, where the fit carries one."""
    found = fit.bootstrap
    if found is None:
        return []
    levels = sorted(found.intervals)
    rows = [
        [
            name,
            f"{error:.2g}",
            *("{:.5g} – {:.5g}".format(*found.intervals[level][name]) for level in levels),
        ]
        for name, error in found.standard_errors.items()
    ]
    header = ["", "standard error", *(f"{float(level):.0%}" for level in levels)]
    caption = (
        f"{found.converged} of {found.refits} refits to residuals drawn again in blocks "
        f"converged (seed {found.seed})"
    )
    return [details("Bootstrap", table(header, rows, caption))]
