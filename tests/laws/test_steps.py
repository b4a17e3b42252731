"""Steps in any order: put back where a prediction is asked for, refused where laws sum."""

import numpy as np
import pytest

from mplfit import get_law, load_fit
from mplfit.assess.bootstrap import Bootstrap
from mplfit.assess.intervals import predict_interval
from mplfit.curve import Curve
from mplfit.errors import ScheduleError
from mplfit.estimate.result import Fit
from mplfit.estimate.simulate import simulate
from mplfit.laws import LAWS
from mplfit.plan.forecast import forecast_interval
from mplfit.schedule import wsdld

PLAN = wsdld(3000, 3e-4, 3e-5, decay=600, warmup=200)
ASKED = [2999, 10, 2800, 10]
KNOWN = "data/fit_25"


def test_steps_in_any_order_give_the_losses_of_these_steps() -> None:
    known = load_fit("25")
    whole = known.loss(PLAN)
    assert known.predict(PLAN, ASKED) == pytest.approx(whole[ASKED], rel=1e-9)
    last = known.predict(PLAN, 2999)
    assert last.shape == ()
    assert float(last) == pytest.approx(whole[2999], rel=1e-9)
    assert known.predict(PLAN, np.array([[2999], [10]])).shape == (2, 1)


def test_intervals_in_any_order() -> None:
    known = load_fit(KNOWN)
    drawn = Bootstrap(known.law, known.constants, known.values * [[1.0], [1.01]], {}, 2, 0)
    in_turn = np.array([10, 2800, 2999])
    back = [2, 0, 1, 0]
    for interval in (predict_interval, forecast_interval):
        sorted_ones, made = interval(known, PLAN, in_turn), interval(known, PLAN, ASKED)
        assert sorted_ones is not None
        assert made is not None
        np.testing.assert_allclose(made.loss, sorted_ones.loss[back], rtol=1e-9)
        np.testing.assert_allclose(made.sd, sorted_ones.sd[back], rtol=1e-9)
    for made_end, end in zip(drawn.predict(PLAN, ASKED), drawn.predict(PLAN, in_turn), strict=True):
        np.testing.assert_allclose(made_end, end[back], rtol=1e-9)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ([-1], "step -1 is no update of a schedule of 3000: expected 0 to 2999"),
        ([5, 3000], "step 3000 is no update"),
        ([1.0], "steps must be integers, got float64"),
        ([True], "steps must be integers, got bool"),
    ],
)
def test_steps_that_are_no_updates(step: list[int], said: str) -> None:
    fit: Fit = load_fit("25")
    with pytest.raises(ScheduleError, match=said):
        fit.predict(PLAN, step)
    with pytest.raises(ScheduleError, match=said):
        simulate(fit.formula, fit.values, PLAN, np.array(step))


@pytest.mark.parametrize("key", sorted(LAWS))
def test_a_law_refuses_steps_that_do_not_ascend(key: str) -> None:
    law = get_law(key).trained_on([Curve("run", [10, 20], [3.0, 2.9], PLAN)])
    law.at(PLAN, np.array([10, 10, 2999]))  # the same step twice has the same past
    with pytest.raises(ScheduleError, match="must ascend"):
        law.at(PLAN, np.array([2999, 10]))
