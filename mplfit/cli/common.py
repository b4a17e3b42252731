"""What the commands share: options, messages, progress, and named schedules."""

from __future__ import annotations

import functools
import json
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, cast

import click

from mplfit.cli.terminal import wrapped, write_own
from mplfit.errors import DataError, MplfitWarning, OutputError, ScheduleError, printable

if TYPE_CHECKING:
    from mplfit.curve import Curve
    from mplfit.estimate.result import Fit
    from mplfit.readers.options import ReadOptions
    from mplfit.schedule import Schedule

__all__ = [
    "Examples",
    "LawOption",
    "Target",
    "command_line",
    "fit_given",
    "force_option",
    "is_verbose",
    "json_option",
    "law_constants",
    "named_schedules",
    "named_specs",
    "one_line_warnings",
    "params_option",
    "print_json",
    "progress",
    "read_options",
    "read_options_given",
    "reading_options",
    "record_words",
    "saves",
    "say",
    "say_notes",
    "schedule_given",
    "show_result",
    "size_option",
    "sized_path",
    "warn",
    "warn_of_loss",
    "weight_decay_option",
    "wide_option",
]

F = TypeVar("F", bound=Callable[..., Any])

_WARNINGS, _NOTES = 3, 8  # said of a run; of all runs together
_WORD, _NUMBER = re.compile(r"[^\s/,:;()']+"), re.compile(r"\d[\d.,e+\-–]*")
_USUAL = "steps are taken as 0-based indices"  # a note that is said last

SCHEDULE_HELP = """SPEC is a file (.csv with step,lr; .npy; .json), a run's log or folder, or text
    such as cosine:steps=24000,peak=3e-4,final=3e-5,warmup=2160. `mplfit schedule --help` lists
    them."""


_QUIET, _VERBOSE = "mplfit.quiet", "mplfit.verbose"


def _hush(context: click.Context, option: click.Parameter, value: bool) -> None:
    context.meta[_QUIET] = value


def _keep_verbose(context: click.Context, option: click.Parameter, value: bool) -> None:
    context.meta[_VERBOSE] = value


def is_verbose() -> bool:
    """Whether everything is to be said and shown."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_VERBOSE))


def _is_quiet() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_QUIET))


_TITLES = ("Options", "Fitting", "Reading logs", "Output")
_TITLE_OF = {
    **dict.fromkeys(
        ("params", "law", "prior", "weight_decay", "train", "test", "rival"), "Fitting"
    ),
    **dict.fromkeys(("refits", "workers", "dask", "solver"), "Fitting"),
    **dict.fromkeys(
        ("out", "no_save", "log", "force", "as_json", "wide", "correlations"), "Output"
    ),
    **dict.fromkeys(("quiet", "verbose", "help"), "Output"),
}


def _title_of(parameter: click.Option) -> str:
    """Under which title of a command's help an option stands."""
    if parameter.callback is _keep:
        return "Reading logs"
    return _TITLE_OF.get(parameter.name or "", "Options")


