"""Where a command's result goes: its text or JSON on stdout, its files into a folder."""

from __future__ import annotations

import functools
import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from mplfit.cli.messages import as_options, is_set, warn
from mplfit.cli.options import figure_format, force_option, json_option, wide_option
from mplfit.errors import OutputError, printable

if TYPE_CHECKING:
    from mplfit.show.files import Files

__all__ = ["Output", "command_line", "output_options", "print_json", "record_words"]

F = TypeVar("F", bound=Callable[..., Any])

_ARGV = "mplfit.argv"


@dataclass
class Output:
    """How a result is shown, and where its files go; nowhere without a folder.

    usual : the folder that was to be taken where none was given: then the next free name is.
    named : whether JSON says which folder it is: of commands that have a usual one.
    kind : of figures: png, svg or pdf.
    """

    folder: Path | None = None
    force: bool = False
    usual: Path | None = None
    as_json: bool = False
    wide: bool = False
    named: bool = False
    kind: str = "png"

    def give(
        self,
        result: Any,
        what: str,
        files: Callable[[], Files] | None = None,
        *,
        values: Mapping[str, Any] | None = None,
        apart: bool = True,
    ) -> None:
        """Warn, write the files, show the result.

        what : the files, in words; below a blank line if `apart`.  files : those of the result
        alone (`mplfit.show.files`) where None.  values : what JSON has, if not the result's own.
        """
        for text in getattr(result, "warnings", ()):
            warn(text)
        self.write(files or partial(self._files_of, result, values))
        if self.as_json:
            values = result.to_dict() if values is None else values
            print_json({**values, "folder": self.name} if self.named else values)
        else:
            self.show(result)
            self.say(what, apart=apart)

    def _files_of(self, result: Any, values: Mapping[str, Any] | None) -> Files:
        from mplfit.show.files import files_of

        return files_of(result, values)

    def show(self, *results: object) -> None:
        """Results as text on stdout; a `Table` is one by itself."""
        from mplfit.show.tables import whole_text

        told = partial(
            whole_text, wide=self.wide, more=is_set("verbose"), told=as_options
        )  # fmt: skip
        click.echo("\n\n".join(filter(None, map(told, results))))

    def write(self, files: Callable[[], Files]) -> None:
        """Make the files and write them, where there is a folder for them."""
        from mplfit.writers.files import free_folder, write_folder

        if self.folder is None:
            return
        from mplfit.show.files import rendered

        made = rendered(files(), self.kind)
        while True:
            try:
                write_folder(self.folder, made, force=self.force)
                return
            except OutputError:
                # Another process that found the same name free may have been faster.
                if self.usual is None or self.force or not self.folder.exists():
                    raise
                self.folder = free_folder(self.usual)

    def say(self, what: str, *, apart: bool = True) -> None:
        """The last line of a command's text, below a blank one if `apart`: where its files are."""
        if self.folder is not None and what:
            what = what.replace(".png", f".{self.kind}")
            click.echo("\n" * apart + printable(f"written to {self.folder}/: {what}"))

    @property
    def name(self) -> str | None:
        """The folder as JSON has it."""
        return None if self.folder is None else str(self.folder)


def output_options(
    name: str | None = None, what: str = "The folder to write.", *, files: bool = True
) -> Callable[[F], F]:
    """--wide, --json, and with `files` --out, --no-save, --format and --force.

    The command gets an `Output`. With a name the folder mplfit-runs/NAME is the default. What is
    there already is refused before any work.
    """

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def wrapped(
            *args: Any,
            wide: bool,
            as_json: bool,
            out: Path | None = None,
            force: bool = False,
            no_save: bool = False,
            kind: str = "png",
            **kwargs: Any,
        ) -> Any:
            from mplfit.writers.files import free_folder, refuse_existing

            usual = Path("mplfit-runs") / name if name and not (out or no_save) else None
            folder = free_folder(usual) if usual else None if no_save else out
            output = Output(folder, force, usual, as_json, wide, bool(name), kind)
            if folder is not None:
                refuse_existing(folder, force)
            return command(*args, output=output, **kwargs)

        made: Any = wide_option(json_option(wrapped))
        if files:
            made = figure_format(force_option(made))
            made = click.option("--no-save", is_flag=True, help="Write nothing.")(made)
            made = click.option("-o", "--out", type=click.Path(path_type=Path), help=what)(made)
        return cast("F", made)

    return decorate


def print_json(values: Mapping[str, Any]) -> None:
    """One JSON object on stdout, as it would be in a file."""
    from mplfit.writers.text import json_bytes

    click.echo(json.dumps(json.loads(json_bytes(values)), indent=2, ensure_ascii=False))


def record_words(context: click.Context, words: Sequence[str]) -> None:
    """Keep the words after `mplfit`, for `command_line`."""
    context.meta[_ARGV] = tuple(words)


def command_line(without: Sequence[str] = ()) -> str:
    """The command that runs as text for people, some of its flags left out; nothing reads it."""
    context = click.get_current_context(silent=True)
    words = sys.argv[1:] if context is None else context.meta.get(_ARGV, sys.argv[1:])
    return shlex.join(["mplfit", *(word for word in words if word not in without)])
