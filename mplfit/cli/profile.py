"""`mplfit profile`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mplfit.cli.common import (
    Examples,
    Target,
    fit_given,
    json_option,
    progress,
    read_options_given,
    reading_options,
    saves,
    say_notes,
    show_result,
    wide_option,
)
from mplfit.cli.engine import engine, engine_options

if TYPE_CHECKING:
    from mplfit.assess.profile import Profiles

__all__ = ["profile_command"]


@click.command(
    "profile",
    cls=Examples,
    examples=(
        "mplfit profile data/fits/onepower_25.json --out /tmp/profiles --force",
        "mplfit profile --params data/fits/onepower_25.json --param alpha --no-save --json",
    ),
)
@fit_given
@click.option("--param", "names", multiple=True, metavar="NAME", help="A parameter (repeat).")
@reading_options
@engine_options
@saves("profile")
@wide_option
@json_option
def profile_command(
    params: str,
    names: Sequence[str],
    target: Target,
    wide: bool,
    as_json: bool,
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
    curves = read_again(fit, *read_options_given(fit))
    say_notes(curves)
    with engine() as executor:
        found = profile(fit, curves, names, name=params, executor=executor, progress=progress)
    target.write(lambda: _files(found))
    show_result(found, found.to_dict(), as_json=as_json, wide=wide)
    if not as_json:
        target.say("profile.json, profiles.png", apart=True)


def _files(found: Profiles) -> dict[str, bytes]:
    from mplfit.show.plot import png
    from mplfit.show.profile_plot import plot_profiles
    from mplfit.writers.text import json_bytes

    return {
        "profile.json": json_bytes(found.to_dict()),
        "profiles.png": png(plot_profiles(found)),
    }
