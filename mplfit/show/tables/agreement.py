"""The tables of an `Agreement`: how far bounds order final losses, and each group of runs."""

from __future__ import annotations

from mplfit.bounds.agreement import Agreement, RunGroup
from mplfit.estimate.mean import Mean
from mplfit.show.table import Cell, Column, Table

__all__ = ["tables"]


def tables(found: Agreement) -> list[Table]:
    """The correlations of all groups, then every group's runs."""
    return [_correlations(found), *map(_runs, found.groups)]


def _correlations(found: Agreement) -> Table:
    every, count = found.everything, len(found.everything.names)
    ends = Column("95 %", ".2f").cell(every.spearman_interval)
    answer = (
        f"Bounds at the rates of the runs order the final losses of {count} runs with Spearman's "
        f"correlation {every.spearman:.2f} (95 %: {ends})."
    )
    columns = (
        Column("Spearman of bound and final loss"), Column("runs"), Column("as run", ".2f"),
        Column("95 %", ".2f"), Column("at best base", ".2f"), Column("95 %", ".2f"),
    )  # fmt: skip
    ratio = Mean(found.ratio, found.ratio_error, count)
    floor = Mean(found.floor, found.floor_error, count)
    notes = (
        f"as run: bound at the rates of the runs, with one D/G = {ratio:.3g} for all, of the line "
        f"loss = C + M·bound, C = {floor:.3f}; rms error {found.error:.3f} in-sample, "
        f"{found.left_out_error:.3f} where each run is left out in turn.",
        "at best base: each run's bound at its own best base rate, free of D and G, and exact.",
        "95 %: were the runs a sample of such runs; –: none from fewer than four runs or from a "
        "perfect order.",
        "±: jackknife over runs. Each observed loss is one run's: two of one schedule differ by "
        "1e-3 to 8e-3.",
    )
    return Table(answer, columns, tuple(map(_correlation, found.compared)), notes)


def _correlation(one: RunGroup) -> tuple[Cell, ...]:
    best: tuple[Cell, Cell] = ("", "")
    if one.spearman_best is not None:
        best = (one.spearman_best, one.spearman_best_interval)
    return (one.title, len(one.names), one.spearman, one.spearman_interval, *best)


def _runs(one: RunGroup) -> Table:
    columns = (
        Column(one.varies, "g"), Column("observed loss", ".4f"), Column("C + M·bound", ".4f"),
        Column("bound at best base", ".5f"),
    )  # fmt: skip
    rows = zip(*(part.tolist() for part in (one.value, one.loss, one.omega, one.best)), strict=True)
    notes: tuple[str, ...] = ()
    if one.rate_law is not None:
        A, B, C = one.rate_law
        inner = A > 0 and B > 0
        lowest = f", lowest at γ = {(A / B) ** 0.5:.3g}" if inner else ""
        exact = ", through all three" if inner and len(one.names) == 3 else ""
        notes = (f"observed loss = {A:.3g}/γ + {B:.4g}·γ + {C:.4f}{exact}{lowest}.",)
    return Table(one.title, columns, tuple(rows), notes)
