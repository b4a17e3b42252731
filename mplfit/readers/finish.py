"""From a `Log` to a `Curve`, by one rule for all formats: rows, selection, schedule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mplfit.curve import Curve, Origin, RunSize, rebuild_schedule
from mplfit.errors import DataError, ScheduleError
from mplfit.readers.configs import size_beside, weight_decay_beside
from mplfit.readers.log import Log
from mplfit.readers.names import listed
from mplfit.readers.options import ReadOptions
from mplfit.readers.plausible import odd_end, odd_schedule, odd_values
from mplfit.readers.released import released_schedule
from mplfit.readers.rows import clean_losses, clean_rates
from mplfit.readers.schedules import schedule_of
from mplfit.readers.selecting import select
from mplfit.readers.sizes import parse_size, size_in
from mplfit.schedule import MAX_STEPS, Schedule
from mplfit.trend import trend_of
from mplfit.types import FloatArray, IntArray

__all__ = ["finish"]


def finish(log: Log, options: ReadOptions, *, fitted: bool = False) -> Curve:
    """The curve of a run.

    The schedule is, in this order: the one in `options`; the one that the log's configuration
    gives, if every logged rate agrees with it to 1e-6 relative; that of the released curve of the
    run's name, under the same condition; the one rebuilt from the logged rates
    (`mplfit.curve.rebuild_schedule`). What was assumed, dropped or mended is in
    `Curve.origin.notes`, and what looks odd in `Curve.origin.warnings`. A curve that is to be
    `fitted` goes without its `beginning` (`mplfit.readers.selecting`), unless the options name a
    first step.

    Raises
    ------
    DataError
        If the rows cannot be mended, or no schedule is known.
    """
    path, notes, warnings = log.path, list(log.notes), list(log.warnings)
    if not len(log.loss):
        raise DataError(f"{path} has no loss of the run {log.name}: expected at least one row")
    others = listed(log.also)
    if log.also and not np.any(np.isfinite(log.loss.value) & (log.loss.value > 0)):
        raise DataError(
            f"{path} has no finite value above 0 of {log.columns[0]} in {len(log.loss)} rows, but "
            f"logs {others}: choose with metric={log.also[0]!r}"
        )
    if log.also:
        notes.append(f"also logged: {others} (for it metric={log.also[0]!r})")
    step, loss = clean_losses(path, log.loss, options, notes, warnings)
    rate_step, rate = clean_rates(path, log.rate, options, notes)
    last = max(int(step[-1]), int(rate_step[-1]) if rate_step.size else 0)
    if last >= MAX_STEPS:
        raise DataError(
            f"{path}: the last step is {last:,}, more updates than a run has: is the step counted "
            "in tokens or samples? give tokens_per_step=, or another column with step_col="
        )
    warnings += [*odd_values(path, log, loss, rate), *odd_end(log.loss, loss)]
    if options.schedule is not None:
        said, odd = odd_schedule(rate_step, rate, last, schedule_of(options.schedule))
        notes, warnings = notes + said, warnings + odd
    try:
        schedule = _schedule(log, rate_step, rate, step, options, notes)
    except (DataError, ScheduleError) as error:
        raise DataError(f"{path}: {str(error).removeprefix(f'{path} ')}") from None
    inside = step < schedule.steps
    if not inside.all():
        past = int((~inside).sum())
        if not inside.any() or past > max(1, 0.1 * step.size):
            raise DataError(
                f"{path}: {past} of {step.size} rows lie past the end of the schedule of "
                f"{schedule.steps} steps (the last is at step {step[-1]}): give schedule= for the "
                "whole run"
            )
        notes.append(
            f"{past} row{'s' if past > 1 else ''} past the last update of the schedule (step "
            f"{schedule.steps - 1}) dropped"
        )
    step, loss = select(path, step[inside], loss[inside], schedule, options, notes, fitted)
    decay = log.weight_decay
    if decay is None and (told := weight_decay_beside(path)) is not None:
        decay = told[0]
        notes.append(f"the weight decay {decay:g} is that in {told[1].name} beside the log")
    size = _size(log, options, notes)
    beside = tuple(map(str, log.beside))
    origin = Origin(str(path), log.sha256, tuple(notes), tuple(warnings), beside=beside)
    return Curve(log.name, step, loss, schedule, origin, weight_decay=decay, size=size)


def _size(log: Log, options: ReadOptions, notes: list[str]) -> RunSize:
    """What is known of the run's size: as given, then the log, the configurations beside it, the
    run's name, and that of its folder."""
    given = RunSize() if options.size is None else parse_size(str(options.size))
    size = given.over(log.size).over(size_beside(log.path))
    if size.count is None or (size.parameters is None and given.count is None):
        named, odd = size_in(log.name)
        if named.count is None and not odd:
            named, odd = size_in(log.path.resolve().parent.name)
            named = replace(named, told_by=named.told_by and "the folder's name")
        size = size.over(named)
        notes += [odd] if odd else []
    return size


