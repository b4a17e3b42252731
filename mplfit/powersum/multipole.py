"""The kernels of the fast multipole method; `mplfit.powersum.fast` tells what they compute.

Differences of positions lose their digits when the compiler reorders them, so these kernels are
strict about the order of operations, but where they sum products alone (`_moments`, `_product`).

A tree is an array of blocks (lo, hi, child, end), leaves first and the root last: the points
lo … hi-1, halved into the blocks child … end-1. Where a block lies is told by three numbers.
Rows of charges go by fours, which fill a vector register: their number is a multiple of four.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mplfit.compiled import kernel
from mplfit.powersum.elementary import exp, log
from mplfit.powersum.terms import LOG, PLAIN, STEEP

__all__ = ["THETA", "gather", "interact", "spread"]

THETA = 0.25  # blocks farther apart than their half-widths / THETA act through moments

# A position near the middle of the block, by how much the exact middle lies to the left of that
# position, and the half-width.
_CENTRE, _OFFSET, _HALF = range(3)


@kernel(strict=True)
def gather(
    place: Any, moments: Any, room: Any, part: Any, sources: Any, s: Any, c: Any, charges: Any,
    inverse: Any,
) -> None:  # fmt: skip
    """Where the blocks of sources lie, and their scaled moments Σ q (δ / half-width)^n / n!."""
    at, power, shifts = room[0], room[1], room[2]
    for b in range(len(sources)):
        lo, hi, left, end = sources[b, 0], sources[b, 1], sources[b, 2], sources[b, 3]
        least, most = 0.0, 0.0
        if left == end:  # a leaf: from its sources
            s_here, c_here = s[lo:hi], c[lo:hi]
            s_mid, c_mid = s_here[(hi - lo) // 2], c_here[(hi - lo) // 2]
            for k in range(hi - lo):
                at[k] = (s_here[k] - s_mid) - (c_here[k] - c_mid)
                least, most = min(least, at[k]), max(most, at[k])
        else:  # from its halves
            for n in range(moments.shape[1]):
                for row in range(len(charges)):
                    moments[b, n, row] = 0.0
            s_mid, c_mid = place[left, _CENTRE], place[left, _OFFSET]
            for child in range(left, end):
                gap = (place[child, _CENTRE] - s_mid) - (place[child, _OFFSET] - c_mid)
                least = min(least, gap - place[child, _HALF])
                most = max(most, gap + place[child, _HALF])
        shift, half = 0.5 * (least + most), 0.5 * (most - least)
        scale = 1 / half if half > 0 else 0.0
        place[b, _CENTRE], place[b, _OFFSET], place[b, _HALF] = s_mid, c_mid - shift, half
        if left == end:
            for k in range(hi - lo):
                at[k] = (at[k] - shift) * scale
            for row in range(0, len(charges), 4):
                _moments(
                    moments[b], row, power, at, charges[row, lo:hi], charges[row + 1, lo:hi],
                    charges[row + 2, lo:hi], charges[row + 3, lo:hi], inverse,
                )  # fmt: skip
        for child in range(left, end):
            gap = (place[child, _CENTRE] - s_mid) - (place[child, _OFFSET] - c_mid)
            _powers((gap - shift) * scale, inverse, shifts)
            shrink = place[child, _HALF] * scale
            for row in range(0, len(charges), 4):
                _merge(moments[b], row, moments[child], part, shifts, shrink)


@kernel(inner=True)
def _moments(
    result: Any, row: int, power: Any, at: Any, q0: Any, q1: Any, q2: Any, q3: Any, inverse: Any
) -> None:
    """result[n, row …] = Σ charge · at^n / n!; plain sums, which may be reordered."""
    for k in range(len(q0)):
        power[k] = 1.0
    for n in range(len(result)):
        t0, t1, t2, t3 = 0.0, 0.0, 0.0, 0.0
        for k in range(len(q0)):
            t0 += power[k] * q0[k]
            t1 += power[k] * q1[k]
            t2 += power[k] * q2[k]
            t3 += power[k] * q3[k]
            power[k] *= at[k]
        result[n, row], result[n, row + 1] = t0 * inverse[n], t1 * inverse[n]
        result[n, row + 2], result[n, row + 3] = t2 * inverse[n], t3 * inverse[n]


@kernel(strict=True, inner=True)
def _powers(base: float, inverse: Any, result: Any) -> None:
    """result[n] = base^n / n!"""
    power = 1.0
    for n in range(len(inverse)):
        result[n] = power * inverse[n]
        power *= base


@kernel(strict=True, inner=True)
def _merge(result: Any, row: int, child: Any, part: Any, shifts: Any, shrink: float) -> None:
    """Add a half's moments to those of its block: a convolution with the powers of its shift."""
    width = 1.0
    for n in range(len(result)):
        for i in range(4):
            part[n, i] = child[n, row + i] * width
        width *= shrink
        t0, t1, t2, t3 = 0.0, 0.0, 0.0, 0.0
        for m in range(n + 1):
            t0 += shifts[n - m] * part[m, 0]
            t1 += shifts[n - m] * part[m, 1]
            t2 += shifts[n - m] * part[m, 2]
            t3 += shifts[n - m] * part[m, 3]
        result[n, row] += t0
        result[n, row + 1] += t1
        result[n, row + 2] += t2
        result[n, row + 3] += t3


