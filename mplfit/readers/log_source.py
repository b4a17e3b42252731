"""The schedule in a log that begins with the source of its training code (modded-nanogpt's do).

Nothing is run: two ways of writing `get_lr` are known by their text, and the numbers in them by the
names of the hyperparameters.
"""

from __future__ import annotations

import re

import numpy as np

from mplfit.schedule import MAX_STEPS, Schedule

__all__ = ["schedule_in_source"]

_TRAPEZE = (
    "if it < args.warmup_iters: return (it+1) / args.warmup_iters "
    "elif it < args.num_iterations - args.warmdown_iters: return 1.0 "
    "else: decay_ratio = (args.num_iterations - it) / args.warmdown_iters return decay_ratio"
)
_COOLDOWN = (
    "x = step / args.num_iterations assert 0 <= x < 1 if x < 1 - args.cooldown_frac: return 1.0 "
    "else: w = (1 - x) / args.cooldown_frac return w * 1.0 + (1 - w) * 0.1"
)
_LONGEST = 1 << 20  # characters of source


def schedule_in_source(text: str) -> tuple[Schedule | None, str]:
    """The schedule that the source sets, and what is said of it; None where it is not known.

    The rate is that of `learning_rate`; where the source has one for each of several optimizers,
    it is their common factor, which is 1 at its highest.
    """
    lines = [line.partition("#")[0] for line in text[:_LONGEST].split("\n")]
    code = " ".join(" ".join(lines).split())
    total, peak = _number(lines, "num_iterations"), _number(lines, "learning_rate")
    if total is None or not 1 <= total <= MAX_STEPS or total % 1:
        return None, ""
    step = np.arange(int(total))
    if _TRAPEZE in code:
        warmup, warmdown = _number(lines, "warmup_iters"), _number(lines, "warmdown_iters")
        if warmup is None or warmdown is None or not 0 <= warmup + warmdown <= total:
            return None, ""
        rise, fall = (step + 1) / max(warmup, 1), (total - step) / max(warmdown, 1)
        share = np.where(step < warmup, rise, np.where(step < total - warmdown, 1.0, fall))
    elif _COOLDOWN in code:
        warmup, part = 0.0, _number(lines, "cooldown_frac")
        if part is None or not 0 < part <= 1:
            return None, ""
        rest = (1 - step / total) / part
        share = np.where(step / total < 1 - part, 1.0, rest + (1 - rest) * 0.1)
    else:
        return None, ""
    if peak is None or not 0 < peak < 1e6:
        said = "the schedule is that of get_lr in the log's source, as a share of each optimizer's"
        return Schedule(share, int(warmup)), f"{said} own rate"
    said = f"the schedule is that of get_lr and learning_rate = {peak:g} in the log's source"
    return Schedule(peak * share, int(warmup)), said


def _number(lines: list[str], name: str) -> float | None:
    """The number that a hyperparameter is set to, if it is set once."""
    pattern = re.compile(rf"[ \t]*{name}\b[^=]{{0,40}}=[ \t]*([\d.e-]+)")
    found = {match[1] for line in lines if name in line and (match := pattern.match(line))}
    try:
        return float(found.pop()) if len(found) == 1 else None
    except ValueError:
        return None
