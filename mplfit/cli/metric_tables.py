"""What `fit` and `evaluate` print of errors: tables of metrics, intervals that held, a rival."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING

from mplfit.cli.tables import render

if TYPE_CHECKING:
    from mplfit.curve import Curve
    from mplfit.estimate.mean import Mean
    from mplfit.estimate.metrics import Evaluation, FinalLoss, Group, Measured, Metrics
    from mplfit.estimate.paired import Difference
    from mplfit.estimate.records import Rival
    from mplfit.estimate.result import Fit

__all__ = ["coverage_text", "metrics_text", "per_cent", "rival_text"]

_FORMS = {
    "r2": ".4f", "mae": ".5f", "rmse": ".5f", "prede": ".5f", "worste": ".5f", "huber": ".3e",
}  # fmt: skip
_TITLES = ("R2", "MAE", "RMSE", "PredE", "WorstE", "Huber", "final error")
_NOTE = (
    "The errors on a curve are exact for its rows and this fit. ±: standard error of the mean, by\n"
    "the scatter over curves of one model; the mean final error is of absolute values."
)


def metrics_text(metrics: Evaluation | None, left_out: Group | None = None) -> str:
    """The tables of training, left-out and held-out curves, each with its means and their ±."""
    blocks = []
    for title, group in (
        ("training", metrics.train if metrics else None),
        ("training, left out in turn", left_out),
        ("held out", metrics.test if metrics else None),
    ):
        if group is None:
            continue
        rows = [_row(name, one, group.final[name]) for name, one in group.curves.items()]
        rows += _means("mean", group, group.final_error)
        note = ""
        if group.after_branching is not None:
            shared = ", ".join(f"{name} {rows}" for name, rows in group.shared_rows.items() if rows)
            rows += _means("mean of unshared rows", group.after_branching, None)
            note = f"\nrows shared with a training curve: {shared}"
        blocks.append(render([title, *_TITLES], rows) + note)
    return "\n\n".join([*blocks, _NOTE])


def _row(name: str, metrics: Metrics, final: FinalLoss) -> list[str]:
    values = {key: float(getattr(metrics, key)) for key in _FORMS}
    cells = [format(one, _FORMS[key]) if isfinite(one) else "–" for key, one in values.items()]
    return [name, *cells, f"{final.predicted - final.observed:+.4f}"]


def _means(name: str, part: Measured, final: Mean | None) -> list[list[str]]:
    """The means over the curves of a part of a group, and below them their standard errors."""
    means = part.means
    shown = [means[key].shown(form) for key, form in _FORMS.items()]
    shown.append(final.shown(".4f") if final else ("", ""))
    return [[name, *(mean for mean, _ in shown)], ["±", *(error for _, error in shown)]]


def coverage_text(fit: Fit, held: Sequence[Curve], trained: Sequence[Curve]) -> str:
    """How often the fit's intervals held, on the held-out curves."""
    from mplfit.estimate.intervals import coverage

    found = coverage(fit, held, trained)
    if found is None:
        reason = "published parameters have no covariance" if fit.spread is None else ""
        return f"no intervals: {reason}" if held and reason else ""
    rows = [
        [
            f"{100 * level:.0f} %",
            *per_cent(share, found.curves),
            f"{found.finals[level]} of {found.curves}",
            per_cent(found.finals[level] / found.curves, found.curves)[1],
        ]
        for level, share in found.points.items()
    ]
    titles = ["intervals", "hold of the held-out points", "95 %", "of the final losses", "95 %"]
    return (
        f"\n{render(titles, rows)}\n"
        f"points: those that no training curve has; 95 %: binomial, of {found.curves} curves as if "
        "independent"
    )


def per_cent(share: float, count: int) -> tuple[str, str]:
    """A share in per cent, and its 95 % binomial interval for so many curves.

    >>> from mplfit.cli.metric_tables import per_cent
    >>> per_cent(0.5, 6)
    ('50 %', '12–88 %')
    """
    from mplfit.estimate.mean import binomial

    low, high = binomial(share, count)
    return f"{100 * share:.0f} %", f"{100 * low:.0f}–{100 * high:.0f} %"


def rival_text(rival: Rival) -> str:
    """What another law's held-out errors say, and whether their difference is sure."""
    where = (
        f"each of the {rival.curves} training curves left out in turn (few curves: weak evidence)"
        if rival.left_out
        else f"the {rival.curves} held-out curves"
    )
    errors = (
        f"mean error {rival.mae:.5f} against {rival.own_mae:.5f}, final loss "
        f"{rival.final_error:.4f} against {rival.own_final_error:.4f}; on {where}"
    )
    said = f"the law {rival.law} predicts no better: {errors}"
    if rival.better and rival.difference.sure:
        said = f"another law predicts better: --law {rival.law}, {errors}"
    elif rival.better:
        said = f"another law was less wrong here, but not surely: --law {rival.law}, {errors}"
    return f"\n{said}\ndifferences, curve by curve: {_difference(rival.difference)}"


def _difference(apart: Difference) -> str:
    if apart.mae.count < 2:
        return "one curve alone gives no ±"
    return (
        f"{apart.mae.value:+.5f} ± {apart.mae.error:.5f} and "
        f"{apart.final_error.value:+.4f} ± {apart.final_error.error:.4f}; sure where both 95 % t "
        "intervals leave out 0"
    )