@kernel(strict=True, inner=True)
def _expand(
    result: Any, scaled: Any, sums: Any, distance: float, source_half: float, target_half: float,
    moments: Any, rows: Any, kinds: Any, rising: Any, p: float,
) -> None:  # fmt: skip
    """Add to `result` as many orders as it has of the scaled local expansion at `distance`."""
    size, nrow = moments.shape
    ln = np.log(distance)
    power, ratio = np.exp(-p * ln), source_half / distance
    width, shrink = 1.0, -target_half / distance
    for n in range(size):
        for row in range(nrow):
            scaled[n, row] = moments[n, row] * power
        power *= ratio
    for l in range(result.shape[1]):
        for row in range(0, nrow, 4):
            for kind in range(len(sums)):
                t0, t1, t2, t3 = 0.0, 0.0, 0.0, 0.0
                for n in range(size - l):
                    t0 += rising[kind, l + n] * scaled[n, row]
                    t1 += rising[kind, l + n] * scaled[n, row + 1]
                    t2 += rising[kind, l + n] * scaled[n, row + 2]
                    t3 += rising[kind, l + n] * scaled[n, row + 3]
                sums[kind, row], sums[kind, row + 1] = t0, t1
                sums[kind, row + 2], sums[kind, row + 3] = t2, t3
        for term in range(len(rows)):
            row, kind = rows[term], kinds[term]
            total = sums[kind, row]
            if kind == LOG:
                total = sums[PLAIN, row] * ln - total
            elif kind == STEEP:
                total /= distance
            result[term, l] += width * total
        width *= shrink


@kernel(strict=True, inner=True)
def _nearby(
    out: Any, j: int, near: Any, x: Any, s: Any, c: Any, charges: Any, first: int, last: int,
    p: float, harmonic: bool, rows: Any, kinds: Any,
) -> None:  # fmt: skip
    """Add sources first … last-1 to target j, one by one."""
    # Unsigned: an index that might be negative keeps loops out of vector registers.
    lo, hi, at = np.uint64(first), np.uint64(last), x[j]
    if harmonic:  # a division instead of a power
        for k in range(lo, hi):
            near[PLAIN, k - lo] = 1 / ((at - s[k]) + c[k])
    else:
        for k in range(lo, hi):
            d = (at - s[k]) + c[k]
            ln = log(d)
            power = exp(-p * ln)
            near[PLAIN, k - lo] = power
            near[LOG, k - lo] = power * ln
            near[STEEP, k - lo] = power / d
    for term in range(len(rows)):
        out[j, term, 0] += _product(charges, rows[term], lo, hi, near, kinds[term])


