"""The bounds against 50-digit evaluations, the published formula and the published numbers."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mplfit import schedule as schedules
from mplfit.bounds import (
    average_bound,
    average_bound_curve,
    best_base,
    best_base_curve,
    bound,
    bound_curve,
    bound_gradient,
    bound_terms,
    last_positive,
)
from mplfit.errors import DataError, FitError, ScheduleError
from mplfit.plan.search import search_schedule
from mplfit.schedule.spec import parse_schedule
from tests.random_schedules import rates
from tests.study.published_order import published_order

pytestmark = pytest.mark.portable


def published(lr, t, D, G):
    """Theorem 1 of arXiv:2501.18965, letter for letter, in 50 digits."""
    with mpmath.workdps(50):
        eta = [mpmath.mpf(float(rate)) for rate in lr[:t]]
        energy = [rate**2 * mpmath.mpf(float(g)) ** 2 for rate, g in zip(eta, G, strict=False)]
        if eta[-1] == 0:
            return mpmath.inf
        total = mpmath.fsum(eta)
        value = mpmath.mpf(D) ** 2 / (2 * total) + mpmath.fsum(energy) / (2 * total)
        for k in range(t - 1):
            later, now = mpmath.fsum(eta[k + 1 :]), mpmath.fsum(eta[k:])
            if eta[k]:
                value += eta[k] / later * mpmath.fsum(energy[k:]) / now / 2
        return value


def single_sum(lr, D, G):
    """The single sum of positive terms at every t, in 50 digits."""
    with mpmath.workdps(50):
        eta = [mpmath.mpf(float(rate)) for rate in lr]
        energy = [rate**2 * mpmath.mpf(float(g)) ** 2 for rate, g in zip(eta, G, strict=True)]
        values = []
        for t in range(1, len(eta) + 1):
            if eta[t - 1] == 0:
                values.append(np.inf)
                continue
            total, ahead = energy[t - 1] / eta[t - 1], mpmath.mpf(0)
            for k in range(t - 2, -1, -1):
                ahead += eta[k + 1]
                total += energy[k] / ahead
            values.append(float((mpmath.mpf(D) ** 2 / (ahead + eta[0]) + total) / 2))
        return np.array(values)


def relative(got, wanted):
    assert np.array_equal(np.isinf(got), np.isinf(wanted))
    finite = np.isfinite(wanted)
    return np.max(np.abs(got[finite] / wanted[finite] - 1), initial=0.0)


HARD = {
    "cosine to 0": schedules.cosine(400, 1.0).lr,
    "quadratic to 0": schedules.polynomial(300, 1.0, power=4.0).lr,
    "cliff of 15 digits": np.r_[np.ones(100), 1e-15, np.full(30, 1e-15), 1.0, 1.0],
    "warmup, zeros inside": np.r_[np.linspace(0, 1, 20), 0, 0, np.ones(20), 0, 1e-9, 1e-12],
    "two cycles": np.tile(schedules.cosine(90, 1e-3).lr, 2),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("exact", [True, False])
def test_the_curve_equals_fifty_digits_and_loses_none_at_the_end(name, exact):
    lr = HARD[name]
    G = 1 + 0.5 * np.sin(np.arange(lr.size))
    wanted = single_sum(lr, 2.0, G)
    assert relative(bound_curve(lr, D=2.0, G=G, exact=exact), wanted) < 1e-11
    for t in (1, lr.size // 2, lr.size - 1, lr.size):
        assert bound(lr, D=2.0, G=G, at=t) == pytest.approx(wanted[t - 1], rel=2e-14)


@pytest.mark.parametrize("name", HARD)
def test_the_single_sum_is_the_published_formula(name):
    lr = HARD[name][-60:]
    G = 2 + np.cos(np.arange(lr.size))
    for t in (1, 2, 31, lr.size):
        wanted = published(lr, t, 1.5, G)
        assert bound(lr, D=1.5, G=G, at=t) == pytest.approx(float(wanted), rel=1e-13)
        assert sum(bound_terms(lr, D=1.5, G=G, at=t)) == pytest.approx(float(wanted), rel=1e-13)


@settings(max_examples=60, deadline=None)
@given(lr=rates(max_steps=600), D=st.floats(1e-3, 1e3), size=st.floats(1e-3, 1e3))
def test_fast_equals_exact(lr, D, size):
    G = size * (1 + np.abs(np.sin(np.arange(lr.size))))
    exact = bound_curve(lr, D=D, G=G, exact=True)
    assert relative(bound_curve(lr, D=D, G=G), exact) <= 1e-9
    last = last_positive(lr)
    assert bound(lr, D=D, G=G, at=last) == pytest.approx(exact[last - 1], rel=1e-11)
    rate, least = best_base_curve(lr, D=D, G=G)
    best = best_base(lr, D=D, G=G, at=last)
    assert (best.rate, best.bound) == pytest.approx((rate[last - 1], least[last - 1]), rel=1e-9)


@pytest.mark.parametrize("make", [schedules.linear, schedules.cosine, schedules.constant])
def test_fast_equals_exact_on_a_long_schedule(make):
    lr = make(6000, 1e-3).lr
    exact = bound_curve(lr, exact=True)
    assert relative(bound_curve(lr), exact) < 1e-11


def test_the_published_form_loses_digits_where_this_does_not():
    """The authors' order of operations: suffix sums as differences of prefix sums."""
    lr, t = schedules.cosine(400, 1.0).lr, 400
    total, energy = lr.sum(), lr**2
    alpha = total - lr.cumsum()
    gamma = energy.sum() - energy.cumsum() + energy
    naive = 0.5 * (1 / total + energy.sum() / total)
    naive += 0.5 * (lr / np.where(alpha == 0, 1, alpha) * gamma / (alpha + lr))[: t - 1].sum()
    wanted = float(published(lr, t, 1.0, np.ones(t)))
    assert abs(naive / wanted - 1) > 1e-11
    assert abs(bound(lr) / wanted - 1) < 1e-15 * 4
    assert abs(bound_curve(lr)[-1] / wanted - 1) < 1e-12


