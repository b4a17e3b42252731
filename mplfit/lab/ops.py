"""Every operation of the transformer as a `_forward` and a `_backward` in plain numpy.

A forward returns its result and what its backward needs. They work in the dtype of what they are
given: float64 for the checks against finite differences, float32 for training, where
`mplfit.lab.fused` has the elementwise ones in compiled form and is held against this file.
Rows of activations are (tokens, width); a token is one position of one sequence.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "Array",
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

Array: TypeAlias = npt.NDArray[Any]

_ROOT = 0.7978845608028654  # sqrt(2/π)
_CUBIC = 0.044715
_EPSILON = 1e-5  # of the layer norm


def linear_forward(x: Array, weight: Array, bias: Array | None) -> Array:
    """y = x W + b, W of shape (in, out)."""
    y = x @ weight
    if bias is not None:
        y += bias
    return y


def linear_backward(
    dy: Array, x: Array, weight: Array, dweight: Array, dbias: Array | None
) -> Array:
    """dx; the gradients of W and b are written in place."""
    np.matmul(x.T, dy, out=dweight)
    if dbias is not None:
        # A product with ones is BLAS's fastest sum over rows.
        np.matmul(np.ones(len(dy), dy.dtype), dy, out=dbias)
    dx: Array = dy @ weight.T
    return dx


def embedding_forward(tokens: Array, table: Array) -> Array:
    """Rows of a table."""
    return table[tokens]


def embedding_backward(dy: Array, tokens: Array, dtable: Array) -> None:
    """The table's gradient, written in place: the sum of dy over each row's uses."""
    # Sorted, so that each row's sum is one reduction: np.add.at is ten times slower.
    order = np.argsort(tokens, kind="stable")
    used, starts = np.unique(tokens[order], return_index=True)
    dtable[...] = 0
    dtable[used] = np.add.reduceat(dy[order], starts, axis=0)


def layer_norm_forward(x: Array, gain: Array, bias: Array | None) -> tuple[Array, tuple[Any, ...]]:
    """y = gain · (x - mean) / sqrt(variance + 1e-5) + bias, over each row."""
    centred = x - x.mean(axis=1, keepdims=True)
    inverse = 1 / np.sqrt((centred * centred).mean(axis=1, keepdims=True) + _EPSILON)
    normed = centred * inverse
    y = normed * gain
    if bias is not None:
        y += bias
    return y, (normed, inverse)


def layer_norm_backward(
    dy: Array, cache: tuple[Any, ...], gain: Array, dgain: Array, dbias: Array | None
) -> Array:
    """dx; the gradients of gain and bias are written in place."""
    normed, inverse = cache
    dgain[...] = (dy * normed).sum(axis=0)
    if dbias is not None:
        dbias[...] = dy.sum(axis=0)
    dn = dy * gain
    dx: Array = inverse * (
        dn - dn.mean(axis=1, keepdims=True) - normed * (dn * normed).mean(axis=1, keepdims=True)
    )
    return dx


def gelu_forward(x: Array) -> tuple[Array, tuple[Any, ...]]:
    """x/2 · (1 + tanh(sqrt(2/π) (x + 0.044715 x³))), the tanh form of Hendrycks & Gimpel 2016."""
    t = np.tanh(_ROOT * x * (1 + _CUBIC * x * x))
    return 0.5 * x * (1 + t), (x, t)


def gelu_backward(dy: Array, cache: tuple[Any, ...]) -> Array:
    """dx."""
    x, t = cache
    slope = _ROOT * (1 + 3 * _CUBIC * x * x)
    dx: Array = dy * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)
    return dx


def attention_forward(
    qkv: Array, sequences: int, heads: int, scale: float, kept: Array | None = None
) -> tuple[Array, tuple[Any, ...]]:
    """Causal attention: softmax(scale · q kᵀ) v, each head apart.

    qkv : (tokens, 3 width), queries, keys and values side by side. Returns (tokens, width).
    kept : of `dropout_factors`, (sequences, heads, length, length), which the shares are
        multiplied by.
    """
    q, k, v = _heads(qkv, sequences, heads)
    score = q @ k.swapaxes(-1, -2)
    score *= scale
    length = score.shape[-1]
    score[..., np.triu(np.ones((length, length), bool), 1)] = -np.inf
    score -= score.max(axis=-1, keepdims=True)
    share = np.exp(score, out=score)
    share /= share.sum(axis=-1, keepdims=True)
    used = share if kept is None else share * kept
    y = (used @ v).transpose(0, 2, 1, 3).reshape(len(qkv), -1)
    return y, (qkv, share, used, kept)


def attention_backward(
    dy: Array, cache: tuple[Any, ...], sequences: int, heads: int, scale: float
) -> Array:
    """The gradient of qkv."""
    qkv, share, used, kept = cache
    q, k, v = _heads(qkv, sequences, heads)
    dqkv: Array = np.empty_like(qkv)
    dq, dk, dv = _heads(dqkv, sequences, heads)
    out = dy.reshape(sequences, -1, heads, v.shape[-1]).transpose(0, 2, 1, 3)
    dv[...] = used.swapaxes(-1, -2) @ out
    dshare = out @ v.swapaxes(-1, -2)
    if kept is not None:
        dshare *= kept
    dscore = share * (dshare - (dshare * share).sum(axis=-1, keepdims=True))
    dscore *= scale
    dq[...] = dscore @ k
    dk[...] = dscore.swapaxes(-1, -2) @ q
    return dqkv


def _heads(qkv: Array, sequences: int, heads: int) -> tuple[Array, Array, Array]:
    """Views (sequences, heads, length, head width) of queries, keys and values."""
    length, width = len(qkv) // sequences, qkv.shape[1] // 3
    split: Array = qkv.reshape(sequences, length, 3, heads, width // heads)
    q, k, v = split.transpose(2, 0, 3, 1, 4)
    return q, k, v


def dropout_factors(
    size: tuple[int, ...], dtype: Any, rate: float, rng: np.random.Generator
) -> Array:
    """0 for a share `rate` of the entries, which are dropped, and 1 / (1 - rate) for the rest."""
    kept: Array = (rng.random(size, dtype=np.float32) >= rate).astype(dtype)
    kept /= 1 - rate
    return kept


def dropout_forward(x: Array, rate: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """x with a share `rate` of its entries dropped and the rest scaled up; and the factors."""
    kept = dropout_factors(x.shape, x.dtype, rate, rng)
    return x * kept, kept


def dropout_backward(dy: Array, kept: Array) -> Array:
    """dx."""
    dx: Array = dy * kept
    return dx


def cross_entropy_forward(logits: Array, targets: Array) -> tuple[float, tuple[Any, ...]]:
    """The mean of -ln softmax(logits)[target], in nats."""
    high = logits.max(axis=1, keepdims=True)
    share = np.exp(logits - high)
    total = share.sum(axis=1, keepdims=True)
    rows = np.arange(len(targets))
    loss = np.log(total[:, 0]) + high[:, 0] - logits[rows, targets]
    share /= total
    return float(loss.mean(dtype=np.float64)), (share, targets)


def cross_entropy_backward(cache: tuple[Any, ...]) -> Array:
    """dlogits; the cache is used up."""
    share, targets = cache
    share[np.arange(len(targets)), targets] -= 1
    share /= len(targets)
    dlogits: Array = share
    return dlogits


def absolute_forward(
    outputs: Array, targets: Array, counted: Array
) -> tuple[float, tuple[Any, ...]]:
    """The mean of |output - target| over the counted rows."""
    off = (outputs[:, 0] - targets) * counted
    total = float(counted.sum())
    return float(np.abs(off).sum(dtype=np.float64)) / total, (off, total)


def absolute_backward(cache: tuple[Any, ...]) -> Array:
    """doutputs, of shape (tokens, 1)."""
    off, total = cache
    doutputs: Array = (np.sign(off) / off.dtype.type(total))[:, None]
    return doutputs
