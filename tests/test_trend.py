"""What logged rates tell of the updates before the first row and after the last."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mplfit.curve import rebuild_schedule
from mplfit.trend import trend_of
from mplfit.types import FloatArray


def rates(form: str, total: int, warmup: int, peak: float, floor: float = 0.0) -> FloatArray:
    """As Hugging Face makes them: up to the peak in update `warmup`, then down to the floor."""
    t = np.arange(total)
    x = np.maximum(t - warmup, 0) / (total - warmup)
    fall = {"linear": 1 - x, "cosine": (1 + np.cos(np.pi * x)) / 2, "constant": 1 + 0 * x}[form]
    lr: FloatArray = np.where(t < warmup, peak * t / max(warmup, 1), floor + (peak - floor) * fall)
    return lr


@pytest.mark.parametrize("form", ["linear", "cosine"])
@pytest.mark.parametrize("total", [None, 5490])
@pytest.mark.parametrize(
    ("warmup", "peak", "floor"),
    [(0, 2e-5, 0.0), (165, 2e-5, 0.0), (499, 1.5e-4, 0.0), (300, 3e-4, 3e-5), (110, 2.5e-4, 0.0)],
)
def test_a_fall_from_the_first_row_on_is_followed_back(
    form: str, total: int | None, warmup: int, peak: float, floor: float
) -> None:
    exact = rates(form, 5490, warmup, peak, floor)
    rows = np.arange(499, 5490, 500)
    back, notes = rebuild_schedule(rows, exact[rows], total=total)
    assert back.warmup == (warmup + 1 if warmup else 0)
    assert np.abs(back.lr[:500] - exact[:500]).max() < 1e-6 * peak
    assert back.peak == pytest.approx(peak, rel=1e-6)
    said = " | ".join(notes)
    assert "the rates fall from the first on, on a " in said
    assert "over the first 500 updates is assumed" not in said
    if total is None:
        assert back.steps == 5000
    else:
        assert np.abs(back.lr[5000:] - exact[5000:]).max() < 1e-6 * peak
        assert f"the run was set to 5490 updates: the {form} decay goes on to its end" in said


@given(
    st.integers(2000, 30000), st.floats(0, 0.1), st.sampled_from([1e-3, 6e-4, 2e-5, 1.2e-4]),
    st.sampled_from(["linear", "cosine"]), st.integers(12, 60),
)  # fmt: skip
def test_the_warmup_of_a_round_peak_comes_back(
    total: int, share: float, peak: float, form: str, count: int
) -> None:
    exact = rates(form, total, int(share * total), peak)
    rows = np.arange(total // 10, total, total // count)
    trend = trend_of(rows, exact[rows])
    assert trend is not None
    assert trend.form == form
    assert np.allclose(trend(rows), exact[rows], rtol=0, atol=1e-3 * peak)
    back, _ = rebuild_schedule(rows, exact[rows], total=total)
    assert exact[rows].max() <= back.peak <= peak * total / (total - int(share * total)) * 1.001
    if form == "cosine" or peak != 1.2e-4:  # 1.2 is less round than 1.25 and 1.5
        assert back.peak == pytest.approx(peak, rel=2e-3)


def test_a_warmup_that_is_told_stands_before_the_fall() -> None:
    exact = rates("linear", 5490, 199, 2e-5)
    rows = np.arange(499, 5490, 500)
    back, notes = rebuild_schedule(rows, exact[rows], warmup=200)
    assert np.allclose(back.lr[:500], exact[:500], rtol=0, atol=1e-12)
    assert "after the warmup of 200 updates" in " ".join(notes)


def test_rates_that_do_not_fall_all_along_have_no_trend() -> None:
    at = np.arange(10, 200, 10)
    for lr in (
        np.ones(at.size),
        np.linspace(0.1, 1, at.size),
        np.r_[1, 1, np.linspace(1, 0.1, at.size - 2)],
        1 / np.sqrt(at),
        np.exp(-at / 50.0),
    ):
        assert trend_of(at, lr) is None
    assert trend_of(at[:2], np.array([1.0, 0.5])) is None


def test_rates_that_rise_on_a_line_are_followed_back_to_update_0() -> None:
    exact = 1e-3 * np.minimum(0.01 + 0.99 * np.arange(200) / 50, 1.0)
    rows = np.arange(9, 200, 10)
    back, notes = rebuild_schedule(rows, exact[rows])
    assert np.allclose(back.lr[:40], exact[:40], rtol=1e-9)
    assert "the line through the first rates, from 1e-05 in update 0, is assumed" in " ".join(notes)


def test_a_fall_of_no_known_form_is_followed_for_two_gaps_only() -> None:
    rows = np.arange(20, 200, 10)
    lr = np.exp(-rows / 50.0)
    back, notes = rebuild_schedule(rows, lr)
    assert back.lr[0] == pytest.approx(lr[0] + 2 * (lr[0] - lr[1]))
    assert "the line through the first two" in " ".join(notes)
    assert rebuild_schedule(rows + 10, lr)[0].lr[0] == 0


def test_the_end_of_a_run_is_taken_from_its_last_rates_or_left_open() -> None:
    rows = np.arange(9, 100, 10)
    flat = np.ones(rows.size)
    assert rebuild_schedule(rows, flat, total=105)[0].lr[100:].tolist() == [1.0] * 5
    wsd = np.r_[np.ones(5), 0.9, 0.7, 0.5, 0.3, 0.1]
    back, notes = rebuild_schedule(rows, wsd, total=105)
    assert np.allclose(back.lr[100:], [0.08, 0.06, 0.04, 0.02, 0.0], atol=1e-12)
    assert "the last rates' line goes on" in " ".join(notes)
    back, notes = rebuild_schedule(rows, flat, total=400)
    assert back.steps == 100
    assert "set to 400 updates, but the rates after step 99 are not known" in " ".join(notes)


def test_the_beginning_that_is_known_stands() -> None:
    begin = np.r_[np.linspace(0.1, 1, 10), np.ones(30)]
    rows = np.arange(45, 90, 5)
    back, notes = rebuild_schedule(rows, np.linspace(0.95, 0.15, rows.size), begin=begin)
    assert back.lr[:40].tolist() == begin.tolist()
    assert np.all(np.diff(back.lr[39:]) < 0)
    assert back.warmup == 9
    assert "the rates of the first 40 updates are not logged" in " ".join(notes)
    stage, _ = rebuild_schedule(rows, np.full(rows.size, 0.5), begin=begin)
    assert stage.lr[39:46].tolist() == [1.0] + [0.5] * 6
