"""The kernels of the fast multipole method; `mplfit.powersum.fast` tells what they compute.

Differences of positions lose their digits when the compiler reorders them, so these kernels are
strict about the order of operations, but where they sum products alone (`_moments`, `_expand`).

A tree is an array of blocks (lo, hi, child, end), leaves first and the root last: the points
lo … hi-1, halved into the blocks child … end-1. Where a block lies is told by three numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mplfit.compiled import kernel
from mplfit.powersum.terms import LOG, PLAIN, STEEP

__all__ = ["THETA", "gather", "interact", "spread"]

THETA = 0.25  # blocks farther apart than their half-widths / THETA act through moments
_FEW = 5  # fewer targets than this are served one by one, without a local expansion

# A position near the middle of the block, by how much the exact middle lies to the left of that
# position, and the half-width.
_CENTRE, _OFFSET, _HALF = range(3)


@kernel(strict=True)
def gather(
    place: Any, moments: Any, room: Any, sources: Any, s: Any, c: Any, charges: Any, inverse: Any
) -> None:
    """Where the blocks of sources lie, and their scaled moments Σ q (δ / half-width)^n / n!."""
    nrow, size = moments.shape[1], moments.shape[2]
    at, power, shifts, part = room[0], room[1], room[2], room[3]
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
            for row in range(nrow):
                _moments(moments[b, row], power, at, charges[row, lo:hi], inverse)
        for child in range(left, end):
            gap = (place[child, _CENTRE] - s_mid) - (place[child, _OFFSET] - c_mid)
            _powers((gap - shift) * scale, inverse, shifts)
            for row in range(nrow):
                shrink = 1.0
                for n in range(size):
                    part[n] = moments[child, row, n] * shrink
                    shrink *= place[child, _HALF] * scale
                for n in range(size):
                    total = 0.0
                    for m in range(n + 1):
                        total += shifts[n - m] * part[m]
                    moments[b, row, n] += total


@kernel(inner=True)
def _moments(result: Any, power: Any, at: Any, charge: Any, inverse: Any) -> None:
    """result[n] = Σ charge · at^n / n!; a plain sum, which may be reordered."""
    for k in range(len(charge)):
        power[k] = charge[k]
    for n in range(len(result)):
        total = 0.0
        for k in range(len(charge)):
            total += power[k]
            power[k] *= at[k]
        result[n] = total * inverse[n]


@kernel(strict=True, inner=True)
def _powers(base: float, inverse: Any, result: Any) -> None:
    """result[n] = base^n / n!"""
    power = 1.0
    for n in range(len(inverse)):
        result[n] = power * inverse[n]
        power *= base


@kernel(inner=True)
def _expand(
    result: Any, scaled: Any, distance: float, source_half: float, target_half: float,
    moments: Any, rows: Any, kinds: Any, rising: Any, p: float,
) -> None:  # fmt: skip
    """Add to `result` as many orders as it has of the scaled local expansion at `distance`."""
    nrow, size = moments.shape
    log = np.log(distance)
    power, ratio, shrink = np.exp(-p * log), source_half / distance, -target_half / distance
    for n in range(size):
        for row in range(nrow):
            scaled[row, n] = moments[row, n] * power
        power *= ratio
    for term in range(len(rows)):
        row, kind, width = rows[term], kinds[term], 1.0
        for l in range(result.shape[1]):
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
            result[term, l] += width * total
            width *= shrink


@kernel(strict=True, inner=True)
def _nearby(
    result: Any, near: Any, x: float, s: Any, c: Any, charges: Any, lo: int, hi: int, p: float,
    rows: Any, kinds: Any,
) -> None:  # fmt: skip
    """Add sources lo … hi-1 to the one target at x, one by one."""
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
        result[term, 0] += total


@kernel(strict=True, inner=True)
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
            out[j, term, 0] += total


@kernel(strict=True)
def interact(
    out: Any, local: Any, room: Any, waiting: Any, x: Any, count: Any, s: Any, c: Any,
    charges: Any, p: float, harmonic: bool, rows: Any, kinds: Any, rising: Any, sources: Any,
    source_place: Any, moments: Any, targets: Any, target_place: Any,
) -> bool:  # fmt: skip
    """Walk the pairs of blocks from the roots down; near ones go to `out`, far ones to `local`.

    Returns whether any went to `local`.
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
            few = thi - tlo < _FEW  # then one by one
            served = served or not few
            for i in range(tlo if few else t, thi if few else t + 1):
                if few:
                    distance = (x[i] - centre) + offset
                result = out[i] if few else local[i]
                _expand(result, room, distance, half, width, moments[b], rows, kinds, rising, p)
        elif target_leaf and source_leaf:
            if harmonic:
                _nearby_harmonic(out, x, count, s, c, charges, lo, hi, tlo, thi, rows)
            else:
                for j in range(tlo, thi):
                    last = min(hi, count[j])
                    _nearby(out[j], room, x[j], s, c, charges, lo, last, p, rows, kinds)
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
