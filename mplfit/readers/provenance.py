"""Which fit a schedule file was made with."""

from __future__ import annotations

import json
from pathlib import Path

from mplfit.readers.schedules import PLAN_FILE
from mplfit.readers.table import is_there

__all__ = ["fit_named_in"]


def fit_named_in(spec: str) -> str | None:
    """The FIT in the schedule.json of `mplfit optimize`, or in its folder's; else None.

    >>> from mplfit.readers.provenance import fit_named_in
    >>> fit_named_in("cosine:steps=10,peak=1e-3") is None
    True
    """
    path = Path(spec) / PLAN_FILE if is_there(Path(spec) / PLAN_FILE) else Path(spec)
    if path.suffix.lower() != ".json" or ":" in spec:
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    fitted = isinstance(values, dict) and values.get("law") != "bound"  # which needs no fit
    params = values.get("params") if fitted else None
    return params if isinstance(params, str) else None
