"""What is wrong with curves before a law is fitted to them, each in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mplfit.curve import Curve
from mplfit.errors import FitError
from mplfit.estimate.metrics import Group
from mplfit.estimate.prior import Prior
from mplfit.laws.base import Law
from mplfit.laws.registry import get_law
from mplfit.types import FloatArray, IntArray

__all__ = [
    "beginning_warnings",
    "curve_warnings",
    "decay_warnings",
    "determined_law",
    "logged_weight_decay",
    "not_held_out",
    "poor_curves",
    "prior_warnings",
    "rate_changes",
    "some_curve",
    "steep_rows",
]

_RISE = 1.25  # the loss of a diverged run ends so many times above what it was
_ROWS = 5  # medians of so many rows, so that single spikes do not count
_SPIKE = 10.0  # robust deviations from the neighbours' median
_EXCESS = 0.03  # and at least this much, relative
_NAMED = 4  # badly fitted runs that are named each
_POOR_R2 = 0.9
_FAR = 1.2  # standard deviations of the prior, the root mean square over shapes
# Rows of a beginning that a law does not describe. On the 124M runs whose warmup is kept their
# residuals reach .05, those of the released curves .011, and of all other first rows .002.
_STEEP, _STEEP_SCATTERS, _STEEP_ROWS = 0.02, 5.0, 20
_POOR_ERROR, _POOR_LEAST = 5.0, 0.005  # times the other curves' mean error, and at least this much


def some_curve(curves: Sequence[Curve]) -> None:
    """Refuse an empty list of training curves."""
    if not curves:
        raise FitError("no curve to fit: give at least one training curve")


def determined_law(law: Law, prior: Prior | None, curves: Sequence[Curve]) -> tuple[str, str]:
    """The key of the law that the curves can determine, and why it is another one, if it is.

    Runs whose rate does not change after the warmup say nothing of a loss drop: without a prior
    that says something of all of its parameters, the constant-rate law is what can be fitted.
    """
    reduced = law.at_constant_rate
    if reduced is None or any(rate_changes(curve) for curve in curves):
        return law.key, ""
    if prior is not None:
        free = [name for name, known in zip(law.names, prior.known, strict=True) if not known]
        linear = {one.name for one in get_law(reduced).parameters if one.linear}
        if set(free) <= linear:  # which runs at a constant rate determine as well
            return law.key, ""
    return reduced, (
        f"no training curve has a change of the rate after its warmup, so that nothing determines "
        f"the loss drop of {law.key}: the constant-rate law {reduced} is fitted instead; add a run "
        "whose rate decays, to predict schedules that decay"
    )


def logged_weight_decay(curves: Sequence[Curve]) -> float | None:
    """AdamW's weight decay as the curves have it; None where none of them does.

    Raises
    ------
    FitError
        If they have different ones.
    """
    logged = sorted({curve.weight_decay for curve in curves if curve.weight_decay is not None})
    if len(logged) > 1:
        raise FitError(
            f"the runs' logs name different weight decays ({', '.join(map(str, logged))}): one fit "
            "has one; leave runs out, or choose with weight_decay="
        )
    return logged[0] if logged else None


def curve_warnings(law: Law, curves: Sequence[Curve]) -> list[str]:
    """Too little variety among the schedules, diverged runs, and spikes."""
    said = []
    if law.at_constant_rate is not None:
        if not any(rate_changes(curve) for curve in curves):
            said.append(
                "no training curve has a change of the rate after its warmup: the loss drop rests "
                "on the prior alone"
            )
        elif len(curves) == 1:
            said.append(
                "one training curve alone: what other schedules would give is mostly extrapolated"
            )
    for curve in curves:
        said += _diverged(curve)
        if curve.origin is None:  # the readers of logs say so themselves
            said += _spikes(curve)
    return said


def decay_warnings(law: Law, curves: Sequence[Curve]) -> list[str]:
    """Logs that name another weight decay than the law has."""
    own = law.constants.get("weight_decay")
    other = {c.name: c.weight_decay for c in curves if c.weight_decay not in (None, own)}
    if own is None or not other:
        return []
    named = ", ".join(f"{name} {decay:g}" for name, decay in other.items())
    return [
        f"the fit takes the weight decay {own:g}, and logs name another one ({named}): half or "
        "double the true one doubles the errors; runs that differ in it belong in fits of their own"
    ]


def prior_warnings(prior: Prior | None, unknowns: FloatArray) -> list[str]:
    """Shapes that lie further from the weak prior than those of any family in the study.

    With the prior of other superfamilies the root mean square of (φ - μ)/σ over the shapes is 0.89
    at most, in 155 fits to one, two or three runs of 28 families.
    """
    if prior is None or not prior.name.startswith("weak"):
        return []
    off = float(np.sqrt(np.sum(prior.standardised(unknowns) ** 2) / prior.known.sum()))
    if off <= _FAR:
        return []
    return [
        f"the runs and the prior disagree: the shapes lie {off:.1f} standard deviations of the "
        "prior off, further than those of 28 families of AdamW runs: for another optimizer, or "
        "with a wrong weight decay or schedule, the prior harms; compare held-out errors with "
        "prior='none'"
    ]


def beginning_warnings(curves: Sequence[Curve], residuals: Sequence[FloatArray]) -> list[str]:
    """First rows that lie far off the law where later ones do not, and the step to begin at.

    residuals : by curve, log observed - log predicted.
    """
    steps = {}
    for curve, residual in zip(curves, residuals, strict=True):
        if rows := steep_rows(curve.step, residual):
            steps[curve.name] = int(curve.step[rows]), float(np.abs(residual[:rows]).max())
    if not steps:
        return []
    name, (_, most) = max(steps.items(), key=lambda item: item[1][1])
    more = len(steps) - 1
    others = f" (and those of {more} more run{'s' * (more > 1)})" if more else ""
    return [
        f"the first rows of {name}{others} lie up to {100 * most:.2g} % off the law, later ones do "
        "not: a warmup or the steep fall after it, which no law describes, spoils a fit; try "
        f"from_step={max(steps.values())[0]}, and compare held-out errors"
    ]


def steep_rows(step: IntArray, residual: FloatArray) -> int:
    """How many rows the law does not describe at the beginning of a run, 0 if it describes all.

    These are the first rows, in the first third of the steps, most of which lie 5 robust deviations
    of the later half off; at least one of them must be 2 % off.

    >>> import numpy as np
    >>> from mplfit.estimate.checks import steep_rows
    >>> step, residual = np.arange(0, 4000, 100), 1e-3 * np.cos(np.arange(40.0))
    >>> steep_rows(step, residual), steep_rows(step, residual + 0.1 * np.exp(-step / 100))
    (0, 3)
    """
    if step.size < _STEEP_ROWS:
        return 0
    late = residual[step.size // 2 :]
    level = np.median(late)
    limit = _STEEP_SCATTERS * max(1.4826 * float(np.median(np.abs(late - level))), 1e-4)
    first = min(int(np.searchsorted(step, step[-1] / 3)), step.size // 2)
    off = np.abs(residual[:first] - level)
    far = np.cumsum(off > limit)
    most = np.flatnonzero((off > limit) & (2 * far > np.arange(1, first + 1)))
    rows = int(most[-1]) + 1 if most.size else 0
    return rows if rows and far[rows - 1] > 1 and off[:rows].max() > _STEEP else 0


def poor_curves(trained: Group | None) -> list[str]:
    """Training curves that a fit does not meet: by themselves, or beside the others.

    Of many the worst is named, and how many there are.
    """
    poor: list[tuple[float, str, str]] = []
    curves = trained.curves if trained else {}
    for name, metrics in curves.items():
        r2, error = metrics.r2, metrics.prede
        others = [other.prede for key, other in curves.items() if key != name]
        usual = float(np.median(others)) if others else np.inf
        if r2 < _POOR_R2:
            how = f"its R2 is {r2:.2f}"
        elif error > max(_POOR_ERROR * usual, _POOR_LEAST):
            how = f"its mean error is {100 * error:.2g} %, that of the others {100 * usual:.2g} %"
        else:
            continue
        poor.append((error, name, how))
    if len(poor) > _NAMED:
        _, name, how = max(poor)
        return [
            f"{len(poor)} of {len(curves)} training runs are fitted badly (the worst is {name}: "
            f"{how}): look at their plots; first rows, schedules or steps may be wrong, or they "
            "are runs of several kinds (model, data, batch), which one fit cannot describe"
        ]
    return [
        f"{name} is fitted badly ({how}): look at its plot; its first rows, its schedule or "
        "its step may be wrong, or it is a run of another kind"
        for _, name, how in poor
    ]


def not_held_out(train: Sequence[Curve], test: Sequence[Curve]) -> list[str]:
    """Test curves all of whose rows are rows of a training curve."""
    return [
        f"{held.name} is not held out: all of its rows are rows of the training curve {seen.name}; "
        "its errors are training errors"
        for held in test
        for seen in train
        if held.shares(seen).all()
    ]


def rate_changes(curve: Curve) -> bool:
    """Whether the rate changes between the first and the last logged row."""
    seen = curve.schedule.lr[curve.step[0] : curve.step[-1] + 1]
    return bool(np.ptp(seen) > 1e-6 * curve.schedule.peak)


def _diverged(curve: Curve) -> list[str]:
    """A loss that ends far above what it was: no law has a loss that rises so."""
    if len(curve) < 2 * _ROWS:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(curve.loss, _ROWS)
    level = np.median(windows, axis=1)
    lowest = int(level.argmin())
    if level[-1] < _RISE * level[lowest]:
        return []
    return [
        f"{curve.name} diverged: its loss ends at {level[-1]:.4g}, {level[-1] / level[lowest]:.1f} "
        f"times the {level[lowest]:.4g} of about step {curve.step[lowest + _ROWS // 2]}; laws know "
        "no divergence: leave it out, or cut it before that with to_step="
    ]


def _spikes(curve: Curve) -> list[str]:
    """Single rows far above their neighbours; the Huber loss gives them little weight."""
    if len(curve) < 4 * _ROWS:
        return []
    logs = np.log(curve.loss)
    middle = np.median(np.lib.stride_tricks.sliding_window_view(logs, _ROWS), axis=1)
    half = _ROWS // 2
    excess = logs[half:-half] - middle
    limit = max(_EXCESS, _SPIKE * 1.4826 * float(np.median(np.abs(excess))))
    found = np.flatnonzero(excess[_ROWS:] > limit) + _ROWS + half  # not in the steep beginning
    if not found.size:
        return []
    worst = int(found[curve.loss[found].argmax()])
    return [
        f"{curve.name} has {found.size} spike{'s' if found.size > 1 else ''} (the largest, "
        f"{curve.loss[worst]:.4g}, at step {curve.step[worst]}): kept, with the small weight that "
        "the Huber loss gives them; spikes='drop' leaves them out"
    ]