PUBLISHED = {
    "constant:steps=400,peak=1,zero=yes": ("0.0181759", "0.1375448"),
    "wsdld:steps=401,peak=1,decay=81,endpoint=yes": ("0.0253737", "0.1093230"),
    "wsdld:steps=400,peak=1,decay=0.2,zero=yes": ("0.0253737", "0.1093230"),
    "sqrt:steps=401,peak=1,decay=81,endpoint=yes": ("0.0268461", "0.1072881"),
    "linear:steps=401,peak=1,endpoint=yes": ("0.0495631", "0.1006299"),
    "cosine:steps=401,peak=1,endpoint=yes": ("0.0482419", "0.1033859"),
    "inverse-sqrt:steps=401,peak=1,decay=81,endpoint=yes": ("0.2512581", "0.1087270"),
}


@pytest.mark.parametrize("spec", PUBLISHED)
def test_published_best_rates_and_bounds_to_the_last_digit(spec):
    schedule = parse_schedule(spec)
    assert schedule.steps == 401
    assert schedule.lr[-1] == 0
    best = best_base(schedule.lr, at=400)
    assert (f"{best.rate:.7f}", f"{best.bound:.7f}") == PUBLISHED[spec]
    rate, least = best_base_curve(schedule.lr)
    assert (f"{rate[399]:.7f}", f"{least[399]:.7f}") == PUBLISHED[spec]
    scaled = best.rate * schedule.lr
    assert bound(scaled, at=400) == pytest.approx(best.bound, rel=1e-14)
    for other in (0.9, 1.1):
        assert bound(other * scaled, at=400) > best.bound


