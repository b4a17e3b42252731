"""Gradient norms from a log, one for every update of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.table import open_table, read_columns
from mplfit.types import FloatArray

__all__ = ["NORM_COLUMNS", "read_norms"]

NORM_COLUMNS = ("train_grad_norm", "grad_norm", "gradnorm", "gradient_norm")
_STEPS = ("step", "iter", "iteration", "global_step")


def read_norms(path: Path, steps: int, column: str | None = None) -> FloatArray:
    """(steps,) gradient norms, linear between the logged rows and constant beyond them.

    The file is a table with a column for the step (0-based) and one for the norm.

    Raises
    ------
    DataError
        If the file or its columns cannot be used, or a norm is negative or not a number.
    """
    table = open_table(path)
    names = {"step": _STEPS, "gradient norm": (column,) if column else NORM_COLUMNS}
    found = []
    for what, accepted in names.items():
        present = [name for name in accepted if name in table.header]
        if not present:
            raise DataError(
                f"{path} has no column for the {what} (looked for {', '.join(accepted)}): it has "
                f"{', '.join(table.header[:8])}"
            )
        found.append(present[0])
    step, norm = read_columns(table, found)
    bad = np.flatnonzero(~np.isfinite(norm) | (norm < 0) | ~np.isfinite(step))
    if bad.size:
        raise DataError(
            f"{path} row {bad[0] + 1}: the gradient norm is {norm[bad[0]]:g} at step "
            f"{step[bad[0]]:g}, expected a number that is not negative: drop such rows"
        )
    order = np.argsort(step, kind="stable")
    return np.interp(np.arange(steps), step[order], norm[order])
