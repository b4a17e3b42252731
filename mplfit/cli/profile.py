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
    print_json,
    progress,
    read_options_given,
    reading_options,
    saves,
    say_notes,
)
from mplfit.cli.engine import engine, engine_options
from mplfit.cli.tables import render
from mplfit.errors import DataError

if TYPE_CHECKING:
    from mplfit.assess.profile import Profile

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
@json_option
def profile_command(
    params: str,
    names: Sequence[str],
    target: Target,
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
    from mplfit.show.plot import png
    from mplfit.show.profile_plot import plot_profiles
    from mplfit.writers.text import json_bytes

    fit = load_fit(params)
    known = fit.formula.names
    for name in names:
        if name not in known:
            raise DataError(
                f"the law {fit.law} has no parameter {name!r}: choose of {', '.join(known)}"
            )
    curves = read_again(fit, *read_options_given(fit))
    say_notes(curves)
    with engine() as executor:
        found = profile(fit, curves, names, executor=executor, progress=progress)
    values = {
        "schema": "mplfit.profile/1",
        "params": params,
        "law": fit.law,
        "prior": fit.prior_name,
        "parameters": {one.name: one.to_dict() for one in found},
    }
    target.write(
        lambda: {
            "profile.json": json_bytes(values),
            "profiles.png": png(plot_profiles(found, fit.law)),
        }
    )
    if as_json:
        print_json(values)
        return
    prior = fit.prior_name
    held = f", with the {prior} prior" if prior != "none" else ""
    click.echo(f"{fit.formula.title} ({fit.law}){held}, {len(curves)} training curves\n")
    header = ["parameter", "value"]
    for level in found[0].intervals:
        header += [f"{100 * level:.0f} % Laplace", f"{100 * level:.0f} % profile"]
    click.echo(render(header, [_row(one) for one in found]))
    for one in found:
        if one.note:
            click.echo(f"\n{one.name}: {one.note}")
    click.echo(
        "\nBoth widths allow for the residuals' correlation along a run, not for differences "
        "between runs" + (", and contain the prior" if held else "")
    )
    target.say("profile.json, profiles.png")


def _row(one: Profile) -> list[str]:
    cells = [one.name, f"{one.fitted:.5g}"]
    for level, ends in one.intervals.items():
        laplace = one.laplace_intervals[level]
        cells.append("none (at a bound)" if laplace is None else _ends(*laplace))
        cells.append(_ends(*ends))
    return cells


def _ends(low: float | None, high: float | None) -> str:
    return (
        f"{'open' if low is None else f'{low:.4g}'} – {'open' if high is None else f'{high:.4g}'}"
    )
