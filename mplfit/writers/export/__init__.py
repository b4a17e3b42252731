"""Exports: a schedule as a file that a training code takes. One entry of `EXPORTS` for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mplfit.errors import OutputError
from mplfit.schedule import Schedule
from mplfit.schedule.formula import formula_of
from mplfit.schedule.knots import exact_knots
from mplfit.writers.export.arrays import keras_file, optax_file
from mplfit.writers.export.loops import (
    litgpt_file,
    megatron_file,
    nanogpt_file,
    olmo_core_file,
)
from mplfit.writers.export.python import coarse, python_file
from mplfit.writers.export.torch import hf_file, torch_file, torchtitan_file
from mplfit.writers.text import json_bytes, schedule_csv, schedule_files

__all__ = ["EXPORTS", "Units", "export", "written"]

_DATA = ("csv", "npy", "json")
_TRACED = ("optax", "keras", "olmo-core")  # which need knots


@dataclass(frozen=True)
class Units:
    """What an update is in a framework's own unit.

    batch_size : samples of an update (Megatron-LM).  accumulate : its micro-batches (litgpt).
    """

    batch_size: int = 1
    accumulate: int = 1

    def __post_init__(self) -> None:
        for value, name in ((self.batch_size, "batch_size="), (self.accumulate, "accumulate=")):
            if value < 1:
                raise OutputError(f"{name} must be a whole number from 1 on, got {value}")


def _text(make: Callable[[Schedule], str]) -> Callable[[Schedule, Units], bytes]:
    return lambda schedule, units: make(schedule).encode()


EXPORTS: dict[str, Callable[[Schedule, Units], bytes]] = {
    "csv": lambda schedule, units: schedule_csv(schedule),
    "npy": lambda schedule, units: schedule_files(schedule, {})["schedule.npy"],
    "json": lambda schedule, units: json_bytes(
        {**schedule.to_dict(), "knots": [list(knot) for knot in exact_knots(schedule)]}
    ),
    "python": _text(python_file),
    "torch": _text(torch_file),
    "hf": _text(hf_file),
    "optax": _text(optax_file),
    "keras": _text(keras_file),
    "olmo-core": _text(olmo_core_file),
    "megatron": lambda schedule, units: megatron_file(schedule, units.batch_size).encode(),
    "torchtitan": _text(torchtitan_file),
    "nanogpt": _text(nanogpt_file),
    "litgpt": lambda schedule, units: litgpt_file(schedule, units.accumulate).encode(),
}


def export(
    schedule: Schedule, form: str, units: Units | None = None, *, exact: bool = False
) -> bytes:
    """The schedule as the file of a format.

    Code has a formula where the shape is known, else knots; where more than 1,000 would be needed
    for every digit, as many as meet every rate to 1e-6 of the peak, unless `exact`.

    Raises
    ------
    OutputError
        If there is no such format.
    """
    if form not in EXPORTS:
        raise OutputError(f"there is no export {form!r}: choose one of {', '.join(EXPORTS)}")
    return EXPORTS[form](schedule if exact else written(schedule, form), units or Units())


def written(schedule: Schedule, form: str) -> Schedule:
    """The schedule that `export` writes: itself, or to 1e-6 of the peak, with far fewer knots."""
    if form in _DATA or (form not in _TRACED and formula_of(schedule) is not None):
        return schedule
    return coarse(schedule)
