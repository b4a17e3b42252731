"""How far the published order of operations is off: `python -m tests.study.published_order`.

The bound's double sum needs Σ_{k+1..t} η and Σ_{k..t} η²G². The code of Schaipp et al. 2025 takes
them as the whole sum less a running sum, so that near the end of a decay to zero almost all digits
cancel. What is left of them is a matter of rounding: it differs from one length to the next, and
from one machine's sums to another's.
"""

from __future__ import annotations

import numpy as np

from mplfit.bounds import best_base, bound
from mplfit.schedule import cosine
from mplfit.types import FloatArray


def published_order(lr: FloatArray) -> float:
    """The bound on the last iterate, D = G = 1, in the published order of operations."""
    energy = lr**2
    ahead = lr.sum() - lr.cumsum()
    noise = energy.sum() - energy.cumsum() + energy
    double = np.sum(lr[:-1] / ahead[:-1] * (noise[:-1] / (ahead[:-1] + lr[:-1])))
    return float((1 + energy.sum()) / (2 * lr.sum()) + 0.5 * double)


def off(steps: int, *, best: bool) -> float:
    """Its relative error on a cosine to 0 with peak 1, or with the best peak."""
    lr = cosine(steps, 1.0).lr
    lr = lr * best_base(lr).rate if best else lr
    return abs(published_order(lr) / bound(lr) - 1)


def main() -> None:
    """Print the errors on cosines of 20,000 to 60,000 steps."""
    lengths = range(20_000, 60_001, 500)
    for best, name in ((True, "at its best peak"), (False, "at peak 1")):
        errors = np.array([off(steps, best=best) for steps in lengths])
        worst = int(errors.argmax())
        print(
            f"cosine {name}: median {np.median(errors):.2g}, highest {errors[worst]:.2g} "
            f"({lengths[worst]} steps); at 50000 {off(50_000, best=best):.2g}, "
            f"at 60000 {errors[-1]:.2g}"
        )


if __name__ == "__main__":
    main()
