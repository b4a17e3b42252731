"""The tables of a `Fit`: its errors on runs, its parameters, and what the runs leave open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite

from mplfit.assess.compare import held_out_group
from mplfit.assess.intervals import Coverage, run_effect_sentence
from mplfit.assess.parameters import laplace_intervals
from mplfit.estimate.mean import Mean, binomial
from mplfit.estimate.metrics import Evaluation, FinalLoss, Group, Measured, Metrics
from mplfit.estimate.paired import Difference, difference
from mplfit.estimate.records import Identification, Move
from mplfit.estimate.result import Fit
from mplfit.show.table import Cell, Column, Table

__all__ = [
    "bootstrap_tables",
    "brief",
    "correlation_table",
    "coverage_table",
    "measured",
    "metrics_tables",
    "more_tables",
    "per_cent",
    "tables",
]

_FORMS = {
    "r2": ".4f", "mae": ".5f", "rmse": ".5f", "prede": ".5f", "worste": ".5f", "huber": ".3e",
}  # fmt: skip
_SIDE = {"mae": ("MAE", ".5f"), "rmse": ("RMSE", ".5f"), "worste": ("WorstE", ".5f")}
_TITLES = ("R2", "MAE", "RMSE", "PredE", "WorstE", "Huber", "final error")
_NOTE = (
    "The errors on a curve are exact for its rows and this fit. ±: standard error of the mean, by "
    "the scatter over curves of one model; the mean final error is of absolute values."
)
_HIGH = 0.9  # correlations above it are named


def tables(fit: Fit) -> list[Table]:
    """Errors first, then the parameters, then what the runs leave open."""
    made = [Table(_answer(fit), (), ())]
    chosen = fit.choice or _rival_sentence(fit)
    if chosen:
        made.append(Table(chosen, (), ()))
    for name, ends in fit.fitted_constants.items():
        low, high = ("open" if end is None else f"{end:.2g}" for end in ends)
        value = f"{name} was fitted too: {fit.constants[name]:.3g}"
        interval = f"95 % interval from {low} to {high}, by its profile."
        made.append(Table(f"{value}, {interval}", (), ()))
    made += [*metrics_tables(fit.metrics, fit.left_out), _more(_parameters(fit))]
    said = fit.identification.sentences if fit.identification else ()
    if said:
        title = "What these curves leave open, by the curvature at the minimum:"
        made.append(_more(Table(title, (), (), tuple(f"- {one}" for one in said))))
    if fit.choice or fit.others:
        made.append(_beside(fit, "" if chosen else "Other parameters on the same curves."))
    return [*made, *bootstrap_tables(fit)]


def _more(table: Table) -> Table:
    return replace(table, more=True)


def brief(fit: Fit) -> str:
    """The parameters in a line, for a repr."""
    return ", ".join(f"{name} = {value:.4g}" for name, value in fit.params.items())


def _answer(fit: Fit) -> str:
    """How wrong the fit is on runs it has not seen, in a sentence."""
    trained = len(fit.trained)
    runs = f"{trained} run{'s' if trained != 1 else ''}"
    law = f"The {fit.formula.title.removeprefix('the ')} ({fit.law})"
    if not trained:
        return f"{law} with given parameters, not fitted here."
    points = sum(entry.points for entry in fit.trained)
    fitted = f"{law[0].lower()}{law[1:]}, fitted to {runs} ({points} rows)"
    test = fit.metrics.test if fit.metrics else None
    for group, which in ((test, "held-out run"), (fit.left_out, "run, each left out in turn")):
        if group is not None:
            return f"{_off(group, which)}: {fitted}."
    return f"How far off this fit is elsewhere is not known, as no run was held out: {fitted}."


def _off(group: Group, which: str) -> str:
    """How far off the final losses of a group are, as a sentence without its full stop.

    which : what one of its runs is called, as "held-out run".
    """
    off, count = group.final_error, len(group.curves)
    error = f" ± {off.error:.4f}" if isfinite(off.error) else ""
    level = sum(one.observed for one in group.final.values()) / count
    runs = which.replace("run", "runs", 1) if count > 1 else which
    return (
        f"The final loss{'es' if count > 1 else ''} of {count} {runs} "
        f"{'are' if count > 1 else 'is'} predicted to {off.value:.4f}{error} "
        f"({100 * off.value / level:.2g} %{', mean error' if count > 1 else ''})"
    )


def measured(fit: Fit, params: str, metrics: Evaluation) -> str:
    """How far off a fit is on curves, in a sentence: `mplfit evaluate`."""
    group = metrics.test or metrics.train
    law = f"the {fit.formula.title.removeprefix('the ')} ({fit.law}) with the parameters {params}"
    if group is None:
        return f"No curve was measured: {law}."
    return f"{_off(group, 'held-out run' if metrics.test else 'training run')}: {law}."


def metrics_tables(metrics: Evaluation | None, left_out: Group | None = None) -> list[Table]:
    """The errors on held-out, left-out and training curves, each with its means and their ±.

    The first of these that there is stands alone; the others are statistics.
    """
    made: list[Table] = []
    for title, group in (
        ("held out", metrics.test if metrics else None),
        ("training, left out in turn", left_out),
        ("training", metrics.train if metrics else None),
    ):
        if group is None:
            continue
        rows = [_row(name, curve, group.final[name]) for name, curve in group.curves.items()]
        rows += _means("mean", group, group.final_error)
        notes = []
        if group.after_branching is not None:
            shared = ", ".join(f"{name} {rows}" for name, rows in group.shared_rows.items() if rows)
            rows += _means("mean of unshared rows", group.after_branching, None)
            notes = [f"Rows shared with a training curve: {shared}."]
        columns = (Column(title), *map(Column, _TITLES))
        made.append(Table("", columns, tuple(rows), tuple(notes), more=bool(made)))
    return [*made, Table("", (), (), (_NOTE,))]


def _row(name: str, metrics: Metrics, final: FinalLoss) -> tuple[Cell, ...]:
    values = {key: float(getattr(metrics, key)) for key in _FORMS}
    cells = [
        format(value, _FORMS[key]) if isfinite(value) else "–" for key, value in values.items()
    ]
    return (name, *cells, f"{final.predicted - final.observed:+.4f}")


def _means(name: str, part: Measured, final: Mean | None) -> list[tuple[Cell, ...]]:
    """The means over the curves of a part of a group, and below them their standard errors."""
    means = part.means
    shown = [means[key].shown(form) for key, form in _FORMS.items()]
    shown.append(final.shown(".4f") if final else ("", ""))
    return [(name, *(mean for mean, _ in shown)), ("±", *(error for _, error in shown))]


def _parameters(fit: Fit) -> Table:
    law, starts, errors = fit.formula, fit.starts, fit.standard_errors or {}
    rows = []
    for parameter in law.parameters:
        error = errors.get(parameter.name)
        shown = f"{error:.2g}" if error is not None else "none (at a bound, or undetermined)"
        rows.append((parameter.name, f"{fit.params[parameter.name]:.6g}", shown, parameter.meaning))
    columns = (Column("parameter"), Column("value"), Column("std. error"), Column("", wide=True))
    notes = []
    if fit.objective is not None:
        prior = f"; penalty of the {fit.prior.name} prior {fit.penalty:.3g}" if fit.prior else ""
        notes.append(
            f"Objective {fit.objective:.5g} (exact: Huber sum of the training points' log "
            f"residuals){prior}."
        )
    if fit.constants:
        known = ", ".join(f"{name} = {value:g}" for name, value in fit.constants.items())
        notes.append(f"Constants of the law: {known}.")
    if starts:
        notes.append(
            f"{starts.agreeing} of {starts.descended} descents agree to 1e-6, {starts.origin}."
        )
    notes += [*_correlated(fit), *_kind_of_errors(fit)]
    if (told := run_effect_sentence(fit)) is not None:
        notes.append(told)
    return Table("", columns, tuple(rows), tuple(notes))


def _correlated(fit: Fit) -> list[str]:
    if fit.correlations is None:
        return []
    names = fit.formula.names
    pairs = [
        f"{names[i]}–{names[j]} {value:+.3f}"
        for i, row in enumerate(fit.correlations)
        for j, value in enumerate(row[:i])
        if value is not None and abs(value) > _HIGH
    ]
    return [f"Correlations above {_HIGH:g}: {', '.join(pairs) or 'none'}."]


def _kind_of_errors(fit: Fit) -> list[str]:
    if fit.standard_errors is None:
        return []
    if fit.prior is not None:
        return ["Standard errors and correlations are those of the posterior (Laplace)."]
    r, points = fit.residual_correlation, sum(entry.points for entry in fit.trained)
    unsure = ((1 - r * r) / max(points, 1)) ** 0.5
    return [
        "Standard errors and correlations allow for the residuals' correlation along a run "
        f"({r:.2f} ± {unsure:.2f} from row to row), not for differences between runs: they are "
        "lower bounds."
    ]


def bootstrap_tables(fit: Fit) -> list[Table]:
    """Intervals of parameters and of final losses, bootstrap beside Laplace; none without one."""
    found = fit.bootstrap
    if found is None:
        return []
    laplace = laplace_intervals(fit)
    columns = (
        Column("parameter"), Column("value", ".5g"), Column("95 % Laplace", ".4g"),
        Column("95 % bootstrap", ".4g"), Column("its std. error", ".2g"),
    )  # fmt: skip
    rows = tuple(
        (name, fit.params[name], laplace[name], drawn, found.standard_errors[name])
        for name, drawn in found.intervals["0.95"].items()
    )
    made = [Table("", columns, rows, more=True)]
    groups = (fit.metrics.train, fit.metrics.test) if fit.metrics else ()
    final = {name: one for group in groups if group for name, one in group.final.items()}
    ends = [
        (name, final[name].observed, final[name].predicted, (prediction.of_run or {}).get("0.95"),
         prediction.intervals["0.95"])
        for name, prediction in found.predictions.items()
        if name in final
    ]  # fmt: skip
    columns = (
        Column("final loss"), Column("observed", ".4f"), Column("predicted", ".4f"),
        Column("95 % interval of a run", ".4f"), Column("95 % bootstrap (parameters alone)", ".4f"),
    )  # fmt: skip
    lengths = ", ".join(f"{name} {rows}" for name, rows in found.blocks.items())
    notes = (
        f"{found.converged} of {found.refits} refits to resampled residuals converged (seed "
        f"{found.seed}); blocks of rows, by the residuals' autocorrelation: {lengths}.",
        f"Standard errors of {found.converged} refits are known to "
        f"±{100 / (2 * found.converged - 2) ** 0.5:.0f} %.",
        "The residuals of a run do not show how far two runs of one schedule differ: bootstrap "
        "intervals are lower bounds.",
    )
    return [*made, Table("", columns if ends else (), tuple(ends), notes)]


def more_tables(fit: Fit) -> dict[str, list[Table]]:
    """What a page folds away, by title: correlations, ends of the descents, open directions."""
    made: dict[str, list[Table]] = {}
    if fit.correlations is not None:
        made["Correlations of the estimates"] = [correlation_table(fit)]
    if fit.starts:
        ends = tuple((k + 1, value) for k, value in enumerate(fit.starts.objectives))
        columns = (Column("descent"), Column("objective", ".6g"))
        made["Where the descents ended"] = [Table("", columns, ends)]
    if fit.identification is not None:
        made["What the data leave open: all directions"] = _directions(fit.identification)
    return made


def _directions(found: Identification) -> list[Table]:
    """How far the data leave every direction open, and what further runs would leave of that."""
    columns = (
        Column("direction"), Column("a move"), Column("open to, data alone"),
        Column("with the prior"),
    )  # fmt: skip
    rows = tuple(
        (k + 1, _moves(one.moves), _size(one.reach), _size(one.with_prior))
        for k, one in enumerate(found.directions)
    )
    note = (
        "How far parameters can move together until the fit changes by one standard error, as a "
        "multiple of moves of 10 %: above 1 the data leave the combination open. The moves are in "
        "the plane of the fit's curvature, shortened for open directions until the objective "
        "itself changes by no more than the noise."
    )
    title = "" if found.sentences else "Every combination is determined to within 10 %."
    made = [Table(title, columns, rows, (note,))]
    asked = [(k + 1, one.shrink) for k, one in enumerate(found.directions) if one.shrink]
    if asked:
        heads = [Column("one more run"), Column("updates")]
        heads += [Column(f"leaves of direction {k}", ".0f", unit="%") for k, _ in asked]
        left: list[tuple[Cell, ...]] = [
            (name, steps, *(100 * shrink[name] for _, shrink in asked))
            for name, steps in found.candidates.items()
        ]
        made.append(Table("Which further run would tell.", tuple(heads), tuple(left)))
    return made


def _moves(moves: Mapping[str, Move]) -> str:
    return ", ".join(
        f"{name} {one.by:+.2g}" if one.kind == "+" else f"{name} ×{one.by:.3g}"
        for name, one in moves.items()
    )


def _size(reach: float) -> str:
    return f"{reach:.2g}" if reach < 100 else "over 100"


def correlation_table(fit: Fit) -> Table:
    """All correlations of the estimates."""
    names = fit.formula.names
    columns = (Column("correlations"), *(Column(name, "+.3f") for name in names))
    rows = zip(names, fit.correlations or (), strict=False)
    return Table("", columns, tuple((name, *row) for name, row in rows))


def coverage_table(found: Mapping[str, Coverage]) -> Table:
    """How often the fit's intervals held, on the held-out curves."""
    rows = tuple(
        (
            f"{100 * float(level):.0f} %",
            *per_cent(one.points, one.curves),
            f"{one.finals} of {one.curves}",
            per_cent(one.finals / one.curves, one.curves)[1],
        )
        for level, one in found.items()
    )
    curves = max(one.curves for one in found.values())
    titles = ("intervals", "hold of the held-out points", "95 %", "of the final losses", "95 %")
    note = (
        f"points: those that no training curve has; 95 %: binomial, of {curves} curves as if "
        "independent."
    )
    return Table("", tuple(map(Column, titles)), rows, (note,))


