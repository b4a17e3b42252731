"""Results as the bytes of files: CSV, JSON, npy."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mplfit.curve import Curve
from mplfit.schedule import Schedule
from mplfit.types import FloatArray

__all__ = [
    "csv_bytes",
    "curve_csv",
    "file_name",
    "json_bytes",
    "prediction_csv",
    "schedule_csv",
    "schedule_files",
]


def json_bytes(values: Mapping[str, Any]) -> bytes:
    """Indented JSON; NaN and infinity do not exist in it and become null."""
    text = json.dumps(_finite(values), indent=2, ensure_ascii=False) + "\n"
    # A file's name that is not UTF-8 is a lone surrogate in Python: JSON escapes it the same way.
    return text.encode("utf-8", "backslashreplace")


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A table with a header line; numbers keep every digit.

    >>> from mplfit.writers.text import csv_bytes
    >>> csv_bytes(["name", "loss"], [["a,b", 0.1]])
    b'name,loss\\n"a,b",0.1\\n'
    """
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows([header, *rows])
    return lines.getvalue().encode()


def schedule_csv(schedule: Schedule) -> bytes:
    """Columns step,lr: one row for each update, every digit kept."""
    return _csv("step,lr", np.arange(schedule.steps), schedule.lr)


def curve_csv(curve: Curve, digits: int = 4) -> bytes:
    """Columns step,lr,loss of the logged rows; the loss to `digits` decimals, as logs have it."""
    rows = zip(curve.step, curve.schedule.lr[curve.step], curve.loss, strict=True)
    lines = [f"{step},{float(lr)!r},{loss:.{digits}f}" for step, lr, loss in rows]
    return "\n".join(["step,lr,loss", *lines, ""]).encode()


def prediction_csv(schedule: Schedule, loss: FloatArray) -> bytes:
    """Columns step,lr,loss: the predicted loss after every update (empty before any rate)."""
    return _csv("step,lr,loss", np.arange(schedule.steps), schedule.lr, loss)


def schedule_files(schedule: Schedule, values: Mapping[str, Any]) -> dict[str, bytes]:
    """The schedule as schedule.csv, .npy and .json (`values`: knots, rates and more)."""
    array = io.BytesIO()
    np.save(array, schedule.lr, allow_pickle=False)
    return {
        "schedule.csv": schedule_csv(schedule),
        "schedule.npy": array.getvalue(),
        "schedule.json": json_bytes(values),
    }


def file_name(name: str) -> str:
    """A file's name for any text: what is not a letter, digit, dot, dash or underscore becomes _.

    >>> from mplfit.writers.text import file_name
    >>> file_name("run/3: cosine")
    'run_3_cosine'
    """
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "unnamed"


def _csv(header: str, *columns: np.ndarray[Any, Any]) -> bytes:
    texts = [[_cell(value) for value in column.tolist()] for column in columns]
    return "\n".join([header, *map(",".join, zip(*texts, strict=True)), ""]).encode()


def _cell(value: float | int) -> str:
    return repr(value) if np.isfinite(value) else ""


def _finite(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {key: _finite(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [_finite(value) for value in values]
    if isinstance(values, float) and not np.isfinite(values):
        return None
    return values
