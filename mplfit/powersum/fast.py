"""Causal power-law sums in linear work: a fast multipole method on the line.

Sources and targets are put into two binary trees of consecutive blocks. Where a block of sources
lies far from a block of targets, half-width + half-width <= _THETA · distance D, and wholly in its
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

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mplfit.compiled import kernel
from mplfit.powersum.terms import LOG, PLAIN, STEEP, Term
from mplfit.schedule import FloatArray, IntArray

__all__ = ["power_sums"]

_THETA = 0.25  # blocks farther apart than their half-widths / _THETA act through moments
_TOLERANCE = 3e-10  # the share of Σ|q|d^-p that truncation may cost
_SPARSE_LEAF, _DENSE_LEAF = 64, 12  # sources in a leaf where targets are few, or as many
_FEW = 5  # fewer targets than this are served one by one, without a local expansion


class _Tree(NamedTuple):
    """Blocks of leaf·2^level points; block i of a level has the number first[level] + i."""

    leaf: int  # points in a block of level 0
    first: IntArray  # (levels + 1,) number of the first block of each level
    centre: FloatArray  # (blocks,) a position near the middle of the block …
    offset: FloatArray  # … from which the exact middle lies `offset` to the left
    half: FloatArray  # (blocks,) half-width


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
    out = np.zeros((len(terms), x.size))
    if x.size == 0 or s.size == 0:
        return out
    rows, kinds = np.array(terms, dtype=np.int64).reshape(-1, 2).T.copy()
    rising = _rising(p)
    inverse = 1 / np.cumprod(np.maximum(np.arange(float(rising.shape[1])), 1.0))  # 1/n!
    leaf = _SPARSE_LEAF if 4 * x.size < s.size else _DENSE_LEAF
    # Leaves of targets about as long as those of sources; a lone target is a leaf of its own.
    target_leaf = max(1, min(leaf, leaf * x.size // s.size))
    sources, moments = _source_tree(leaf, _levels(s.size, leaf), s, c, charges, inverse)
    targets = _target_tree(target_leaf, _levels(x.size, target_leaf), x)
    local, served = _interact(
        out, x, count, s, c, charges, p, rows, kinds, rising, sources, moments, targets
    )
    if served:
        _spread(out, x, local, inverse, targets)
    return out


def _rising(p: float) -> FloatArray:
    """Rows (p)_m, its derivative in p, and (p+1)_m, for as many m as p needs."""
    size, steepest = 1, 1.0  # steepest = (p+1)_size / size!
    while steepest * _THETA**size > _TOLERANCE * (1 - _THETA):
        steepest *= (p + 1 + size) / (size + 1)
        size += 1
    m = np.arange(size - 1)
    plain = np.concatenate([[1.0], np.cumprod(p + m)])
    slope = plain * np.concatenate([[0.0], np.cumsum(1 / (p + m))])
    steep = np.concatenate([[1.0], np.cumprod(p + 1 + m)])
    by_kind = np.empty((3, size))
    by_kind[PLAIN], by_kind[LOG], by_kind[STEEP] = plain, slope, steep
    return by_kind


def _levels(size: int, leaf: int) -> IntArray:
    """`first` of a tree over `size` points: halve the number of blocks until one is left."""
    blocks = [-(-size // leaf)]
    while blocks[-1] > 1:
        blocks.append(-(-blocks[-1] // 2))
    return np.concatenate([[0], np.cumsum(blocks)])


@kernel
def _source_tree(leaf: int, first: Any, s: Any, c: Any, charges: Any, inverse: Any) -> Any:
    """The tree of sources, and the scaled moments Σ q (δ / half-width)^n / n! of its blocks."""
    nrow, size = len(charges), len(inverse)
    centre, offset, half = np.empty(first[-1]), np.empty(first[-1]), np.empty(first[-1])
    moments = np.zeros((first[-1], nrow, size))
    place, power = np.empty(leaf), np.empty(leaf)
    for b in range(first[1]):
        lo, hi = b * leaf, min((b + 1) * leaf, len(s))
        s_here, c_here, length = s[lo:hi], c[lo:hi], hi - lo
        s_mid, c_mid = s_here[length // 2], c_here[length // 2]
        least, most = 0.0, 0.0
        for k in range(length):
            place[k] = (s_here[k] - s_mid) - (c_here[k] - c_mid)
            least, most = min(least, place[k]), max(most, place[k])
        shift = 0.5 * (least + most)
        centre[b], offset[b], half[b] = s_mid, c_mid - shift, 0.5 * (most - least)
        scale = 1 / half[b] if half[b] > 0 else 0.0
        for k in range(length):
            place[k] = (place[k] - shift) * scale
        for row in range(nrow):
            charge = charges[row, lo:hi]
            for k in range(length):
                power[k] = charge[k]
            for n in range(size):
                total = 0.0
                for k in range(length):
                    total += power[k]
                    power[k] *= place[k]
                moments[b, row, n] = total * inverse[n]
    shifts, part = np.empty(size), np.empty(size)
    for level in range(1, len(first) - 1):
        for b in range(first[level], first[level + 1]):
            left = first[level - 1] + 2 * (b - first[level])
            right = min(left + 1, first[level] - 1)
            gap = (centre[right] - centre[left]) - (offset[right] - offset[left])
            least = min(-half[left], gap - half[right])
            most = max(half[left], gap + half[right])
            shift = 0.5 * (least + most)
            centre[b], offset[b] = centre[left], offset[left] - shift
            half[b] = 0.5 * (most - least)
            scale = 1 / half[b] if half[b] > 0 else 0.0
            for child in range(left, right + 1):
                place_of_child = (gap - shift if child > left else -shift) * scale
                _powers(place_of_child, inverse, shifts)
                for row in range(nrow):
                    shrink = 1.0
                    for n in range(size):
                        part[n] = moments[child, row, n] * shrink
                        shrink *= half[child] * scale
                    for n in range(size):
                        total = 0.0
                        for m in range(n + 1):
                            total += shifts[n - m] * part[m]
                        moments[b, row, n] += total
    return _Tree(leaf, first, centre, offset, half), moments


@kernel
def _powers(base: float, inverse: Any, result: Any) -> None:
    """result[n] = base^n / n!"""
    power = 1.0
    for n in range(len(inverse)):
        result[n] = power * inverse[n]
        power *= base


@kernel
def _target_tree(leaf: int, first: Any, x: Any) -> Any:
    """The tree of targets; its centres are targets, so that offsets are zero."""
    centre, half = np.empty(first[-1]), np.empty(first[-1])
    for level in range(len(first) - 1):
        for b in range(first[level], first[level + 1]):
            lo = (b - first[level]) * (leaf << level)
            hi = min(lo + (leaf << level), len(x))
            centre[b] = x[(lo + hi) // 2]
            half[b] = max(x[hi - 1] - centre[b], centre[b] - x[lo])
    return _Tree(leaf, first, centre, np.zeros(len(centre)), half)


@kernel
def _expand(
    result: Any, orders: int, scaled: Any, distance: float, source_half: float,
    target_half: float, moments: Any, rows: Any, kinds: Any, rising: Any, p: float,
) -> None:  # fmt: skip
    """The first orders of the scaled local expansion at `distance` from a block of sources."""
    size = rising.shape[1]
    log = np.log(distance)
    power, ratio, shrink = np.exp(-p * log), source_half / distance, -target_half / distance
    for n in range(size):
        for row in range(len(moments)):
            scaled[row, n] = moments[row, n] * power
        power *= ratio
    for term in range(len(rows)):
        row, kind, width = rows[term], kinds[term], 1.0
        for l in range(orders):
            total = 0.0
            for n in range(size - l):
                total += rising[kind, l + n] * scaled[row, n]
            if kind == LOG:
                plain = 0.0
                for n in range(size - l):
                    plain += rising[PLAIN, l + n] * scaled[row, n]
                total = plain * log - total
            elif kind == STEEP:
                total /= distance
            result[term, l] = width * total
            width *= shrink


@kernel
def _nearby(
    out: Any, j: int, x: float, s: Any, c: Any, charges: Any, lo: int, hi: int, p: float,
    rows: Any, kinds: Any, near: Any,
) -> None:  # fmt: skip
    """Add sources lo … hi-1 to target j, one by one."""
    for k in range(hi - lo):
        d = (x - s[lo + k]) + c[lo + k]
        log = np.log(d)
        near[PLAIN, k] = np.exp(-p * log)
        near[LOG, k] = near[PLAIN, k] * log
        near[STEEP, k] = near[PLAIN, k] / d
    for term in range(len(rows)):
        total = 0.0
        for k in range(hi - lo):
            total += near[kinds[term], k] * charges[rows[term], lo + k]
        out[term, j] += total


@kernel
def _nearby_harmonic(
    out: Any, x: Any, count: Any, s: Any, c: Any, charges: Any, lo: int, hi: int, tlo: int,
    thi: int, rows: Any,
) -> None:  # fmt: skip
    """The same for p = 1 and a block of targets: divisions instead of powers."""
    for term in range(len(rows)):
        charge = charges[rows[term]]
        for j in range(tlo, thi):
            total = 0.0
            for k in range(lo, min(hi, count[j])):
                total += charge[k] / ((x[j] - s[k]) + c[k])
            out[term, j] += total


@kernel
def _interact(
    out: Any, x: Any, count: Any, s: Any, c: Any, charges: Any, p: float, rows: Any, kinds: Any,
    rising: Any, sources: Any, moments: Any, targets: Any,
) -> Any:  # fmt: skip
    """Walk the pairs of blocks from the roots down; near ones go to `out`, far ones to `local`."""
    nterm, size = len(rows), rising.shape[1]
    local = np.zeros((len(targets.half), nterm, size))
    served, harmonic = False, p == 1.0 and kinds.max() == PLAIN  # the convex bounds' sums
    scaled, near = np.empty((len(charges), size)), np.empty((3, sources.leaf))
    value = np.empty((nterm, size))
    stack = np.empty((2 * (len(targets.first) + len(sources.first)), 4), np.int64)
    waiting = _push(stack, 0, len(targets.first) - 2, 0, len(sources.first) - 2, 0)
    while waiting > 0:
        waiting -= 1
        tlevel, ti = stack[waiting, 0], stack[waiting, 1]
        slevel, si = stack[waiting, 2], stack[waiting, 3]
        t, b = targets.first[tlevel] + ti, sources.first[slevel] + si
        tlo, lo = ti * (targets.leaf << tlevel), si * (sources.leaf << slevel)
        thi = min(tlo + (targets.leaf << tlevel), len(x))
        hi = min(lo + (sources.leaf << slevel), len(s))
        if lo >= count[thi - 1]:
            continue  # wholly in the future
        distance = (targets.centre[t] - sources.centre[b]) + sources.offset[b]
        reach = sources.half[b] + targets.half[t]
        if hi <= count[tlo] and reach <= _THETA * distance:
            few = thi - tlo < _FEW
            for j in range(tlo, thi if few else tlo + 1):
                if few:
                    distance = (x[j] - sources.centre[b]) + sources.offset[b]
                _expand(value, 1 if few else size, scaled, distance, sources.half[b],
                        targets.half[t], moments[b], rows, kinds, rising, p)  # fmt: skip
                for term in range(nterm):
                    if few:
                        out[term, j] += value[term, 0]
                    else:
                        served = True
                        for l in range(size):
                            local[t, term, l] += value[term, l]
        elif tlevel == 0 and slevel == 0 and harmonic:
            _nearby_harmonic(out, x, count, s, c, charges, lo, hi, tlo, thi, rows)
        elif tlevel == 0 and slevel == 0:
            for j in range(tlo, thi):
                _nearby(out, j, x[j], s, c, charges, lo, min(hi, count[j]), p, rows, kinds, near)
        elif slevel == 0 or (tlevel > 0 and targets.half[t] >= sources.half[b]):
            last = targets.first[tlevel] - targets.first[tlevel - 1]
            for child in range(2 * ti, min(2 * ti + 2, last)):
                waiting = _push(stack, waiting, tlevel - 1, child, slevel, si)
        else:
            last = sources.first[slevel] - sources.first[slevel - 1]
            for child in range(2 * si, min(2 * si + 2, last)):
                waiting = _push(stack, waiting, tlevel, ti, slevel - 1, child)
    return local, served


@kernel
def _push(stack: Any, waiting: int, tlevel: int, ti: int, slevel: int, si: int) -> int:
    stack[waiting, 0], stack[waiting, 1] = tlevel, ti
    stack[waiting, 2], stack[waiting, 3] = slevel, si
    return waiting + 1


@kernel
def _spread(out: Any, x: Any, local: Any, inverse: Any, targets: Any) -> None:
    """Hand the local expansions down to the leaves and evaluate them at the targets."""
    first, centre, half, leaf = targets.first, targets.centre, targets.half, targets.leaf
    nterm, size = local.shape[1], local.shape[2]
    shifts = np.empty(size)
    for level in range(len(first) - 2, 0, -1):
        for b in range(first[level], first[level + 1]):
            left = first[level - 1] + 2 * (b - first[level])
            scale = 1 / half[b] if half[b] > 0 else 0.0
            for child in range(left, min(left + 2, first[level])):
                _powers((centre[child] - centre[b]) * scale, inverse, shifts)
                for term in range(nterm):
                    shrink = 1.0
                    for m in range(size):
                        total = 0.0
                        for n in range(size - m):
                            total += shifts[n] * local[b, term, m + n]
                        local[child, term, m] += total * shrink
                        shrink *= half[child] * scale
    for b in range(first[1]):
        scale = 1 / half[b] if half[b] > 0 else 0.0
        for j in range(b * leaf, min((b + 1) * leaf, len(x))):
            _powers((x[j] - centre[b]) * scale, inverse, shifts)
            for term in range(nterm):
                total = 0.0
                for n in range(size):
                    total += shifts[n] * local[b, term, n]
                out[term, j] += total
