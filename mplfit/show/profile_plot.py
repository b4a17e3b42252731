"""Profile likelihoods, one panel for each parameter."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from mplfit.assess.intervals import LEVELS
from mplfit.assess.profile import Profiles
from mplfit.show.plot import _COLOURS, _tidy, figure_for

__all__ = ["plot_profiles"]


def plot_profiles(profiles: Profiles, *, fig: Figure | None = None) -> Figure:
    """The deviance over each parameter, Laplace's parabola, and the thresholds of the levels."""
    columns = min(3, len(profiles))
    rows = -(-len(profiles) // columns)
    figure = figure_for(fig, (3.4 * columns, 2.7 * rows + 0.5))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    top = 1.35 * max(LEVELS.values()) ** 2
    for axes, (name, one) in zip(panels, profiles.parameters.items(), strict=False):
        axes.plot(one.value, one.deviance, ".-", color=_COLOURS[0], markersize=4, label="profile")
        if np.isfinite(one.laplace).any():
            near = one.laplace <= top
            axes.plot(one.value[near], one.laplace[near], "--", color=_COLOURS[1], label="Laplace")
        axes.axvline(one.fitted, color="black", linewidth=0.8)
        for level, z in LEVELS.items():
            axes.axhline(z**2, color=_COLOURS[6], linewidth=0.8, linestyle=":")
            axes.annotate(
                f"{100 * level:.0f} %",
                (0.99, z**2),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom",
                fontsize=7,
                color=_COLOURS[6],
            )
        axes.set_ylim(-0.03 * top, top)
        axes.set_title(name, loc="left", fontsize=10)
        axes.tick_params(labelsize=8)
        if one.value[0] > 0 and one.value[-1] > 20 * one.value[0]:
            axes.set_xscale("log")
        else:
            axes.locator_params(axis="x", nbins=4)
        _tidy(axes)
    for axes in panels[len(profiles) :]:
        axes.set_visible(False)
    for axes in panels[::columns]:
        axes.set_ylabel("deviance")
    panels[0].legend(frameon=False, fontsize=8)
    figure.suptitle(f"Profile likelihoods of the parameters ({profiles.law})", fontsize=11)
    return figure
