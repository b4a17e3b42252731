"""What the study may report as held out, and that its committed page keeps to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mplfit.errors import FitError
from mplfit.estimate.constants import (
    BOTH,
    CHOSEN_ON,
    EPFML,
    INTERVALS,
    LAB,
    M124,
    OLMO,
    RELEASED,
    TAU,
)
from mplfit.estimate.fit import fit
from tests.shared_data import shared
from tests.study.cases import Case
from tests.study.few_page import constants_table
from tests.study.plan import LAWS, Plan
from tests.study.results import Job, Result
from tests.study.tables import constants, table
from tests.support.fits import three_curves

PAGE = Path(__file__).with_name("README.md")


@pytest.fixture(scope="module")
def curves():
    return three_curves("onepower", noise=1e-3)


@pytest.mark.parametrize("collection", [RELEASED, M124])
def test_a_study_does_not_report_constants_as_held_out_where_they_were_chosen(collection, curves):
    train, held = curves[:2], curves[2:]
    job = Job(Case("simulated", collection, tuple(train), tuple(held)), "onepower")
    result = Result(job, fit(train, "onepower", test=held))
    assert len(result.coverage()) == 1
    for one in INTERVALS:
        if collection in one.chosen_on:
            with pytest.raises(FitError, match="is not held out"):
                result.coverage(one)
        else:
            assert len(result.coverage(one)) == 1


def test_what_the_commands_use_was_chosen_on_all_and_is_held_out_on_none():
    assert BOTH.chosen_on == {RELEASED, M124, EPFML, OLMO, LAB}
    assert INTERVALS[0] is BOTH


def test_the_page_of_few_runs_has_the_constants_that_are_used():
    text = PAGE.with_name("FEW_RUNS.md").read_text(encoding="utf-8")
    assert constants_table() in text, "the page is older than the constants: run make study"


def test_the_page_has_every_law_and_names_where_constants_were_chosen():
    text = PAGE.read_text(encoding="utf-8")
    assert "Constants chosen on the other collection:" in text
    assert "In sample, the constants that the commands use" in text
    for law in LAWS:
        assert re.search(rf"^\| {law} \|", text, re.MULTILINE)
    for row in constants().splitlines():
        assert row in text, "the page is older than the constants: run make study"


def test_the_page_of_gains_names_the_collection_that_its_constant_was_chosen_on():
    text = PAGE.with_name("GAINS.md").read_text(encoding="utf-8")
    assert f"TAU = {TAU:g} " in text
    for collection in (RELEASED, M124):
        held = "chosen on" if collection in CHOSEN_ON["TAU"] else "held out"
        assert f"| {collection} ({held}) |" in text, "the page is older than the constants"


def test_the_plan_holds_out_what_it_does_not_fit():
    shared("curves")
    plan = Plan.of(["effective"])
    assert [len(case.test) for case in plan.rates.values()] == [2, 15, 2]
    for job in plan.jobs:
        names = [curve.name for curve in (*job.case.train, *job.case.test)]
        assert len(set(names)) == len(names)
        assert len(job.case.train) in (3, 6, 8, 9, 12)


def test_a_table_is_markdown():
    assert table(["a", "b"], [["c", "d"]]) == "| a | b |\n| --- | ---: |\n| c | d |"
