"""Sweeps of a schedule's cooldown, horizon, base rate and cycle."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit import schedule as schedules
from mplfit.bounds import best_base, bound
from mplfit.bounds.scan import scan
from mplfit.errors import ScheduleError

WSD = "wsdld:steps=400,peak=0.5,decay=80,warmup=40"


def test_every_point_is_the_schedule_of_that_value():
    found = scan(WSD, "cooldown", values=[0.1, 0.5], D=2.0)
    for i, share in enumerate((0.1, 0.5)):
        lr = schedules.wsdld(400, 0.5, decay=share, warmup=40).lr
        best = best_base(lr, D=2.0)
        assert found.base[i] == pytest.approx(0.5 * best.rate)
        assert found.best[i] == pytest.approx(best.bound)
        assert found.given[i] == pytest.approx(bound(lr, D=2.0))


def test_the_horizon_keeps_the_share_of_the_cooldown():
    found = scan(WSD, "horizon", values=[200, 800])
    lr = schedules.wsdld(800, 0.5, decay=0.2, warmup=40).lr
    assert found.best[1] == pytest.approx(best_base(lr).bound)
    assert found.base[0] > found.base[1]


def test_the_base_rate_has_one_best():
    found = scan(WSD, "base-lr")
    lr = schedules.wsdld(400, 0.5, decay=80, warmup=40).lr
    at = len(found.value) // 2
    assert found.value[at] == pytest.approx(0.5 * best_base(lr).rate)
    assert found.given.argmin() == at
    assert found.given[at] == pytest.approx(found.best[at])
    assert found.given[0] == pytest.approx(bound(found.value[0] / 0.5 * lr))


def test_the_cycle_of_a_cosine():
    found = scan("cosine:steps=400,peak=1", "cycle", values=[0.5, 1, 2])
    assert found.best[1] == pytest.approx(best_base(schedules.cosine(400, 1.0).lr).bound)
    assert found.best[1] < found.best[2]
    assert found.best[1] < found.best[0]  # zeros at the end: judged after the last positive rate


def test_the_best_base_rate_rises_with_the_cooldown():
    found = scan("sqrt:steps=300,peak=1,decay=0.2", "cooldown")
    assert np.all(np.diff(found.base) > 0)
    assert found.value[-1] == 1


@pytest.mark.parametrize("values", [[-1.0], [np.nan], [0.0]])
def test_values_must_be_positive(values):
    with pytest.raises(ScheduleError, match="must be positive"):
        scan(WSD, "cooldown", values=values)


def test_a_decay_with_a_unit_keeps_its_share_when_the_horizon_varies():
    found = scan("wsdld:steps=40k,peak=1,decay=8K", "horizon", values=[400])
    assert found.best[0] == pytest.approx(best_base(schedules.wsdld(400, 1.0, decay=80).lr).bound)
