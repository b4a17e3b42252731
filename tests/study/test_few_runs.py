"""What few runs foretell: the errors and the coverage that the tables print."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit import schedule, simulate
from mplfit.laws import get_law
from tests.study.families import Family
from tests.study.few_runs import coverage_table, few_runs, page, table

TRUTH = np.array([2.3, 0.3, 0.5, 1.4, 9.0, 0.22, 0.8, 0.26])
PLANS = {
    "wsd": schedule.wsdld(2000, 1e-3, decay=0.2, warmup=50),
    "constant": schedule.constant(2000, 1e-3, warmup=50),
    "cosine": schedule.cosine(2000, 1e-3, warmup=50),
}


@pytest.fixture(scope="module")
def family():
    law, rng, step = (
        get_law("effective", {"eta_ref": 1e-3}),
        np.random.default_rng(0),
        np.arange(59, 2000, 10),
    )
    runs = [
        simulate(law, TRUTH, plan, step, name=name, noise=1e-3, rng=rng)
        for name, plan in PLANS.items()
    ]
    return Family("some", "lab", tuple(runs), tuple(PLANS), "cosine")


def test_errors_are_of_the_runs_that_were_not_fitted(family):
    found = few_runs(family, "and constant")
    assert [one.name for one in found.train] == ["wsd", "constant"]
    assert set(found.errors) == {"cosine"}
    (held,) = found.test
    assert found.errors["cosine"] == pytest.approx(
        found.made.predict(held.schedule, held.step[-1:])[0] - held.loss[-1]
    )
    assert found.made.prior.name == "without lab"
    assert few_runs(family, "constant") is None  # that is fitted of the released curves alone
    rows = table([found]).splitlines()
    assert rows[4].endswith(f"| {1e3 * found.mean_error:.1f} |")
    assert rows[2].count("–") == 10


def test_a_last_loss_outside_the_interval_counts_as_that(family):
    found = few_runs(family, "and constant")
    (held,) = found.standardised()
    assert found.inside() == {0.8: [True], 0.95: [True]}
    assert "100 / 100 of 1 | 100 / 100 |" in coverage_table([found])
    assert abs(held["residual"]) < 0.01
    assert len(held["left_out"]) == 2
    off = few_runs(
        Family("off", "lab", (*family.runs[:2], _raised(family.runs[2])), family.first, "cosine"),
        "and constant",
    )
    assert off.inside() == {0.8: [False], 0.95: [False]}
    assert "0 / 0 of 1 | 0 / 0 |" in page([off])


def _raised(run):
    return type(run)(run.name, run.step, 1.1 * run.loss, run.schedule)
