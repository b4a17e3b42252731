"""`mplfit profile`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mplfit.cli.engine import Engine, engine_options
from mplfit.cli.messages import progress, say_notes
from mplfit.cli.options import command, fit_given
from mplfit.cli.output import Output, output_options
from mplfit.cli.reading import Reading, reading_options

__all__ = ["profile_command"]


@command(
    "profile",
    examples=(
        "mplfit profile data/fits/onepower_25.json --out /tmp/profiles --force",
        "mplfit profile --params data/fits/onepower_25.json --param alpha --no-save --json",
    ),
)
@fit_given
@click.option("--param", "names", multiple=True, metavar="NAME", help="A parameter (repeat).")
@reading_options
@engine_options
@output_options("profile")
def profile_command(
    params: str,
    names: Sequence[str],
    reading: Reading,
    engine: Engine,
    output: Output,
) -> None:
    """Profile likelihoods of the parameters of FIT, beside Laplace's intervals.

    Each parameter is held at values around the fitted one, and the others are fitted again. Where
    the deviance crosses its threshold the interval ends; where it never does, the data do not bound
    the parameter, and that is said. The logs that FIT was made from are read again, as they were
    read then unless reading options are given here, and must not have changed.
    """
    from mplfit.assess.profile import profile
    from mplfit.readers.again import read_again
    from mplfit.readers.fits import load_fit

    fit = load_fit(params)
    curves = read_again(fit, *reading.again(fit))
    say_notes(curves)
    with engine() as executor:
        found = profile(fit, curves, names, name=params, executor=executor, progress=progress)
    output.give(found, "profile.json, profiles.png")
