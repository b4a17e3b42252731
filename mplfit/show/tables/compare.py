"""The tables of a `Comparison`: errors on unseen curves, their differences, the fits themselves."""

from __future__ import annotations

from mplfit.assess.compare import ComparedLaw, Comparison
from mplfit.estimate.constants import PER_OBSERVATION
from mplfit.show.table import Cell, Column, Table

__all__ = ["tables"]


def tables(found: Comparison) -> list[Table]:
    """Errors first, then the differences to the best law, then the fits."""
    return [_errors(found), *_differences(found), _fits(found)]


def _errors(found: Comparison) -> Table:
    columns = (
        Column("law"), Column("MAE"), Column("MAE unshared"), Column("final error"),
        Column("R2"), Column("RMSE", wide=True), Column("WorstE", wide=True),
        Column("training MAE", ".5f", wide=True), Column("training R2", ".4f", wide=True),
    )  # fmt: skip
    failed = tuple(f"{one.law}: {one.failed}." for one in found if one.failed)
    return Table(_answer(found), columns, tuple(map(_error_row, found)), failed)


def _answer(found: Comparison) -> str:
    best, group = found[0], found[0].group
    if group is None:
        return "No law could be fitted." if best.fit is None else (
            f"{best.law} is fitted; no curve is held out, so that nothing is compared."
        )  # fmt: skip
    many = len(group.curves) > 1
    where = f"held-out curve{'s' * many}"
    if best.left_out:
        where = f"training curve{'s' * many}, each left out in turn"
    sentence = (
        f"Best on {len(group.curves)} {where}: {best.law}, final loss{'es' * many} off "
        f"by {group.final_error:.4f}{' on average' * many}"
    )
    other = next((law for law in found.laws[1:] if law.less_best), None)
    if other is None or other.less_best is None:
        return f"{sentence}."
    sure = "surely worse" if other.less_best.sure else "not surely worse"
    theirs = "" if other.group is None else f" ({other.group.final_error:.4f})"
    return f"{sentence}; the next one, {other.law}{theirs}, is {sure}."


def _error_row(one: ComparedLaw) -> tuple[Cell, ...]:
    group = one.group
    if one.fit is None or group is None:
        return (one.law, *["no fit" if one.fit is None else None] * 8)
    trained = one.fit.metrics.train if one.fit.metrics else None
    means = group.means
    unshared = group.unshared.means["mae"]
    cells = (f"{means['mae']:.5f}", f"{unshared:.5f}", f"{group.final_error:.4f}")
    more = tuple(f"{means[key]:.5f}" for key in ("rmse", "worste"))
    own = (trained.mean.mae, trained.mean.r2) if trained else (None, None)
    return (one.law, *cells, f"{means['r2']:.4f}", *more, *own)


def _differences(found: Comparison) -> list[Table]:
    rows = tuple(
        (one.law, f"{apart.mae:+.5f}", f"{apart.final_error:+.4f}", "yes" if apart.sure else "no")
        for one in found
        if (apart := one.less_best) is not None
    )
    if not rows:
        return []
    titles = (f"less {found[0].law}", "MAE unshared", "final error", "decided")
    note = (
        "±: standard errors over curves of one collection, which share a model and its errors; one "
        "curve has none. Differences are taken curve by curve, and decided where the 95 % t "
        "intervals of both leave out 0; the first law is the best on these very curves. Unshared: "
        "rows that no training curve has too."
    )
    return [Table("", tuple(map(Column, titles)), rows, (note,))]


def _fits(found: Comparison) -> Table:
    columns = (
        Column("law"), Column("prior"), Column("parameters"), Column("objective", ".3e"),
        Column("criterion", ".1f"), Column("80 % holds"), Column("95 %"), Column("95 % holds"),
        Column("95 %"),
    )  # fmt: skip
    points = max(
        (sum(run.points for run in one.fit.trained) for one in found if one.fit), default=0
    )
    notes = (
        f"criterion: 2·(objective + penalty)/(30·delta²) + 2·parameters, an AIC with "
        f"{points / PER_OBSERVATION:.0f} effective observations ({points} rows, "
        f"{PER_OBSERVATION:.0f} count as one); it and the objective are exact for these rows.",
        "holds: so many of the held-out points that no training curve has, and the 95 % binomial "
        "interval of such a share of as many curves.",
    )
    return Table("", columns, tuple(map(_fit_row, found)), notes, more=True)


def _fit_row(one: ComparedLaw) -> tuple[Cell, ...]:
    fit = one.fit
    if fit is None:
        return (one.law, "", "", "no fit", *[""] * 5)
    held: list[Cell] = []
    for level in ("0.80", "0.95"):
        share, ends = (one.coverage or {}).get(level), (one.coverage_intervals or {}).get(level)
        held.append(None if share is None else f"{100 * share:.0f} %")
        held.append(None if ends is None else f"{100 * ends[0]:.0f}–{100 * ends[1]:.0f} %")
    return (one.law, fit.prior_name, len(fit.params), fit.objective, one.criterion, *held)
