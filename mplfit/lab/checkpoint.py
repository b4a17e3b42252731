"""A run's state as the bytes of an .npz file, without pickle, and back.

Batches and dropout depend on the seed and the step alone, so parameters, AdamW's averages, the rows
so far and the losses since the last row are the whole state: a run that goes on from here goes on
bit for bit (with the same numpy, BLAS and number of threads).
"""

from __future__ import annotations

import io
import json
from zipfile import BadZipFile

import numpy as np

from mplfit.errors import DataError
from mplfit.lab.ops import Array
from mplfit.lab.run import Row, Run, RunPlan
from mplfit.schedule import Schedule

__all__ = ["from_bytes", "to_bytes"]

_SCHEMA = "mplfit.checkpoint/1"


def to_bytes(run: Run) -> bytes:
    """The state of a run between two updates.

    >>> from mplfit.lab.checkpoint import from_bytes, to_bytes
    >>> from mplfit.lab.model import Shape
    >>> from mplfit.lab.run import RunPlan, Run
    >>> from mplfit.lab.tasks import IclRegression
    >>> from mplfit.schedule import constant
    >>> shape = Shape(width=8, layers=1, heads=2, block=4, vocabulary=0)
    >>> run = Run(RunPlan(IclRegression(block=4), shape, batch=2), constant(5, 1e-2))
    >>> _ = run.update()
    >>> from_bytes(to_bytes(run)).done
    1
    """
    meta = {
        "schema": _SCHEMA,
        "plan": run.plan.to_dict(),
        "done": run.done,
        "warmup": run.schedule.warmup,
    }
    file = io.BytesIO()
    np.savez(
        file,
        allow_pickle=False,
        meta=np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8),
        params=run.model.flat,
        first=run.optimizer.first,
        second=run.optimizer.second,
        lr=run.schedule.lr,
        rows=np.array(
            [[row.step, row.lr, row.loss, row.eval_loss] for row in run.rows], np.float64
        ).reshape(-1, 4),
        since=np.array(run.since, np.float64),
    )
    return file.getvalue()


def from_bytes(data: bytes, where: str = "the checkpoint") -> Run:
    """The run that `to_bytes` described.

    Raises
    ------
    DataError
        If the bytes are no checkpoint of mplfit, or a damaged one.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            values: dict[str, Array] = {name: file[name] for name in file.files}
        meta = json.loads(values["meta"].tobytes())
        if meta["schema"] != _SCHEMA:
            raise DataError(f"{where} has the schema {meta['schema']!r}, expected {_SCHEMA!r}")
        plan = RunPlan.from_dict(meta["plan"], f"plan of {where}")
        run = Run(plan, Schedule(values["lr"], meta["warmup"]), values["params"].dtype)
        for name, into in (
            ("params", run.model.flat),
            ("first", run.optimizer.first),
            ("second", run.optimizer.second),
        ):
            if values[name].shape != into.shape:
                raise DataError(f"{where} is damaged: {name} has the shape {values[name].shape}")
            into[:] = values[name]
        run.done = int(meta["done"])
        run.since = values["since"].tolist()
        run.rows = [
            Row(int(step), lr, loss, held) for step, lr, loss, held in values["rows"].tolist()
        ]
    except (BadZipFile, KeyError, ValueError, TypeError, EOFError, OSError) as error:
        raise DataError(
            f"{where} is no checkpoint of mplfit lab, or a damaged one ({type(error).__name__})"
        ) from None
    return run