class Examples(click.Command):
    """A command whose help ends in examples that run as they stand (a test runs them)."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.params.append(
            click.Option(
                ["-q", "--quiet"],
                is_flag=True,
                expose_value=False,
                callback=_hush,
                help="No notes and no progress on stderr; warnings and errors stay.",
            )
        )
        self.params.append(
            click.Option(
                ["-v", "--verbose"],
                is_flag=True,
                expose_value=False,
                callback=_keep_verbose,
                help="All notes on how logs were read; else one line a run.",
            )
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {title: [] for title in _TITLES}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Option) and record is not None:
                groups[_title_of(parameter)].append(record)
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
_FIT_HELP = "A run folder, a fit.json, or the published parameters 25, 100 or 400."
params_option = click.option("--params", metavar="FIT", required=True, help=_FIT_HELP)
size_option = click.option(
    "--size", metavar="N", help="The model's size, where FIT is a law over sizes (mplfit sizes)."
)


def fit_given(command: F) -> F:
    """A FIT as the first argument, or with --params as everywhere; the command gets `params`."""

    @functools.wraps(command)
    def wrapped(*args: Any, params: str | None, fit: str | None, **kwargs: Any) -> Any:
        if (params is None) == (fit is None):
            raise click.UsageError("give one fit: --params FIT (or FIT as the first argument)")
        return command(*args, params=params or fit, **kwargs)

    made: Any = click.option("--params", metavar="FIT", help=_FIT_HELP)(wrapped)
    return cast("F", click.argument("fit", metavar="[FIT]", required=False)(made))


@dataclass
class Target:
    """Where a command's files go; nowhere without a folder.

    usual : the folder that was to be taken where none was given: then the next free name is.
    """

    folder: Path | None
    force: bool
    usual: Path | None = None

    def write(self, files: Callable[[], Mapping[str, bytes]]) -> None:
        """Make the files and write them, where there is a folder for them."""
        from mplfit.writers.files import free_folder, write_folder

        if self.folder is None:
            return
        made = files()
        while True:
            try:
                write_folder(self.folder, made, force=self.force)
                return
            except OutputError:
                # Another process that found the same name free may have been faster.
                if self.usual is None or self.force or not self.folder.exists():
                    raise
                self.folder = free_folder(self.usual)

    def say(self, what: str, *, apart: bool = False) -> None:
        """The last line of a command's text, below a blank one if `apart`: where its files are."""
        if self.folder is not None:
            click.echo("\n" * apart + printable(f"written to {self.folder}/: {what}"))

    @property
    def name(self) -> str | None:
        """The folder as JSON has it."""
        return None if self.folder is None else str(self.folder)


def saves(name: str | None = None, what: str = "The folder to write.") -> Callable[[F], F]:
    """--out and --force (and --no-save, where a folder mplfit-runs/NAME is the default).

    The command gets a `Target` in their place; what is there already is refused before any work.
    """

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def wrapped(
            *args: Any, out: Path | None, force: bool, no_save: bool = False, **kwargs: Any
        ) -> Any:
            from mplfit.writers.files import free_folder, refuse_existing

            usual = Path("mplfit-runs") / name if name and not (out or no_save) else None
            folder = free_folder(usual) if usual else None if no_save else out
            target = Target(folder, force, usual)
            if target.folder is not None:
                refuse_existing(target.folder, force)
            return command(*args, target=target, **kwargs)

        made: Any = force_option(wrapped)
        if name:
            made = click.option("--no-save", is_flag=True, help="Write nothing.")(made)
        made = click.option("-o", "--out", type=click.Path(path_type=Path), help=what)(made)
        return cast("F", made)

    return decorate


_SAID = "mplfit.reading"  # where the options below wait for `read_options`


def _keep(context: click.Context, option: click.Parameter, value: Any) -> None:
    context.meta.setdefault(_SAID, {})[option.name] = value


def _said(*names: str, **settings: Any) -> Callable[[F], F]:
    """An option that commands need not pass on: `read_options` finds it by itself."""
    return click.option(*names, expose_value=False, callback=_keep, **settings)