@kernel(inner=True)
def _product(charges: Any, row: int, lo: Any, hi: Any, near: Any, kind: int) -> float:
    """Σ charge · near; a plain sum, which may be reordered."""
    total = 0.0
    for k in range(lo, hi):
        total += charges[row, k] * near[kind, k - lo]
    return total


@kernel(strict=True)
def interact(
    out: Any, local: Any, room: Any, part: Any, sums: Any, waiting: Any, x: Any, count: Any,
    s: Any, c: Any, charges: Any, p: float, harmonic: bool, rows: Any, kinds: Any, rising: Any,
    sources: Any, source_place: Any, moments: Any, targets: Any, target_place: Any, few: int,
) -> bool:  # fmt: skip
    """Walk the pairs of blocks from the roots down; near ones go to `out`, far ones to `local`.

    Blocks of fewer than `few` targets are served one by one, without a local expansion. Returns
    whether anything went to `local`.
    """
    served, depth = False, 1
    waiting[0, 0], waiting[0, 1] = len(targets) - 1, len(sources) - 1
    while depth > 0:
        depth -= 1
        t, b = waiting[depth, 0], waiting[depth, 1]
        tlo, thi, lo, hi = targets[t, 0], targets[t, 1], sources[b, 0], sources[b, 1]
        if lo >= count[thi - 1]:
            continue  # wholly in the future
        centre, offset = source_place[b, _CENTRE], source_place[b, _OFFSET]
        half = source_place[b, _HALF]
        distance = (target_place[t, _CENTRE] - centre) + offset
        width = target_place[t, _HALF]
        target_leaf, source_leaf = targets[t, 3] == 0, sources[b, 3] == 0
        if hi <= count[tlo] and half + width <= THETA * distance:
            alone = thi - tlo < few
            served = served or not alone
            for i in range(tlo if alone else t, thi if alone else t + 1):
                if alone:
                    distance = (x[i] - centre) + offset
                _expand(
                    out[i] if alone else local[i], part, sums, distance, half, width, moments[b],
                    rows, kinds, rising, p,
                )  # fmt: skip
        elif target_leaf and source_leaf:
            for j in range(tlo, thi):
                last = min(hi, count[j])
                _nearby(out, j, room, x, s, c, charges, lo, last, p, harmonic, rows, kinds)
        elif source_leaf or (not target_leaf and width >= half):
            for child in range(targets[t, 2], targets[t, 3]):
                waiting[depth, 0], waiting[depth, 1] = child, b
                depth += 1
        else:
            for child in range(sources[b, 2], sources[b, 3]):
                waiting[depth, 0], waiting[depth, 1] = t, child
                depth += 1
    return served


@kernel(strict=True)
def spread(
    out: Any, local: Any, shifts: Any, targets: Any, place: Any, x: Any, inverse: Any
) -> None:
    """Hand the local expansions down to the leaves and evaluate them at the targets."""
    nterm, size = local.shape[1], local.shape[2]
    for b in range(len(targets) - 1, -1, -1):
        scale = 1 / place[b, _HALF] if place[b, _HALF] > 0 else 0.0
        for child in range(targets[b, 2], targets[b, 3]):
            _powers((place[child, _CENTRE] - place[b, _CENTRE]) * scale, inverse, shifts)
            for term in range(nterm):
                shrink = 1.0
                for m in range(size):
                    total = 0.0
                    for n in range(size - m):
                        total += shifts[n] * local[b, term, m + n]
                    local[child, term, m] += total * shrink
                    shrink *= place[child, _HALF] * scale
        if targets[b, 3] == 0:
            for j in range(targets[b, 0], targets[b, 1]):
                _powers((x[j] - place[b, _CENTRE]) * scale, inverse, shifts)
                for term in range(nterm):
                    total = 0.0
                    for n in range(size):
                        total += shifts[n] * local[b, term, n]
                    out[j, term, 0] += total
