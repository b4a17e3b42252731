"""The tables of a `BoundTable`, of a `BoundSweep`, and of a bound that is fitted to logs."""

from __future__ import annotations

import numpy as np

from mplfit.bounds.scan import Scan
from mplfit.bounds.table import BoundSweep, BoundTable, Judged
from mplfit.estimate.logged_norms import NormFit
from mplfit.show.table import Cell, Column, Table

__all__ = ["tables"]

_VALUES = {"cooldown": "cooldown", "horizon": "updates", "base-lr": "peak lr", "cycle": "cycle"}
_BEST = (Column("best peak lr", ".6g"), Column("best bound", ".6g"))


def tables(found: BoundTable | BoundSweep | NormFit) -> list[Table]:
    """The schedules ranked; or a table for each schedule that is varied; or the fitted bound."""
    if isinstance(found, NormFit):
        return _fitted(found)
    if isinstance(found, BoundTable):
        return [_ranked(found), *_terms(found)]
    made = [_swept(one) for one in found.sweeps]
    return [*made, Table("", (), (), _units(found))]


def _ranked(found: BoundTable) -> Table:
    first, given = found.schedules[0], found.schedules[0].bound is not None
    columns = [Column("schedule"), Column("updates"), *_BEST]
    columns.append(Column("above lowest", "+.1f", unit="%"))
    if given:
        columns += [Column("peak lr", "g"), Column("bound at it", ".6g")]
    notes: tuple[str, ...] = ()
    if first.example is not None:
        columns.append(Column("worst of g·|x|", ".3g"))
        notes = (
            "worst of g·|x|: the last loss, at the same rates, of the worst run of that kind with "
            "slopes up to G: no true bound is below it. No method at all guarantees less than "
            "D·G/√T after T − 1 subgradient steps (Drori & Teboulle 2016).",
        )
    lowest = min(schedule.best_bound for schedule in found.schedules)
    rows = tuple(_row(schedule, lowest) for schedule in found.schedules)
    answer = (
        f"By convex theory {first.name} has the lowest bound on the final loss, {first.bound:.6g} "
        "at the rates given"
        if given
        else f"By convex theory {first.name} has the lowest bound on the final loss, "
        f"{first.best_bound:.6g} at its best peak rate {first.best_peak_lr:.6g}"
    )
    if len(rows) > 1 and not given:
        other = found.schedules[1]
        answer += f"; {other.name} is {100 * (other.best_bound / lowest - 1):.1f} % higher"
    answer += "."
    return Table(answer, tuple(columns), rows, (*notes, *_units(found)))


def _terms(found: BoundTable) -> list[Table]:
    """The three terms of every bound and their sum, where they were asked for."""
    rows = tuple(
        (schedule.name, *schedule.terms.values(), sum(schedule.terms.values()))
        for schedule in found.schedules
        if schedule.terms is not None
    )
    titles = ("D²/2Ση", "Ση²G²/2Ση", "double sum", "their sum, the bound")
    at = "best peak rate" if found.schedules[0].bound is None else "rates given"
    columns = (Column("schedule"), *(Column(title, ".6g") for title in titles))
    notes = (
        "D²/2Ση: of the start, which long and high rates shorten. Ση²G²/2Ση: of the noise, with it "
        "the bound of the average iterate. Double sum: what the last iterate is above it.",
    )
    return [Table(f"The terms of the bounds at the {at}:", columns, rows, notes)] if rows else []


def _row(one: Judged, lowest: float) -> tuple[Cell, ...]:
    above = 100 * (one.best_bound / lowest - 1)
    given = () if one.bound is None else (one.peak_lr, one.bound)
    worst = () if one.example is None else (one.example,)
    return (one.name, one.updates, one.best_peak_lr, one.best_bound, above, *given, *worst)


def _fitted(found: NormFit) -> list[Table]:
    """The fitted numbers, and the errors on the runs."""
    curves, mean = found.metrics.curves, found.metrics.mean.mae
    answer = (
        f"C + M·bound with G_t = G · logged norm describes {len(curves)} "
        f"run{'s' * (len(curves) > 1)} with a mean absolute error of {mean:.5f}."
    )
    columns = (Column("parameter"), Column("value", ".6g"), Column("std. error", ".2g"))
    rows = tuple(
        (name, value, "none (at a bound)" if error is None else error)
        for (name, value), error in zip(
            found.params.items(), found.standard_errors.values(), strict=True
        )
    )
    notes = (
        f"Objective {found.objective:.5g}; {found.agreeing} of {found.descended} descents agree to "
        "1e-6; measured on the rows that were fitted, and exact for them.",
        "Standard errors allow for residuals that are correlated along a run, not for differences "
        "between runs: they are lower bounds.",
    )
    errors = (Column("run"), Column("R2", ".4f"), Column("MAE", ".5f"), Column("WorstE", ".5f"))
    of_runs = tuple((name, curve.r2, curve.mae, curve.worste) for name, curve in curves.items())
    return [Table(answer, columns, rows), Table("", errors, of_runs, notes)]


def _swept(one: Scan) -> Table:
    """The bound against what is varied; its title says where it is lowest."""
    value = Column(_VALUES[one.over], ".6g")
    rows = list(zip(*(part.tolist() for part in (one.value, one.base, one.best, one.given)),
                    strict=True))  # fmt: skip
    if one.over == "base-lr":
        columns: tuple[Column, ...] = (
            value, Column("of the best", ".4g"), Column("bound", ".6g"),
            Column("above best", "+.1f", unit="%"),
        )  # fmt: skip
        low = min(rows, key=lambda row: row[3])
        shown = [(v, v / base, given, 100 * (given / best - 1)) for v, base, best, given in rows]
        where = f"the peak rate {low[1]:.6g} is best of all: {low[2]:.6g}"
    else:
        columns = (value, *_BEST, Column("bound as given", ".6g"))
        low, shown = min(rows, key=lambda row: row[2]), rows
        where = f"of these the bound is lowest at {value.title} {low[0]:.6g}: {low[2]:.6g}"
    notes: tuple[str, ...] = ()
    if one.power_law is not None:
        A, B = one.power_law
        off = np.abs(A * one.value**B / one.base - 1).max()
        notes = (
            f"best peak lr = {A:.3g} · T^{B:.3f} for T updates, within {100 * off:.1f} % at these; "
            f"with the exponent −1/2 {one.root_law:.3g}/√T.",
        )
    return Table(f"{one.name}: {where}.", columns, tuple(shown), notes)


def _units(found: BoundTable | BoundSweep) -> tuple[str, str]:
    units = f"D = {found.D:g}, G = {found.G}."
    if found.D == 1 and found.G == "1":
        units = "Rates in units of D/G, bounds in units of D·G (D = G = 1)."
    return units, f"{found.uncertainty}."
