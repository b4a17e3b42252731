"""The operations of `mplfit.lab.ops`, the elementwise ones compiled; float32 only, for training.

Each makes one pass over memory where numpy makes ten. The matrix products stay BLAS's. tanh and
exp are a rational function and a polynomial (as in Eigen and Cephes, to a few units in the last
place of float32), because the compiler can put those into vector registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mplfit.compiled import kernel
from mplfit.lab.ops import (
    Array,
    absolute_backward,
    absolute_forward,
    dropout_backward,
    dropout_factors,
    dropout_forward,
    embedding_backward,
    embedding_forward,
    linear_backward,
    linear_forward,
)

__all__ = [
    "absolute_backward",
    "absolute_forward",
    "attention_backward",
    "attention_forward",
    "cross_entropy_backward",
    "cross_entropy_forward",
    "dropout_backward",
    "dropout_factors",
    "dropout_forward",
    "embedding_backward",
    "embedding_forward",
    "gelu_backward",
    "gelu_forward",
    "layer_norm_backward",
    "layer_norm_forward",
    "linear_backward",
    "linear_forward",
]

_F = np.float32  # a plain Python number would make the kernels compute in float64
_ZERO, _HALF, _ONE, _THREE = _F(0), _F(0.5), _F(1), _F(3)
_ROOT, _CUBIC, _EPSILON = _F(0.7978845608028654), _F(0.044715), _F(1e-5)
_EDGE = _F(7.90531110763549805)  # tanh is 1 to float32 beyond
_A1, _A3, _A5 = _F(4.89352455891786e-03), _F(6.37261928875436e-04), _F(1.48572235717979e-05)
_A7, _A9 = _F(5.12229709037114e-08), _F(-8.60467152213735e-11)
_A11, _A13 = _F(2.00018790482477e-13), _F(-2.76076847742355e-16)
_B0, _B2 = _F(4.89352518554385e-03), _F(2.26843463243900e-03)
_B4, _B6 = _F(1.18534705686654e-04), _F(1.19825839466702e-06)
_LOG2E, _LN2_HIGH, _LN2_LOW = _F(1.44269504088896341), _F(0.693359375), _F(-2.12194440e-4)
_LOWEST = _F(-87.0)  # exp is next to nothing below
_E0, _E1, _E2 = _F(1.9875691500e-4), _F(1.3981999507e-3), _F(8.3334519073e-3)
_E3, _E4, _E5 = _F(4.1665795894e-2), _F(1.6666665459e-1), _F(5.0000001201e-1)


def layer_norm_forward(x: Array, gain: Array, bias: Array | None) -> tuple[Array, tuple[Any, ...]]:
    """See `mplfit.lab.ops.layer_norm_forward`."""
    y, normed, inverse = np.empty_like(x), np.empty_like(x), np.empty(len(x), x.dtype)
    _norm(x, gain, np.zeros_like(gain) if bias is None else bias, y, normed, inverse)
    return y, (normed, inverse)


@kernel
def _norm(x: Array, gain: Array, bias: Array, y: Array, normed: Array, inverse: Array) -> None:
    width = _F(x.shape[1])
    for i in range(x.shape[0]):
        total = _ZERO
        for j in range(x.shape[1]):
            total += x[i, j]
        mean, total = total / width, _ZERO
        for j in range(x.shape[1]):
            total += (x[i, j] - mean) * (x[i, j] - mean)
        factor = _ONE / np.sqrt(total / width + _EPSILON)
        inverse[i] = factor
        for j in range(x.shape[1]):
            normed[i, j] = (x[i, j] - mean) * factor
            y[i, j] = normed[i, j] * gain[j] + bias[j]


def layer_norm_backward(
    dy: Array, cache: tuple[Any, ...], gain: Array, dgain: Array, dbias: Array | None
) -> Array:
    """See `mplfit.lab.ops.layer_norm_backward`."""
    normed, inverse = cache
    dx = np.empty_like(dy)
    _norm_backward(
        dy, normed, inverse, gain, dgain, np.empty_like(dgain) if dbias is None else dbias, dx
    )
    return dx


@kernel
def _norm_backward(
    dy: Array, normed: Array, inverse: Array, gain: Array, dgain: Array, dbias: Array, dx: Array
) -> None:
    width = _F(dy.shape[1])
    dgain[:] = _ZERO
    dbias[:] = _ZERO
    for i in range(dy.shape[0]):
        mean, along = _ZERO, _ZERO
        for j in range(dy.shape[1]):
            dn = dy[i, j] * gain[j]
            mean += dn
            along += dn * normed[i, j]
        mean, along = mean / width, along / width
        for j in range(dy.shape[1]):
            dgain[j] += dy[i, j] * normed[i, j]
            dbias[j] += dy[i, j]
            dx[i, j] = inverse[i] * (dy[i, j] * gain[j] - mean - normed[i, j] * along)


def gelu_forward(x: Array) -> tuple[Array, tuple[Any, ...]]:
    """See `mplfit.lab.ops.gelu_forward`."""
    y, slope = np.empty_like(x), np.empty_like(x)
    _gelu(x.reshape(-1), y.reshape(-1), slope.reshape(-1))
    return y, (slope,)


def gelu_backward(dy: Array, cache: tuple[Any, ...]) -> Array:
    """See `mplfit.lab.ops.gelu_backward`; the cache is used up."""
    dx: Array = np.multiply(dy, cache[0], out=cache[0])
    return dx


@kernel
def _gelu(x: Array, y: Array, slope: Array) -> None:
    for i in range(x.size):
        z = x[i]
        square = z * z
        inner = _ROOT * z * (_ONE + _CUBIC * square)
        u = min(max(inner, -_EDGE), _EDGE)
        w = u * u
        top = _A9 + w * (_A11 + w * _A13)
        top = u * (_A1 + w * (_A3 + w * (_A5 + w * (_A7 + w * top))))
        t = top / (_B0 + w * (_B2 + w * (_B4 + w * _B6)))
        y[i] = _HALF * z * (_ONE + t)
        inner = _ROOT * (_ONE + _THREE * _CUBIC * square)
        slope[i] = _HALF * (_ONE + t) + _HALF * z * (_ONE - t * t) * inner


def attention_forward(
    qkv: Array, sequences: int, heads: int, scale: float, kept: Array | None = None
) -> tuple[Array, tuple[Any, ...]]:
    """See `mplfit.lab.ops.attention_forward`."""
    q, k, v = _heads(qkv, sequences, heads)
    share = q @ k.swapaxes(-1, -2)
    length = share.shape[-1]
    rows = share.reshape(-1, length)
    _softmax(rows, _F(scale), True, np.empty(length, np.int32), np.empty(len(rows), _F))
    y = np.empty((len(qkv), qkv.shape[1] // 3), qkv.dtype)
    used = share if kept is None else share * kept
    np.matmul(used, v, out=y.reshape(sequences, length, heads, -1).transpose(0, 2, 1, 3))
    return y, (qkv, share, used, kept)


def attention_backward(
    dy: Array, cache: tuple[Any, ...], sequences: int, heads: int, scale: float
) -> Array:
    """See `mplfit.lab.ops.attention_backward`."""
    qkv, share, used, kept = cache
    q, k, v = _heads(qkv, sequences, heads)
    dqkv: Array = np.empty_like(qkv)
    dq, dk, dv = _heads(dqkv, sequences, heads)
    out = dy.reshape(sequences, -1, heads, v.shape[-1]).transpose(0, 2, 1, 3)
    np.matmul(used.swapaxes(-1, -2), out, out=dv)
    dscore = out @ v.swapaxes(-1, -2)
    if kept is not None:
        dscore *= kept
    length = share.shape[-1]
    _softmax_backward(dscore.reshape(-1, length), share.reshape(-1, length), _F(scale))
    np.matmul(dscore, k, out=dq)
    np.matmul(dscore.swapaxes(-1, -2), q, out=dk)
    return dqkv


def _heads(qkv: Array, sequences: int, heads: int) -> tuple[Array, Array, Array]:
    length, width = len(qkv) // sequences, qkv.shape[1] // 3
    split: Array = qkv.reshape(sequences, length, 3, heads, width // heads)
    q, k, v = split.transpose(2, 0, 3, 1, 4)
    return q, k, v


@kernel
def _softmax(score: Array, scale: Any, causal: bool, power: Array, log_sum: Array) -> None:
    """softmax(scale · row) in place, and ln Σ exp(scale · row); causal rows see themselves and
    those before. It calls no other kernel: code that is compiled with its caller would differ in
    the last digit from code that is loaded from the cache.
    """
    length = score.shape[1]
    factor = power.view(np.float32)
    for i in range(score.shape[0]):
        seen = i % length + 1 if causal else length
        row = score[i]
        high = row[0]
        for j in range(seen):
            high = max(high, row[j])
        for j in range(seen):
            z = max((row[j] - high) * scale, _LOWEST)
            n = np.floor(z * _LOG2E + _HALF)
            r = z - n * _LN2_HIGH - n * _LN2_LOW
            poly = _E3 + r * (_E2 + r * (_E1 + r * _E0))
            poly = _E5 + r * (_E4 + r * poly)
            row[j] = poly * r * r + r + _ONE
            power[j] = (np.int32(n) + np.int32(127)) << np.int32(23)  # the bits of 2ⁿ
        total = _ZERO
        for j in range(seen):
            row[j] *= factor[j]
            total += row[j]
        log_sum[i] = np.log(total) + high * scale
        total = _ONE / total
        for j in range(seen):
            row[j] *= total
        for j in range(seen, length):
            row[j] = _ZERO


@kernel
def _softmax_backward(dshare: Array, share: Array, scale: Any) -> None:
    for i in range(share.shape[0]):
        total = _ZERO
        for j in range(share.shape[1]):
            total += dshare[i, j] * share[i, j]
        for j in range(share.shape[1]):
            dshare[i, j] = share[i, j] * (dshare[i, j] - total) * scale


def cross_entropy_forward(logits: Array, targets: Array) -> tuple[float, tuple[Any, ...]]:
    """See `mplfit.lab.ops.cross_entropy_forward`; the logits are used up."""
    own = logits[np.arange(len(targets)), targets]
    log_sum = np.empty(len(logits), logits.dtype)
    _softmax(logits, _ONE, False, np.empty(logits.shape[1], np.int32), log_sum)
    return float((log_sum - own).mean(dtype=np.float64)), (logits, targets)


def cross_entropy_backward(cache: tuple[Any, ...]) -> Array:
    """See `mplfit.lab.ops.cross_entropy_backward`."""
    share, targets = cache
    _less_target(share, targets)
    dlogits: Array = share
    return dlogits


@kernel
def _less_target(share: Array, targets: Array) -> None:
    factor = _ONE / _F(share.shape[0])
    for i in range(share.shape[0]):
        share[i, targets[i]] -= _ONE
        for j in range(share.shape[1]):
            share[i, j] *= factor
