"""The contract of the power sums: fast equals exact to 1e-9, and exact equals 50-digit sums."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mplfit.compiled import kernel
from mplfit.powersum import exact, fast, multipole
from mplfit.powersum.elementary import exp, log
from mplfit.powersum.terms import LOG, PLAIN, STEEP
from mplfit.schedule import cumulative
from tests.random_schedules import rates

pytestmark = pytest.mark.portable

# Every kind, of every row: the kernels take rows by fours.
EVERY = ((0, PLAIN), (3, PLAIN), (1, LOG), (2, LOG), (0, STEEP), (3, STEEP))


def problem(lr, gamma, C, p, targets):
    """The sums of the Multi-Power Law for a schedule, as the law sets them up."""
    lr = lr[lr > 0]
    S = cumulative(lr)
    c = lr[1:] ** gamma / C
    drop = lr[:-1] - lr[1:]
    charges = np.array([drop * c**p, drop, drop * c, drop * c ** (p + 1)])
    step = np.unique(np.linspace(1, lr.size - 1, targets).astype(int))
    return S[step], step, S[:-1], c, charges, p


def worst(got, wanted):
    """The largest error of each sum, relative to its largest value."""
    scale = np.abs(wanted).max(axis=1)
    return np.max(np.abs(got - wanted).max(axis=1) / np.where(scale > 0, scale, 1))


def fast_error(x, count, s, c, charges, p):
    """The largest error of each fast sum, relative to its largest value.

    Where terms cancel to less than their own rounding, no exact sum is truer: eight units in the
    last place of Σ|q|·d^-p do not count.
    """
    got, wanted, terms = (
        sums(x, count, s, c, q, p, EVERY)
        for sums, q in (
            (fast.power_sums, charges),
            (exact.power_sums, charges),
            (exact.power_sums, np.abs(charges)),
        )
    )
    rounding = 8 * np.finfo(float).eps * np.abs(terms).max(axis=1, keepdims=True)
    off = np.maximum(np.abs(got - wanted) - rounding, 0)
    return worst(wanted + off, wanted)


@settings(max_examples=150, deadline=None)
@example(lr=np.array([1, 1, 1e-4, 1, 1]), gamma=1.0, C=9463.0, p=0.01, share=0.5)
@given(
    lr=rates(),
    gamma=st.floats(0.05, 2.0),
    C=st.floats(0.01, 1e4),
    p=st.floats(0.01, 5.0),
    share=st.floats(0.001, 1.0),
)
def test_fast_equals_exact(lr, gamma, C, p, share):
    if np.count_nonzero(lr) < 3:
        return
    arguments = problem(lr, gamma, C, p, max(2, int(share * lr.size)))
    assert fast_error(*arguments) <= 1e-9


@pytest.mark.parametrize("p", [0.01, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("targets", [3, 170, 10**6])
def test_fast_equals_exact_on_a_long_cosine(p, targets):
    steps = 5000
    lr = 1.5e-4 * (1 + np.cos(np.pi * np.arange(steps) / steps)) + 1e-12
    lr[:500] = np.linspace(0, 3e-4, 500)
    arguments = problem(lr, 0.64, 500.0, p, min(targets, steps - 1))
    assert fast_error(*arguments) <= 1e-9


@pytest.mark.slow
def test_fast_equals_exact_at_a_hundred_thousand_steps():
    rng = np.random.default_rng(5)
    steps = 100_000
    lr = 10 ** (-3.5 + np.cumsum(rng.normal(0, 0.01, steps)) - 6 * np.linspace(0, 1, steps) ** 4)
    lr[40_000:40_500] = 1e-12
    arguments = problem(lr, 0.64, 500.0, 0.6, 300)
    assert fast_error(*arguments) <= 1e-9


@settings(max_examples=25, deadline=None)
@given(lr=rates(max_steps=60), p=st.floats(0.01, 5.0), gamma=st.floats(0.05, 2.0))
def test_exact_equals_fifty_digits(lr, p, gamma):
    if np.count_nonzero(lr) < 3:
        return
    x, count, s, c, charges, p = problem(lr, gamma, 100.0, p, 4)
    got = exact.power_sums(x, count, s, c, charges, p, EVERY)
    with mpmath.workdps(50):
        wanted = np.zeros_like(got)
        for j in range(x.size):
            sums = [mpmath.mpf(0)] * len(EVERY)
            for k in range(count[j]):
                d = mpmath.mpf(x[j]) - mpmath.mpf(s[k]) + mpmath.mpf(c[k])
                kernels = {PLAIN: d**-p, LOG: d**-p * mpmath.log(d), STEEP: d ** (-p - 1)}
                for i, (row, kind) in enumerate(EVERY):
                    sums[i] += mpmath.mpf(charges[row, k]) * kernels[kind]
            wanted[:, j] = [float(value) for value in sums]
    assert worst(got, wanted) <= 1e-12


def test_targets_see_their_past_alone():
    x, count = np.array([1.0, 1.0, 1.0]), np.array([0, 1, 2])
    s, c, charges = np.array([0.0, 1.0]), np.array([1.0, 1.0]), np.array([[2.0, 3.0]])
    for sums in (exact, fast):
        assert sums.power_sums(x, count, s, c, charges, 1.0).tolist() == [[0.0, 1.0, 4.0]]


def test_no_target_and_no_source_are_fine():
    none = np.empty(0)
    for sums in (exact, fast):
        one = sums.power_sums(np.ones(2), np.zeros(2, int), none, none, np.empty((1, 0)), 1.0)
        assert one.tolist() == [[0.0, 0.0]]
        no = sums.power_sums(none, np.empty(0, int), np.ones(1), np.ones(1), np.ones((1, 1)), 1.0)
        assert no.shape == (1, 0)


def test_offsets_far_larger_than_the_positions():
    """A tiny C makes every offset exceed the whole S: sources then lie far to the left."""
    lr = np.linspace(1e-3, 1e-6, 3000)
    arguments = problem(lr, 0.6, 1e-4, 0.5, 200)
    assert fast_error(*arguments) <= 1e-9


def test_the_exact_sum_imports_nothing_from_the_fast_one():
    import ast
    import inspect

    modules = {
        node.module
        for node in ast.walk(ast.parse(inspect.getsource(exact)))
        if hasattr(node, "module")
    }
    assert not any("fast" in (name or "") or "numba" in (name or "") for name in modules)


@pytest.mark.parametrize("seed", range(40))
def test_fast_equals_exact_where_a_steady_rate_decays_to_almost_nothing(seed):
    """Positions differ by their last digits there: a compiler that reorders differences fails."""
    rng = np.random.default_rng(seed)
    end = 10 ** rng.uniform(-12, -6)
    steady, decay = rng.integers(5, 300), rng.integers(20, 500)
    lr = np.concatenate([np.ones(steady), np.geomspace(1, end, decay)])
    C, gamma, p = 10 ** rng.uniform(-2, 4), rng.uniform(0.05, 2.0), rng.uniform(0.5, 5.0)
    arguments = problem(lr, gamma, C, p, max(2, int(rng.uniform(0.01, 1) * lr.size)))
    assert fast_error(*arguments) <= 1e-9


def test_the_kernels_are_compiled_once():
    """An array that may not be written is another type to numba, and compiling takes seconds."""
    s, count = np.array([0.0, 1.0]), np.array([1, 2])
    for writeable in (True, False):
        count.flags.writeable = s.flags.writeable = writeable
        fast.power_sums(s + 1, count, s, s + 1, np.ones((1, 2)), 2.0)
    for compiled in (multipole.gather, multipole.interact, multipole.spread):
        assert len(compiled.signatures) <= 1


@kernel
def _elementary(x, y, ln, power):
    for k in range(len(x)):
        ln[k], power[k] = log(x[k]), exp(y[k])


def test_ln_and_exp_are_true_to_the_last_digits():
    rng = np.random.default_rng(0)
    x = np.exp(np.concatenate([rng.uniform(-700, 700, 500), rng.uniform(-0.2, 0.2, 500)]))
    y = rng.uniform(-708, 709, 1000)
    ln, power = np.empty(1000), np.empty(1000)
    _elementary(x, y, ln, power)
    with mpmath.workdps(30):
        for k in range(1000):
            true = mpmath.log(x[k])
            assert abs(ln[k] - true) <= 4e-16 * abs(true)
            assert abs(power[k] / mpmath.exp(y[k]) - 1) <= 5e-16
