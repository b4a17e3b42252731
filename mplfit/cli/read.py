"""`mplfit read`: what is in logs, as the other commands would read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.messages import is_set, progress, say_notes
from mplfit.cli.options import command
from mplfit.cli.output import Output, output_options, print_json
from mplfit.cli.reading import Reading, reading_options

if TYPE_CHECKING:
    from mplfit.curve import Curve
    from mplfit.readers.log import Log

__all__ = ["read_command"]


@command(
    "read",
    examples=(
        "mplfit read data/lab_text",
        "mplfit read data/simulated_25/cosine_24000.csv --smooth 5 --every 1000 --json",
    ),
)
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@reading_options
@output_options(files=False)
def read_command(paths: Sequence[str], reading: Reading, output: Output) -> None:
    """Show what is in the logs in PATHS: runs, formats, steps, losses, schedules.

    PATHS are files, folders (with all folders in them) or - for standard input: tables (CSV, JSON
    lines, npz, Parquet) with columns for step, rate and loss; W&B (wandb/, run-ID.wandb, charts);
    TensorBoard; MLflow; Hugging Face, Megatron-LM, NeMo, OLMo, torchtitan, DeepSpeed, Composer,
    Levanter, nanoGPT, litgpt, nanochat, llm.c and others, also compressed. More than 40 runs are
    shown in groups, with those to look at by name. Assumptions are said on stderr, at most a line a
    run; with -v all of them, and every run.
    """
    from mplfit.readers.paths import read_runs
    from mplfit.show.tables.many_runs import MANY, many_table, skipped_lines
    from mplfit.show.tables.read import runs_table

    options = reading.options
    runs = read_runs(
        paths, options, schedules=reading.schedules, sizes=reading.sizes, progress=progress
    )
    read = list(runs.read)
    if options.from_step is None:
        read = [(_with_beginning(curve), log) for curve, log in read]
    say_notes(curve for curve, _ in read)
    if output.as_json:
        entries = [_entry(curve, log) for curve, log in read]
        skipped = [{"path": str(one.path), "why": one.why} for one in runs.skipped]
        print_json({"schema": "mplfit.logs/1", "runs": entries, "skipped": skipped})
        return
    if len(read) > MANY and not (is_set("verbose") or output.wide):
        output.show(many_table(read, runs.skipped))
        return
    table = runs_table(read)
    output.show(replace(table, notes=(*skipped_lines(runs.skipped), *table.notes)))


def _with_beginning(curve: Curve) -> Curve:
    """The curve with a note on the rows at its beginning that other commands leave out."""
    from mplfit.readers.selecting import EARLY, beginning

    first, origin = beginning(curve.schedule, curve.step), curve.origin
    if first <= curve.step[0] or origin is None:
        return curve
    note = f"other commands leave out the rows before step {first}: {EARLY} (--from-step 0)"
    return replace(curve, origin=replace(origin, notes=(*origin.notes, note)))


def _entry(curve: Curve, log: Log) -> dict[str, Any]:
    from mplfit.readers.selecting import warmup_of
    from mplfit.show.tables.read import median_norm

    schedule, origin = curve.schedule, curve.origin
    return {
        "name": curve.name,
        "format": log.kind,
        "path": str(log.path),
        "sha256": log.sha256,
        "points": len(curve),
        "first_step": int(curve.step[0]),
        "last_step": int(curve.step[-1]),
        "first_loss": float(curve.loss[0]),
        "last_loss": float(curve.loss[-1]),
        "steps": schedule.steps,
        "warmup": warmup_of(schedule),
        "peak": schedule.peak,
        "final_lr": float(schedule.lr[-1]),
        "weight_decay": curve.weight_decay,
        "size": {**curve.size.numbers(), "told_by": curve.size.told_by},
        "median_gradient_norm": median_norm(log),
        "gradient_norms": len(log.norm),
        "other_losses": list(log.also),
        "notes": list(origin.notes) if origin else [],
        "warnings": list(origin.warnings) if origin else [],
    }
