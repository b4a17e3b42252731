"""A command of mplfit, and the options that several have."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import click

from mplfit.cli.messages import as_options, keep_set
from mplfit.errors import FitError, MplfitError

__all__ = [
    "SCHEDULE_HELP",
    "Examples",
    "LawOption",
    "command",
    "figure_format",
    "fit_given",
    "force_option",
    "json_option",
    "number_or",
    "params_option",
    "size_option",
    "split_options",
    "weight_decay_option",
    "wide_option",
]

F = TypeVar("F", bound=Callable[..., Any])
Word = TypeVar("Word", bound=str)

SCHEDULE_HELP = """SPEC is a file (.csv with step,lr; .npy; .json), a run's log or folder, or text
    such as cosine:steps=24000,peak=3e-4,final=3e-5,warmup=2160. `mplfit schedule --help` lists
    them."""
_FIT_HELP = "A run folder, a fit.json, or the published parameters 25, 100 or 400."

# Under which title of a command's help an option stands, by its name: else the first one.
_TITLES = {
    "Options": "",
    "Fitting": "params law laws prior weight_decay siblings train test rival refits solver workers "
    "dask",
    "Reading logs": "step_col lr_col loss_col run_col run_schedules run_sizes warmup metric smooth "
    "every from_step to_step spikes steps_per_row tokens_per_step steps_are",
    "Output": "out no_save kind log force as_json wide correlations quiet verbose "
    "_click_default_help",
}


class Examples(click.Command):
    """A command whose help ends in examples that run as they stand (a test runs them)."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        for names, text in (
            (["-q", "--quiet"], "No notes and no progress on stderr; warnings and errors stay."),
            (["-v", "--verbose"], "All notes on how logs were read, and all statistics."),
        ):
            self.params.append(
                click.Option(names, is_flag=True, expose_value=False, callback=keep_set, help=text)
            )

    def invoke(self, ctx: click.Context) -> Any:
        """As click's; errors of the library name the options of this command."""
        try:
            return super().invoke(ctx)
        except MplfitError as error:
            error.args = (as_options(str(error)),)
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {title: [] for title in _TITLES}
        reads = any(one.name == "run_schedules" for one in self.params)
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            if isinstance(option, click.Option) and record is not None:
                groups[_title_of(option.name or "", reads)].append(record)
        for title, records in groups.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"  {example}\n")


def _title_of(name: str, reads: bool) -> str:
    title = next((title for title, names in _TITLES.items() if name in names.split()), "Options")
    return "Options" if title == "Reading logs" and not reads else title


def command(
    name: str, *, examples: Sequence[str], help: str | None = None
) -> Callable[[Callable[..., Any]], Examples]:
    """Make a function the command of this name; its help is the docstring, or `help`."""
    said = {} if help is None else {"help": help}
    return click.command(name, cls=Examples, examples=examples, **said)


class LawOption(click.Option):
    """An option that names a law. Its help lists the laws there are."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        from mplfit.laws.registry import TABLE

        record = super().get_help_record(ctx)
        laws = "; ".join(f"{key}: {summary}" for key, (_, summary) in TABLE.items())
        return record and (record[0], f"{record[1]}  {laws}.")


weight_decay_option = click.option(
    "--weight-decay",
    type=float,
    help="AdamW's, for laws that have it. [default: the logs', or 0.1]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
wide_option = click.option(
    "--wide", is_flag=True, help="Show every column, however wide the table becomes."
)
force_option = click.option("--force", is_flag=True, help="Overwrite what is there.")
figure_format = click.option(
    "--format",
    "kind",
    type=click.Choice(["png", "svg", "pdf"]),
    default="png",
    show_default=True,
    help="Of figures.",
)
params_option = click.option("--params", metavar="FIT", required=True, help=_FIT_HELP)
size_option = click.option(
    "--size", metavar="N", help="The model's size, where FIT is a law over sizes (mplfit sizes)."
)


def number_or(text: str | None, word: Word, expected: str) -> float | Word | None:
    """The value of an option that takes a number or one word; None stays.

    expected : the sentence of the refusal, without what was got.
    """
    if text is None or text == word:
        return None if text is None else word
    try:
        return float(text)
    except ValueError:
        raise FitError(f"{expected}, got {text!r}") from None


def split_options(command: F) -> F:
    """--train and --test, the names of curves."""
    for name, text in (("--test", "A curve to hold out"), ("--train", "A curve to learn from")):
        command = click.option(name, multiple=True, metavar="NAME", help=f"{text} (repeat).")(
            command
        )
    return command


def fit_given(command: F) -> F:
    """A FIT as the first argument, or with --params as everywhere; the command gets `params`."""

    @functools.wraps(command)
    def wrapped(*args: Any, params: str | None, fit: str | None, **kwargs: Any) -> Any:
        if (params is None) == (fit is None):
            raise click.UsageError("give one fit: --params FIT (or FIT as the first argument)")
        return command(*args, params=params or fit, **kwargs)

    made: Any = click.option("--params", metavar="FIT", help=_FIT_HELP)(wrapped)
    return cast("F", click.argument("fit", metavar="[FIT]", required=False)(made))
