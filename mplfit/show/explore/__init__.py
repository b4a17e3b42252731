"""One self-contained HTML page on which a person draws schedules and sees what a fit predicts.

`explore.js` evaluates the law itself, on stretches of updates; what it needs of the fit is put into
the page as JSON. The page loads nothing and sends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources

import numpy as np

from mplfit.assess.intervals import interval_terms
from mplfit.assess.posterior import draw, factor
from mplfit.curve import Curve
from mplfit.errors import FitError, ScheduleError
from mplfit.estimate.constants import TAU
from mplfit.estimate.result import Fit
from mplfit.laws.base import to_params, to_unknowns
from mplfit.laws.effective import EffectiveLaw
from mplfit.schedule import Schedule, from_knots, to_knots
from mplfit.schedule.spec import read_spec

__all__ = ["LAWS", "explore_page", "page_spec", "usual_specs"]

LAWS = ("mpl", "effective", "amplitude", "onepower")
"""The laws that the page can evaluate."""

_DRAWS = 60  # of the parameters, for probabilities of a gain
_MOVE = 0.02  # standard deviations, to either side, for slopes
_ROWS = 1500  # of the training runs, in all
_KNOTS = 2e-4  # of the peak: a schedule without a shape of the page is met so well
_SHAPES = {
    "constant": {"steps", "peak", "warmup"},
    "cosine": {"steps", "peak", "warmup", "final"},
    "linear": {"steps", "peak", "warmup", "final"},
    "wsd": {"steps", "peak", "warmup", "final", "decay"},
    "wsdld": {"steps", "peak", "warmup", "final", "decay"},
    "sqrt": {"steps", "peak", "warmup", "final", "decay"},
}


def explore_page(
    fit: Fit,
    start: str | Schedule,
    pins: Sequence[str | Schedule] = (),
    curves: Sequence[Curve] = (),
    title: str = "Explore schedules",
) -> bytes:
    """The page.

    Parameters
    ----------
    fit : of a law in `LAWS`.
    start : the schedule that the page opens with: the text of one, or a schedule.
    pins : at most three schedules to compare with.
    curves : training runs, whose observed losses are drawn.
    title : the heading.

    Raises
    ------
    FitError
        If the page does not know the law.
    ScheduleError
        If there are more than three pins.

    >>> from mplfit import load_fit
    >>> from mplfit.show.explore import explore_page
    >>> page = explore_page(load_fit("400"), "cosine:steps=24000,peak=3e-4,warmup=2160")
    >>> page.startswith(b"<!doctype html>"), b"https:" in page
    (True, False)
    """
    if fit.law not in LAWS:
        raise FitError(
            f"the page cannot evaluate the law {fit.law}: expected a fit of {', '.join(LAWS)}"
        )
    if len(pins) > 3:
        raise ScheduleError(f"a page compares with at most 3 schedules, got {len(pins)}")
    data = {
        **_law(fit),
        **_uncertainty(fit),
        "start": page_spec(start),
        "pins": [page_spec(one) for one in pins],
        "peak": fit.peaks[1] if fit.peaks else None,
        "steps": fit.longest,
        "runs": _runs(curves),
    }
    shown = "The predicted loss"
    if fit.spread is not None:
        shown += " with its 80 % and 95 % intervals"
    if len(curves) > 0:
        shown += "; dots: observed losses of the runs that the law was fitted to"
    note = f"Law: {fit.formula.title} ({fit.law}). "
    note += (
        "Published parameters, which do not say how far runs scatter: no intervals. "
        if fit.spread is None
        else "Two runs of one schedule differ: a gain below the interval's width is no reason to "
        "change a schedule unless its probability is near 1. "
    )
    note += "Numbers as of mplfit predict, within 2e-4 of the loss."
    parts = {
        "TITLE": escape(title),
        "STYLE": _file("explore.css"),
        "SCRIPT": _file("explore.js"),
        "CAPTION": escape(f"{shown}."),
        "NOTE": escape(note),
        # "<" begins no tag in here.
        "DATA": json.dumps(data, allow_nan=False).replace("<", "\\u003c"),
    }
    page = _file("explore.html")
    for name, text in parts.items():
        page = page.replace(f"@{name}@", text)
    return page.encode()


def usual_specs(fit: Fit) -> list[str]:
    """A cosine at the scale of the training runs, and a WSD of the same length to compare with.

    >>> from mplfit import load_fit
    >>> from mplfit.show.explore import usual_specs
    >>> usual_specs(load_fit("400"))[0]
    'cosine:steps=24000,peak=0.0003,warmup=2160'
    """
    runs = fit.trained
    longest = max(runs, key=lambda record: record.steps, default=None)
    steps, warmup = (longest.steps, longest.warmup) if longest else (24000, 2160)
    peak = fit.peaks[1] if fit.peaks else 3e-4
    same = f"steps={steps},peak={peak!r}"
    end = f",warmup={min(warmup, steps // 2)}"
    return [f"cosine:{same}{end}", f"wsdld:{same},decay={max(1, steps // 5)}{end}"]


def _law(fit: Fit) -> Mapping[str, object]:
    law = fit.formula
    constants: dict[str, float] = {}
    if isinstance(law, EffectiveLaw):
        constants = {
            "eta_ref": law.eta_ref,
            "S_ref": law.S_ref,
            "gain": law.norm_gain,
            "decays": law.weight_decay > 0,
        }
    return {
        "law": fit.law,
        "names": list(law.names),
        "params": fit.values.tolist(),
        "constants": constants,
    }


def _uncertainty(fit: Fit) -> Mapping[str, object]:
    """What `mplfit.assess.intervals` and `gains` rest on; nothing for a fit without."""
    if fit.spread is None:
        return {"intervals": None, "move": _MOVE, "moves": [], "draws": [], "tau": 0.0}
    law = fit.formula
    centre = to_unknowns(law, fit.values)
    moves = [
        [to_params(law, centre + side * _MOVE * column).tolist() for side in (1, -1)]
        for column in factor(fit).T
        if np.any(column)
    ]
    return {
        "intervals": interval_terms(fit),
        "move": _MOVE,
        "moves": moves,
        "draws": draw(fit, _DRAWS).tolist(),
        "tau": TAU * fit.spread.scatter,
    }


def page_spec(asked: str | Schedule) -> str:
    """A schedule as a SPEC of the page's shapes: as it is, else as knots."""
    if isinstance(asked, str):
        spec = read_spec(asked)
        values = spec.numbers()
        if spec.shape in _SHAPES and set(values) <= _SHAPES[spec.shape]:
            steps = int(values["steps"])
            if isinstance(values.get("decay"), float):
                values["decay"] = round(values["decay"] * steps)
            return f"{spec.shape}:" + ",".join(f"{key}={value}" for key, value in values.items())
        asked = spec.schedule()
    for warmup in (asked.warmup, 0):
        knots = _knots(asked, warmup)
        again = from_knots(knots, asked.steps, warmup=warmup)
        if np.abs(again.lr - asked.lr).max() <= 2 * _KNOTS * asked.peak:
            break
    points = ",".join(f"{step}={rate!r}" for step, rate in knots)
    return f"knots:{points},warmup={warmup},steps={asked.steps}"


def _knots(schedule: Schedule, warmup: int) -> list[tuple[int, float]]:
    """Knots from the end of a warmup on, and one at step 0 that the warmup hides."""
    if warmup >= schedule.steps - 1:
        return [(0, schedule.peak)]
    rest = [(warmup + step, lr) for step, lr in to_knots(Schedule(schedule.lr[warmup:]), _KNOTS)]
    return rest if warmup == 0 else [(0, rest[0][1]), *rest]


def _runs(curves: Sequence[Curve]) -> list[Mapping[str, object]]:
    runs: list[Mapping[str, object]] = []
    for curve in curves:
        every = max(1, len(curve) * max(len(curves), 1) // _ROWS)
        points = zip(curve.step[::every].tolist(), curve.loss[::every].tolist(), strict=True)
        runs.append({"name": curve.name, "points": list(points)})
    return runs


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
