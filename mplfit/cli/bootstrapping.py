"""What `mplfit fit --bootstrap` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mplfit.cli.tables import render

if TYPE_CHECKING:
    from mplfit.assess.bootstrap import Bootstrap
    from mplfit.curve import Curve
    from mplfit.estimate.result import Fit

__all__ = ["bootstrap_text"]


def bootstrap_text(fit: Fit, found: Bootstrap, curves: Sequence[Curve]) -> str:
    """Intervals of parameters and of final losses, bootstrap beside Laplace."""
    from mplfit.assess.intervals import predict_interval
    from mplfit.assess.parameters import laplace_intervals

    laplace, errors = laplace_intervals(fit), found.standard_errors()
    rows = []
    for name, drawn in found.intervals().items():
        cells = [name, f"{fit.params[name]:.5g}", _ends(laplace[name]), _ends(drawn)]
        rows.append([*cells, f"{errors[name]:.2g}"])
    header = ["parameter", "value", "95 % Laplace", "95 % bootstrap", "its std. error"]
    blocks = [render(header, rows)]
    rows = []
    for curve in curves:
        last = curve.step[-1:]
        known = predict_interval(fit, curve.schedule, last)
        low, high = found.predict(curve.schedule, last)
        ends = known.bounds(0.95) if known else None
        wide = (float(ends[0][0]), float(ends[1][0])) if ends else None
        predicted = float(fit.loss(curve.schedule, last)[0])
        cells = [curve.name, f"{curve.loss[-1]:.4f}", f"{predicted:.4f}", _ends(wide, ".4f")]
        rows.append([*cells, _ends((float(low[0]), float(high[0])), ".4f")])
    header = ["final loss", "observed", "predicted", "95 % interval of a run"]
    blocks.append(render([*header, "95 % bootstrap (parameters alone)"], rows))
    lengths = ", ".join(f"{name} {rows}" for name, rows in found.blocks.items())
    blocks.append(
        f"{len(found.draws)} of {found.refits} refits to resampled residuals converged; blocks of "
        f"rows, by the residuals' autocorrelation: {lengths}.\n"
        f"Standard errors of {len(found.draws)} refits are known to "
        f"±{100 / (2 * len(found.draws) - 2) ** 0.5:.0f} %.\n"
        "The residuals of a run do not show how far two runs of one schedule differ: bootstrap "
        "intervals are lower bounds"
    )
    return "\n\n".join(blocks)


def _ends(ends: tuple[float, float] | None, form: str = ".4g") -> str:
    if ends is None:
        return "–"
    return f"{ends[0]:{form}} – {ends[1]:{form}}"