def _schedule(
    log: Log,
    step: IntArray,
    lr: FloatArray,
    loss_step: IntArray,
    options: ReadOptions,
    notes: list[str],
) -> Schedule:
    if options.schedule is not None:
        return schedule_of(options.schedule)
    if log.schedule is not None and options.warmup is None:
        worst = disagreement(step, lr, log.schedule) if step.size else 0.0
        if worst <= 1e-6:
            notes.append(
                "the schedule is that of the log's configuration"
                + (" (every logged rate agrees)" if step.size else " (no rate is logged)")
            )
            return log.schedule
        notes.append(
            "the schedule of the log's configuration is not used: logged rates differ from it by "
            f"up to {100 * worst:.2g} %"
        )
    if not step.size:
        raise DataError(log.no_rate)
    known = released_schedule(log.name)
    if known is not None and options.warmup is None:
        # A rate at step T belongs to no update; one beyond shows that the run is another.
        if step[-1] <= known.steps and disagreement(step, lr, known) <= 1e-6:
            notes.append(
                "the schedule is that of the released curve of this name (every logged rate agrees)"
            )
            return known
        notes.append(
            "the name is that of a released curve, but the logged rates are not its schedule's: "
            "the schedule is rebuilt from the logged rates"
        )
    missing = int((~np.isfinite(log.rate.value)).sum())
    if missing:
        notes.append(f"{missing} of {len(log.rate)} rows log no learning rate")
    if not np.array_equal(log.rate.step, log.loss.step) or log.rate.counted != log.loss.counted:
        step, lr = _ended(step, lr, loss_step, notes)
    if log.begin is None and options.warmup is None:
        _refuse_late(step, lr, log.total)
    schedule, assumed = rebuild_schedule(
        step, lr, warmup=options.warmup, total=log.total, begin=log.begin
    )
    notes.extend(assumed)
    return schedule


def _refuse_late(step: IntArray, lr: FloatArray, total: int | None) -> None:
    """Refuse to invent the beginning of a run of which a large part is not logged.

    A warmup is some hundredths of a run. Rates that begin after a quarter of it are those of a run
    that was resumed, and what came before is in another log.
    """
    first, updates = int(step[0]), total or int(step[-1]) + 1
    gap = int(np.diff(step).max()) if step.size > 1 else first
    if first > 4 * gap and 4 * first > updates and trend_of(step, lr) is None:
        raise DataError(
            f"logs its first rate at step {first:,} of {updates:,}: what came before is not known, "
            "and no warmup is that long. Give the whole run's schedule=; or warmup=N, if the "
            f"rate was {lr[0]:g} from the end of the warmup on"
        )


def _ended(
    step: IntArray, lr: FloatArray, loss_step: IntArray, notes: list[str]
) -> tuple[IntArray, FloatArray]:
    """Without rates that belong to no update: a scheduler logs the next rate, even after the end.

    Rates that end before the losses do are continued, where that is no more than one gap of rows.
    """
    if step.size > 1 and step[-1] == loss_step[-1] + 1:
        end = np.interp(loss_step[-1], step, lr)
        # A jump to 0 after the last update would bend the interpolation: keep the rate before it.
        dropped = lr[-1] == 0 and lr[-2] > 0 and not _on_a_line(step, lr)
        value = lr[-2] if dropped else end
        at = np.append(step[:-1], loss_step[-1]) if step[-2] < loss_step[-1] else step[:-1]
        rates = np.append(lr[:-1], value) if step[-2] < loss_step[-1] else lr[:-1]
        notes.append(f"the rate {lr[-1]:g} logged after the last update belongs to none")
        return at, rates
    if step.size > 1 and 0 < loss_step[-1] - step[-1] <= np.diff(step).max():
        falls = lr[-1] < lr[-2] and _on_a_line(step, lr)
        slope = (lr[-1] - lr[-2]) / (step[-1] - step[-2]) if falls else 0.0
        end = max(0.0, float(lr[-1] + slope * (loss_step[-1] - step[-1])))
        notes.append(
            (
                f"the line of the last logged rates, to step {step[-1]}, is continued"
                if falls
                else f"the last logged rate, at step {step[-1]}, is kept"
            )
            + f" to the last loss at step {loss_step[-1]}"
        )
        return np.append(step, loss_step[-1]), np.append(lr, end)
    return step, lr


def _on_a_line(step: IntArray, lr: FloatArray) -> bool:
    """Whether the last three rates lie on a line, as a decay to 0 does."""
    if step.size < 3:
        return False
    slopes = np.diff(lr[-3:]) / np.diff(step[-3:])
    return bool(np.isclose(slopes[0], slopes[1], rtol=0.05))


def disagreement(step: IntArray, lr: FloatArray, schedule: Schedule) -> float:
    """The largest relative difference between logged rates and a schedule, inside the latter."""
    inside = step < schedule.steps
    if not inside.any():
        return float("inf")
    expected = schedule.lr[step[inside]]
    scale = np.maximum(np.abs(expected), 1e-6 * schedule.peak)
    return float(np.max(np.abs(lr[inside] - expected) / scale))
