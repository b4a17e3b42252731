"""The options of every command that reads logs, and what they say."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from mplfit.cli.messages import progress, say_notes
from mplfit.cli.specs import of_runs, sized_path
from mplfit.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from mplfit.curve import Curve
    from mplfit.estimate.result import Fit
    from mplfit.readers.options import ReadOptions

__all__ = ["Reading", "reading_options"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Reading:
    """How logs are to be read, as the command line says it.

    schedules, sizes : of single runs, by name.  said : whether the user said any of it.
    """

    options: ReadOptions
    schedules: Mapping[str, str]
    sizes: Mapping[str, str]
    said: bool

    def curves(self, paths: Sequence[str | Path]) -> list[Curve]:
        """The runs in these logs; what was assumed is said."""
        curves = self.read(paths)
        say_notes(curves)
        return curves

    def read(self, paths: Sequence[str | Path]) -> list[Curve]:
        """The same, and nothing is said."""
        from mplfit.readers.paths import read_curves

        return read_curves(
            paths, self.options, schedules=self.schedules, sizes=self.sizes, progress=progress
        )

    def siblings(self, texts: Sequence[str]) -> list[Curve]:
        """Runs of other sizes, [N=]PATH; what is said of the runs themselves is not of these."""
        from mplfit.readers.paths import read_curves

        others: list[Curve] = []
        for text in texts:
            size, path = sized_path(text)
            plain = replace(
                self.options, schedule=None, size=size, warmup=None, from_step=None, to_step=None
            )
            others += read_curves([path], plain)
        say_notes(others)
        return others

    def again(self, fit: Fit) -> tuple[ReadOptions | None, Mapping[str, str], Mapping[str, str]]:
        """The same for the logs of a fit, as `mplfit.readers.again` takes it; None where unsaid."""
        if not self.said:
            return None, {}, {}
        names = {record.name for record in fit.data}
        schedules, sizes = (
            {name: value for name, value in some.items() if name in names}
            for some in (self.schedules, self.sizes)
        )
        return self.options, schedules, sizes


# The fields of ReadOptions: option, type or default, metavar, and what the help says.
_OPTIONS: tuple[tuple[str, Mapping[str, Any], str | None, str], ...] = (
    ("--step-col", {}, "COL", "Column of the step (a 0-based index)."),
    ("--lr-col", {}, "COL", "Column of the learning rate."),
    ("--loss-col", {}, "COL", "Column of the loss."),
    ("--run-col", {}, "COL",
     "Column that tells several runs in a table apart; none: it holds one run."),
    ("--warmup", {"type": int}, None, "Length of the warmup, where logs do not show it."),
    ("--metric", {"default": "train", "show_default": True}, "train|val|NAME",
     "Which loss: of training, of validation, or a column or tag."),
    ("--smooth", {"default": 1}, "N", "Mean over N logged rows."),
    ("--every", {"default": 1}, "N", "Keep a row in each N steps."),
    ("--from-step", {"type": int}, "STEP",
     "Keep rows from this step on. [default: 4 warmups, if the log has the warmup]"),
    ("--to-step", {"type": int}, "STEP", "Keep rows up to this step."),
    ("--spikes", {"type": click.Choice(["keep", "drop"]), "default": "keep", "show_default": True},
     None, "What to do with losses far above their neighbours."),
    ("--steps-per-row", {"type": int}, "N",
     "The log's step counts its calls (W&B's Step), one in each N updates."),
    ("--tokens-per-step", {"type": float}, "N",
     "The log counts N tokens (samples, micro-batches) an update, not updates."),
    ("--steps-are", {"type": click.Choice(["index", "count"])}, None,
     "What logged steps are: indices of updates, or counts of finished ones."),
)  # fmt: skip
_OF_SCHEDULE = "The schedule of the runs, or of the run NAME, instead of one rebuilt from logs."
_OF_SIZE = "Parameters of the model (190M, 1.3b, d1024-l24), or of the run NAME's."
_FIELDS = tuple(name[2:].replace("-", "_") for name, *_ in _OPTIONS)


def reading_options(command: F, schedule: str = "--schedule") -> F:
    """The options of every command that reads logs; the command gets a `Reading`.

    schedule : what the one for the runs' schedules is called, where --schedule means another thing.
    """

    @functools.wraps(command)
    def wrapped(
        *args: Any, run_schedules: Sequence[str], run_sizes: Sequence[str], **kwargs: Any
    ) -> Any:
        from mplfit.readers.options import ReadOptions
        from mplfit.readers.sizes import parse_size

        plan, schedules = of_runs(schedule, run_schedules, "cosine:steps=…")
        size, sizes = of_runs("--size", run_sizes, "190M")
        for text in filter(None, (size, *sizes.values())):
            parse_size(text)  # refused before any work
        told = {name: kwargs.pop(name) for name in _FIELDS}
        try:
            options = ReadOptions(schedule=plan, size=size, **told)
        except DataError as error:  # which names the arguments
            named = re.compile(rf"\b({'|'.join(_FIELDS)})\b")
            raise DataError(named.sub(lambda one: _option_of(one[0]), str(error))) from None
        unsaid, here = click.core.ParameterSource.DEFAULT, click.get_current_context()
        said = any(
            here.get_parameter_source(name) is not unsaid
            for name in (*told, "run_schedules", "run_sizes")
        )
        return command(*args, reading=Reading(options, schedules, sizes, said), **kwargs)

    made: Any = wrapped
    for name, settings, metavar, text in reversed(_OPTIONS):
        if name == "--run-col":  # behind it, in the help
            made = click.option(
                schedule, "run_schedules", metavar="[NAME=]SPEC", multiple=True, help=_OF_SCHEDULE
            )(made)
            made = click.option(
                "--size", "run_sizes", metavar="[NAME=]N", multiple=True, help=_OF_SIZE
            )(made)
        made = click.option(name, metavar=metavar, help=text, **settings)(made)
    return cast("F", made)


def _option_of(argument: str) -> str:
    return "--" + argument.replace("_", "-")
