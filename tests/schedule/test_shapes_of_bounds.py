"""The schedules and the grammar that the bounds' paper needs."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit import schedule as schedules
from mplfit.errors import ScheduleError
from mplfit.schedule.spec import parse_schedule, read_spec


def test_the_cycle_of_a_cosine():
    run = schedules.cosine(100, 1.0, 0.1, warmup=10)
    assert schedules.cosine(100, 1.0, 0.1, cycle=1.0, warmup=10) == run
    longer = schedules.cosine(100, 1.0, 0.1, cycle=2.0, warmup=10).lr
    assert longer[-1] == pytest.approx(0.1 + 0.45 * (1 + np.cos(np.pi * 89 / 180)))
    shorter = schedules.cosine(100, 1.0, 0.1, cycle=0.5, warmup=10).lr
    assert np.all(shorter[55:] == pytest.approx(0.1))
    assert shorter[54] > 0.1


def test_inverse_sqrt_goes_on_where_the_warmup_ends():
    lr = schedules.inverse_sqrt(1000, 2.0, warmup=100).lr
    assert lr[99] == 2.0
    assert lr[100] == pytest.approx(2 * np.sqrt(100 / 101))
    assert lr[399] == pytest.approx(1.0)
    cooled = schedules.inverse_sqrt(1000, 2.0, 0.1, warmup=100, decay=200, endpoint=True).lr
    assert np.array_equal(cooled[:801], lr[:801])
    assert cooled[-1] == pytest.approx(0.1)
    assert np.diff(cooled[800:]) == pytest.approx(np.full(199, (0.1 - lr[800]) / 199))
    with pytest.raises(ScheduleError, match="between 0 and the rate at which the cooldown begins"):
        schedules.inverse_sqrt(1000, 2.0, 1.5, decay=200)


def test_polynomials_forward_and_backward_mirror_each_other():
    forward = schedules.polynomial(50, 1.0, power=3.0, endpoint=True).lr
    backward = schedules.polynomial(50, 1.0, power=3.0, backward=True, endpoint=True).lr
    assert backward == pytest.approx(1 - forward[::-1])


def test_relative_and_absolute_final_rates():
    relative = parse_schedule("cosine:steps=50,peak=4e-4,final=10%,endpoint=yes")
    assert relative.lr[-1] == pytest.approx(4e-5, rel=1e-14)
    assert relative == parse_schedule(
        f"cosine:steps=50,peak=4e-4,final={0.1 * 4e-4!r},endpoint=yes"
    )
    second = parse_schedule("two-stage:steps=10,peak=3e-4,second=30%,switch=4")
    assert second.lr[-1] == pytest.approx(9e-5, rel=1e-14)
    with pytest.raises(ScheduleError, match="final of linear must be a number, got 'ten'"):
        parse_schedule("linear:steps=9,peak=1,final=ten%")


def test_one_more_update_with_rate_zero():
    made = parse_schedule("constant:steps=4,peak=1,warmup=2,zero=yes")
    assert made.lr.tolist() == [0, 1, 1, 1, 0]
    assert made.warmup == 2
    open_end = parse_schedule("wsdld:steps=400,peak=1,decay=80,zero=yes").lr
    closed = parse_schedule("wsdld:steps=401,peak=1,decay=81,endpoint=yes").lr
    assert open_end == pytest.approx(closed, abs=1e-15)
    assert parse_schedule("linear:steps=4,peak=1,zero=no").steps == 4
    with pytest.raises(ScheduleError, match="zero of linear must be yes or no, got 'maybe'"):
        parse_schedule("linear:steps=4,peak=1,zero=maybe")


@pytest.mark.parametrize("cycle", [0.0, -1.0, float("inf")])
def test_a_cycle_must_be_positive(cycle):
    with pytest.raises(ScheduleError, match="must be a positive multiple of the run"):
        schedules.cosine(10, 1.0, cycle=cycle)


def test_texts_with_other_values():
    text = "wsdld:steps=100,peak=1,decay=0.2"
    spec = read_spec(text)
    assert spec.values == {"steps": 100, "peak": 1.0, "decay": 0.2}
    assert spec.with_values(decay=50, warmup=10).schedule() == schedules.wsdld(
        100, 1.0, decay=50, warmup=10
    )
    with pytest.raises(ScheduleError, match="cosine has no decay to vary: expected one of wsd,"):
        read_spec("cosine:steps=9,peak=1").with_values(decay=2)
    with pytest.raises(ScheduleError, match="the text of one schedule"):
        read_spec(f"{text} + {text}")


MAKERS = {
    "constant": lambda **k: schedules.constant(9, 2.0, **k),
    "cosine": lambda **k: schedules.cosine(9, 2.0, **k),
    "linear": lambda **k: schedules.linear(9, 2.0, **k),
    "polynomial": lambda **k: schedules.polynomial(9, 2.0, power=2.0, **k),
    "wsd": lambda **k: schedules.wsd(9, 2.0, 0.1, decay=2, **k),
    "wsdld": lambda **k: schedules.wsdld(9, 2.0, decay=2, **k),
    "sqrt": lambda **k: schedules.sqrt_cooldown(9, 2.0, decay=2, **k),
    "wsds": lambda **k: schedules.wsds(9, 2.0, decay=2, cycles=1, **k),
    "two_stage": lambda **k: schedules.two_stage(9, 2.0, 1.0, switch=6, **k),
    "knots": lambda **k: schedules.from_knots([(0, 2.0), (8, 2.0)], **k),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_warmup_from_a_rate_reaches_the_peak_one_update_later(name):
    """warmup_lr of github.com/fabian-sp/lr-scheduling: from + t/warmup · (peak - from)."""
    make = MAKERS[name]
    made = make(warmup=5, warmup_from=2e-7)
    start = [2e-7 + t / 5 * (2 - 2e-7) for t in range(5)]
    assert made.lr[:5] == pytest.approx(start, rel=1e-15)
    assert made.lr[4] < made.lr[5] == 2.0
    assert made.warmup == 5
    # What comes after the warmup is the same, and without a warmup there is no start of it.
    assert np.array_equal(made.lr[5:], make(warmup=5).lr[5:])
    assert make(warmup_from=0.1) == make()


@pytest.mark.parametrize("start", [-1e-9, 2.1, float("nan")])
def test_a_warmup_begins_between_zero_and_the_peak(start):
    with pytest.raises(ScheduleError, match="must lie between 0 and the rate that it reaches, 2,"):
        schedules.constant(9, 2.0, warmup=5, warmup_from=start)


@pytest.mark.parametrize("power", [0.3, 0.5, 1.0, 1.7])
def test_a_power_law_is_one_over_t_to_any_power(power):
    lr = schedules.power_law(400, 2.0, power=power).lr
    t = np.arange(1, 401)
    assert lr == pytest.approx(2.0 / t**power, rel=1e-14)
    warm = schedules.power_law(400, 2.0, power=power, warmup=100).lr
    assert warm[199] == pytest.approx(2.0 / 2**power)
    assert np.array_equal(warm[:100], np.linspace(0, 2, 100))


def test_a_one_minus_sqrt_cooldown_after_one_over_sqrt():
    """The original's rate before the cooldown at T = 100 is 1/√80, and its last is 0."""
    made = schedules.inverse_sqrt(100, 1.0, decay=21, sqrt=True, endpoint=True).lr
    assert made[79] == pytest.approx(1 / np.sqrt(80))
    assert made[79:] == pytest.approx(made[79] * (1 - np.sqrt(np.arange(21) / 20)), abs=1e-15)
    assert made[-1] == 0


def test_cycles_of_wsds_end_at_its_final_rate_and_begin_at_the_peak():
    made = schedules.wsds(90, 1.0, 0.1, decay=10, cycles=3, warmup=5, endpoint=True).lr
    assert np.array_equal(
        made[:30], schedules.wsdld(30, 1.0, 0.1, decay=10, warmup=5, endpoint=True).lr
    )
    for begin in (30, 60):
        one = schedules.wsdld(30, 1.0, 0.1, decay=10, endpoint=True).lr
        assert np.array_equal(made[begin : begin + 30], one)
    shares = schedules.wsds(100, 1.0, decay=0.25, cycles=3).lr
    assert [int(np.sum(part < 1)) for part in np.split(shares, [33, 67])] == [7, 7, 7]
    assert schedules.wsds(50, 1.0, decay=0.2, cycles=1) == schedules.wsdld(50, 1.0, decay=0.2)
    with pytest.raises(ScheduleError, match="a decay of 40 updates does not fit"):
        schedules.wsds(90, 1.0, decay=40, cycles=3)