def reading_options(command: F, schedule: str = "--schedule") -> F:
    """The options of every command that reads logs.

    schedule : what the one for the runs' schedules is called, where --schedule means another thing.
    """
    for option in (
        _said(
            "--steps-are",
            type=click.Choice(["index", "count"]),
            help="What logged steps are: indices of updates, or counts of finished ones.",
        ),
        _said(
            "--tokens-per-step",
            type=float,
            metavar="N",
            help="The log counts N tokens (samples, micro-batches) an update, not updates.",
        ),
        _said(
            "--steps-per-row",
            type=int,
            metavar="N",
            help="The log's step counts its calls (W&B's Step), one in each N updates.",
        ),
        _said(
            "--spikes",
            type=click.Choice(["keep", "drop"]),
            default="keep",
            show_default=True,
            help="What to do with losses far above their neighbours.",
        ),
        _said("--to-step", type=int, metavar="STEP", help="Keep rows up to this step."),
        _said(
            "--from-step",
            type=int,
            metavar="STEP",
            help="Keep rows from this step on. [default: 4 warmups, if the log has the warmup]",
        ),
        _said("--every", type=int, default=1, metavar="N", help="Keep a row in each N steps."),
        _said("--smooth", type=int, default=1, metavar="N", help="Mean over N logged rows."),
        _said(
            "--metric",
            default="train",
            show_default=True,
            metavar="train|val|NAME",
            help="Which loss: of training, of validation, or a column or tag.",
        ),
        _said("--warmup", type=int, help="Length of the warmup, where logs do not show it."),
        _said(
            schedule,
            "schedules",
            metavar="[NAME=]SPEC",
            multiple=True,
            help="The schedule of the runs, or of the run NAME, instead of one rebuilt from logs.",
        ),
        _said(
            "--size",
            "sizes",
            metavar="[NAME=]N",
            multiple=True,
            help="Parameters of the model (190M, 1.3b, d1024-l24), or of the run NAME's.",
        ),
        _said(
            "--run-col",
            metavar="COL",
            help="Column that tells several runs in a table apart; none: it holds one run.",
        ),
        _said("--loss-col", metavar="COL", help="Column of the loss."),
        _said("--lr-col", metavar="COL", help="Column of the learning rate."),
        _said("--step-col", metavar="COL", help="Column of the step (a 0-based index)."),
    ):
        command = option(command)
    return command


class OfRuns(TypedDict):
    """What is said of single runs, by name; arguments of `mplfit.readers.paths.read_curves`."""

    schedules: Mapping[str, str]
    sizes: Mapping[str, str]


def read_options() -> tuple[ReadOptions, OfRuns]:
    """The reader's options that the user gave, and the `schedules` and `sizes` of single runs."""
    from mplfit.readers.options import ReadOptions
    from mplfit.readers.sizes import parse_size

    said = dict(click.get_current_context().meta[_SAID])
    schedule, schedules = _of_runs("--schedule", said.pop("schedules"), "cosine:steps=…")
    size, sizes = _of_runs("--size", said.pop("sizes"), "190M")
    for text in filter(None, (size, *sizes.values())):
        parse_size(text)  # refused before any work
    try:
        options = ReadOptions(schedule=schedule, size=size, **said)
    except DataError as error:  # which names the arguments
        names = "|".join(field.name for field in fields(ReadOptions))
        text = re.sub(rf"\b({names})\b", lambda one: option_of(one[0]), str(error))
        raise DataError(text) from None
    return options, {"schedules": schedules, "sizes": sizes}


def sized_path(text: str) -> tuple[str | None, str]:
    """[N=]PATH taken apart; a text whose first part is no size is a path.

    >>> from mplfit.cli.common import sized_path
    >>> sized_path("190M=small/"), sized_path("lr=3e-4/run.csv")
    (('190M', 'small/'), (None, 'lr=3e-4/run.csv'))
    """
    from mplfit.readers.sizes import parse_size

    size, equals, path = text.partition("=")
    if equals and path:
        with suppress(DataError):
            parse_size(size)
            return size, path
    return None, text


def _of_runs(option: str, texts: Sequence[str], example: str) -> tuple[str | None, dict[str, str]]:
    """What an option says of all runs, and of single ones by name."""
    of_all: str | None = None
    of_one: dict[str, str] = {}
    for text in texts:
        name, value = _named(text)
        if name:
            of_one[name] = value
        elif of_all is not None:
            raise ScheduleError(
                f"{option} without a name is given twice: name the run that each belongs to, "
                f"as in {option} run1={example}"
            )
        else:
            of_all = value
    return of_all, of_one


def option_of(argument: str) -> str:
    """The option of a command that sets an argument.

    >>> from mplfit.cli.common import option_of
    >>> option_of("from_step")
    '--from-step'
    """
    return "--" + argument.replace("_", "-")


def read_options_given(
    fit: Fit,
) -> tuple[ReadOptions | None, Mapping[str, str], Mapping[str, str]]:
    """The same for the logs of a fit; None where the user gave none of these options."""
    here = click.get_current_context()
    default = click.core.ParameterSource.DEFAULT
    if all(here.get_parameter_source(name) is default for name in here.meta[_SAID]):
        return None, {}, {}
    options, own = read_options()
    names = {record.name for record in fit.data}
    schedules, sizes = (
        {name: value for name, value in some.items() if name in names}
        for some in (own["schedules"], own["sizes"])
    )
    return options, schedules, sizes


