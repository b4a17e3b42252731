"""Which laws are fitted to which runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mplfit.estimate.constants import RELEASED
from tests.study.cases import (
    FROM_STEP,
    LAB_RATES,
    RATES,
    Case,
    lab_peaks,
    of_rates,
    released,
)
from tests.study.results import Job

LAWS = {
    "effective": (None,), "amplitude": (None,), "mpl": (None, "weak"), "momentum": (None,),
    "fsl": (None,), "bound": (None,), "onepower": (None,),
}  # fmt: skip
"""The laws, each with its priors: None is the default one."""

SIZES = ("25", "400")
COUNTS = (120, 7.5)
FIRST_STEPS = (0, 1000, 4000)


@dataclass(frozen=True)
class Plan:
    """The fits to make: of every law, of several peak rates at once (of two collections), with
    other constants."""

    sizes: dict[str, Case]
    rates: dict[str, Case]
    main: tuple[Job, ...]
    peaks: tuple[Job, ...]
    lab: tuple[Job, ...]
    other: tuple[Job, ...]

    @property
    def jobs(self) -> tuple[Job, ...]:
        return (*self.main, *self.peaks, *self.lab, *self.other)

    @classmethod
    def of(cls, laws: Sequence[str]) -> Plan:
        sizes = {size: released(size) for size in SIZES}
        rates = {rate: of_rates([rate]) for rate in RATES}
        cases = (*sizes.values(), *rates.values())
        main = tuple(
            Job(case, law, prior)
            for law in laws
            for prior in LAWS[law]
            for case in cases
            if law != "bound" or case.collection == RELEASED  # it takes minutes a fit
        )
        every, few = of_rates(RATES), of_rates(RATES, without=["cos"])
        sets = (every, of_rates(RATES, without=["cos-zero_0.002"]), few)
        peaks = (*_several(sets), *(Job(few, law) for law in ("amplitude", "mpl")))
        all_four = lab_peaks(LAB_RATES, ["constant", "wsd", "cosine"])
        sets = (
            all_four,
            lab_peaks(LAB_RATES[:3], ["constant", "wsd", "cosine"]),
            lab_peaks(LAB_RATES[:3], ["constant", "wsd"]),
        )
        lab = (*_several(sets), *(Job(all_four, law) for law in ("amplitude", "mpl")))
        tried = (*sizes.values(), rates["0.001"])
        wide = [Job(case, "effective", f"weak:{count:g}") for count in COUNTS for case in tried]
        later = [of_rates(["0.001"], first) for first in FIRST_STEPS]
        first = [Job(case, law) for case in later for law in ("effective", "mpl")]
        return cls(sizes, rates, main, peaks, lab, (*wide, *first))


def _several(cases: Sequence[Case]) -> list[Job]:
    """Of each case: `effective`, and the same without nu."""
    return [
        Job(case, "effective", straight=straight) for straight in (False, True) for case in cases
    ]


def describe(job: Job) -> str:
    """What is other than usual in a job."""
    first = min(int(curve.step[0]) for curve in job.case.train)
    if job.prior:
        return f"{job.law}, prior {job.prior}"
    if abs(first - FROM_STEP) > 300:
        return f"{job.law}, from step {first}"
    return f"{job.title}, as it is"