@pytest.mark.parametrize(("gamma", "t", "G", "D"), [(0.3, 1, 1.0, 1.0), (2e-3, 250, 3.0, 0.5)])
def test_the_terms_of_the_constant_schedule(gamma, t, G, D):
    terms = bound_terms(np.full(300, gamma), D=D, G=G, at=t)
    harmonic = sum(1 / k for k in range(1, t))
    assert terms == pytest.approx(
        (D**2 / (2 * gamma * t), gamma * G**2 / 2, gamma / 2 * G**2 * harmonic), rel=1e-14
    )


def test_the_standard_rate_of_the_average_iterate():
    lr, G = schedules.wsdld(50, 0.2, decay=10).lr, np.linspace(1, 2, 50)
    wanted = (4 + np.cumsum(lr**2 * G**2)) / (2 * np.cumsum(lr))
    assert average_bound_curve(lr, D=2.0, G=G) == pytest.approx(wanted, rel=1e-14)
    assert average_bound(lr, D=2.0, G=G, at=30) == pytest.approx(wanted[29], rel=1e-14)
    best = best_base(lr, D=2.0, G=G, average=True)
    assert best.rate == pytest.approx(2 / np.sqrt(np.sum(lr**2 * G**2)), rel=1e-14)
    assert average_bound(best.rate * lr, D=2.0, G=G) == pytest.approx(best.bound, rel=1e-14)
    assert average_bound_curve(np.r_[0.0, lr])[0] == np.inf


@settings(max_examples=40, deadline=None)
@given(lr=rates(max_steps=80), seed=st.integers(0, 99))
def test_the_gradient_equals_a_complex_step(lr, seed):
    lr = lr[: last_positive(lr)]
    G = 1 + np.random.default_rng(seed).random(lr.size)
    value, gradient = bound_gradient(lr, D=1.3, G=G)
    assert value == pytest.approx(bound(lr, D=1.3, G=G), rel=1e-13)
    for k in np.unique(np.linspace(0, lr.size - 1, 7).astype(int)):
        eta = lr.astype(complex)
        h = 1e-30 * max(lr[k], 1e-3)
        eta[k] += 1j * h
        ahead = np.cumsum(eta[::-1])[::-1]
        omega = 1.3**2 / ahead[0] + eta[-1] * G[-1] ** 2
        omega += np.sum(eta[:-1] ** 2 * G[:-1] ** 2 / ahead[1:])
        wanted = 0.5 * omega.imag / h
        scale = 0.5 * np.abs(gradient).max()
        assert gradient[k] == pytest.approx(wanted, rel=1e-9, abs=1e-12 * scale)


def test_the_gradient_equals_differences_of_fifty_digits():
    lr, G = schedules.cosine(40, 1.0).lr, 1 + np.arange(40) / 40
    _, gradient = bound_gradient(lr, G=G)
    for k in (0, 20, 38, 39):
        with mpmath.workdps(50):
            eta = [mpmath.mpf(float(rate)) for rate in lr]

            def value(x, eta=eta, k=k):
                moved = [*eta[:k], x, *eta[k + 1 :]]
                total = 1 / mpmath.fsum(moved) + moved[-1] * mpmath.mpf(float(G[-1])) ** 2
                for i in range(39):
                    energy = (moved[i] * mpmath.mpf(float(G[i]))) ** 2
                    total += energy / mpmath.fsum(moved[i + 1 :])
                return total / 2

            wanted = float(mpmath.diff(value, eta[k]))
        assert gradient[k] == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("steps", [200, 1000])
