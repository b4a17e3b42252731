"""Residuals of several laws side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mplfit.curve import Curve
from mplfit.estimate.result import Fit
from mplfit.show.plot import _plain, _step_axis, _style, _tidy, figure_for

__all__ = ["plot_laws"]

_COLUMNS = 3


def plot_laws(
    fits: Mapping[str, Fit],
    train: Sequence[Curve],
    test: Sequence[Curve],
    *,
    fig: Figure | None = None,
) -> Figure:
    """One panel a law: predicted / observed - 1 of the held-out curves over the step.

    Training curves are thin and grey; where nothing is held out, they are what is drawn.
    """
    shown = list(test) or list(train)
    behind = list(train) if test else []
    columns = min(_COLUMNS, len(fits))
    rows = -(-len(fits) // columns)
    figure = figure_for(fig, (4 * columns, 2.6 * rows + 0.9))
    panels = np.atleast_1d(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False))
    errors = {law: [_error(made, curve) for curve in shown] for law, made in fits.items()}
    # Laws that are far off shall not hide the differences between the others.
    sizes = sorted(
        float(np.quantile(np.abs(np.concatenate(each)), 0.98)) for each in errors.values()
    )
    reach = 1.15 * min(sizes[-1], 3 * sizes[(len(sizes) - 1) // 2])
    for axes, (law, made) in zip(panels.ravel(), fits.items(), strict=False):
        for curve in behind:
            axes.plot(curve.step, _error(made, curve), color="0.8", linewidth=0.7)
        for number, (curve, error) in enumerate(zip(shown, errors[law], strict=True)):
            style = _style(number, thick=False)
            axes.plot(curve.step, error, label=_plain(curve.name), **{**style, "linewidth": 0.9})
        axes.axhline(0, color="black", linewidth=0.8)
        size = float(np.mean([np.abs(error).mean() for error in errors[law]]))
        axes.set_title(f"{law}: mean {100 * size:.2f} %", loc="left", fontsize=10)
        axes.set_ylim(-reach, reach)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
        axes.tick_params(labelbottom=True)
        _step_axis(axes, label=False)
        _tidy(axes)
    for axes in panels.ravel()[len(fits) :]:
        axes.set_visible(False)
    what = "held-out curves (training curves grey)" if test else "training curves"
    figure.suptitle(f"Predicted / observed − 1 over the step: {what}", fontsize=11)
    handles, labels = panels.ravel()[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False,
        fontsize=8,
    )  # fmt: skip
    return figure


def _error(made: Fit, curve: Curve) -> np.ndarray:
    return made.loss(curve.schedule, curve.step) / curve.loss - 1
