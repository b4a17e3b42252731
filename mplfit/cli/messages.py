"""What a command says beside its result, on stderr: notes, warnings, progress."""

from __future__ import annotations

import re
import shlex
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.terminal import wrapped, write_own
from mplfit.errors import MplfitWarning, printable

if TYPE_CHECKING:
    from mplfit.curve import Curve

__all__ = [
    "as_options",
    "is_set",
    "keep_set",
    "one_line_warnings",
    "progress",
    "say",
    "say_notes",
    "warn",
]

_WARNINGS, _NOTES = 3, 8  # said of a run; of all runs together
_WORD, _NUMBER = re.compile(r"[^\s/,:;()']+"), re.compile(r"\d[\d.,e+\-–]*")
_USUAL = "steps are taken as 0-based indices"  # a note that is said last


# Arguments of the library in its messages, where the command has no option of that name itself.
_ARGUMENTS = (
    "step_col lr_col loss_col run_col schedule schedules size sizes warmup metric smooth every "
    "from_step to_step spikes steps_per_row tokens_per_step steps_are law prior weight_decay "
    "siblings train test force batch_size accumulate eval_sequences"
)
_ALIAS = {"schedules": "schedule", "sizes": "size", "groups": "group", "fit": "params"}
_NAMED = re.compile(
    r"(?<![\w:,/.=\[-])([a-z]+(?:_[a-z]+)*)="
    r"(?:'([^']*)'|\{'([^']*)': '([^']*)'\}|((?:(?<=step=)|(?<=row=))\d+|True\b|[A-Z]+\b(?!=)))?"
    r"(?![\w/'\"{-])"
)


def as_options(text: str) -> str:
    """A message of the library, its arguments as the options of the command.

    >>> from mplfit.cli.messages import as_options
    >>> as_options("choose with steps_are='count' or step_col= (from_step=0 keeps them)")
    'choose with --steps-are count or --step-col (--from-step 0 keeps them)'
    >>> as_options("expected constant:steps=,peak=,[warmup=]")  # the grammar of schedules stays
    'expected constant:steps=,peak=,[warmup=]'
    """
    context = click.get_current_context(silent=True)
    options = context.command.params if context else ()
    own = {str(one.name): one.opts for one in options}

    def option(found: re.Match[str]) -> str:
        name, quoted, key, of_key, plain = found.groups()
        short = _ALIAS.get(name, name)
        of_runs = own.get(f"run_{short}s")  # of the options of reading
        opts = of_runs or own.get(name) or own.get(short)
        if opts is None and name not in _ARGUMENTS.split():
            return found[0]
        said = next((one for one in opts or () if one.startswith("--")), "--" + short)
        value = shlex.quote(quoted) if quoted is not None else f"{key}={of_key}" if key else plain
        said = said.replace("_", "-")
        return said if value in (None, "True") else f"{said} {value}"

    return _NAMED.sub(option, text)


def keep_set(context: click.Context, option: click.Parameter, value: bool) -> None:
    """The callback of --quiet and --verbose, which commands need not pass on."""
    context.meta[f"mplfit.{option.name}"] = value


def is_set(name: str) -> bool:
    """Whether "quiet" (no notes, no progress) or "verbose" (all of them) was asked for."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(f"mplfit.{name}"))


def say(text: str) -> None:
    """A note on stderr; nothing with --quiet."""
    if not is_set("quiet"):
        click.echo(wrapped(as_options(text)), err=True)


def warn(text: str) -> None:
    """A warning on stderr, coloured on a terminal."""
    begin, said = "warning: ", wrapped("warning: " + printable(as_options(text)))
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


def progress(done: int, total: int, what: str) -> None:
    """A line on a terminal that is drawn over, and gone when all is done; else nothing."""
    if sys.stderr.isatty() and not is_set("quiet"):
        text = f"{what} {done}/{total}" if done < total else ""
        write_own(f"\r\033[K{printable(text)}")


def say_notes(curves: Iterable[Curve]) -> None:
    """What was assumed, dropped, mended or odd in reading: at most a line a run, the odd first.

    Each sentence once with its curves; of sentences that differ in numbers or names of files alone
    the first, with how many there are. With --verbose all of these (and in `--json` and fit.json
    every sentence).
    """
    curves = list(curves)
    warnings, notes = _sentences(curves, odd=True), _sentences(curves, odd=False)
    if is_set("verbose"):
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
