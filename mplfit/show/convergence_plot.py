"""The figure of a fit's descents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mplfit.estimate.trace import Iteration
from mplfit.show.plot import _COLOURS, _tidy, figure_for

__all__ = ["plot_convergence"]


def plot_convergence(made: Sequence[Iteration], *, fig: Figure | None = None) -> Figure:
    """Objective and gradient norm against the iteration, one line a descent."""
    figure = figure_for(fig, (8, 6))
    top, bottom = figure.subplots(2, 1, sharex=True)
    for start in range(made[-1].start + 1):
        own = [one for one in made if one.start == start]
        style = {"color": _COLOURS[start % len(_COLOURS)], "linewidth": 1.2, "marker": "."}
        number = np.array([one.number for one in own])
        top.plot(number, [one.objective for one in own], label=f"descent {start}", **style)
        bottom.plot(number, [one.gradient for one in own], **style)
    lowest = min(one.objective for one in made)
    top.axhline(lowest, color="black", linewidth=0.8)
    top.set_title(f"The solver's descents; the lowest objective is {lowest:.5g}", loc="left")
    top.set_ylabel("objective")
    top.legend(frameon=False, fontsize=8)
    bottom.set_ylabel("norm of its gradient")
    bottom.set_xlabel("iteration")
    for axes in (top, bottom):
        axes.set_yscale("log")
        _tidy(axes)
    return figure
