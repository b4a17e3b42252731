"""The tables of laws over sizes: predictions, the law itself, rollouts and budgets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mplfit.curve import RunSize
from mplfit.show.table import Cell, Column, Table
from mplfit.sizes.design import SizeDesign
from mplfit.sizes.frontier import Frontier
from mplfit.sizes.predictions import SizePrediction, SizePredictions
from mplfit.sizes.result import Sizes
from mplfit.sizes.rollout import Rollout
from mplfit.sizes.size_law import COMMON

__all__ = ["tables"]

_MEANINGS = {
    "E": "L0 of an infinite model",
    "F": "what size takes from L0, at the sizes' geometric mean",
    "a": "exponent of that",
    "A": "size of the power term, at the geometric mean",
    "a2": "its exponent: A falls as N^-a2",
    "b2": "that of the drop: b falls as N^-b2",
    "c1": "L0 by ln(width/depth)",
    "c2": "L0 by its square",
    "c3": "A by ln(width/depth)",
    "c4": "L0 by ln(width/depth) times ln N",
}


def tables(result: object) -> list[Table]:
    """Of predictions: these and the law; of a rollout or a frontier: its rows."""
    if isinstance(result, SizePredictions):
        return [_predictions(result), *(replace(one, more=True) for one in _law(result.law))]
    if isinstance(result, Rollout):
        return [_rollout(result)]
    if isinstance(result, Frontier):
        return [_frontier(result)]
    if isinstance(result, SizeDesign):
        return [_design(result)]
    assert isinstance(result, Sizes)
    return [Table(_known(result), (), ()), *_law(result)]


def _fitted(law: Sizes) -> str:
    sizes, runs = len(law.sizes), sum(len(size.runs) for size in law.sizes)
    return (
        f"One law for {sizes} sizes from {law.sizes[0].label} to {law.sizes[-1].label} "
        f"({runs} runs)"
    )


def _known(law: Sizes) -> str:
    """What the law can be asked."""
    off = max(abs(float(size.own[0] - law.law_slopes(size.size)[0][0])) for size in law.sizes)
    return (
        f"{_fitted(law)}: the loss that further updates would take each size to (L0) lies within "
        f"{100 * off:.1f} % of it. Other sizes: --predict N."
    )


def _predictions(made: SizePredictions) -> Table:
    rows, beside = made.rows, []
    best = min(rows, key=lambda row: row.loss)
    low, high = best.intervals["0.95"]
    answer = (
        f"A model of {best.size} is predicted to end at a loss of {best.loss:.4f} (95 %: {low:.4f}–"
        f"{high:.4f}) under {best.schedule} ({best.steps:,} updates)"
        + (", the lowest of these" if len(rows) > 1 else "")
        + f": {_fitted(made.law).replace('One', 'one')}."
    )
    columns = [
        Column("size, schedule"), Column("updates"), Column("final loss", ".4f"),
        Column("80 % interval", ".3f"), Column("95 % interval", ".3f"), Column("L0(N)", ".4f"),
        Column("gain", ".4f"), Column("95 %", ".4f", wide=True), Column("tokens", ".3g", wide=True),
    ]  # fmt: skip
    for name, title in (("alone", "own runs alone"), ("chinchilla", "Chinchilla"),
                        ("power", "power laws")):  # fmt: skip
        if any(getattr(row, name) is not None for row in rows):
            columns.append(Column(title, ".4f"))
            beside.append(name)
    notes = [
        "gain: below the loss at the schedule's largest rate throughout. Intervals: those of the "
        "law and its spread between sizes, and of two runs of one schedule."
    ]
    if beside:
        notes.append(
            "Beside it, from the same runs: "
            + "; ".join(_BESIDE[name] for name in beside)
            + ". The last two know no schedule."
        )
    cells = tuple(_prediction(row, beside) for row in rows)
    return Table(answer, tuple(columns), cells, tuple(notes))


_BESIDE = {
    "alone": "a fit of the size's own runs alone",
    "chinchilla": "L(N, D) fitted to the final losses of decayed runs",
    "power": "lines on log axes through these, in D and then in N",
}


def _prediction(row: SizePrediction, beside: list[str]) -> tuple[Cell, ...]:
    others: list[Cell] = [getattr(row, name) for name in beside]
    return (
        f"{row.size} {row.schedule}", row.steps, row.loss, row.intervals["0.80"],
        row.intervals["0.95"], row.floor, row.gain, row.gain_interval, row.tokens, *others,
    )  # fmt: skip


def _law(law: Sizes) -> list[Table]:
    """The sizes with runs, and the numbers of the law."""
    rows: list[tuple[Cell, ...]] = []
    for size in law.sizes:
        mean, _ = law.law_slopes(size.size)
        rows.append(
            (
                size.label, len(size.runs), float(np.exp(size.own[0])), float(np.exp(size.own[1])),
                float(np.exp(size.own[3])), 100 * float(size.own[0] - mean[0]), 100 * size.scatter,
            )
        )  # fmt: skip
    columns = (
        Column("size"), Column("runs"), Column("L0", ".4f"), Column("A", ".4f"),
        Column("b", ".3f"), Column("L0 off the law", "+.2f", "%"), Column("scatter", ".2f", "%"),
    )  # fmt: skip
    sd = np.sqrt(np.diag(law.covariance))
    parts: list[tuple[Cell, ...]] = []
    for name, error in zip(COMMON, sd.tolist(), strict=True):
        if name not in _MEANINGS or (name in ("c1", "c2", "c3", "c4") and not law.has_shapes):
            continue
        value = law.named[name]
        log = name in ("E", "F", "A")
        parts.append((name, value, error * value if log else error, _MEANINGS[name]))
    numbers = (Column("", ""), Column("value", ".4g"), Column("std. error", ".2g"), Column("what"))
    middle = RunSize(parameters=law.units.reference).text
    note = (
        f"L0(N) = E + F (N/{middle})^-a; A and b are power laws. Spreads between sizes, relative: "
        f"L0 {100 * law.spreads[0]:.1f} %, A {100 * law.spreads[1]:.0f} %, "
        f"b {100 * law.spreads[3]:.0f} %."
    )
    return [
        Table("The sizes with runs:", columns, tuple(rows)),
        Table("The law:", numbers, tuple(parts), (note,)),
    ]


def _rollout(made: Rollout) -> Table:
    eighty, ninety = made.inside["0.80"], made.inside["0.95"]
    answer = (
        f"Fitted to the sizes below each in turn, the law has been off by {made.error:.4f} on the "
        f"next size's final losses (mean over {len(made.rows)} sizes); {eighty[0]} of {eighty[1]} "
        f"lie in the 80 % and {ninety[0]} in the 95 % intervals."
    )
    columns = (
        Column("size"), Column("sizes below"), Column("times the largest", ".2f"),
        Column("runs scored"), Column("mean error", "+.4f"), Column("mean |error|", ".4f"),
        Column("Chinchilla", ".4f"), Column("power laws", ".4f"),
        Column("with a short run", ".4f"), Column("that alone", ".4f"),
        Column("the short run", wide=True),
    )  # fmt: skip
    rows = tuple(
        (
            row.size, row.trained, row.factor, len(row.names),
            float((row.observed - row.predicted).mean()), row.error, row.chinchilla, row.power,
            row.with_short, row.alone, row.short,
        )
        for row in made.rows
    )  # fmt: skip
    note = (
        "Errors are of final losses, of runs that decay where a size has some. A short run: half "
        "of the size's longest constant run, or its shortest run, given to the fit besides."
    )
    return Table(answer, columns, rows, (note,))


def _design(made: SizeDesign) -> Table:
    first = made.runs[0]
    answer = (
        f"To know the losses at {made.target} better, run {first.size} on {first.tokens:.3g} "
        f"tokens ({first.flops:.2e} FLOPs) next: their standard deviation falls from "
        f"{100 * made.sd:.1f} to {100 * first.sd:.1f} %."
    )
    columns = (
        Column("run"), Column("tokens", ".3g"), Column("FLOPs", ".2e"),
        Column("standard deviation then", ".1f", "%"),
    )  # fmt: skip
    rows = tuple((run.size, run.tokens, run.flops, 100 * run.sd) for run in made.runs)
    note = "Each run is given those before it. Its losses need not be known for that."
    return Table(answer, columns, rows, (note,))


def _frontier(made: Frontier) -> Table:
    top = made.budgets[-1]
    answer = (
        f"For {top.flops:.3g} FLOPs: {RunSize(parameters=top.parameters).text} on "
        f"{top.tokens:.3g} tokens, with a cooldown over {100 * top.cooldown:.0f} % of the run: "
        f"{top.loss:.4f} predicted."
    )
    columns = [
        Column("FLOPs", ".3g"), Column("parameters"), Column("tokens", ".3g"), Column("updates"),
        Column("tokens a parameter", ".1f"), Column("cooldown", ".0f", "%"),
        Column("final loss", ".4f"), Column("95 % interval", ".3f"),
    ]  # fmt: skip
    beside = any(budget.chinchilla is not None for budget in made.budgets)
    if beside:
        columns += [Column("Chinchilla's N"), Column("its loss", ".4f")]
    rows = []
    for budget in made.budgets:
        row: tuple[Cell, ...] = (
            budget.flops, RunSize(parameters=float(f"{budget.parameters:.3g}")).text, budget.tokens,
            budget.steps, budget.tokens / budget.parameters, 100 * budget.cooldown,
            budget.loss, budget.interval,
        )  # fmt: skip
        if beside:
            N, _, loss = budget.chinchilla or (float("nan"), 0.0, None)
            shown = "–" if np.isnan(N) else RunSize(parameters=float(f"{N:.3g}")).text
            row = (*row, shown, loss)
        rows.append(row)
    notes = [
        f"A run of D tokens at N parameters costs {made.per_token:g}·N·D FLOPs; updates are of "
        f"{made.tokens_per_update:g} tokens. Every point has its own best cooldown."
    ]
    if beside:
        notes.append(
            "Chinchilla's N: where L(N, D), fitted to the decayed runs, is lowest; its loss: that "
            "of this law there, at the best cooldown."
        )
    if any(budget.at_edge for budget in made.budgets):
        notes.append("A point at the edge of the sizes considered: a run beyond may be better.")
    return Table(answer, tuple(columns), tuple(rows), tuple(notes))