def per_cent(share: float, count: int) -> tuple[str, str]:
    """A share in per cent, and its 95 % binomial interval for so many curves.

    >>> from mplfit.show.tables.fit import per_cent
    >>> per_cent(0.5, 6)
    ('50 %', '12–88 %')
    """
    low, high = binomial(share, count)
    return f"{100 * share:.0f} %", f"{100 * low:.0f}–{100 * high:.0f} %"


def _beside(fit: Fit, title: str) -> Table:
    """Other laws, and published parameters, on the same curves."""
    columns = (
        Column("law"),
        *(Column(f"{title}, held out", form) for title, form in _SIDE.values()),
        Column("final error, held out", ".4f"),
        Column("left out", ".4f"),
    )
    rows, notes = [], []
    for one in (fit, *fit.others):
        test = one.metrics.test if one.metrics else None
        mean = [getattr(test.mean, key) if test else None for key in _SIDE]
        finals = [part.final_error.value if part else None for part in (test, one.left_out)]
        rows.append((_name(one) + " (used)" * (one is fit), *mean, *finals))
    for one in fit.others:
        errors = one.standard_errors or {}
        values = [
            f"{name} {value:.6g}" + (f" ± {errors[name]:.2g}" if errors.get(name) else "")
            for name, value in one.params.items()
        ]
        notes.append(f"{_name(one)}: {', '.join(values)}.")
        both = None if one.published else _groups(fit, one)
        if both is not None:
            apart = _difference(difference(both[1], both[0]))
            notes.append(f"Differences, {one.law} less {fit.law}, curve by curve: {apart}.")
    # Where nothing is held out, those columns have nothing to show.
    shown = [k for k in range(len(columns)) if k == 0 or any(row[k] is not None for row in rows)]
    return Table(
        title,
        tuple(columns[k] for k in shown),
        tuple(tuple(row[k] for k in shown) for row in rows),
        tuple(notes),
        more=True,
    )


