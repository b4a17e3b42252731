"""What few runs foretell: the errors and the coverage that the tables print."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mplfit import Curve, Schedule, schedule, simulate
from mplfit.assess.intervals import standardised
from mplfit.estimate.constants import BOTH, held_out
from mplfit.laws import get_law
from tests.study.choose import likeliest
from tests.study.families import Family
from tests.study.few_page import elsewhere_table, error_table, finals_table, measure_table, page
from tests.study.few_runs import few_runs

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
    rows = error_table([found]).splitlines()
    assert rows[4].endswith(f"| {1e3 * found.mean_error:.1f} |")
    assert rows[2].count("–") == 10
    measured = measure_table([found]).splitlines()[4].split(" | ")
    (error,) = found.errors.values()
    assert measured[1:4] == [f"{1e3 * abs(error):.1f}", f"{1e3 * error:+.1f}", "–"]


def test_a_run_is_predicted_as_the_intervals_predict_it(family):
    found = few_runs(family, "and constant", [family.runs[0]])
    own, other = found.held
    (run,) = found.test
    constants = held_out("lab")
    off = standardised(found.made, run, constants)
    assert own.off(constants.informed) == pytest.approx(abs(off))
    assert own.off(constants.informed)[-1] == pytest.approx(
        abs(own.residual[-1]) / own.sd(constants.informed)[-1]
    )
    assert (own.elsewhere, other.elsewhere) == (False, True)
    assert own.fresh.all()
    assert not other.fresh.any()  # it is a training run's


def test_a_last_loss_outside_the_interval_counts_as_that(family):
    found = few_runs(family, "and constant")
    assert "100 / 100 of 1 | 100 / 100 |" in finals_table([found])
    assert abs(found.own[0].residual[-1]) < 0.01
    raised = _raised(family.runs[2])
    off = few_runs(
        Family("off", "lab", (*family.runs[:2], raised), family.first, "cosine"),
        "and constant",
        [faster(run) for run in (raised,)],
    )
    assert "0 / 0 of 1 | 0 / 0 |" in finals_table([off])
    assert "| and constant | lab | 0 / 0 of 1 | – | – |" in elsewhere_table([off])
    assert "0 / 0 of 1 | 0 / 0 |" in page([off])


def test_constants_are_larger_where_runs_lie_further_off(family, monkeypatch):
    """Of two sets of fits that differ in the last losses alone, by 1 and 5 standard deviations."""
    monkeypatch.setattr("tests.study.choose.run_relation", lambda results: 1.0)
    found = few_runs(family, "and constant")
    chosen = [
        likeliest([replace(found, held=tuple(_moved(one, off) for one in found.held))])
        for off in (0.2, 5.0)
    ]
    assert chosen[1].parameters > 3 * chosen[0].parameters
    assert chosen[0].run == 1.0
    assert chosen[0].horizon == pytest.approx(4.0, rel=0.05)  # nothing tells of that here


def _moved(held, off):
    predicted = held.observed * np.exp(off * held.sd(BOTH.informed))
    return replace(held, predicted=predicted)


def faster(run):
    return Curve("faster", run.step, run.loss, Schedule(2 * run.schedule.lr, run.schedule.warmup))


def _raised(run):
    return type(run)(run.name, run.step, 1.1 * run.loss, run.schedule)
