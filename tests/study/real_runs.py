"""The real runs of both collections, and which of them are earlier runs to which."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from mplfit import read_curves
from mplfit.curve import Curve
from mplfit.readers.options import ReadOptions
from mplfit.readers.released import TRAIN
from tests.shared_data import ROOT


@dataclass(frozen=True)
class Family:
    """Runs of one model and peak rate; `earlier` are those that the others are predicted from."""

    collection: str
    title: str
    runs: tuple[Curve, ...]
    earlier: tuple[Curve, ...]

    def without(self, run: Curve) -> list[Curve]:
        """The earlier runs, without this one."""
        return [one for one in self.earlier if one is not run]


def families() -> list[Family]:
    """csv_25 and csv_400 with the released training curves as the earlier runs, and the 124M runs
    (validation losses) by their rate, with a constant, a cosine and a WSD run as the earlier ones.
    """
    if not (ROOT / "curves").exists():
        sys.exit(f"the public data is not here: {ROOT}/curves does not exist (set MPLFIT_SHARED)")
    found = []
    for name in ("csv_25", "csv_400"):
        runs = tuple(read_curves([ROOT / "curves" / name]))
        earlier = tuple(run for run in runs if run.name in TRAIN)
        found.append(Family(name, name, runs, earlier))
    every = read_curves([ROOT / "curves" / "epfml_124m"], ReadOptions(metric="val"))
    for rate in ("0.0005", "0.001", "0.002"):
        runs = tuple(run for run in every if f"_lr{rate}_" in run.name)
        by_name = {short(run.name): run for run in runs}
        cosine = by_name.get("cos-10 25k") or by_name["cos-zero 25k"]
        earlier = (by_name["stable 50k"], cosine, by_name["ann-0.2-linear 25k"])
        found.append(Family("epfml_124m", f"124M, {rate}", runs, earlier))
    return found


def short(name: str) -> str:
    """A 124M run's name without what its family shares.

    >>> short("cos-10-124m_llama_lr0.001_sched_cos_warmup300_decay_sqrt_0.0_iter25000_bs50")
    'cos-10 25k'
    """
    parts = re.match(r"(ann|cos-10|cos-zero|stable).*_decay_(\w+?)_([\d.]+)_iter(\d+)000", name)
    if parts is None:
        return name
    kind = f"ann-{parts[3]}-{parts[2]}" if parts[1] == "ann" else parts[1]
    return f"{kind} {parts[4]}k"
