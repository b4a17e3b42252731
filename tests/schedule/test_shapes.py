"""Schedules against formulas written out here, against logged rates, and by their properties."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mplfit import schedule as s
from mplfit.errors import ScheduleError
from mplfit.readers.released import NAMES, released_schedule
from mplfit.schedule import Schedule
from tests.shared_data import shared

PEAK, FINAL, WARMUP = 3e-4, 3e-5, 2160
rates = st.floats(0, 1, allow_subnormal=False)
arrays = st.lists(rates, min_size=1, max_size=60).filter(any)


def _released(kind: str, first: int, last: int) -> list[float]:
    """The schedules of ../shared/curves/README.md, update by update, with math alone."""
    dense = []
    for t in range(last):
        x = (t - first) / (last - first)
        if t < WARMUP:
            dense.append(PEAK * t / (WARMUP - 1))
        elif kind == "cosine":
            x = (t - WARMUP) / (last - WARMUP)
            dense.append(FINAL + (PEAK - FINAL) * (1 + math.cos(math.pi * x)) / 2)
        elif kind == "constant" or t < first:
            dense.append(PEAK)
        elif kind == "wsd":
            dense.append(PEAK * math.exp(x * math.log(FINAL / PEAK)))
        elif kind == "wsdld":
            dense.append(PEAK * (1 - x) + FINAL * x)
        else:
            dense.append(int(kind.removeprefix("wsdcon_")) * 1e-5)
    return dense


@pytest.mark.parametrize(
    ("made", "formula"),
    [
        (s.constant(24000, PEAK, warmup=WARMUP), ("constant", 0, 24000)),
        (s.cosine(24000, PEAK, FINAL, warmup=WARMUP), ("cosine", 0, 24000)),
        (s.cosine(72000, PEAK, FINAL, warmup=WARMUP), ("cosine", 0, 72000)),
        (s.wsd(24000, PEAK, FINAL, decay=4000, warmup=WARMUP), ("wsd", 20000, 24000)),
        (s.wsdld(24000, PEAK, FINAL, decay=4000, warmup=WARMUP), ("wsdld", 20000, 24000)),
        (s.two_stage(16000, PEAK, 9e-5, switch=8000, warmup=WARMUP), ("wsdcon_9", 8000, 16000)),
    ],
    ids=["constant", "cosine-24000", "cosine-72000", "wsd", "wsdld", "two-stage"],
)
def test_the_released_schedules_are_their_formulas(
    made: Schedule, formula: tuple[str, int, int]
) -> None:
    np.testing.assert_allclose(made.lr, _released(*formula), rtol=1e-13, atol=0)
    assert made.warmup == WARMUP


@pytest.mark.parametrize("folder", ["csv_25", "csv_400"])
def test_the_released_schedules_are_the_logged_rates(folder: str) -> None:
    for name in NAMES:
        step, lr, _ = np.loadtxt(
            shared("curves", folder, f"{name}.csv"), delimiter=",", skiprows=1
        ).T
        schedule = released_schedule(name)
        assert schedule is not None
        inside = step < schedule.steps
        assert inside.sum() >= 90
        expected = schedule.lr[step[inside].astype(int)]
        np.testing.assert_allclose(lr[inside], expected, rtol=3e-15, err_msg=name)


@pytest.mark.parametrize("warmup", [0, 1, 2, 7, 9])
def test_a_warmup_is_linspace_from_zero_to_the_peak(warmup: int) -> None:
    made = [
        s.constant(10, 0.5, warmup=warmup),
        s.cosine(10, 0.5, warmup=warmup),
        s.linear(10, 0.5, warmup=warmup),
        s.wsd(10, 0.5, 0.1, decay=1, warmup=warmup),
        s.wsdld(10, 0.5, decay=1, warmup=warmup),
        s.sqrt_cooldown(10, 0.5, decay=1, warmup=warmup),
        s.polynomial(10, 0.5, power=3, warmup=warmup),
        s.two_stage(10, 0.5, 0.2, switch=9, warmup=warmup),
        s.from_knots([(0, 0.5), (9, 0.5)], warmup=warmup),
    ]
    for one in made:
        assert one.warmup == warmup
        assert one.lr[:warmup].tolist() == np.linspace(0, 0.5, warmup).tolist()
        assert one.lr[warmup] == (0.5 if one is not made[-2] or warmup < 9 else 0.2)


@pytest.mark.parametrize("warmup", [-1, 10, 11, 2.5, math.nan, math.inf])
def test_a_warmup_that_does_not_fit_is_refused(warmup: float) -> None:
    for make in (s.constant, s.cosine, s.linear):
        with pytest.raises(ScheduleError, match=r"warmup of .* does not fit 10 steps"):
            make(10, 0.5, warmup=warmup)


def test_a_schedule_may_be_all_warmup_but_not_more() -> None:
    assert Schedule([0.0, 1.0], warmup=2).warmup == 2
    for wrong in (3, -1, 1.5, math.nan, math.inf):
        with pytest.raises(ScheduleError, match=r"does not fit a schedule of 2 updates"):
            Schedule([0.0, 1.0], warmup=wrong)


DECAYS = {
    "cosine": lambda **k: s.cosine(10, 1.0, 0.25, warmup=4, **k),
    "linear": lambda **k: s.linear(10, 1.0, 0.25, warmup=4, **k),
    "polynomial": lambda **k: s.polynomial(10, 1.0, 0.25, power=2, warmup=4, **k),
    "wsd": lambda **k: s.wsd(10, 1.0, 0.25, decay=6, warmup=4, **k),
    "wsdld": lambda **k: s.wsdld(10, 1.0, 0.25, decay=6, warmup=4, **k),
    "sqrt": lambda **k: s.sqrt_cooldown(10, 1.0, 0.25, decay=6, warmup=4, **k),
}
SHAPES = {
    "cosine": lambda x: 0.25 + 0.75 * (1 + math.cos(math.pi * x)) / 2,
    "linear": lambda x: 1 - 0.75 * x,
    "polynomial": lambda x: 0.25 + 0.75 * (1 - x) ** 2,
    "wsd": lambda x: 0.25**x,
    "wsdld": lambda x: 1 - 0.75 * x,
    "sqrt": lambda x: 1 - 0.75 * math.sqrt(x),
}


@pytest.mark.parametrize("name", DECAYS)
def test_the_final_rate_is_approached_or_with_endpoint_reached(name: str) -> None:
    made, inclusive = DECAYS[name]().lr, DECAYS[name](endpoint=True).lr
    shape = SHAPES[name]
    np.testing.assert_allclose(made[4:], [shape(k / 6) for k in range(6)], rtol=1e-14)
    np.testing.assert_allclose(inclusive[4:], [shape(k / 5) for k in range(6)], rtol=1e-14)
    assert made[-1] > 0.25
    assert inclusive[-1] == pytest.approx(0.25, rel=1e-15)


def test_a_decay_of_one_update_reaches_the_final_rate_with_endpoint() -> None:
    assert s.wsdld(4, 1.0, 0.5, decay=1, endpoint=True).lr.tolist() == [1, 1, 1, 0.5]
    assert s.wsdld(4, 1.0, 0.5, decay=1).lr.tolist() == [1, 1, 1, 1]
    assert s.linear(4, 1.0, 0.5, warmup=3, endpoint=True).lr[-1] == 0.5


def test_a_decay_below_one_is_a_fraction_of_all_steps() -> None:
    for make in (s.wsd, s.wsdld, s.sqrt_cooldown):
        assert make(1000, 1.0, 0.1, decay=0.2, warmup=10) == make(
            1000, 1.0, 0.1, decay=200, warmup=10
        )
    for wrong in (0, -3, 2.5, 991, 1e-9, math.nan, math.inf, 0.995):
        with pytest.raises(
            ScheduleError, match=r"expected a whole number of updates from 1 to 990"
        ):
            s.wsdld(1000, 1.0, decay=wrong, warmup=10)


def test_stages_and_switches() -> None:
    assert s.piecewise([(0, 1.0), (3, 0.5), (4, 2.0)], 6).lr.tolist() == [1, 1, 1, 0.5, 2, 2]
    two = s.two_stage(6, 1.0, 0.5, switch=4, warmup=3)
    assert two.lr.tolist() == [0, 0.5, 1, 1, 0.5, 0.5]
    with pytest.raises(ScheduleError, match="inside the warmup"):
        s.two_stage(6, 1.0, 0.5, switch=2, warmup=3)
    with pytest.raises(ScheduleError, match="begins at step 6, but the schedule has 6 steps"):
        s.two_stage(6, 1.0, 0.5, switch=6)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "1-D array"),
        ([[1.0]], "1-D array"),
        (3.0, "1-D array"),
        ([1.0, math.nan], "rate of step 1 is nan"),
        ([math.inf], "rate of step 0 is inf"),
        ([1.0, 1.0, -1e-9, -1], r"rate of step 2 is -1e-09 \(2 such rates\)"),
        ([0.0, 0.0], "all 2 learning rates are 0"),
        (["a"], "list of numbers"),
        (["1.0"], "list of numbers"),
        ([[1.0], [1.0, 2.0]], "list of numbers"),
        ([10**400], "list of numbers"),
        (np.array([1j]), "list of numbers"),
    ],
)
def test_rates_that_are_no_schedule_are_refused(values: object, said: str) -> None:
    with pytest.raises(ScheduleError, match=said):
        Schedule(values)


@pytest.mark.parametrize("steps", [0, -1, 2.5, math.nan, math.inf, 10**12])
def test_impossible_numbers_of_steps_are_refused(steps: float) -> None:
    with pytest.raises(ScheduleError, match="whole number of steps from 1 to"):
        s.cosine(steps, 1.0)
    with pytest.raises(ScheduleError, match="whole number of steps from 1 to"):
        s.from_knots([(0, 1.0)], steps)


def test_whole_numbers_may_come_as_floats() -> None:
    assert s.cosine(8.0, 1.0, warmup=2.0) == s.cosine(8, 1.0, warmup=2)
    assert s.wsdld(8.0, 1.0, decay=np.float64(4)) == s.wsdld(8, 1.0, decay=4)
    assert s.piecewise([(0.0, 1.0)], 3.0) == s.constant(3, 1.0)


@pytest.mark.parametrize("peak", [0, -1, math.nan, math.inf])
def test_peaks_and_finals_out_of_range_are_refused(peak: float) -> None:
    with pytest.raises(ScheduleError, match="peak rate must be positive and finite"):
        s.constant(5, peak)
    with pytest.raises(ScheduleError, match="final rate must lie between 0 and the peak"):
        s.linear(5, 1.0, peak if peak else 2.0)
    with pytest.raises(ScheduleError, match="never reaches"):
        s.wsd(5, 1.0, 0.0, decay=2)
    with pytest.raises(ScheduleError, match="power"):
        s.polynomial(5, 1.0, power=peak)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(1, 1.0)],
        [(0, 1.0), (0, 2.0)],
        [(0, 1.0), (2, 1.0), (1, 1.0)],
        [(0, 1.0), (1.5, 1.0)],
        [(0, 1.0), (math.inf, 1.0)],
        [(math.nan, 1.0)],
        [(0, 1.0), (1e15, 1.0)],
        [(0, math.nan)],
    ],
)
def test_points_that_are_no_knots_are_refused(points: list[tuple[int, float]]) -> None:
    with pytest.raises(ScheduleError):
        s.from_knots(points)
    with pytest.raises(ScheduleError):
        s.piecewise(points, 3)


def test_knots_outside_the_steps_are_refused() -> None:
    with pytest.raises(ScheduleError, match="last knot is at step 5, but the schedule has 5 steps"):
        s.from_knots([(0, 1.0), (5, 0.5)], 5)
    assert s.from_knots([(0, 1.0), (2, 0.5)], 5).lr.tolist() == [1, 0.75, 0.5, 0.5, 0.5]


def test_rates_are_a_read_only_float64_copy() -> None:
    given_ = np.array([1, 2], dtype=np.float32)
    schedule = Schedule(given_)
    given_[0] = 9
    assert schedule.lr.tolist() == [1, 2]
    assert schedule.lr.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        schedule.lr[0] = 3
    assert (schedule.steps, schedule.peak) == (2, 2.0)


@given(arrays, arrays)
def test_schedules_are_equal_and_hash_by_their_rates_and_warmup(
    one: list[float], other: list[float]
) -> None:
    assert Schedule(one) == Schedule(one)
    assert hash(Schedule(one)) == hash(Schedule(one))
    assert Schedule(one, 1) != Schedule(one)
    assert (Schedule(one) == Schedule(other)) == (one == other)


@given(st.lists(arrays, min_size=1, max_size=4))
def test_join_is_one_after_the_other_with_the_first_warmup(pieces: list[list[float]]) -> None:
    joined = s.join([Schedule(piece, min(1, i + 1)) for i, piece in enumerate(pieces)])
    assert joined.lr.tolist() == [rate for piece in pieces for rate in piece]
    assert joined.warmup == 1


def test_nothing_cannot_be_joined() -> None:
    with pytest.raises(ScheduleError, match="nothing to join"):
        s.join([])


@given(arrays)
def test_knots_give_every_rate_back(values: list[float]) -> None:
    schedule = Schedule(values)
    back = s.from_knots(s.to_knots(schedule))
    np.testing.assert_allclose(back.lr, schedule.lr, rtol=0, atol=2e-13 * schedule.peak)
    assert back.steps == schedule.steps


@given(
    st.lists(st.integers(3, 5000), min_size=1, max_size=8),
    st.lists(rates, min_size=9, max_size=9).filter(lambda values: values[0] > 0),
)
def test_few_knots_are_kept_of_a_piecewise_linear_schedule(
    gaps: list[int], values: list[float]
) -> None:
    at = [0, *np.cumsum(gaps).tolist()]
    schedule = s.from_knots(list(zip(at, values, strict=False)))
    assert len(s.to_knots(schedule, rtol=1e-9)) <= 3 * len(at)


def test_a_jump_is_two_neighbouring_knots() -> None:
    assert s.to_knots(s.two_stage(100, 1.0, 0.5, switch=40)) == [
        (0, 1.0),
        (39, 1.0),
        (40, 0.5),
        (99, 0.5),
    ]
    assert s.to_knots(Schedule([2.0])) == [(0, 2.0)]


@given(arrays)
def test_json_gives_the_same_schedule_back(values: list[float]) -> None:
    schedule = Schedule(values, len(values) // 2)
    read = json.loads(json.dumps(schedule.to_dict()))
    assert Schedule(read["lr"], read["warmup"]) == schedule
    assert read["schema"] == "mplfit.schedule/1"
    assert read["steps"] == len(values)


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=200))
def test_the_cumulative_rate_is_exact_to_rounding(values: list[float]) -> None:
    exact, total = [], Fraction(0)
    for value in values:
        total += Fraction(value)
        exact.append(float(total))
    made = s.cumulative(np.array(values))
    np.testing.assert_array_max_ulp(made, np.array(exact), maxulp=1)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1000, 20000))
def test_a_decay_to_nothing_is_not_lost_in_the_cumulative_rate(seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    lr = 3e-4 * np.exp(-rng.uniform(0, 30, steps))
    made = s.cumulative(lr)
    for t in rng.integers(0, steps, 20):
        assert made[t] == pytest.approx(math.fsum(lr[: t + 1]), rel=2.3e-16, abs=0)
    # The plain sum would miss the last rates by more than their size.
    tail = np.concatenate([np.full(30000, 3e-4), np.full(1000, 1e-16)])
    gained = s.cumulative(tail)[-1] - s.cumulative(tail)[29999]
    assert gained == pytest.approx(1e-13, rel=0.05)
