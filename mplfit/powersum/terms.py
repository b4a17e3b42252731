"""The three kernels of a causal power-law sum: d^-p, and what its derivatives need."""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["LOG", "PLAIN", "STEEP", "Term"]

PLAIN = 0  # d^-p            the sum itself, and its derivative in a charge
LOG = 1  # d^-p · ln d      minus its derivative in p
STEEP = 2  # d^-(p+1)       its derivative in a position or an offset, up to the factor -p

Term: TypeAlias = tuple[int, int]
"""(row of the charges, kernel)."""
