"""Curves refuse what is no curve; a dense schedule comes back from its sparse rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mplfit import schedule as s
from mplfit.curve import Curve, rebuild_schedule
from mplfit.errors import DataError, ScheduleError
from mplfit.schedule import Schedule

TEN = s.constant(10, 1e-3)


def test_a_curve_is_read_only_and_of_its_types() -> None:
    step, loss = np.array([2, 5], dtype=np.uint16), np.array([3, 2], dtype=np.int32)
    curve = Curve("run", step, loss, TEN)
    step[0], loss[0] = 9, 9
    assert (curve.step.tolist(), curve.loss.tolist()) == ([2, 5], [3.0, 2.0])
    assert (curve.step.dtype, curve.loss.dtype) == (np.int64, np.float64)
    assert len(curve) == 2
    with pytest.raises(ValueError, match="read-only"):
        curve.loss[0] = 1.0


@pytest.mark.parametrize(
    ("step", "loss", "said"),
    [
        ([], [], "at least one"),
        ([1], [1.0, 2.0], r"shapes \(1,\) and \(2,\)"),
        ([[1]], [[1.0]], "shapes"),
        ([1.0, 2.0], [1.0, 2.0], "array of integers, got float64"),
        ([True], [1.0], "array of integers, got bool"),
        ([1], ["a"], "losses must be real numbers"),
        ([1], [1j], "losses must be real numbers"),
        ([2, 1], [1.0, 2.0], "ascend strictly"),
        (np.array([2, 1], dtype=np.uint8), [1.0, 2.0], "ascend strictly"),
        ([1, 1], [1.0, 2.0], "ascend strictly"),
        ([-1, 1], [1.0, 2.0], "steps -1–1 lie outside the schedule of 10 updates"),
        ([1, 10], [1.0, 2.0], r"outside the schedule of 10 updates \(steps 0–9\)"),
        ([1, 2], [1.0, np.nan], "step 2 has nan"),
        ([1, 2], [np.inf, 1.0], "step 1 has inf"),
        ([1, 2], [1.0, 0.0], "step 2 has 0"),
        ([1, 2], [1.0, -1.0], "step 2 has -1"),
    ],
)
def test_arrays_that_are_no_curve_are_refused(step: object, loss: object, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        Curve("my-run", step, loss, TEN)
    assert str(caught.value).startswith("my-run: ")


def test_the_last_update_may_be_logged_and_a_run_may_be_unfinished() -> None:
    assert Curve("run", [0, 9], [2.0, 1.0], TEN).step[-1] == TEN.steps - 1
    assert Curve("run", [0, 1], [2.0, 1.0], TEN).schedule.steps == 10


def test_shared_rows_are_the_same_loss_at_the_same_step_of_branched_runs() -> None:
    trunk = Curve("trunk", [1, 3, 5, 7], [4.0, 3.0, 2.0, 1.0], TEN)
    branch = Curve("branch", [1, 3, 6, 7], [4.0, 3.0, 2.0, 1.5], TEN)
    other = Curve("other", [1, 3, 5], [4.5, 3.0, 2.0], TEN)
    assert branch.shares(trunk).tolist() == [True, True, False, False]
    assert trunk.shares(branch).tolist() == [True, True, False, False]
    assert not other.shares(trunk).any()  # equal losses by chance
    assert not Curve("apart", [0, 2], [4.0, 3.0], TEN).shares(trunk).any()


knots = st.lists(
    # Rates that differ: a change between two flat stretches would be a jump.
    st.tuples(st.integers(2, 50), st.floats(0.01, 1)),
    min_size=2,
    max_size=8,
    unique_by=lambda knot: knot[1],
)


@given(knots, st.integers(1, 9))
def test_a_piecewise_linear_schedule_comes_back_from_rows_that_hold_its_knots(
    pieces: list[tuple[int, float]], extra: int
) -> None:
    at = np.cumsum([0, *(gap for gap, _ in pieces[1:])])
    dense = s.from_knots(list(zip(at.tolist(), (rate for _, rate in pieces), strict=True)))
    rows = np.union1d(at, np.arange(0, dense.steps, extra * 7))
    back, _ = rebuild_schedule(rows, dense.lr[rows])
    np.testing.assert_allclose(back.lr, dense.lr, rtol=1e-9)
    assert back.warmup == 0


@given(st.integers(0, 2**32 - 1))
def test_every_row_of_the_log_keeps_its_rate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = np.unique(rng.integers(1, 300, rng.integers(1, 40)))
    lr = rng.choice([1.0, 0.5, 0.25, rng.uniform()], rows.size)
    for warmup in (None, 0, 1, 5, 1000):
        back, notes = rebuild_schedule(rows, lr, warmup=warmup)
        np.testing.assert_allclose(back.lr[rows], lr, rtol=1e-12)
        assert back.steps == rows[-1] + 1
        assert all(note and "\n" not in note for note in notes)


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(2, 6), st.sampled_from([1.0, 0.5, 0.1, 0.0])), min_size=1),
)
def test_jumps_between_flat_rows_stay_jumps_at_the_later_row(
    gap: int, stages: list[tuple[int, float]]
) -> None:
    stages = [(2, 1.0), *stages]
    rates = np.concatenate([np.full(rows, rate) for rows, rate in stages])
    rows = np.arange(rates.size) * gap
    back, notes = rebuild_schedule(rows, rates)
    # Each update has the rate of the last row at or before it.
    assert back.lr.tolist() == np.repeat(rates, gap)[: back.steps].tolist()
    changes = int(np.count_nonzero(np.diff(rates)))
    assert sum("taken as a jump" in note for note in notes) == (changes if gap > 1 else 0)


def test_a_jump_is_said_with_both_steps() -> None:
    back, notes = rebuild_schedule(np.array([0, 10, 20, 30]), np.array([1.0, 1.0, 0.5, 0.5]))
    assert back.lr[[19, 20]].tolist() == [1.0, 0.5]
    assert (
        "from 1 to 0.5 is taken as a jump at step 20 (it happened somewhere after step 10)"
        in (notes[1])
    )


def test_a_decay_that_begins_or_ends_flat_is_no_jump() -> None:
    rows = np.arange(0, 70, 10)
    rates = np.array([1.0, 1.0, 1.0, 0.6, 0.2, 0.2, 0.2])
    back, _ = rebuild_schedule(rows, rates)
    np.testing.assert_allclose(back.lr, np.interp(np.arange(61), rows, rates), rtol=1e-15)


def test_the_assumed_warmup_ends_with_the_first_row() -> None:
    rows, lr = np.array([4, 6]), np.array([1.0, 1.0])
    back, notes = rebuild_schedule(rows, lr)
    assert back.lr.tolist() == [0, 0.25, 0.5, 0.75, 1, 1, 1]
    assert back.warmup == 5
    assert any("linear warmup from 0 to 1 over the first 5 updates is assumed" in n for n in notes)


@pytest.mark.parametrize(
    ("warmup", "head"),
    [
        (0, [1, 1, 1, 1, 1]),
        (1, [0, 1, 1, 1, 1]),
        (3, [0, 0.5, 1, 1, 1]),
        (5, [0, 0.25, 0.5, 0.75, 1]),
        (7, [0, 0.25, 0.5, 0.75, 1]),
        (99, [0, 0.25, 0.5, 0.75, 1]),
    ],
)
def test_a_given_warmup_is_the_constructors(warmup: int, head: list[float]) -> None:
    back, notes = rebuild_schedule(np.array([4, 6]), np.array([1.0, 1.0]), warmup=warmup)
    assert back.lr.tolist() == [*head, 1, 1]
    assert back.warmup == min(warmup, 7)
    if warmup <= 5:
        assert back == s.constant(7, 1.0, warmup=warmup)
    said = " ".join(notes)
    assert ("1 is assumed from the end of the warmup" in said) == (warmup < 4)
    assert ("longer than the 4 steps" in said) == (warmup > 5)


@pytest.mark.parametrize("warmup", [None, 0, 1, 3, 50])
def test_a_rate_logged_in_update_0_stands(warmup: int | None) -> None:
    lr = np.array([0.1, 0.2, 1.0])
    back, notes = rebuild_schedule(np.arange(3), lr, warmup=warmup)
    assert back.lr.tolist() == lr.tolist()
    assert not [note for note in notes if "assumed" in note]


def test_one_row_is_enough() -> None:
    assert rebuild_schedule(np.array([0]), np.array([1.0]))[0] == Schedule([1.0])
    assert rebuild_schedule(np.array([2]), np.array([1.0]))[0] == Schedule([0, 0.5, 1], 3)


def test_rates_that_are_no_schedule_are_refused() -> None:
    with pytest.raises(ScheduleError, match="all 4 learning rates are 0"):
        rebuild_schedule(np.array([1, 3]), np.zeros(2))
    with pytest.raises(DataError, match="counted in tokens or samples"):
        rebuild_schedule(np.array([1, 10**12]), np.ones(2))
