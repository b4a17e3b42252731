"""The schedules that are predicted where none is named."""

from __future__ import annotations

import numpy as np

from mplfit.curve import RunSize
from mplfit.schedule import Schedule, constant, cosine, wsdld
from mplfit.sizes.result import Sizes

__all__ = ["usual_schedules"]


def usual_schedules(law: Sizes, size: RunSize, steps: int | None = None) -> dict[str, Schedule]:
    """Constant, cosine to a tenth, and a linear cooldown over a fifth, at the reference rate.

    steps : updates; those of the longest run where None.
    """
    longest = max(law.data, key=lambda record: record.last_step)
    total = steps or longest.last_step + 1
    warmup = min(longest.warmup, total // 10)
    peak = law.units.peak(size.count or np.nan)
    return {
        "constant": constant(total, peak, warmup=warmup),
        "cosine": cosine(total, peak, peak / 10, warmup=warmup),
        "wsdld": wsdld(total, peak, decay=max(1, total // 5), warmup=warmup),
    }