def test_minimising_the_bound_over_all_schedules_gives_linear_decay(steps):
    """To the last step, that is: the last few rates end a few γ/T higher, a gain of O(1/T)."""
    linear = best_base(schedules.linear(steps, 1.0).lr)
    found = search_schedule(
        bound_gradient,
        steps=steps,
        warmup=0,
        peak=(linear.rate / 10, 10 * linear.rate),
        minimum=0.3 * linear.rate / steps,
        knots=24,
    )
    assert found.converged
    assert max(found.starts) < min(found.starts) * (1 + 1e-6)
    assert 0 <= 1 - found.loss / linear.bound < 1.5 / steps
    wanted = schedules.linear(steps, linear.rate).lr
    assert np.max(np.abs(found.schedule.lr - wanted)) < 5 / steps * linear.rate


def test_scaling_the_distance_and_the_norms():
    lr = schedules.wsdld(100, 0.1, decay=20).lr
    at_one = best_base(lr)
    scaled = best_base(lr, D=3.0, G=0.5)
    assert scaled.rate == pytest.approx(6 * at_one.rate, rel=1e-14)
    assert scaled.bound == pytest.approx(1.5 * at_one.bound, rel=1e-14)


def test_zero_rates():
    lr = [0.0, 0.0, 1.0, 0.0, 2.0]
    assert np.isinf(bound_curve(lr)).tolist() == [True, True, False, True, False]
    assert bound(lr, at=4) == np.inf
    assert bound_terms(lr, at=4).last == np.inf
    assert bound_curve(lr)[-1] == pytest.approx(bound([1.0, 2.0]))  # zeros change nothing
    rate, least = best_base_curve(lr)
    assert np.isnan(rate[0])
    assert np.isinf(least[0])
    assert rate[-1] == pytest.approx(best_base([1.0, 2.0]).rate)


def test_norms_that_vanish_for_a_while():
    rate, least = best_base_curve([1.0, 1.0], G=[0.0, 1.0])
    assert rate[0] == np.inf
    assert least[0] == 0
    assert bound_curve([1.0, 1.0], G=[0.0, 1.0])[0] == 0.5


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: bound([0.0, 0.0]), ScheduleError, "all 2 learning rates are 0"),
        (lambda: bound([1.0, -1.0]), ScheduleError, "the rate of step 1 is -1"),
        (lambda: bound([1.0, np.nan]), ScheduleError, "the rate of step 1 is nan"),
        (lambda: bound([]), ScheduleError, "1-D array"),
        (lambda: bound([1.0], at=2), ScheduleError, "after 2 updates was asked for"),
        (lambda: bound([1.0], at=0), ScheduleError, "from 1 to 1"),
        (lambda: bound_curve([1.0, 1.0], G=[1.0, np.nan]), DataError, "the one of step 1 is nan"),
        (lambda: bound_curve([1.0, 1.0], G=-1.0), DataError, "the one is -1"),
        (lambda: bound_curve([1.0, 1.0], G=[1.0]), DataError, "one for each of the 2 updates"),
        (lambda: bound_curve([1.0, 1.0], G=0.0), DataError, "all gradient norms are 0"),
        (lambda: bound([1.0], D=0.0), FitError, "must be positive and finite, got 0"),
        (lambda: bound_gradient([1.0, 0.0]), ScheduleError, "last positive rate is that of step 0"),
    ],
)
def test_bad_input_gets_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


def test_the_published_order_of_operations_loses_digits_where_ours_does_not():
    """bounds/README.md: by rounding, so that the worst of some lengths is bounded, not each."""
    short = schedules.cosine(50, 1.0).lr
    assert published_order(short) == pytest.approx(bound(short), rel=1e-11)
    off = []
    for steps in range(20_000, 60_001, 5_000):
        lr = schedules.cosine(steps, 1.0).lr
        ahead = np.cumsum(lr[::-1].astype(np.longdouble))[::-1]
        wanted = 0.5 * (1 / ahead[0] + lr[-1] + np.sum(lr[:-1] ** 2 / ahead[1:]))
        assert bound(lr) == pytest.approx(float(wanted), rel=1e-13)
        off.append(abs(published_order(lr) / bound(lr) - 1))
    assert 1e-4 < max(off) < 10
