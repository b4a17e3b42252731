"""`mplfit export`: a schedule as a file that a training code takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mplfit.cli.messages import say
from mplfit.cli.options import SCHEDULE_HELP, command, force_option, json_option
from mplfit.cli.output import print_json
from mplfit.cli.specs import schedule_given
from mplfit.writers.export import EXPORTS, Units, export, written

if TYPE_CHECKING:
    from mplfit.assess.gains import GainSummary
    from mplfit.schedule import Schedule

__all__ = ["export_command"]


@command(
    "export",
    examples=(
        "mplfit export wsdld:steps=24000,peak=3e-4,decay=4000,warmup=2160 --format torch",
        "mplfit export cosine:steps=24000,peak=3e-4,warmup=2160 --format litgpt --accumulate 8"
        " --max-knots 32 --params 400 -o /tmp/get_lr.py --force",
        "mplfit export cosine:steps=24000,peak=3e-4,warmup=2160 --format megatron --as wsd"
        " --batch-size 256 --params 400",
    ),
    help=f"""Write a schedule as a file that a training code takes.

    {SCHEDULE_HELP} Every exported file says what its steps count. Without --out it goes to stdout.
    --max-knots and --as make the schedule simpler; with --params (or for a schedule.json of `mplfit
    optimize`) the predicted loss that this costs is said.""",
)
@click.argument("spec", metavar="SPEC")
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    type=click.Choice(list(EXPORTS)),
    required=True,
    help=f"The training code: {', '.join(EXPORTS)}.",
)
@click.option("--max-knots", type=int, metavar="K", help="At most K knots.")
@click.option("--as", "shape", type=click.Choice(["wsd"]), help="As warmup-stable-decay (linear).")
@click.option(
    "--exact",
    is_flag=True,
    help="Every digit of every rate, however many knots that takes. [default: a formula where the "
    "shape is known; else to 1e-6 of the peak where more than 1,000 knots would be needed]",
)
@click.option("--params", metavar="FIT", help="A fit, to predict what a simpler schedule costs.")
@click.option("--batch-size", default=1, metavar="N", help="Samples of an update (megatron).")
@click.option("--accumulate", default=1, metavar="N", help="Micro-batches of an update (litgpt).")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The file to write.")
@force_option
@json_option
def export_command(
    spec: str,
    form: str,
    max_knots: int | None,
    shape: str | None,
    params: str | None,
    batch_size: int,
    accumulate: int,
    exact: bool,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    from mplfit.schedule.knots import as_wsd, exact_knots, to_knots, with_knots
    from mplfit.types import to_plain
    from mplfit.writers.files import refuse_existing, write_file

    if form == "npy" and out is None:
        raise click.UsageError("npy is binary: give a file with --out")
    if form == "megatron" and batch_size == 1:
        say("note: Megatron-LM counts samples: give the samples of an update with --batch-size")
    if form == "litgpt" and accumulate == 1:
        say("note: litgpt counts micro-batches: give those of an update with --accumulate")
    if out is not None:
        refuse_existing(out, force)
    given = schedule_given(spec)
    made = as_wsd(given) if shape == "wsd" else given
    if max_knots is not None and len(exact_knots(made)) > max_knots:
        made = with_knots(made, max_knots)
    cost = _cost(given, made, params or _params_of(spec)) if made is not given else None
    data = export(made, form, Units(batch_size, accumulate), exact=exact)
    near = made if exact else written(made, form)
    if near is not made:
        say(
            f"note: {len(to_knots(near))} knots meet every rate to 1e-6 of the peak; every digit "
            f"takes {len(exact_knots(made))} (--exact)"
        )
    if out is not None:
        write_file(out, data, force=force)
    if as_json:
        print_json(
            {
                "schema": "mplfit.export/1",
                "format": form,
                "file": None if out is None else str(out),
                "steps": made.steps,
                "knots": len(exact_knots(made)),
                "cost": to_plain(cost),
                "text": None if form == "npy" else data.decode(),
            }
        )
    elif out is None:
        click.echo(data.decode(), nl=False)
    else:
        how = f"{len(exact_knots(near))} knots" if b"KNOTS" in data else "a formula"
        if form in ("csv", "npy", "json"):
            how = "every rate"
        say(f"{form}: {made.steps} updates, {how}, written to {out}")


@dataclass(frozen=True)
class _Cost:
    """What a simpler schedule costs: in rates, in predicted loss, and with its interval."""

    largest_difference: float
    predicted_loss: float | None = None
    gain: GainSummary | None = None


def _cost(given: Schedule, made: Schedule, params: str | None) -> _Cost:
    """What the simpler schedule differs by, in rates and in predicted loss; also said."""
    apart = float(abs(made.lr - given.lr).max())
    text = f"the simpler schedule differs by up to {100 * apart / given.peak:.2g} % of the peak"
    cost = _Cost(apart)
    if params is None:
        say(f"{text}; give --params FIT for the predicted loss that this costs")
        return cost
    from mplfit.readers.fits import load_fit

    fit = load_fit(params)
    before, after = (fit.formula.final(fit.values, one.lr) for one in (given, made))
    cost = replace(cost, predicted_loss=after - before)
    sure = "no interval: published parameters have none"
    if fit.spread is not None:
        from mplfit.assess.gains import gains

        found = gains(fit, given, [made])[0]
        low, high = found.bounds(0.95)
        sure, cost = (
            f"95 % interval {low:+.1e} to {high:+.1e}",
            replace(cost, gain=found.summary()),
        )
    say(
        f"{text}; predicted final loss {before:.5f} → {after:.5f} ({after - before:+.1e}, {sure}; "
        f"by {fit.law} with the parameters {params})"
    )
    return cost


def _params_of(spec: str) -> str | None:
    """The fit that `mplfit optimize` names in its schedule.json, where that is still there."""
    from mplfit.errors import MplfitError
    from mplfit.readers.fits import load_fit
    from mplfit.readers.provenance import fit_named_in

    params = fit_named_in(spec)
    if params is None:
        return None
    try:
        load_fit(params)
    except MplfitError:
        say(f"note: the fit {params} that the schedule was made with is not there")
        return None
    return params
