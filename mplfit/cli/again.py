"""How the logs of a fit are read again: as this command line says, or as the one that made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from mplfit.cli.common import read_options, reading_given
from mplfit.cli.recorded import parsed

if TYPE_CHECKING:
    from mplfit.estimate.result import Fit
    from mplfit.readers.options import ReadOptions
    from mplfit.schedule import Schedule

__all__ = ["options_of"]


def options_of(fit: Fit) -> tuple[ReadOptions, Mapping[str, Schedule]]:
    """The reading options, and the schedules of the fit's own runs.

    Those given to this command count where there are any; else those of the command that the fit
    records. A fit by the library records none: then the defaults do.
    """
    from mplfit.cli.comparing import compare_command
    from mplfit.cli.fitting import fit_command

    context = click.get_current_context()
    if not reading_given():
        line = fit.options.get("command")
        context = parsed(fit_command, line) or parsed(compare_command, line) or context
    with context:
        options, schedules = read_options()
    names = {str(entry["name"]) for entry in fit.data}
    return options, {name: plan for name, plan in schedules.items() if name in names}
