"""The run that `mplfit forecast` is about, as far as its log has it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mplfit.curve import Curve
from mplfit.errors import DataError, MplfitError
from mplfit.readers.growing import whole_lines
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves
from mplfit.readers.plausible import GOES_ON
from mplfit.schedule import Schedule

__all__ = ["has_ended", "log_size", "run_so_far"]


def run_so_far(
    run: Path,
    options: ReadOptions,
    schedules: Mapping[str, Schedule | str],
    *,
    settled: bool = False,
) -> Curve:
    """The run so far: without a last line that has no end yet.

    Some logs never get that end. So where the log has `settled` (it has not grown since the last
    look), such a line counts if it is the run's last row; any other may be half of a line whose
    writer waits for more.
    """
    with whole_lines(run) as (path, cut):
        try:
            curve = _only_run(path, run, options, schedules)
        except DataError as error:  # of the copy without the last line, perhaps
            raise DataError(str(error).replace(str(path), str(run))) from None
    if cut and settled:
        with suppress(MplfitError):
            whole = _only_run(run, run, options, schedules)
            if has_ended(whole):
                return whole
    if curve.origin is not None and cut:
        notes = (*curve.origin.notes, "the last line has no end yet: left out")
        curve = replace(curve, origin=replace(curve.origin, path=str(run), notes=notes))
    return curve


def log_size(run: Path) -> int:
    """The bytes of a log; -1 for a folder, or where there is nothing yet."""
    try:
        return run.stat().st_size if run.is_file() else -1
    except OSError:
        return -1


def _only_run(
    path: Path, run: Path, options: ReadOptions, schedules: Mapping[str, Schedule | str]
) -> Curve:
    """The one run in the log at `path`, which may be a copy of that of `run`."""
    plan = {name: schedule for name, schedule in schedules.items() if name == run.stem}
    curves = read_curves([path], options, schedules=plan)
    if len(curves) != 1:
        names = ", ".join(curve.name for curve in curves)
        raise DataError(f"{run} holds {len(curves)} runs ({names}): a forecast is of one")
    curve = curves[0]
    if curve.origin is None:
        return curve
    odd = [text for text in curve.origin.warnings if not text.startswith(GOES_ON)]
    return replace(curve, origin=replace(curve.origin, warnings=tuple(odd)))


def has_ended(curve: Curve) -> bool:
    """Whether the plan ends before another row would be logged."""
    gap = int(curve.step[-1] - curve.step[-2]) if len(curve) > 1 else 1
    return int(curve.step[-1]) + gap >= curve.schedule.steps