def _name(fit: Fit) -> str:
    return f"{fit.law}, published for {fit.published}M" if fit.published else fit.law


def _groups(fit: Fit, other: Fit) -> tuple[Group, Group, bool] | None:
    """The metrics of both on curves that they have not seen, and whether these were left out."""
    for left_out in (False, True):
        own, its = held_out_group(fit, left_out), held_out_group(other, left_out)
        if own is not None and its is not None:
            return own, its, left_out
    return None


def _rival_sentence(fit: Fit) -> str:
    """What the held-out errors of a law that stands beside one that was asked for say."""
    rival = next((one for one in fit.others if not one.published), None)
    both = _groups(fit, rival) if rival else None
    if rival is None or both is None:
        return ""
    own, its, left_out = both
    count = len(its.curves)
    where = (
        f"each of the {count} training curves left out in turn (few curves: weak evidence)"
        if left_out
        else f"the {count} held-out curves"
    )
    maes = its.unshared.mean.mae, own.unshared.mean.mae
    finals = its.final_error.value, own.final_error.value
    errors = (
        f"mean error {maes[0]:.5f} against {maes[1]:.5f}, final loss {finals[0]:.4f} against "
        f"{finals[1]:.4f}; on {where}."
    )
    if not (maes[0] < maes[1] and finals[0] < finals[1]):
        return f"The law {rival.law} predicts no better: {errors}"
    if difference(its, own).sure:
        return f"Another law predicts better: {rival.law}, {errors}"
    return f"Another law was less wrong here, but not surely: {rival.law}, {errors}"


def _difference(apart: Difference) -> str:
    if apart.mae.count < 2:
        return "one curve alone gives no ±"
    return (
        f"{apart.mae.value:+.5f} ± {apart.mae.error:.5f} and "
        f"{apart.final_error.value:+.4f} ± {apart.final_error.error:.4f}; sure where both 95 % t "
        "intervals leave out 0"
    )
