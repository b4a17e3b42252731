"""The `mplfit` command: the group of all others."""

from __future__ import annotations

import os
import warnings
from typing import Any

import click

from mplfit import __version__
from mplfit.cli.common import one_line_warnings
from mplfit.cli.lazy import LazyGroup
from mplfit.cli.recorded import record
from mplfit.errors import MplfitError

__all__ = ["COMMANDS", "main"]

# name: (module below mplfit.cli, one line of help). The help is here, so that `mplfit --help`
# imports no command.
COMMANDS = {
    "read": ("reading", "Show what is in logs: runs, formats, schedules, assumptions."),
    "fit": ("fitting", "Fit a law to loss curves and measure it on held-out ones."),
    "evaluate": ("fitting", "Measure a fit, or the published parameters, on loss curves."),
    "compare": ("comparing", "Fit every law and compare them on held-out curves."),
    "profile": ("profiling", "Profile likelihoods of the parameters of a fit."),
    "predict": ("predicting", "Predict the loss under other schedules."),
    "optimize": ("planning", "Find the schedule with the lowest predicted final loss."),
    "design": ("designing", "Choose which run to do next, to make a prediction surer."),
    "forecast": ("forecasting", "Forecast the rest of a run in progress."),
    "extend": ("extending", "Continue a run for longer with its base learning rate."),
    "bound": ("bounding", "What convex theory says of schedules, before any run."),
    "agreement": ("agreement", "Compare convex bounds with the final losses of real runs."),
    "schedule": ("scheduling", "Plot schedules and write their rates."),
    "export": ("exporting", "Write a schedule for a training code: torch, optax, Megatron, …"),
    "report": ("reporting", "Write one HTML page on fits, residuals and candidate schedules."),
    "sweep": ("sweeping", "Find the best learning rate in a sweep, and whether it transfers."),
    "simulate": ("predicting", "Make curves from a law, with noise."),
    "lab": ("lab", "Train small transformers here: real curves, sweeps, a closed loop."),
}


class _Refusal(click.ClickException):
    """A `MplfitError` on its way out: one line on stderr, exit code 1."""

    exit_code = 1


class _Main(LazyGroup):
    """Records the words of the command line; refusals and warnings are one line on stderr."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        words = list(args)  # click uses the list up
        context = super().make_context(info_name, args, parent, **extra)
        record(context, words)
        return context

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with warnings.catch_warnings():  # which puts showwarning back
                one_line_warnings()
                return super().invoke(ctx)
        except MplfitError as error:
            raise _Refusal(str(error)) from error


@click.group(cls=_Main, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mplfit")
def main() -> None:
    """What will the loss be under another learning-rate schedule, and which one to run?

    \b
    mplfit fit csv_400/               fit a law to the loss curves in a folder
    mplfit predict --params FIT SPEC  predict the loss under another schedule
    mplfit optimize --params 400      find the best schedule

    FIT is the run folder that `mplfit fit` wrote, its fit.json, or one of the published parameter
    sets 25, 100, 400. Results go to stdout, progress and warnings to stderr. Exit codes: 0 done, 1
    an error you can mend, 2 wrong usage, 3 a fit that did not converge.

    Tab completion: put eval "$(_MPLFIT_COMPLETE=bash_source mplfit)" into ~/.bashrc (zsh_source
    and fish_source for the others).
    """
    if os.environ.get("NO_COLOR"):  # no-color.org: set to anything but nothing
        click.get_current_context().color = False
