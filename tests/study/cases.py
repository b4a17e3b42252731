"""What the study fits and what it predicts: the two collections of real runs, and their parts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mplfit import Curve, read_curves
from mplfit.estimate.constants import M124, RELEASED
from mplfit.readers.epfml_outcomes import read_outcome
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import split

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("MPLFIT_SHARED") or ROOT.parent / "shared")
RATES = ("0.0005", "0.001", "0.002")
LAB = "lab"
LAB_RATES = ("0.0015", "0.003", "0.006", "0.012")
LAB_FROM_STEP = 600
"""Twice the warmup, as in the closed loop."""
FROM_STEP = 2160
"""The 124M runs' rows before this step are left out: there the released curves have none."""


@dataclass(frozen=True)
class Case:
    """Curves to fit and curves to predict.

    full : by curve, the loss over the whole validation set after the last update.
    """

    name: str
    collection: str
    train: tuple[Curve, ...]
    test: tuple[Curve, ...]
    full: dict[str, float] = field(default_factory=dict)


def released(size: str) -> Case:
    """The release's own split: three curves to fit, six to predict."""
    train, test, _ = split(read_curves([SHARED / "curves" / f"csv_{size}"]))
    return Case(f"csv_{size}", RELEASED, tuple(train), tuple(test))


def runs_124m(first: int = FROM_STEP) -> tuple[list[Curve], dict[str, float]]:
    """All 124M runs, validation loss, named KIND_RATE_STEPS; and their final losses."""
    folder = SHARED / "curves" / "epfml_124m"
    options = ReadOptions(metric="val", from_step=first)
    curves, full = [], {}
    for curve in read_curves([folder], options):
        name = _short(curve.name)
        curves.append(replace(curve, name=name))
        full[name] = read_outcome(Path(curve.origin.path)).loss
    return curves, full


def _short(stem: str) -> str:
    """ann124-0.2_…_lr0.001_sched_wsd_…_decay_sqrt_0.2_iter25000_… → ann-0.2-sqrt_0.001_25000"""
    kind = stem.partition("_")[0].replace("-124m", "").replace("ann124", "ann")
    if kind.startswith("ann") and "_decay_sqrt_" in stem:
        kind += "-sqrt"
    rate = stem.partition("_lr")[2].partition("_")[0]
    steps = stem.partition("_iter")[2].partition("_")[0]
    return f"{kind}_{rate}_{steps}"


def trained(rate: str) -> tuple[str, str, str]:
    """The constant run, the cosine of 25,000 steps (to 10 % where there is one), and one WSD."""
    cosine = "cos-10" if rate == "0.001" else "cos-zero"
    return f"stable_{rate}_50000", f"{cosine}_{rate}_25000", f"ann-0.2_{rate}_25000"


def of_rates(rates: Sequence[str], first: int = FROM_STEP, without: Sequence[str] = ()) -> Case:
    """Three runs of each of these peak rates to fit, but not those whose names begin with one of
    `without`; the other runs of these rates to predict."""
    curves, full = runs_124m(first)
    every = [name for rate in rates for name in trained(rate)]
    names = [name for name in every if not name.startswith(tuple(without))]
    by_name = {curve.name: curve for curve in curves}
    rest = [
        curve for curve in curves if curve.name not in names and curve.name.split("_")[1] in rates
    ]
    return Case(
        "124m, "
        + ", ".join(f"{float(rate):g}" for rate in rates)
        + "".join(f", without {kind}" for kind in without),
        M124,
        tuple(by_name[name] for name in names),
        tuple(rest),
        full,
    )


def lab_peaks(rates: Sequence[str], kinds: Sequence[str]) -> Case:
    """The runs of data/lab_peaks of these rates and schedules to fit, all others to predict."""
    options = ReadOptions(from_step=LAB_FROM_STEP)
    curves = read_curves([ROOT / "data" / "lab_peaks"], options)
    names = [f"{kind}_{rate}" for rate in rates for kind in kinds]
    return Case(
        f"lab, {', '.join(kinds)}",
        LAB,
        tuple(curve for curve in curves if curve.name in names),
        tuple(curve for curve in curves if curve.name not in names),
    )


def horizon(name: str) -> int:
    """The number of steps in the name of a 124M run."""
    return int(name.rpartition("_")[2])
