"""The table of a `Forecast`: the rest of a run at some steps."""

from __future__ import annotations

from mplfit.plan.forecast import Forecast
from mplfit.show.table import Cell, Column, Table

__all__ = ["tables"]

_SHOWN = 5  # steps of the rest
_BY_PRIOR = (
    "The rate has fallen in none of these runs yet: what its fall gives rests on the prior alone; "
    "where that is wrong, the mean of the last rows, {:.4f}, may be nearer than the forecast."
)


def tables(found: Forecast) -> list[Table]:
    """Some steps of the rest, the last one among them."""
    rest, bounds = found.rest, found.rest.bounds
    columns = [Column("step"), Column("lr", ".3g"), Column("loss", ".4f")]
    columns += [Column(f"{100 * float(level):.0f} % interval", ".4f") for level in bounds]
    rows: list[tuple[Cell, ...]] = []
    count = rest.step.size
    for i in sorted({round(i * (count - 1) / (_SHOWN - 1)) for i in range(_SHOWN)}):
        ends = ((float(low[i]), float(high[i])) for low, high in bounds.values())
        rows.append((int(rest.step[i]), float(rest.lr[i]), float(rest.loss[i]), *ends))
    low, high = found.intervals["0.95"]
    answer = (
        f"{found.name} is forecast to end at {found.final_loss:.4f} (95 %: {low:.4f}–{high:.4f}), "
        f"at step {int(rest.step[-1])}."
    )
    return [Table(answer, tuple(columns), tuple(rows), tuple(_notes(found)))]


def _notes(found: Forecast) -> list[str]:
    last, total = found.last_step, found.steps
    beside = [f"{found.earlier} earlier run{'s' * (found.earlier > 1)}"] if found.earlier else []
    beside += ["an earlier fit as prior"] if found.by_fit else []
    prior = "with the prior of the law" if found.fit.prior is not None else "no prior"
    notes = [
        f"{found.name}: {found.logged} rows to step {last} of {total} "
        f"({100 * (last + 1) / total:.0f} %), last loss {found.last_loss:.4f}.",
        f"{found.fit.law} fitted to {found.rows} of its rows, "
        + (f"with {' and '.join(beside)}." if beside else f"{prior}."),
        f"The last rows lie {100 * found.off:+.2g} % off the law (standard deviation of a row: "
        f"{100 * found.off_sd:.2g} %); intervals are those of a logged loss at that step.",
        *found.notes,
    ]
    return [*notes, _BY_PRIOR.format(found.late)] if found.by_prior else notes
