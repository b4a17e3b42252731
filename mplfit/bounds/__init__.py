"""Convex bounds of schedules: the bound curve, its best base rates, and its gradient.

`omega` holds the formulas and the public functions, `sums` the one sum beneath them, plain and
fast. Nothing here knows laws, runs or files.
"""

from mplfit.bounds.omega import (
    BestBase,
    Terms,
    average_bound,
    average_bound_curve,
    best_base,
    best_base_curve,
    bound,
    bound_curve,
    bound_gradient,
    bound_terms,
    last_positive,
)

__all__ = [
    "BestBase",
    "Terms",
    "average_bound",
    "average_bound_curve",
    "best_base",
    "best_base_curve",
    "bound",
    "bound_curve",
    "bound_gradient",
    "bound_terms",
    "last_positive",
]
