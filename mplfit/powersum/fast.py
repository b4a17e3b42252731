"""Causal power-law sums in linear work: a fast multipole method on the line.

Sources and targets are put into two binary trees of consecutive blocks. Where a block of sources
lies far from a block of targets, half-width + half-width <= THETA · distance D, and wholly in its
past, the sources act through their moments about the block's centre,

    (D + ε - δ)^-p = Σ_{n,l} (p)_{n+l} D^-(p+n+l) · δ^n/n! · (-ε)^l/l!
    M_n = Σ_k q_k δ_k^n / n!           (δ_k: place of source k, seen from the centre)
    L_l = Σ_n (p)_{n+l} D^-(p+n+l) M_n     (p)_m = p (p+1) … (p+m-1)

either at every target of the block, where they are few, or through one local expansion L in ε
about the centre of the targets. What is near is summed directly. Moments of a block follow from
those of its halves, and local expansions of the halves from that of the block: divided by n!, both
are plain convolutions. d^-p ln d is minus the derivative of d^-p in p, and d^-(p+1) the same
kernel one power steeper, so that one set of moments serves all three kernels.

Everything is scaled by the blocks' half-widths, and positions are subtracted before offsets are
added, so that neither tiny rates nor a large S cost digits.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from mplfit.powersum.multipole import THETA, gather, interact, spread
from mplfit.powersum.terms import LOG, PLAIN, STEEP, Term
from mplfit.types import FloatArray, IntArray

__all__ = ["power_sums", "prepare"]

_TOLERANCE = 3e-10  # the share of Σ|q|d^-p that truncation may cost
_SPARSE_LEAF, _DENSE_LEAF = 64, 12  # sources in a leaf where targets are few, or as many
_FEW = 5  # fewer targets than this in a block are served one by one
_MOST_KEPT = 2**20  # numbers, 8 MB


def power_sums(
    x: FloatArray,
    count: IntArray,
    s: FloatArray,
    c: FloatArray,
    charges: FloatArray,
    p: float,
    terms: Sequence[Term] = ((0, PLAIN),),
) -> FloatArray:
    """Causal power-law sums by the fast multipole method; see `mplfit.powersum`.

    >>> import numpy as np
    >>> from mplfit.powersum import fast
    >>> s, c, q = np.array([0.0, 1.0]), np.array([1.0, 1.0]), np.array([[1.0, 4.0]])
    >>> fast.power_sums(np.array([1.0, 3.0]), np.array([1, 2]), s, c, q, 2.0).round(6).tolist()
    [[0.25, 0.506944]]
    """
    out = np.zeros((x.size, len(terms), 1))
    if x.size == 0 or s.size == 0:
        return out[:, :, 0].T
    gathering, interacting, spreading = _arguments(out, x, count, s, c, charges, p, terms)
    gather(*gathering)
    if interact(*interacting):
        spread(*spreading)
    return np.ascontiguousarray(out[:, :, 0].T)


def prepare(*kernels: str) -> None:
    """Compile some of the kernels ("gather", "interact", "spread"), or load them from the cache.

    They take seconds to compile, and two processes can share that.
    """
    one = np.ones(1)
    arguments = _arguments(
        np.zeros((1, 1, 1)), one, np.ones(1, np.int64), one - 1, one, one[None], 0.5, ((0, PLAIN),)
    )
    known: tuple[tuple[str, Any], ...] = (
        *(("gather", gather), ("interact", interact), ("spread", spread)),
    )
    for (name, kernel), given in zip(known, arguments, strict=True):
        if name in kernels:
            kernel(*given)


def _arguments(
    out: FloatArray,
    x: FloatArray,
    count: IntArray,
    s: FloatArray,
    c: FloatArray,
    charges: FloatArray,
    p: float,
    terms: Sequence[Term],
) -> tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]:
    """What the three kernels are called with."""
    # One type each, or numba compiles the kernels once more for arrays that may not be written.
    x, s, c, charges = (np.require(a, np.float64, ["C", "W"]) for a in (x, s, c, charges))
    count = np.require(count, np.int64, ["C", "W"])
    rows, kinds = np.array(terms, dtype=np.int64).reshape(-1, 2).T.copy()
    rising = _rising(p)
    order = rising.shape[1]
    inverse = 1 / np.cumprod(np.maximum(np.arange(float(order)), 1.0))  # 1/n!
    sparse = 4 * x.size < s.size
    leaf, few = (_SPARSE_LEAF, x.size + 1) if sparse else (_DENSE_LEAF, _FEW)
    sources = _blocks(s.size, leaf)
    # Leaves of targets about as long as those of sources; a lone target is a leaf of its own.
    targets = _blocks(x.size, max(1, min(leaf, leaf * x.size // s.size)))
    source_place, target_place = np.empty((len(sources), 3)), _place_targets(targets, x)
    if len(charges) % 4:  # the kernels take rows by fours
        charges = np.concatenate([charges, np.zeros((-len(charges) % 4, s.size))])
    moments = _again(len(sources), order, len(charges))
    local = np.zeros((len(targets), len(terms), 1 if sparse else order))
    # Kernels are handed their room to work in: numba compiles an allocation slowly.
    room = np.empty((3, max(leaf, order)))
    part, sums = np.empty((order, len(charges))), np.empty((kinds.max() + 1, len(charges)))
    waiting = np.empty((128, 2), np.int64)  # two for every level of both trees
    harmonic = p == 1.0 and kinds.max() == PLAIN  # the convex bounds' sums
    return (
        (source_place, moments, room, part, sources, s, c, charges, inverse),
        (
            out, local, room, part, sums, waiting, x, count, s, c, charges, p, harmonic, rows,
            kinds, rising, sources, source_place, moments, targets, target_place, few,
        ),
        (out, local, room[0], targets, target_place, x, inverse),
    )  # fmt: skip


@lru_cache(maxsize=64)
def _rising(p: float) -> FloatArray:
    """Rows (p)_m, its derivative in p, and (p+1)_m, for as many m as p needs."""
    size, steepest = 1, 1.0  # steepest = (p+1)_size / size!
    while steepest * THETA**size > _TOLERANCE * (1 - THETA):
        steepest *= (p + 1 + size) / (size + 1)
        size += 1
    m = np.arange(size - 1)
    plain = np.concatenate([[1.0], np.cumprod(p + m)])
    slope = plain * np.concatenate([[0.0], np.cumsum(1 / (p + m))])
    steep = np.concatenate([[1.0], np.cumprod(p + 1 + m)])
    by_kind = np.empty((3, size))
    by_kind[PLAIN], by_kind[LOG], by_kind[STEEP] = plain, slope, steep
    by_kind.flags.writeable = False
    return by_kind


@lru_cache(maxsize=64)
def _blocks(size: int, leaf: int) -> IntArray:
    """A binary tree over 0 … size-1, leaves first and the root last.

    Rows (lo, hi, child, end): a block of the points lo … hi-1, halved into the blocks
    child … end-1, none in a leaf.
    """
    lo = np.arange(0, size, leaf)
    hi = np.minimum(lo + leaf, size)
    none = np.zeros_like(lo)
    levels, first = [np.stack([lo, hi, none, none], axis=1)], 0
    while len(levels[-1]) > 1:
        below, above = levels[-1], first + len(levels[-1])
        child = np.arange(first, above, 2)
        last = np.minimum(child + 1, above - 1)
        levels.append(np.stack([below[::2, 0], below[last - first, 1], child, last + 1], axis=1))
        first = above
    blocks = np.concatenate(levels)
    blocks.flags.writeable = False
    return blocks


_NONE = np.empty(0)
_kept = threading.local()


def _again(*shape: int) -> FloatArray:
    """An array with anything in it: that of this thread's last call, where it is large enough.

    Fresh megabytes cost as much in page faults as the sums for which they are wanted.
    """
    size = math.prod(shape)
    array: FloatArray = getattr(_kept, "array", _NONE)
    if array.size < size:
        array = np.empty(size)
        if size <= _MOST_KEPT:
            _kept.array = array
    return array[:size].reshape(shape)


def _place_targets(targets: IntArray, x: FloatArray) -> FloatArray:
    """Where the blocks of targets lie; their centres are targets, so that offsets are zero."""
    lo, hi = targets[:, 0], targets[:, 1]
    centre = x[(lo + hi) // 2]
    half = np.maximum(x[hi - 1] - centre, centre - x[lo])
    return np.stack([centre, np.zeros_like(centre), half], axis=1)