_ARGV = "mplfit.argv"


def record_words(context: click.Context, words: Sequence[str]) -> None:
    """Keep the words after `mplfit`, for `command_line`."""
    context.meta[_ARGV] = tuple(words)


def command_line(without: Sequence[str] = ()) -> str:
    """The command that runs as text for people, some of its flags left out; nothing reads it."""
    context = click.get_current_context(silent=True)
    words = sys.argv[1:] if context is None else context.meta.get(_ARGV, sys.argv[1:])
    return shlex.join(["mplfit", *(word for word in words if word not in without)])


def law_constants(
    law: str, weight_decay: float | None, curves: Sequence[Curve], *, quiet: bool = False
) -> dict[str, float] | None:
    """What a law must be told of the runs; a weight decay that is not given is said.

    Raises
    ------
    FitError
        If the law knows no weight decay, or the runs' logs name different ones.
    """
    from mplfit.estimate.checks import logged_weight_decay
    from mplfit.laws.registry import get_law

    if weight_decay is not None:
        get_law(law, {"weight_decay": weight_decay})  # refuses what the law does not know
        return {"weight_decay": weight_decay}
    if "weight_decay" not in get_law(law).constants:
        return None
    logged = logged_weight_decay(curves)
    text = "taken to be 0.1 (set it with --weight-decay)"
    if logged is not None:
        text = f"{logged:g}, from the runs' logs"
    if not quiet:
        say(f"note: AdamW's weight decay is {text}")
    return None if logged is None else {"weight_decay": logged}


def named_schedules(texts: Sequence[str]) -> dict[str, Schedule]:
    """Schedules by name: see `named_specs`."""
    return {name: schedule_given(spec) for name, spec in named_specs(texts).items()}


def schedule_given(spec: str) -> Schedule:
    """The schedule in a SPEC; what was assumed where that is a log is said."""
    from mplfit.readers.schedules import load_schedule

    notes: list[str] = []
    schedule = load_schedule(spec, notes)
    for note in notes if is_verbose() else notes[:2]:
        say(f"note: {note}")
    return schedule


def named_specs(texts: Sequence[str]) -> dict[str, str]:
    """SPECs by name: the NAME of NAME=SPEC, or the form's or the file's name, made unique.

    >>> from mplfit.cli.common import named_specs
    >>> list(named_specs(["mine=linear:steps=9,peak=1", "my/plan.csv", "other/plan.csv"]))
    ['mine', 'plan', 'plan-2']
    """
    specs: dict[str, str] = {}
    for text in texts:
        name, spec = _named(text)
        stem = name or (Path(spec).stem if ":" not in spec else spec.partition(":")[0].strip())
        stem = printable(stem)
        label, number = stem, 1
        while label in specs:
            number += 1
            label = f"{stem}-{number}"
        specs[label] = spec
    return specs


def _named(text: str) -> tuple[str, str]:
    """NAME=SPEC taken apart; a plain SPEC has its first = after a colon, a file has none."""
    name, equals, spec = text.partition("=")
    if equals and ":" not in name and "," not in name:
        return name.strip(), spec.strip()
    return "", text


def say(text: str) -> None:
    """A note on stderr; nothing with --quiet."""
    if not _is_quiet():
        click.echo(wrapped(text), err=True)


def warn(text: str) -> None:
    """A warning on stderr, coloured on a terminal."""
    begin, said = "warning: ", wrapped("warning: " + printable(text))
    write_own(click.style(begin, fg="yellow") + said.removeprefix(begin) + "\n")


def one_line_warnings() -> None:
    """From now on show warnings of mplfit's own without file name and source line."""
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
        if issubclass(category, MplfitWarning):
            warn(str(message))
        else:
            usual(message, category, *place)

    warnings.showwarning = show  # type: ignore[assignment]


