"""Comparing laws: the one that made the curves wins, and every law is listed."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit import schedule
from mplfit.assess.compare import Comparison, compare_laws
from mplfit.estimate.huber import DELTA
from mplfit.estimate.simulate import simulate
from mplfit.laws import get_law
from mplfit.show.tables import tables
from tests.support.fits import TRUTH, three_curves


def held_out():
    plan, step = schedule.wsdld(4000, 3e-4, 3e-6, decay=1000, warmup=200), np.arange(200, 4000, 20)
    return simulate(get_law("momentum"), TRUTH["momentum"], plan, step, name="held")


def test_the_law_that_made_the_curves_predicts_best():
    train = three_curves("momentum", noise=3e-4)
    rows = compare_laws(train, [held_out()], ["onepower", "momentum"])
    assert [row.law for row in rows] == ["momentum", "onepower"]
    best = rows[0]
    assert best.held_out.mae < 0.1 * rows[1].held_out.mae
    assert best.group.final_error.count == 1
    assert best.to_dict()["standard_errors"]["final_error"] is None  # of one curve
    assert best.criterion == pytest.approx(2 * best.fit.objective / (30 * DELTA**2) + 10)
    assert best.to_dict()["held_out"]["mae"] == best.held_out.mae
    assert not best.left_out
    assert rows[1].less_best.mae.value == pytest.approx(
        rows[1].after_branching.mae - best.after_branching.mae
    )
    again = Comparison.from_dict(rows.to_dict())
    assert again == rows
    sure = "surely" if rows[1].less_best.sure else "not surely"
    assert tables(again)[0].title == (
        f"Best on 1 held-out curve: momentum, final loss off by {best.final_error:.4f}; the next "
        f"one, onepower ({rows[1].final_error:.4f}), is {sure} worse."
    )


def test_without_test_curves_each_training_curve_is_left_out_in_turn():
    train = three_curves("momentum", noise=3e-4)
    row = compare_laws(train, (), ["momentum"])[0]
    assert row.left_out
    assert set(row.group.curves) == {curve.name for curve in train}
    assert row.final_error < 0.02


def test_a_law_that_cannot_be_fitted_is_listed_with_the_reason():
    train = [three_curves("momentum")[0]]
    short = [
        type(train[0])("short", train[0].step[:60:10], train[0].loss[:60:10], train[0].schedule)
    ]
    rows = compare_laws(short, (), ["mpl", "onepower"])
    assert {row.law: bool(row.failed) for row in rows} == {"onepower": False, "mpl": True}
    assert "too few for the 7 parameters" in next(row.failed for row in rows if row.failed)
    assert np.isfinite(rows[0].criterion)
