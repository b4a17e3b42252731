"""What `mplfit optimize` minimises: a fitted law's loss, or the bound of convex theory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mplfit.cli.common import say
from mplfit.errors import FitError

if TYPE_CHECKING:
    from mplfit.estimate.result import Fit
    from mplfit.schedule import Schedule

__all__ = ["Goal", "fitted_goal", "theory_goal"]

_STEPS, _WARMUP, _PEAK = 24000, 2160, 3e-4  # of the released runs
_WIDEST = 3.0  # --peak-lr free looks this far beyond the largest training rate, and a tenth below


@dataclass(frozen=True)
class Goal:
    """What is minimised, a fitted law's loss or the bound of convex theory, and how to speak of it.

    Both are a `Fit`, so that all the rest is one road.
    """

    fit: Fit
    name: str
    steps: int
    warmup: int
    peak: float | tuple[float, float]
    minimum: float
    title: str
    what: str
    digits: int
    caveat: str


def fitted_goal(
    params: str, steps: int | None, warmup: int | None, peak_lr: str | None, min_lr: float | None
) -> Goal:
    """A fit's loss. The run's shape: as asked, else that of the fit's training runs."""
    from mplfit.readers.fits import load_fit

    fit = load_fit(params)
    trained = [entry for entry in fit.data if entry["role"] == "train"]
    like = max(trained, key=lambda entry: int(entry["last_step"])) if trained else None
    if like is not None and None in (steps, warmup, peak_lr):
        say(
            f"note: steps and warmup that are not given are those of the longest training run, "
            f"{like['name']}; the peak is the largest of all"
        )
    if steps is None:
        steps = int(like["steps"]) if like else _STEPS
    if warmup is None:
        warmup = int(like["warmup"]) if like else _WARMUP
    largest, asked = fit.peak or _PEAK, _rate(peak_lr)
    return Goal(
        fit=fit,
        name=params,
        steps=steps,
        warmup=warmup,
        peak=(largest / 10, largest * _WIDEST) if peak_lr == "free" else asked or largest,
        minimum=1e-10 if min_lr is None else min_lr,
        title=f"The best of {steps} steps under {fit.law} with the parameters {params}",
        what="loss",
        digits=4,
        caveat=(
            "Intervals of losses are those of `mplfit predict`; of a gain: over draws of the "
            "parameters, with the\nlaw's own error; of steps saved: at both ends of the gain."
            if fit.spread is not None
            else "Predicted by one law from one fit, without an interval, as published parameters "
            "have none: two runs\nof one schedule differ by 1e-3 to 8e-3."
        ),
    )


def theory_goal(
    steps: int | None,
    warmup: int | None,
    peak_lr: str | None,
    min_lr: float | None,
    past: Schedule | None,
) -> Goal:
    """The bound as a fit; the rates are scaled to the peak, or free."""
    from mplfit.bounds import best_base
    from mplfit.estimate.theory import theory_fit
    from mplfit.schedule import linear

    steps = _STEPS if steps is None else steps
    given = past.peak if past is not None else _rate(peak_lr)
    fit = theory_fit(steps, given)
    best = best_base(linear(steps, 1.0).lr).rate if given is None else given
    return Goal(
        fit=fit,
        name="bound",
        steps=steps,
        warmup=warmup or 0,
        peak=(best / 10, best * 10) if given is None else given,
        # A last rate far below its neighbours makes the bound steep: stay near linear decay's.
        minimum=0.3 * best / steps if min_lr is None else min_lr,
        title=f"The best of {steps} steps under the convex bound (D = 1, G = "
        f"{fit.options['G']:.4g})",
        what="bound",
        digits=6,
        caveat="Exact, but a worst case over convex functions, no predicted loss: compare shapes, "
        "not numbers.",
    )


def _rate(text: str | None) -> float | None:
    """--peak-lr as a number; None where it is free, or not given."""
    if text in (None, "free"):
        return None
    try:
        return float(text or "")
    except ValueError:
        raise FitError(f"--peak-lr must be a rate or the word free, got {text!r}") from None
