"""One call for each question: what `import mplfit` offers to people who write Python.

The calls read files, so that a path will do wherever runs, a fit or a schedule is meant; the rooms
below take objects alone. Each does what the command of its name does, and returns the same result,
which shows itself: repr and print in a terminal, HTML in a notebook, `plot` and `tables`.

>>> import mplfit
>>> runs = mplfit.read("data/lab_text")
>>> fit = mplfit.fit([runs["lab_cosine"], runs["lab_two_stage"]], law="effective", rival=False)
>>> final = fit.predict("cosine:steps=3000,peak=6e-3,warmup=300")
>>> low, high = final.intervals["0.95"]
>>> low < final.final_loss < high
True
"""

from __future__ import annotations

from mplfit.api.deciding import (
    advise,
    bound,
    design,
    extend,
    forecast,
    optimize,
    predict,
    predict_one,
    sweep,
)
from mplfit.api.fitting import compare, fit
from mplfit.api.inputs import (
    FitLike,
    PathName,
    PathOrPaths,
    RunsLike,
    ScheduleLike,
    kept_curves,
    load,
    read,
    schedule_from,
)
from mplfit.api.reporting import Page, report
from mplfit.api.showing import (
    export,
    html_of,
    long_text,
    plot,
    repr_text,
    residuals,
    save,
    tables_of,
)

__all__ = [
    "FitLike", "Page", "PathName", "PathOrPaths", "RunsLike", "ScheduleLike", "advise", "bound",
    "compare", "design", "export", "extend", "fit", "forecast", "html_of", "kept_curves", "load",
    "long_text", "optimize", "plot", "predict", "predict_one", "read", "report", "repr_text",
    "residuals", "save", "schedule_from", "sweep", "tables_of",
]  # fmt: skip
