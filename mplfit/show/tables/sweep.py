"""The tables of a `SweepAnalysis`: optima, what each parametrization says, and laws in size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mplfit.estimate.mean import Mean
from mplfit.show.table import Cell, Column, Table
from mplfit.sweeps.analysis import Part, SweepAnalysis
from mplfit.sweeps.batch import OverBatch
from mplfit.sweeps.optimum import FLAGS, Optimum
from mplfit.sweeps.power_law import PowerLaw
from mplfit.sweeps.predicted import NOT_ASKED
from mplfit.sweeps.size_law import SizeLaw
from mplfit.sweeps.table import label
from mplfit.sweeps.verdict import headline, sentences

__all__ = ["tables"]

_ROWS = 40  # settings in a table, at most
_PARTS = 12  # parametrizations told in full, at most
_METHODS = (
    "grid: a line through the lowest rates of the grid, each trusted alike, as notebooks do.",
    "ordinary, robust: interpolated optima inside their grids, weighted by their errors (seeds and "
    "grid resolution); robust gives an odd setting less say.",
    "misfit: mean square of the residuals in errors; 1 ± √(2/(settings − unknowns)) where the law "
    "holds; above, intervals are widened.",
)
_INTERVAL = Column("95 %", ".3g")


def tables(analysis: SweepAnalysis) -> list[Table]:
    """Verdicts first; long tables are cut, and say so."""
    made = [_optima(analysis)]
    for part in analysis.parts[:_PARTS]:
        first, *laws = _part(part, analysis.options.method)
        made += [first, *(replace(law, more=True) for law in laws)]
    left = len(analysis.parts) - _PARTS
    if left > 0:
        made.append(Table(f"And {left} more parametrizations (--json has all).", (), ()))
    if any(part.laws for part in analysis.parts):
        made.append(Table("", (), (), _METHODS, more=True))
    return [*made, _predicted(analysis)]


def _optima(analysis: SweepAnalysis) -> Table:
    optima, parts = analysis.optima, analysis.parts
    said = []
    for part in parts[:3]:
        over = part.over_batch.sentence(analysis.options.method) if part.over_batch else ""
        said.append((f"{part.name}: " if part.key else "") + over if over else _best(part))
    settings = f"{len(optima)} setting{'s' if len(optima) > 1 else ''}"
    answer = f"{'; '.join(said)} ({len(analysis.table)} runs of {settings})."
    within = f"within {100 * analysis.options.tolerance:g} %"
    columns = (
        *(Column(name) for name in list(optima[0].group.key) or ["setting"]),
        Column("best on grid", ".4g"),
        Column("resampled"),
        Column("best rate", ".3g"),
        Column("95 % interval"),
        Column("its loss", ".4f"),
        Column("95 % interval", ".4f", wide=True),
        Column(within, ".2g", wide=True),
        Column("flags"),
    )
    rows = tuple(_optimum(optimum) for optimum in optima[:_ROWS])
    more = len(optima) - _ROWS
    cut = [f"And {more} more settings (--json or --out has all)."] if more > 0 else []
    return Table(answer, columns, rows, (*cut, *_legend(optima)))


def _best(part: Part) -> str:
    """The best rate of the largest setting, and whether it moves."""
    found = [
        optimum for optimum in part.optima if not {"no optimum", "single rate"} & set(optimum.flags)
    ]
    name = f"{part.name}: " if part.key else ""
    if not found:
        return f"{name}{headline(part)}"
    last = found[-1]
    where = last.group.name.removeprefix(f"{part.name}, ")
    return (
        f"{name}{'best' if name else 'Best'} rate {last.lr:.3g} "
        f"(95 %: {_ends(last)}) at {where}; {headline(part)}"
    )


def _optimum(one: Optimum) -> tuple[Cell, ...]:
    setting = [label({"": value})[1:] for value in one.group.key.values()] or [one.group.name]
    flags = ", ".join(one.flags) or "–"
    if "no optimum" in one.flags:
        return (*setting, *[None] * 7, flags)
    if "single rate" in one.flags:
        return (*setting, one.grid_lr, None, None, None, one.loss, None, None, flags)
    sure = f"{100 * one.support:.0f} %" if one.noise.freedom else None
    return (
        *setting, one.grid_lr, sure, one.lr, _ends(one), one.loss, one.loss_interval, one.basin,
        flags,
    )  # fmt: skip


def _ends(one: Optimum) -> str:
    low, high = (f"{end:.3g}" for end in one.interval)
    return f"{'≤' if one.open_low else ''}{low}–{'≥' if one.open_high else ''}{high}"


def _legend(optima: Sequence[Optimum]) -> list[str]:
    notes = [
        "resampled: how often a repeated sweep with the seeds' noise has the same rate lowest.",
        "within (--wide): by the interpolation; the ends are as unsure as the best rate.",
    ]
    seen = {flag for optimum in optima for flag in optimum.flags}
    notes += [f"{flag}: {text}." for flag, text in FLAGS.items() if flag in seen]
    sources = {optimum.noise.source for optimum in optima}
    if len(sources) > 1:
        return notes
    source, noise = sources.pop(), optima[0].noise
    if source == "repeated runs of the setting":
        text = "The noise of a setting is told by its own repeated runs."
    elif noise.freedom:
        share = 100 * noise.relative
        unsure = share / (2 * noise.freedom) ** 0.5  # of a standard deviation
        text = f"Noise of one run: {share:.2g} ± {unsure:.1g} % of the loss, from {source}."
    else:
        text = (
            "The noise of a run is not known, for no run is repeated: intervals hold the grid's "
            "resolution alone."
        )
    return [*notes, text]


def _part(part: Part, method: str) -> Iterator[Table]:
    if part.over_batch is not None:
        yield from _over_batch(part.over_batch, method)
    said = tuple(text.strip() for text in sentences(part))
    yield Table(f"{part.name}: {headline(part)}", (), (), said)
    for variables in dict.fromkeys(law.variables for law in part.laws):
        chosen = [law for law in part.laws if law.variables == variables]
        yield _law(sorted(chosen, key=lambda law: law.method != method))
    for size in dict.fromkeys(law.size for law in part.size_laws):
        yield _size_law([law for law in part.size_laws if law.size == size])
    if part.missing:
        yield Table("", (), (), part.missing)


def _over_batch(found: OverBatch, method: str) -> Iterator[Table]:
    """The best rate and batch size of every setting of the other sizes, and their laws."""
    batch = found.batch
    columns = (
        *(Column(name) for name in (found.choices[0].setting if found.choices else ["setting"])),
        Column(f"best {batch} on grid", ".6g"), Column(f"best {batch}", ".3g"),
        Column("95 %", ".3g"), Column("best rate", ".3g"), Column("95 %", ".3g"),
        Column("its loss", ".4f"), Column("flags"),
    )  # fmt: skip
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            *(label({"": value})[1:] for value in choice.setting.values()),
            choice.grid_batch, choice.batch, choice.batch_interval, choice.lr,
            choice.lr_interval, choice.loss,
            ", ".join(choice.flags) or "–",
        )
        for choice in found.choices[:_ROWS]
    )  # fmt: skip
    yield Table(f"Rate and {batch} chosen together", columns, rows, found.missing)
    for what, laws in (("best rate", found.rate_laws), (f"best {batch}", found.batch_laws)):
        if laws:
            yield _law(sorted(laws, key=lambda law: law.method != method), what)


def _law(laws: Sequence[PowerLaw], what: str = "") -> Table:
    """A law in one set of variables, the chosen method first.

    what : what follows it, at the best batch size; "" of the best rate.
    """
    first, single = laws[0], len(laws[0].variables) == 1 and not what
    constant = "eta0" if what in ("", "best rate") else "B0"
    if single:
        name = first.variables[0]
        form = f"best rate = eta0 · ({first.reference[0]:.10g} / {name})^gamma"
        exponents = [f"gamma of {name}"]
    else:
        pairs = zip(first.variables, first.reference, strict=True)
        form = f"{what or 'best rate'} = {constant} · " + " · ".join(
            f"({name} / {value:g})^{chr(97 + i)}" for i, (name, value) in enumerate(pairs)
        )
        exponents = [chr(97 + i) for i in range(len(first.variables))]
        if what:
            form += ", rate and batch size chosen together"
    columns = [Column("method"), Column("settings"), Column(constant, ".3e"), _INTERVAL]
    for name in exponents:
        columns += [Column(name, ".4f"), Column("95 %", ".3f")]
    columns.append(Column("misfit", ".2g"))
    notes = []
    if first.left_out and first.method != "grid":
        more = f" and {len(first.left_out) - 3} more" if len(first.left_out) > 3 else ""
        notes.append(f"Left out of {first.method}: {'; '.join(first.left_out[:3])}{more}.")
    rows = tuple(_law_row(law, laws, -1 if single else 1) for law in laws)
    return Table(form, tuple(columns), rows, tuple(notes))


def _law_row(law: PowerLaw, laws: Sequence[PowerLaw], sign: int) -> tuple[Cell, ...]:
    name = law.method
    if law.method == "grid" and sum(other.method == "grid" for other in laws) > 1:
        name += " (single rates too)" if not law.left_out else " (no single rates)"
    cells: list[Cell] = [name, law.settings, law.eta0, law.eta0_interval]
    for exponent, ends in zip(law.exponents, law.intervals, strict=True):
        low, high = sorted(sign * end + 0.0 for end in ends)
        cells += [sign * exponent + 0.0, (low, high)]
    return (*cells, law.misfit)


def _size_law(laws: Sequence[SizeLaw]) -> Table:
    first = laws[0]
    form = f"loss at the best rate = E + A · ({first.size} / {first.reference:.10g})^(−alpha)"
    columns = (
        Column("law"), Column("E", ".4f"), Column("95 %", ".3f"), Column("A", ".4f"),
        Column("95 %", ".3f"), Column("alpha", ".3f"), Column("95 %", ".3f"),
        Column("misfit", ".2g"), Column(""),
    )  # fmt: skip
    rows = tuple(
        (
            "with floor" if law.floor else "no floor",
            law.E if law.floor else "0",
            law.E_interval if law.floor else None,
            law.A, law.A_interval, law.alpha, law.alpha_interval, law.misfit,
            "" if law.determined else "not determined",
        )
        for law in laws
    )  # fmt: skip
    return Table(f"{form}, {first.settings} sizes", columns, rows)


def _predicted(analysis: SweepAnalysis) -> Table:
    if not analysis.predicted:
        return Table("", (), (), (NOT_ASKED,))
    columns = (
        Column("setting"), Column("predicted best rate", ".4g"), Column("95 %", ".3g"),
        Column("observed", ".3g"), Column("in its interval"), Column("loss paid"),
    )  # fmt: skip
    rows = tuple(
        (
            prediction.setting, prediction.predicted_lr, prediction.interval,
            prediction.observed_lr, "yes" if prediction.inside else "no",
            f"{Mean(prediction.paid, prediction.paid_error, 2):.4f}",
        )
        for prediction in analysis.predicted[:_ROWS]
    )  # fmt: skip
    notes = (
        "best rate: on the grid; 95 %: over draws of the fit's parameters; ±: standard error by "
        "the noise of the runs.",
    )
    return Table("The best rate that the fit predicts, beside the sweep's.", columns, rows, notes)
