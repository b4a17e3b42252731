"""The texts of a command line that name things: [NAME=]SPEC and [N=]PATH."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mplfit.cli.messages import is_set, say
from mplfit.errors import DataError, ScheduleError, printable

if TYPE_CHECKING:
    from mplfit.schedule import Schedule

__all__ = ["named_schedules", "named_specs", "of_runs", "schedule_given", "sized_path"]


def named_schedules(texts: Sequence[str]) -> dict[str, Schedule]:
    """Schedules by name: see `named_specs`."""
    return {name: schedule_given(spec) for name, spec in named_specs(texts).items()}


def schedule_given(spec: str) -> Schedule:
    """The schedule in a SPEC; what was assumed where that is a log is said."""
    from mplfit.readers.schedules import load_schedule

    notes: list[str] = []
    schedule = load_schedule(spec, notes)
    for note in notes if is_set("verbose") else notes[:2]:
        say(f"note: {note}")
    return schedule


def named_specs(texts: Sequence[str]) -> dict[str, str]:
    """SPECs by name: the NAME of NAME=SPEC, or the form's or the file's name, made unique.

    >>> from mplfit.cli.specs import named_specs
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


def sized_path(text: str) -> tuple[str | None, str]:
    """[N=]PATH taken apart; a text whose first part is no size is a path.

    >>> from mplfit.cli.specs import sized_path
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


def of_runs(option: str, texts: Sequence[str], example: str) -> tuple[str | None, dict[str, str]]:
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


def _named(text: str) -> tuple[str, str]:
    """NAME=SPEC taken apart; a plain SPEC has its first = after a colon, a file has none."""
    name, equals, spec = text.partition("=")
    if equals and ":" not in name and "," not in name:
        return name.strip(), spec.strip()
    return "", text
