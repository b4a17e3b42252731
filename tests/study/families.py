"""The families of real runs: what there is, what belongs together, and which runs are fitted first.

A family is runs of one model, data set, optimizer setting and peak rate. Families that share data,
code or base runs form a superfamily; what is reported as held out rests on no run of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mplfit import Curve, Schedule, read_curves
from mplfit.readers.options import ReadOptions
from tests.study.cases import LAB_FROM_STEP, LAB_RATES, RATES, ROOT, SHARED, runs_124m, trained

__all__ = ["SUPERFAMILIES", "Family", "families"]

SUPERFAMILIES = ("released", "epfml", "olmo", "lab")
_OLMO = ("0.5xC", "1xC", "2xC", "5xC", "10xC")


@dataclass(frozen=True)
class Family:
    """Runs of one setting.

    first : the names of a decaying run, a constant one (where there is one) and a third, which are
        fitted in this order.
    cosine : the one of a cosine run, which is fitted alone.
    setting : the same for families that differ in the peak rate alone.
    """

    name: str
    superfamily: str
    runs: tuple[Curve, ...]
    first: tuple[str, ...]
    cosine: str
    setting: str = ""

    @property
    def weight_decay(self) -> float:
        """AdamW's, of all runs."""
        decay = self.runs[0].weight_decay
        return 0.1 if decay is None else decay

    @property
    def cosines(self) -> tuple[str, ...]:
        """The names of the cosine runs, of one seed: `cosine`, then the others by their length."""
        every = sorted(
            (run for run in self.runs if run.name.removeprefix("lab_").startswith(("cos", *_OLMO))),
            key=lambda run: (run.schedule.steps, run.name),
        )
        others = [run.name for run in every if not run.name.endswith(("-s1", "-s2"))]
        return (self.cosine, *(name for name in others if name != self.cosine))

    def split(self, train: Sequence[str]) -> tuple[list[Curve], list[Curve]]:
        """The runs of these names, in that order, and the others."""
        by_name = {run.name: run for run in self.runs}
        return [by_name[name] for name in train], [r for r in self.runs if r.name not in train]


def families() -> list[Family]:
    """Every family in ../shared and in data/."""
    return [*_released(), *_epfml(), *_stored(), *_lab()]


def _released() -> Iterator[Family]:
    for size in ("25", "400"):
        runs = read_curves([SHARED / "curves" / f"csv_{size}"])
        first = ("cosine_24000", "constant_24000", "wsdcon_9")
        yield Family(f"csv_{size}", "released", tuple(runs), first, first[0])


def _epfml() -> Iterator[Family]:
    runs, _ = runs_124m()
    for rate in RATES:
        constant, cosine, wsd = trained(rate)
        own = tuple(run for run in runs if run.name.split("_")[1] == rate)
        yield Family(f"124m_{float(rate):g}", "epfml", own, (wsd, constant, cosine), cosine, "124m")


def _stored() -> Iterator[Family]:
    """The .npz files: the middle cosine, the longest constant run and a WSD of the cosine's length,
    of 20 % cooldown; of OLMo, which has cosines alone, 1, 2 and 0.5 times the optimal horizon."""
    for path in sorted((SHARED / "families").glob("*.npz")):
        values = np.load(path)
        decay = float(values["weight_decay"])
        names = sorted({key.split("/")[0] for key in values if "/" in key})
        runs = []
        for name in names:
            lr, step, loss = (values[f"{name}/{part}"] for part in ("lr", "step", "loss"))
            runs.append(Curve(name, step, loss, Schedule(lr), weight_decay=decay))
        superfamily = "olmo" if path.stem.startswith("olmo") else "epfml"
        first = _first(runs)
        cosine = next(name for name in first if name.startswith("cos") or "xC" in name)
        yield Family(path.stem, superfamily, tuple(runs), first, cosine)


def _first(runs: Sequence[Curve]) -> tuple[str, ...]:
    def length(kind: str) -> list[str]:
        own = [run for run in runs if run.name.startswith(kind)]
        return [run.name for run in sorted(own, key=lambda run: run.schedule.steps)]

    if not length("const"):
        return ("1xC-rerun", "2xC", "0.5xC")
    decaying = length("cos")
    chosen = decaying[(len(decaying) - 1) // 2]
    steps = chosen.rpartition("_")[2]
    third = next(name for name in (f"wsd0.2_{steps}", f"wsd_{steps}") if name in length("wsd"))
    return (third, length("const")[-1], chosen)


def _lab() -> Iterator[Family]:
    options = ReadOptions(from_step=LAB_FROM_STEP)
    for folder, name in (("lab_text", "lab_text"), ("lab_3000", "lab_loop")):
        runs = tuple(read_curves([ROOT / "data" / folder], options))
        kinds = ("cosine", "constant", "two_stage")
        text = name == "lab_text"
        first = tuple(f"lab_{kind}" if text else f"{kind}-s0" for kind in kinds)
        yield Family(name, "lab", runs, first, first[0])
    peaks = read_curves([ROOT / "data" / "lab_peaks"], options)
    for rate in LAB_RATES:
        own = tuple(run for run in peaks if run.name.endswith(f"_{rate}"))
        first = tuple(f"{kind}_{rate}" for kind in ("wsd", "constant", "cosine"))
        yield Family(f"lab_peaks_{rate}", "lab", own, first, first[2], "lab")
