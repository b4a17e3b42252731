"""The interpolated minimum, against plain polynomial fits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mplfit.sweeps.parabola import minimum


def test_three_rates_are_numpys_parabola():
    x, y = np.array([-7.0, -5.9, -4.8]), np.array([2.9, 2.7, 2.8])
    found = minimum(x, y[None, :], np.full(3, 0.01), 5)
    a, b, c = np.polyfit(x, y, 2)
    assert np.isclose(found.x[0], -b / (2 * a), rtol=1e-9)
    assert np.isclose(found.y[0], c - b * b / (4 * a), rtol=1e-9)
    assert found.reach[0] == 1
    assert np.isclose(found.curve[0], a)


@given(
    st.floats(-1.9, 1.9),
    st.floats(0.01, 3),
    st.floats(-20, 5),
    st.integers(5, 9),
)
def test_a_parabola_is_found_wherever_it_lies(vertex, curve, shift, count):
    x = np.arange(count) - count // 2 + shift
    found = minimum(x, (2 + curve * (x - vertex - shift) ** 2)[None, :], np.full(count, 0.01), 9)
    assert np.isclose(found.x[0], vertex + shift, atol=1e-6)
    assert np.isclose(found.y[0], 2, atol=1e-6)


def test_rows_do_not_know_of_each_other():
    generator = np.random.default_rng(0)
    x = np.arange(9.0)
    y = 3 + 0.1 * (x - 4.3) ** 2 + generator.normal(0, 0.2, (40, 9))
    together = minimum(x, y, np.full(9, 0.2), 20)
    for row in range(40):
        alone = minimum(x, y[row : row + 1], np.full(9, 0.2), 20)
        assert np.isclose(alone.x[0], together.x[row], rtol=1e-12)
        assert alone.reach[0] == together.reach[row]


def test_noise_widens_the_window_and_asymmetry_narrows_it():
    generator = np.random.default_rng(3)
    x = np.linspace(-2, 2, 21)
    noisy = 3 + 0.01 * x**2 + generator.normal(0, 0.02, (200, 21))
    wide = minimum(x, noisy, np.full(21, 0.02), 40)
    sharp = minimum(x, (3 + np.exp(3 * x) + np.exp(-x))[None, :], np.full(21, 1e-4), 40)
    assert np.median(wide.reach) >= 6
    assert sharp.reach[0] <= 3


def test_an_edge_has_no_parabola():
    x = np.arange(5.0)
    found = minimum(x, np.exp(-x)[None, :], np.full(5, 1e-6), 5)
    assert found.at[0] == 4
    assert found.reach[0] == 0
    assert found.x[0] == 4.0


@pytest.mark.parametrize(("rates", "reach", "lowest"), [(3, 0, 0.0), (4, 3, 0.4), (6, 5, 0.4)])
def test_at_an_end_four_rates_make_a_parabola(rates, reach, lowest):
    x = np.arange(float(rates))
    for sign in (1, -1):
        at = x if sign > 0 else -x[::-1]
        found = minimum(at, 3 + (at[None, :] - sign * 0.4) ** 2, np.full(rates, 0.01), 10)
        assert found.reach.tolist() == [reach]
        assert found.x == pytest.approx([sign * lowest], abs=1e-9)
        assert found.y == pytest.approx([3 if reach else 3.16])
