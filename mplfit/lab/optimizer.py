"""AdamW with decoupled weight decay and global-norm clipping, on flat parameter vectors.

Loshchilov & Hutter 2019 (arXiv:1711.05101), with torch's epsilon (added to √v̂):

    g ← g · min(1, clip / (|g| + 1e-6))
    m ← β₁ m + (1 - β₁) g            v ← β₂ v + (1 - β₂) g²
    θ ← (1 - η λ) θ - η r · m̂ / (√v̂ + ε)

r is the parameter's own share of the rate (1 in SP, `mplfit.lab.parametrization`); weight decay
acts on matrices, at the rate η itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mplfit.compiled import kernel
from mplfit.errors import DataError
from mplfit.lab.model import Transformer
from mplfit.lab.ops import Array
from mplfit.types import Record

__all__ = ["AdamW", "Settings"]


@dataclass(frozen=True, eq=False)
class Settings(Record):
    """AdamW's constants; a `clip` of 0 clips nothing."""

    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    weight_decay: float = 0.1
    clip: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise DataError(f"{name} must be from 0 to below 1, got {getattr(self, name):g}")
        for name in ("epsilon", "weight_decay", "clip"):
            if not 0 <= getattr(self, name) < math.inf:
                raise DataError(f"{name} must be 0 or positive, got {getattr(self, name):g}")


class AdamW:
    """The optimizer's state for one model; `step` applies the gradients that the model holds."""

    def __init__(self, model: Transformer, settings: Settings) -> None:
        self.model, self.settings = model, settings
        self.first = np.zeros_like(model.flat)
        self.second = np.zeros_like(model.flat)
        self.stretches: list[tuple[slice, float, bool]] = []
        start = 0
        for name, values in model.params.items():
            own, end = model.rules[name], start + values.size
            if self.stretches and self.stretches[-1][1:] == (own.rate, own.decays):
                self.stretches[-1] = (slice(self.stretches[-1][0].start, end), own.rate, own.decays)
            else:
                self.stretches.append((slice(start, end), own.rate, own.decays))
            start = end

    def step(self, number: int, lr: float) -> float:
        """Update `number` (from 0 on) at the rate lr; returns the gradient's norm before it."""
        one, gradient = self.settings, self.model.flat_gradient
        norm = math.sqrt(float(np.dot(gradient, gradient)))
        clip = min(1.0, one.clip / (norm + 1e-6)) if one.clip else 1.0
        bias1 = 1 - one.beta1 ** (number + 1)
        bias2 = math.sqrt(1 - one.beta2 ** (number + 1))
        real = self.model.dtype.type
        for part, share, decays in self.stretches:
            _adamw(
                self.model.flat[part],
                gradient[part],
                self.first[part],
                self.second[part],
                *(
                    real(value)
                    for value in (
                        clip,
                        one.beta1,
                        1 - one.beta1,
                        one.beta2,
                        1 - one.beta2,
                        lr * share / bias1,
                        1 / bias2,
                        one.epsilon,
                        1 - lr * one.weight_decay if decays else 1.0,
                    )
                ),
            )
        return norm


@kernel
def _adamw(
    params: Array,
    gradient: Array,
    first: Array,
    second: Array,
    clip: Any,
    beta1: Any,
    rest1: Any,
    beta2: Any,
    rest2: Any,
    rate: Any,
    correction: Any,
    epsilon: Any,
    keep: Any,
) -> None:
    for i in range(params.size):
        g = gradient[i] * clip
        m = beta1 * first[i] + rest1 * g
        v = beta2 * second[i] + rest2 * g * g
        first[i], second[i] = m, v
        params[i] = keep * params[i] - rate * m / (np.sqrt(v) * correction + epsilon)