def warn_of_loss(fit: Fit, schedule: Schedule, name: str = "") -> None:
    """Refuse a predicted final loss that no run can have, and warn where a term of it is too large.

    Raises
    ------
    FitError
        If the loss is not positive and finite.
    """
    from mplfit.assess.reach import check_loss

    for text in check_loss(fit, schedule, name):
        warn(text)


def say_notes(curves: Iterable[Curve]) -> None:
    """What was assumed, dropped, mended or odd in reading: at most a line a run, the odd first.

    Each sentence once with its curves; of sentences that differ in numbers or names of files alone
    the first, with how many there are. With --verbose all of these (and in `--json` and fit.json
    every sentence).
    """
    curves = list(curves)
    warnings, notes = _sentences(curves, odd=True), _sentences(curves, odd=False)
    if is_verbose():
        for line in warnings:
            warn(": ".join(line))
        for line in notes:
            say(f"note: {': '.join(line)}")
        return
    of_one: dict[str, list[str]] = {}
    for who, text in warnings:
        of_one.setdefault(who, []).append(text)
    for who, texts in of_one.items():
        more = f"; and {len(texts) - _WARNINGS} more (-v)" if len(texts) > _WARNINGS else ""
        warn(f"{who}: {'; '.join(texts[:_WARNINGS])}{more}")
    room = min(len(curves) - len(of_one), _NOTES)
    said, rest = notes[: max(room, 0)], len(notes) - max(room, 0)
    for number, (who, text) in enumerate(said):
        last = number == len(said) - 1 and rest > 0
        say(f"note: {who}: {text}" + f" ({rest} more note{'s' * (rest > 1)}: -v)" * last)


def _sentences(curves: Sequence[Curve], *, odd: bool) -> list[tuple[str, str]]:
    """Whose they are, and the notes (the warnings, if odd); of those that are alike the first."""
    from mplfit.show.table import shorten

    form = _form({curve.name for curve in curves})
    alike: dict[str, dict[str, list[str]]] = {}
    for curve in curves:
        if curve.origin is not None:
            for text in curve.origin.warnings if odd else curve.origin.notes:
                same = alike.setdefault(form(text, curve.name), {})
                same.setdefault(text, []).append(curve.name)
    lines = []
    for same in alike.values():
        text, names = next(iter(same.items()))
        who = ", ".join(names) if len(names) <= 3 else f"{len(names)} curves"
        more = sum(map(len, same.values())) - len(names)
        lines.append((shorten(who, 60), text + (f" (and {more} more alike)" if more else "")))
    return sorted(lines, key=lambda line: line[1].startswith(_USUAL))


def _form(names: set[str]) -> Callable[[str, str], str]:
    """How a sentence on a curve reads without names of curves, of their files, and numbers.

    A word is looked up among the names, so that a thousand runs take a thousand times one's time.
    """

    def word(found: re.Match[str]) -> str:
        text = found[0]
        return "#" if text in names or text.rpartition(".")[0] in names else text

    def form(text: str, own: str) -> str:
        return _NUMBER.sub("#", _WORD.sub(word, text.replace(own, "#") if " " in own else text))

    return form


def show_result(
    result: object,
    values: Mapping[str, Any] | None = None,
    *,
    as_json: bool = False,
    wide: bool = False,
) -> None:
    """A result on stdout: its tables, or its values as one JSON object."""
    from mplfit.show.tables import whole_text

    if as_json:
        print_json(values or {})
    else:
        click.echo(whole_text(result, wide=wide))


def print_json(values: Mapping[str, Any]) -> None:
    """One JSON object on stdout, as it would be in a file."""
    from mplfit.writers.text import json_bytes

    click.echo(json.dumps(json.loads(json_bytes(values)), indent=2, ensure_ascii=False))


def progress(done: int, total: int, what: str) -> None:
    """A line on a terminal that is drawn over, and gone when all is done; else nothing."""
    if sys.stderr.isatty() and not _is_quiet():
        text = f"{what} {done}/{total}" if done < total else ""
        write_own(f"\r\033[K{printable(text)}")
