"""What a result does for its holder: tables, figures, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mplfit.api.inputs import PathName, RunsLike, curves_of_fit
from mplfit.estimate.result import Fit
from mplfit.schedule import Schedule
from mplfit.show.table import Table
from mplfit.show.tables import html, short_text, tables, whole_text
from mplfit.types import FloatArray
from mplfit.writers.export import Units
from mplfit.writers.export import export as export_schedule
from mplfit.writers.files import write_file, write_folder
from mplfit.writers.text import json_bytes

__all__ = ["export", "html_of", "long_text", "plot", "repr_text", "residuals", "save", "tables_of"]

repr_text, html_of = short_text, html


def save(result: Any, folder: PathName, *, force: bool = False) -> None:
    """Write the files of a result into a folder: of a fit fit.json; see `mplfit.show.files`."""
    if isinstance(result, Fit):
        files = {"fit.json": json_bytes(result.to_dict())}
    else:
        from mplfit.show.files import files_of, rendered  # matplotlib takes long to import

        files = rendered(files_of(result))
    write_folder(Path(folder), files, force=force)


def residuals(fit: Fit, runs: RunsLike | None = None) -> dict[str, FloatArray]:
    """The log residuals of a fit on runs; see `Fit.residuals`."""
    return {
        curve.name: np.log(curve.loss) - np.log(fit.loss(curve.schedule, curve.step))
        for curve in curves_of_fit(fit, runs)
    }


def plot(result: object, runs: RunsLike | None = None, *, ax: Any = None, fig: Any = None) -> Any:
    """The figure of a result; see `mplfit.show.figures.draw`."""
    from mplfit.show.figures import draw, plot_fit  # matplotlib takes long to import

    if isinstance(result, Fit):
        return plot_fit(result, curves_of_fit(result, runs), ax=ax, fig=fig)
    return draw(result, ax, fig)


def export(
    schedule: Schedule,
    form: str,
    path: PathName | None = None,
    *,
    batch_size: int = 1,
    accumulate: int = 1,
    exact: bool = False,
    force: bool = False,
) -> bytes:
    """A schedule as the file of a training code; see `Schedule.export`."""
    data = export_schedule(schedule, form, Units(batch_size, accumulate), exact=exact)
    if path is not None:
        write_file(Path(path), data, force=force)
    return data


def tables_of(result: object) -> list[Table]:
    """The tables of a result."""
    return tables(result)


def long_text(result: object) -> str:
    """All that a result says, its warnings below."""
    said = [f"Warning: {one}" for one in getattr(result, "warnings", ())]
    return "\n".join([whole_text(result), *said])
