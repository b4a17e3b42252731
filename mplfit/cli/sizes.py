"""`mplfit sizes`: one law for runs of several model sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.messages import progress, say, say_notes, warn
from mplfit.cli.options import SCHEDULE_HELP, command, weight_decay_option
from mplfit.cli.output import Output, command_line, output_options, print_json
from mplfit.cli.reading import Reading, reading_options
from mplfit.cli.specs import named_specs, sized_path
from mplfit.errors import DataError, FitError

if TYPE_CHECKING:
    from mplfit.curve import Curve
    from mplfit.schedule import Schedule
    from mplfit.sizes.predictions import SizePredictions
    from mplfit.sizes.result import Sizes

__all__ = ["sizes_command"]

_KEYS = {
    "Frontier": "frontier",
    "Rollout": "rollout",
    "SizeDesign": "design",
    "SizePredictions": "predictions",
    "Sizes": "law",
}


@command(
    "sizes",
    examples=(
        "mplfit sizes data/lab_sizes --predict 137k --predict 500k --steps 3k --steps 6k"
        " --schedule cosine:steps=3000,peak=6e-3,final=10%,warmup=300"
        " --schedule wsdld:steps=3000,peak=6e-3,decay=20%,warmup=300 --out /tmp/sizes --force",
        "mplfit sizes data/lab_sizes --rollout --no-save",
        "mplfit sizes data/lab_sizes --flops 1e12 --no-save",
    ),
    help=f"""Fit one law to runs of several model sizes, and predict others.

    PATHS are logs or folders of them; the size of each run is read from its name, its folder, its
    columns or a configuration beside it, or told as N=PATH or with --size. Without --predict the
    law itself is shown. --rollout says how wrong it has been: fitted to the sizes up to each in
    turn and scored on the next. --flops finds the best size and number of tokens for a budget.

    {SCHEDULE_HELP} The law (sizes.json) and figures go into a folder, by default mplfit-runs/sizes;
    `mplfit optimize --params FOLDER --size N` takes it.""",
)
@click.argument("paths", nargs=-1, required=True, metavar="[N=]PATH…")
@click.option(
    "--predict",
    "targets",
    multiple=True,
    metavar="N",
    help="A size, as 1.9B or 1.9B,d2048-l40 (repeat).",
)
@click.option(
    "--schedule",
    "specs",
    multiple=True,
    metavar="[NAME=]SPEC",
    help="A schedule at that size (repeat). [default: constant, cosine, wsdld]",
)
@click.option(
    "--steps",
    "horizons",
    multiple=True,
    metavar="N",
    help="Its updates instead of SPEC's (repeat).",
)
@click.option(
    "--design", is_flag=True, help="Which smaller runs to add, to know the first size better."
)
@click.option("--rollout", is_flag=True, help="Score the law on each size by those below it.")
@click.option(
    "--flops", multiple=True, type=float, metavar="C", help="A budget to spend best (repeat)."
)
@click.option(
    "--flops-per-token",
    type=float,
    default=6.0,
    show_default=True,
    help="FLOPs for a parameter and a token of training.",
)
@click.option(
    "--update-tokens", type=float, metavar="N", help="Tokens in an update. [default: the runs']"
)
@weight_decay_option
@partial(reading_options, schedule="--run-schedule")
@output_options("sizes")
def sizes_command(
    paths: Sequence[str],
    targets: Sequence[str],
    specs: Sequence[str],
    horizons: Sequence[str],
    design: bool,
    rollout: bool,
    flops: Sequence[float],
    flops_per_token: float,
    update_tokens: float | None,
    weight_decay: float | None,
    reading: Reading,
    output: Output,
) -> None:
    from mplfit.readers.sizes import parse_size
    from mplfit.show.files import sizes_files
    from mplfit.sizes.fit import fit_sizes
    from mplfit.sizes.predictions import predict_sizes

    if (specs or horizons) and not targets:
        raise click.UsageError("--schedule and --steps belong to --predict N")
    if design and not targets:
        raise click.UsageError("--design belongs to --predict N")
    sizes = [parse_size(text) for text in targets]
    schedules = _schedules(specs, horizons)
    curves = _read(paths, reading)
    say_notes(curves)
    law = fit_sizes(curves, weight_decay=weight_decay)
    law = replace(law, made_by=command_line())
    if weight_decay is None and all(curve.weight_decay is None for curve in curves):
        say("note: AdamW's weight decay is taken to be 0.1 (set it with --weight-decay)")
    for text in law.warnings:
        warn(text)
    made = predict_sizes(law, curves, sizes, schedules or None, tokens_per_update=update_tokens)
    if horizons and not specs:
        made = _at_horizons(law, curves, sizes, horizons, update_tokens)
    for text in made.warnings:
        warn(text)
    shown: list[Any] = [made if sizes else law]
    if rollout:
        from mplfit.sizes.rollout import roll_out

        shown.insert(0, roll_out(curves, weight_decay=weight_decay, progress=progress))
    if design:
        from mplfit.sizes.design import design_sizes

        shown.insert(
            0,
            design_sizes(law, sizes[0], tokens_per_update=update_tokens, per_token=flops_per_token),
        )
    if flops:
        budgets = _frontier(made, flops, flops_per_token, update_tokens)
        for text in budgets.warnings:
            warn(text)
        shown.insert(0, budgets)
    largest = max((size.count or 0.0 for size in sizes), default=0.0)
    output.write(lambda: sizes_files(law, curves, schedules, largest))
    if output.as_json:
        values = {_KEYS[type(one).__name__]: one.to_dict() for one in shown}
        print_json({"schema": "mplfit.sizes_report/1", **values, "folder": output.name})
        return
    output.show(*shown)
    output.say("sizes.json, losses.png, residuals.png")


def _read(paths: Sequence[str], reading: Reading) -> list[Curve]:
    """The runs, those of [N=]PATH with that size."""
    from mplfit.readers.paths import read_curves

    plain = [text for text in paths if sized_path(text)[0] is None]
    if not plain and (reading.schedules or reading.sizes):
        raise DataError("--run-schedule and --size NAME=N name runs of paths without N=")
    curves = reading.read(plain) if plain else []
    for text in paths:
        size, path = sized_path(text)
        if size is not None:
            some = read_curves([path], replace(reading.options, size=size))
            curves += [replace(curve, name=f"{size}/{curve.name}") for curve in some]
    return curves


def _schedules(specs: Sequence[str], horizons: Sequence[str]) -> dict[str, Schedule]:
    """The schedules to predict, each at every horizon."""
    from mplfit.readers.schedules import load_schedule
    from mplfit.schedule.spec import parse_count, read_spec

    made: dict[str, Schedule] = {}
    for name, spec in named_specs(specs).items():
        if not horizons:
            made[name] = load_schedule(spec)
        for text in horizons:
            made[f"{name} {text}"] = read_spec(spec).with_values(steps=parse_count(text)).schedule()
    return made


def _at_horizons(
    law: Sizes,
    curves: Sequence[Curve],
    sizes: Sequence[Any],
    horizons: Sequence[str],
    tokens: float | None,
) -> SizePredictions:
    """The usual schedules at every horizon."""
    from mplfit.schedule.spec import parse_count
    from mplfit.sizes.predictions import predict_sizes
    from mplfit.sizes.usual import usual_schedules

    parts = []
    for size in sizes:
        plans = {
            f"{name} {text}": plan
            for text in horizons
            for name, plan in usual_schedules(law, size, parse_count(text)).items()
        }
        parts.append(predict_sizes(law, curves, [size], plans, tokens_per_update=tokens))
    rows = tuple(row for part in parts for row in part.rows)
    warnings = tuple(dict.fromkeys(text for part in parts for text in part.warnings))
    return replace(parts[0], rows=rows, warnings=warnings)


def _frontier(
    made: SizePredictions, flops: Sequence[float], per_token: float, tokens: float | None
) -> Any:
    from mplfit.sizes.frontier import frontier
    from mplfit.sizes.predictions import tokens_at

    each = tokens_at(made.law, tokens)
    if each is None:
        raise FitError(
            "how many tokens an update has is not known, or differs between the runs: say it with "
            "--update-tokens N"
        )
    told = all(one.size.tokens_per_update for one in made.law.sizes)
    form = made.chinchilla if told else None
    return frontier(made.law, flops, tokens_per_update=each, chinchilla=form, per_token=per_token)
