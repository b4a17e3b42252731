"""`mplfit simulate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from mplfit.cli.messages import say
from mplfit.cli.options import SCHEDULE_HELP, command, force_option, json_option, params_option
from mplfit.cli.output import print_json
from mplfit.cli.specs import named_schedules
from mplfit.errors import DataError

__all__ = ["simulate_command"]


@command(
    "simulate",
    examples=(
        "mplfit simulate --params 400 --released --noise 1e-3 --out /tmp/simulated --force",
        "mplfit simulate --params 25 mine=linear:steps=5000,peak=3e-4,warmup=500 --every 50"
        " --out /tmp/mine --force",
    ),
    help=f"""Make loss curves from a law, as logs that `mplfit fit` reads.

    {SCHEDULE_HELP} A name may stand before it: NAME=SPEC. Noise is an AR(1) sequence in the log of
    the loss. One csv file (step,lr,loss) is written for each schedule.""",
)
@click.argument("specs", nargs=-1, metavar="[NAME=]SPEC…")
@params_option
@click.option("--released", is_flag=True, help="The nine schedules of the released curves.")
@click.option("--every", default=128, show_default=True, help="Steps between logged rows.")
@click.option("--noise", default=0.0, show_default=True, help="Its relative standard deviation.")
@click.option(
    "--correlation", default=0.0, show_default=True, help="Of the noise, from row to row."
)
@click.option("--seed", default=0, show_default=True, help="Of the noise.")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="The folder.")
@force_option
@json_option
def simulate_command(
    specs: Sequence[str],
    params: str,
    released: bool,
    every: int,
    noise: float,
    correlation: float,
    seed: int,
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    import numpy as np

    from mplfit.estimate.simulate import simulate
    from mplfit.readers.fits import load_fit
    from mplfit.readers.released import NAMES, released_schedule
    from mplfit.writers.files import refuse_existing, write_folder
    from mplfit.writers.text import curve_csv, file_name

    if not specs and not released:
        raise click.UsageError("give at least one schedule (SPEC), or --released")
    if every < 1:
        raise DataError(f"--every must be at least 1 step, got {every}")
    refuse_existing(out, force)
    fit = load_fit(params)
    named = named_schedules(specs)
    if released:
        named |= {name: made for name in NAMES if (made := released_schedule(name)) is not None}
    files, runs = {}, []
    seeds = np.random.SeedSequence(seed).spawn(len(named))
    for (name, schedule), own_seed in zip(named.items(), seeds, strict=True):
        curve = simulate(
            fit.formula,
            fit.values,
            schedule,
            np.arange(max(schedule.warmup, 1), schedule.steps, every),
            name=name,
            noise=noise,
            correlation=correlation,
            rng=np.random.default_rng(own_seed),
        )
        files[f"{file_name(name)}.csv"] = curve_csv(curve)
        runs.append(
            {
                "name": name,
                "file": str(out / f"{file_name(name)}.csv"),
                "points": len(curve),
                "steps": schedule.steps,
                "final_loss": float(curve.loss[-1]),
            }
        )
    write_folder(out, files, force=force)
    if as_json:
        options = {"noise": noise, "correlation": correlation, "seed": seed, "every": every}
        print_json(
            {"schema": "mplfit.simulated/1", "params": params, "options": options, "runs": runs}
        )
    say(f"{len(files)} simulated curves written to {out}/")
