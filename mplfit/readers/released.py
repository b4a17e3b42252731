"""The curves released with the Multi-Power Law: names, schedules and their split.

From github.com/thu-yao-01-luo/MultiPowerLaw: a linear warmup over 2160 updates to the peak 3e-4,
final rate 3e-5.
"""

from __future__ import annotations

import re

from mplfit import schedule as schedules
from mplfit.schedule import Schedule

__all__ = ["NAMES", "TEST", "TRAIN", "released_schedule"]

TRAIN = ("cosine_24000", "constant_24000", "wsdcon_9")
TEST = (
    "constant_72000",
    "cosine_72000",
    "wsd_20000_24000",
    "wsdld_20000_24000",
    "wsdcon_3",
    "wsdcon_18",
)
NAMES = TRAIN + TEST

_PEAK, _FINAL, _WARMUP = 3e-4, 3e-5, 2160


def released_schedule(name: str) -> Schedule | None:
    """The schedule that a released curve of this name has; None for other names.

    >>> from mplfit.readers.released import released_schedule
    >>> released_schedule("wsdcon_9")
    Schedule(16000 steps, peak 0.0003, final 9e-05, warmup 2160)
    """
    match = re.fullmatch(r"(constant|cosine|wsd|wsdld|wsdcon)_(\d+)(?:_(\d+))?", name)
    if match is None:
        return None
    kind, numbers = match[1], [int(group) for group in match.groups()[1:] if group]
    if len(numbers) != (2 if kind in ("wsd", "wsdld") else 1) or numbers[-1] > 10**7:
        return None
    if kind == "wsdcon":
        return schedules.two_stage(16000, _PEAK, numbers[0] * 1e-5, switch=8000, warmup=_WARMUP)
    steps = numbers[-1]
    if steps <= _WARMUP:
        return None
    if kind == "constant":
        return schedules.constant(steps, _PEAK, warmup=_WARMUP)
    if kind == "cosine":
        return schedules.cosine(steps, _PEAK, _FINAL, warmup=_WARMUP)
    decay = steps - numbers[0]
    if not 0 < decay <= steps - _WARMUP:
        return None
    make = schedules.wsd if kind == "wsd" else schedules.wsdld
    return make(steps, _PEAK, _FINAL, decay=decay, warmup=_WARMUP)
