"""Every backward against finite differences in float64; the compiled ones against the plain."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit.lab import fused, ops

RNG = np.random.default_rng(7)


def normal(*shape):
    return RNG.standard_normal(shape)


def slope(value, x, direction, h=1e-6):
    """d value / d x along a direction, by central differences; x is changed in place."""
    kept = x.copy()
    x += h * direction
    high = value()
    x[...] = kept - h * direction
    low = value()
    x[...] = kept
    return (high - low) / (2 * h)


def check(value, x, gradient):
    for _ in range(3):
        direction = normal(*x.shape)
        numeric = slope(value, x, direction)
        assert float((gradient * direction).sum()) == pytest.approx(numeric, rel=1e-6, abs=1e-8)


def test_linear():
    x, w, b, weight = normal(6, 4), normal(4, 3), normal(3), normal(6, 3)

    def value():
        return float((ops.linear_forward(x, w, b) * weight).sum())

    dw, db = np.empty_like(w), np.empty_like(b)
    dx = ops.linear_backward(weight, x, w, dw, db)
    for one, gradient in ((x, dx), (w, dw), (b, db)):
        check(value, one, gradient)


def test_embedding_sums_over_repeated_tokens():
    table, tokens, weight = normal(5, 3), np.array([4, 0, 4, 4, 2]), normal(5, 3)

    def value():
        return float((ops.embedding_forward(tokens, table) * weight).sum())

    gradient = np.full_like(table, np.nan)
    ops.embedding_backward(weight, tokens, gradient)
    check(value, table, gradient)
    assert not gradient[[1, 3]].any()


@pytest.mark.parametrize("biased", [True, False])
def test_layer_norm(biased):
    x, gain, bias, weight = normal(5, 8), normal(8), normal(8) if biased else None, normal(5, 8)

    def value():
        return float((ops.layer_norm_forward(x, gain, bias)[0] * weight).sum())

    _, cache = ops.layer_norm_forward(x, gain, bias)
    dgain, dbias = np.empty(8), np.empty(8) if biased else None
    dx = ops.layer_norm_backward(weight, cache, gain, dgain, dbias)
    check(value, x, dx)
    check(value, gain, dgain)
    if biased:
        check(value, bias, dbias)


def test_gelu():
    x, weight = 3 * normal(40, 3), normal(40, 3)

    def value():
        return float((ops.gelu_forward(x)[0] * weight).sum())

    check(value, x, ops.gelu_backward(weight, ops.gelu_forward(x)[1]))


@pytest.mark.parametrize("dropped", [False, True])
def test_attention(dropped):
    qkv, weight = normal(2 * 5, 3 * 6), normal(10, 6)
    kept = None
    if dropped:
        kept = ops.dropout_factors((2, 3, 5, 5), float, 0.4, np.random.default_rng(3))

    def value():
        return float((ops.attention_forward(qkv, 2, 3, 0.7, kept)[0] * weight).sum())

    _, cache = ops.attention_forward(qkv, 2, 3, 0.7, kept)
    check(value, qkv, ops.attention_backward(weight, cache, 2, 3, 0.7))


def test_attention_looks_back_only():
    qkv = normal(6, 3 * 4)
    before, _ = ops.attention_forward(qkv, 1, 2, 0.5)
    qkv[4:] += 1
    after, _ = ops.attention_forward(qkv, 1, 2, 0.5)
    assert np.array_equal(before[:4], after[:4])
    assert not np.array_equal(before[4:], after[4:])


def test_cross_entropy():
    logits, targets = 4 * normal(7, 5), RNG.integers(0, 5, 7)

    def value():
        return ops.cross_entropy_forward(logits, targets)[0]

    _, cache = ops.cross_entropy_forward(logits, targets)
    check(value, logits, ops.cross_entropy_backward(cache))
    assert ops.cross_entropy_forward(np.zeros((3, 256)), np.array([0, 1, 2]))[0] == pytest.approx(
        np.log(256)
    )


def test_absolute_counts_only_what_counts():
    outputs, targets, counted = normal(8, 1), normal(8), np.tile([1.0, 0.0], 4)

    def value():
        return ops.absolute_forward(outputs, targets, counted)[0]

    _, cache = ops.absolute_forward(outputs, targets, counted)
    gradient = ops.absolute_backward(cache)
    check(value, outputs, gradient)
    assert not gradient[1::2].any()
    assert value() == pytest.approx(np.abs(outputs[::2, 0] - targets[::2]).mean())


def test_dropout_keeps_the_mean_and_its_backward_is_the_same_mask():
    y, kept = ops.dropout_forward(np.ones((200, 200)), 0.3, np.random.default_rng(0))
    assert y.mean() == pytest.approx(1, abs=0.01)
    assert set(np.unique(y).round(6)) == {0.0, round(1 / 0.7, 6)}
    assert np.array_equal(ops.dropout_backward(np.ones_like(y), kept), y)


def f32(values):
    return np.ascontiguousarray(values, dtype=np.float32)


def close(plain, compiled, tolerance=3e-6):
    assert compiled.dtype == np.float32
    assert np.abs(plain - compiled).max() <= tolerance * np.abs(plain).max()


@pytest.mark.parametrize("width", [1, 5, 24, 64, 100])
def test_compiled_layer_norm_is_the_plain_one(width):
    x, dy = f32(normal(50, width)), f32(normal(50, width))
    gain, bias = f32(normal(width)), f32(normal(width))
    want, cache = ops.layer_norm_forward(x.astype(float), gain, bias)
    got, compiled = fused.layer_norm_forward(x, gain, bias)
    close(want, got)
    dgain, dbias = np.empty(width), np.empty(width)
    dg, db = np.empty_like(gain), np.empty_like(bias)
    dx = ops.layer_norm_backward(dy, cache, gain, dgain, dbias)
    found = fused.layer_norm_backward(dy, compiled, gain, dg, db)
    if width > 1:
        close(dx, found, 1e-5)
        close(dgain, dg)
    close(dbias, db, 2e-5)


def test_compiled_gelu_is_the_plain_one_everywhere():
    x = np.concatenate([np.linspace(-30, 30, 20001), [0.0, 1e-30, -1e-30, 1e3, -1e3]])[:, None]
    want, cache = ops.gelu_forward(x)
    got, compiled = fused.gelu_forward(f32(x))
    assert np.abs(want - got).max() <= 1e-6 * 1e3
    near = np.abs(x) < 6
    assert np.abs(want - got)[near].max() < 1e-6
    dx = ops.gelu_backward(np.ones_like(x), cache)
    found = fused.gelu_backward(np.ones_like(got), compiled)
    assert np.abs(dx - found)[near].max() < 2e-5
    assert np.abs(dx - found)[np.abs(x) < 30].max() < 1e-3


@pytest.mark.parametrize("length", [1, 7, 16, 33, 64])
def test_compiled_attention_is_the_plain_one(length):
    qkv, dy = f32(2 * normal(3 * length, 3 * 8)), f32(normal(3 * length, 8))
    kept = fused.dropout_factors((3, 2, length, length), np.float32, 0.3, np.random.default_rng(0))
    want, cache = ops.attention_forward(qkv.astype(float), 3, 2, 0.5, kept)
    got, compiled = fused.attention_forward(qkv, 3, 2, 0.5, kept)
    close(want, got)
    dqkv = ops.attention_backward(dy.astype(float), cache, 3, 2, 0.5)
    close(dqkv, fused.attention_backward(dy, compiled, 3, 2, 0.5), 2e-5)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_compiled_cross_entropy_is_the_plain_one(scale):
    logits, targets = f32(scale * normal(40, 11)), RNG.integers(0, 11, 40)
    want, cache = ops.cross_entropy_forward(logits.astype(float), targets)
    got, compiled = fused.cross_entropy_forward(logits.copy(), targets)
    assert got == pytest.approx(want, rel=2e-6)
    close(ops.cross_entropy_backward(cache), fused.cross_entropy_backward(compiled))


def test_a_diverged_activation_stays_not_a_number():
    bad = f32([[np.nan, 1.0, 2.0], [1.0, 2.0, 3.0]])
    assert np.isnan(fused.gelu_forward(bad)[0][0, 0])
    assert not np.isfinite(fused.cross_entropy_forward(bad.copy(), np.array([0, 1]))[0])


def test_a_dropped_attention_weight_passes_nothing_on():
    qkv, kept = normal(4, 6), np.full((1, 1, 4, 4), 2.0)
    kept[..., 1] = 0
    before, _ = ops.attention_forward(qkv, 1, 1, 0.5, kept)
    qkv[1, 4:] += 1  # the value of the token that none looks at
    after, _ = ops.attention_forward(qkv, 1, 1, 0.5, kept)
    assert np.array_equal(before, after)
    plain, _ = ops.attention_forward(qkv, 1, 1, 0.5)
    assert after[0] == pytest.approx(2 * plain[0])
