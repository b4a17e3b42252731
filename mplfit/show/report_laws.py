"""Sections of the report on laws: their fits, their metrics side by side, their comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite

from mplfit.estimate.metrics import Group, Measured, Metrics
from mplfit.estimate.result import Fit
from mplfit.readers.results import ComparisonResult
from mplfit.show.html import details, section, table
from mplfit.show.identification import identification_section

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


def comparison_section(name: str, values: ComparisonResult) -> str:
    """The laws of `mplfit compare`, the best on held-out curves first."""
    errors, more, laws = [], [], values.laws
    for one in laws:
        trained = group(one.fit, "train") if one.fit else None
        mean = trained.mean if trained else None
        sizes = one.standard_errors
        whole, unshared = (
            {key: _pm(part, error, key) for key in _METRICS}
            for part, error in (
                (one.held_out, sizes.held_out),
                (one.after_branching, sizes.after_branching),
            )
        )
        cells = [one.law, str(len(one.fit.params)) if one.fit else "no fit"]
        cells += [number(mean.mae if mean else None, ".5f"), whole["mae"], unshared["mae"]]
        cells += [whole["rmse"], whole["worste"]]
        cells += [number(mean.r2 if mean else None, ".4f"), whole["r2"]]
        errors.append([*cells, _with_error(one.final_error, sizes.final_error, ".4f")])
        shares, ends = one.coverage or {}, one.coverage_intervals or {}
        held = [_share(shares.get(level), ends.get(level)) for level in ("0.80", "0.95")]
        prior = one.fit.prior_name if one.fit else "–"
        more.append([one.law, prior, number(one.criterion, ".1f"), *held])
    header = ["law", "parameters", "training MAE", "held-out MAE", "of unshared rows"]
    header += ["held-out RMSE", "held-out WorstE", "training R2", "held-out R2", "final error"]
    others = ["law", "prior", "criterion", "80 % intervals hold", "95 % intervals hold"]
    how = (
        "Held out: each training curve in turn, predicted from the others."
        if any(one.left_out for one in laws)
        else "Held out: curves that no law was fitted to."
    )
    note = (
        f"{how} Unshared rows: those that no training curve has too. Final error: mean difference "
        "of the last loss. ±: standard errors over curves; the laws' differences, curve by curve, "
        "are surer: `mplfit compare` prints them. Criterion: an AIC of the training curves, exact, "
        "as are the training errors. Intervals hold a share of the held-out points (in parentheses "
        "its 95 % binomial interval for as many curves)."
    )
    failed = [f"{one.law}: {one.failed}" for one in laws if one.failed]
    items = "".join(f"<li>{escape(text)}</li>" for text in failed)
    parts = [table(header, errors), table(others, more), f'<p class="note">{escape(note)}</p>']
    if failed:
        parts.append(f'<div class="warn"><ul>{items}</ul></div>')
    return section("Laws compared" + (f": {name}" if name else ""), *parts)


def _pm(means: Metrics | None, errors: Metrics | None, key: str) -> str:
    form = ".4f" if key == "r2" else ".5f"
    return _with_error(_of(means, key), _of(errors, key), form)


def _of(metrics: Metrics | None, key: str) -> float | None:
    return getattr(metrics, key) if metrics else None


def _with_error(mean: float | None, error: float | None, form: str) -> str:
    known = error is not None and isfinite(error)
    return number(mean, form) + (f" ± {error:{form}}" if known else "")


def _share(share: float | None, ends: Sequence[float] | None) -> str:
    if share is None:
        return "–"
    shown = f"{100 * share:.0f} %"
    return f"{shown} ({100 * ends[0]:.0f}–{100 * ends[1]:.0f})" if ends else shown


def metrics_section(fits: Mapping[str, Fit]) -> str:
    """Every metric of every curve, the fits side by side."""
    parts = []
    for role, title in (("train", "training curves"), ("test", "held-out curves")):
        groups = {name: found for name, fit in fits.items() if (found := group(fit, role))}
        if not groups:
            continue
        curves = list(dict.fromkeys(c for group in groups.values() for c in group.curves))
        tables = []
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
            tables.append(table([metric, *groups], rows, f"{metric}, {title}", sums))
        parts += [tables[0], details(f"R2, RMSE, PredE, WorstE and Huber, {title}", *tables[1:])]
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
