"""Random schedules with everything that can go wrong in them, for property tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st


@st.composite
def rates(draw: st.DrawFn, max_steps: int = 2000, zeros: bool = True) -> np.ndarray:
    """Warmups, decays, jumps, rises, constant runs; rates from 1 down to 1e-12, and zeros."""
    pieces = []
    rate = 10 ** draw(st.floats(-4, 0))
    for _ in range(draw(st.integers(1, 5))):
        steps = draw(st.integers(1, max(2, max_steps // 5)))
        kind = draw(st.sampled_from(["constant", "linear", "exponential", "jump", "zero"]))
        target = 10 ** draw(st.floats(-12, 0))
        if kind == "zero":
            pieces.append(np.zeros(steps) if zeros else np.full(steps, 1e-12))
            continue
        if kind == "jump":
            rate = target
        x = np.arange(steps) / steps
        if kind == "linear":
            pieces.append(rate + (target - rate) * x)
        elif kind == "exponential":
            pieces.append(rate * (target / rate) ** x)
        else:
            pieces.append(np.full(steps, rate))
        rate = float(pieces[-1][-1])
    lr = np.concatenate(pieces)
    if draw(st.booleans()):
        lr[: max(1, lr.size // 10)] = np.linspace(0, lr[0] or 1e-3, max(1, lr.size // 10))
    if not lr.any():
        lr[-1] = 1e-3
    return lr
