"""A decoder-only transformer: its shape, its parameters, its loss and gradients.

Pre-LN blocks x + attention(LN x), x + MLP(LN x) with GELU and four times the width, learned
positions, a final LN and an untied readout. Input is bytes (a table) or real numbers (a line).
All parameters are views into one flat array, gradients likewise, so that the optimizer and the
checkpoints deal with one vector.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from mplfit.errors import DataError
from mplfit.lab import ops
from mplfit.lab.ops import Array
from mplfit.lab.parametrization import Kind, Rule, attention_scale, check_kind, rule
from mplfit.types import Record

__all__ = ["Batch", "Shape", "Transformer", "layout"]

Tape: TypeAlias = "dict[str, Array | tuple[Array | None, ...]]"
"""What each operation of a forward pass keeps for the backward one, by name."""


@dataclass(frozen=True, eq=False)
class Shape(Record):
    """The shape of a transformer.

    vocabulary : how many kinds of token there are; 0 for real numbers in and out.
    block : the longest sequence.  base_width : where muP and SP are the same.
    dropout : the share dropped of attention weights, of both branches' ends and of the embedding.
    base_heads : heads of a model of the base width whose number of heads grows with its width;
        0: it has as many as this one.
    """

    width: int = 64
    layers: int = 2
    heads: int = 4
    block: int = 64
    vocabulary: int = 256
    bias: bool = True
    dropout: float = 0.0
    parametrization: str = "SP"
    base_width: int = 64
    base_heads: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "parametrization", check_kind(self.parametrization))
        for name in ("width", "layers", "heads", "block", "base_width"):
            value = getattr(self, name)
            if not (isinstance(value, int) and value > 0):
                raise DataError(f"{name} must be a whole number from 1 on, got {value}")
        if self.width % self.heads:
            raise DataError(f"a width of {self.width} does not split into {self.heads} heads")
        if self.base_heads < 0 or (self.base_heads and self.base_width % self.base_heads):
            raise DataError(
                f"a base width of {self.base_width} does not split into {self.base_heads} heads"
            )
        if not 0 <= self.dropout < 1:
            raise DataError(f"dropout must be from 0 to below 1, got {self.dropout:g}")

    def at(self, width: int, parametrization: str) -> Shape:
        """The same model in another width, with more heads too where their number grows."""
        heads = self.base_heads * width // self.base_width if self.base_heads else self.heads
        return replace(self, width=width, heads=heads, parametrization=parametrization)

    @property
    def outputs(self) -> int:
        """Numbers that the readout gives for each position."""
        return self.vocabulary or 1

    @property
    def parameters(self) -> int:
        """How many numbers the model has."""
        return sum(math.prod(size) for _, size, _, _ in layout(self))


@dataclass(frozen=True)
class Batch:
    """Sequences and what is to be predicted, all of shape (sequences, length).

    inputs : tokens (integers) or real numbers.  targets : likewise.
    counted : for real numbers, 1 where the output counts.
    """

    inputs: Array
    targets: Array
    counted: Array | None = None


def layout(shape: Shape) -> Iterator[tuple[str, tuple[int, ...], Kind, int]]:
    """Every parameter: name, shape, kind and fan-in, in the order of the flat array."""
    d = shape.width
    # Rows of tables begin at 0.1, whatever the width; a real number has fan-in 1, and positions
    # are as large beside it: at 0.1 the first layer's norm leaves next to nothing of them.
    yield "embed.weight", (shape.vocabulary or 1, d), "input", 100 if shape.vocabulary else 1
    if not shape.vocabulary:
        yield "embed.bias", (d,), "vector", 1
    yield "position", (shape.block, d), "input", 100 if shape.vocabulary else 1
    for layer in range(shape.layers):
        for name, size, kind, fan_in in (
            ("norm1.gain", (d,), "vector", 1),
            ("norm1.bias", (d,), "vector", 1),
            ("attention.in.weight", (d, 3 * d), "hidden", d),
            ("attention.in.bias", (3 * d,), "vector", 1),
            ("attention.out.weight", (d, d), "branch", d),
            ("attention.out.bias", (d,), "vector", 1),
            ("norm2.gain", (d,), "vector", 1),
            ("norm2.bias", (d,), "vector", 1),
            ("mlp.in.weight", (d, 4 * d), "hidden", d),
            ("mlp.in.bias", (4 * d,), "vector", 1),
            ("mlp.out.weight", (4 * d, d), "branch", 4 * d),
            ("mlp.out.bias", (d,), "vector", 1),
        ):
            if shape.bias or not name.endswith("bias"):
                yield f"layer{layer}.{name}", size, kind, fan_in  # type: ignore[misc]
    yield "norm.gain", (d,), "vector", 1
    if shape.bias:
        yield "norm.bias", (d,), "vector", 1
    yield "readout.weight", (d, shape.outputs), "readout", d


class Transformer:
    """Parameters and gradients of one shape, and the operations on them.

    dtype : float32 to train (with compiled elementwise operations), float64 to check.
    rules : how each parameter begins and learns (`Rule`), by name.
    """

    def __init__(self, shape: Shape, dtype: Any = np.float32) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.flat = np.zeros(shape.parameters, self.dtype)
        self.flat_gradient = np.zeros_like(self.flat)
        self.params: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.rules: dict[str, Rule] = {}
        start = 0
        for name, size, kind, fan_in in layout(shape):
            end = start + math.prod(size)
            self.params[name] = self.flat[start:end].reshape(size)
            self.gradients[name] = self.flat_gradient[start:end].reshape(size)
            self.rules[name] = rule(
                kind,
                fan_in,
                parametrization=shape.parametrization,
                width=shape.width,
                base_width=shape.base_width,
                layers=shape.layers,
            )
            start = end
        self.scale = attention_scale(
            shape.parametrization,
            shape.width // shape.heads,
            shape.base_width / (shape.base_heads or shape.heads),
        )
        self.ops: Any = ops
        if self.dtype == np.float32:
            from mplfit.lab import fused

            self.ops = fused

    def initialise(self, seed: int) -> None:
        """Gains 1, biases 0, all else normal, each parameter from its own stream of the seed."""
        for number, (name, values) in enumerate(self.params.items()):
            rng = np.random.default_rng([seed, 0, number])
            values[...] = 1.0 if name.endswith("gain") else 0.0
            if self.rules[name].std:
                values[...] = rng.standard_normal(values.shape) * self.rules[name].std

    def loss(self, batch: Batch, watch: dict[str, Array] | None = None) -> float:
        """The mean loss over the batch, without dropout; `watch` receives the activations."""
        return self._forward(batch, None, watch)[0]

    def loss_and_gradient(self, batch: Batch, rng: np.random.Generator | None = None) -> float:
        """The mean loss; its gradient goes into `gradients`. `rng` draws what dropout drops."""
        loss, tape = self._forward(batch, rng, None)
        self._backward(batch, tape)
        return loss

    def _forward(
        self, batch: Batch, rng: np.random.Generator | None, watch: dict[str, Array] | None
    ) -> tuple[float, Tape]:
        o, p, shape = self.ops, self.params, self.shape
        sequences, length = batch.inputs.shape
        if length > shape.block:
            raise DataError(f"sequences of {length} do not fit a block of {shape.block}")
        tape: Tape = {}

        def drop(key: str, x: Array) -> Array:
            if not shape.dropout or rng is None:
                return x
            y, tape[key] = o.dropout_forward(x, shape.dropout, rng)
            return y  # type: ignore[no-any-return]

        def norm(key: str, x: Array) -> Array:
            y, tape[key] = o.layer_norm_forward(x, p[f"{key}.gain"], p.get(f"{key}.bias"))
            return y  # type: ignore[no-any-return]

        def linear(key: str, x: Array) -> Array:
            tape[key] = x
            return o.linear_forward(x, p[f"{key}.weight"], p.get(f"{key}.bias"))  # type: ignore[no-any-return]

        flat = batch.inputs.reshape(-1)
        if shape.vocabulary:
            x = o.embedding_forward(flat, p["embed.weight"])
        else:
            x = linear("embed", flat.astype(self.dtype, copy=False)[:, None])
        positions = p["position"][:length]
        x = (x.reshape(sequences, length, -1) + positions).reshape(-1, shape.width)
        x = drop("embed.drop", x)
        if watch is not None:
            watch["embedding"] = x
        for layer in range(shape.layers):
            at = f"layer{layer}"
            qkv = linear(f"{at}.attention.in", norm(f"{at}.norm1", x))
            kept = None
            if shape.dropout and rng is not None:
                size = (sequences, shape.heads, length, length)
                kept = o.dropout_factors(size, self.dtype, shape.dropout, rng)
            y, tape[f"{at}.attention"] = o.attention_forward(
                qkv, sequences, shape.heads, self.scale, kept
            )
            branch = linear(f"{at}.attention.out", y)
            if watch is not None:
                watch[f"{at} attention"] = branch
            x = x + drop(f"{at}.attention.drop", branch)
            wide = linear(f"{at}.mlp.in", norm(f"{at}.norm2", x))
            y, tape[f"{at}.gelu"] = o.gelu_forward(wide)
            branch = linear(f"{at}.mlp.out", y)
            if watch is not None:
                watch[f"{at} MLP"] = branch
            x = x + drop(f"{at}.mlp.drop", branch)
        outputs = linear("readout", norm("norm", x))
        multiplier = self.rules["readout.weight"].multiplier
        if multiplier != 1:
            outputs *= self.dtype.type(multiplier)
        if watch is not None:
            watch["output"] = outputs.copy()  # the loss may use them up
        if shape.vocabulary:
            loss, tape["loss"] = o.cross_entropy_forward(outputs, batch.targets.reshape(-1))
        else:
            counted = np.ones_like(batch.targets) if batch.counted is None else batch.counted
            loss, tape["loss"] = o.absolute_forward(
                outputs,
                batch.targets.reshape(-1).astype(self.dtype, copy=False),
                counted.reshape(-1).astype(self.dtype, copy=False),
            )
        return loss, tape

    def _backward(self, batch: Batch, tape: Tape) -> None:
        o, p, g, shape = self.ops, self.params, self.gradients, self.shape
        sequences, length = batch.inputs.shape

        def drop(key: str, dy: Array) -> Array:
            return o.dropout_backward(dy, tape[key]) if key in tape else dy

        def norm(key: str, dy: Array) -> Array:
            return o.layer_norm_backward(  # type: ignore[no-any-return]
                dy, tape[key], p[f"{key}.gain"], g[f"{key}.gain"], g.get(f"{key}.bias")
            )

        def linear(key: str, dy: Array) -> Array:
            return o.linear_backward(  # type: ignore[no-any-return]
                dy, tape[key], p[f"{key}.weight"], g[f"{key}.weight"], g.get(f"{key}.bias")
            )

        if shape.vocabulary:
            dy = o.cross_entropy_backward(tape["loss"])
        else:
            dy = o.absolute_backward(tape["loss"])
        multiplier = self.rules["readout.weight"].multiplier
        if multiplier != 1:
            dy = dy * self.dtype.type(multiplier)
        dx = norm("norm", linear("readout", dy))
        for layer in reversed(range(shape.layers)):
            at = f"layer{layer}"
            dy = linear(f"{at}.mlp.out", drop(f"{at}.mlp.drop", dx))
            dy = o.gelu_backward(dy, tape[f"{at}.gelu"])
            dx = dx + norm(f"{at}.norm2", linear(f"{at}.mlp.in", dy))
            dy = linear(f"{at}.attention.out", drop(f"{at}.attention.drop", dx))
            dy = o.attention_backward(
                dy, tape[f"{at}.attention"], sequences, shape.heads, self.scale
            )
            dx = dx + norm(f"{at}.norm1", linear(f"{at}.attention.in", dy))
        dx = drop("embed.drop", dx)
        g["position"][...] = 0
        g["position"][:length] = dx.reshape(sequences, length, -1).sum(axis=0)
        if shape.vocabulary:
            o.embedding_backward(dx, batch.inputs.reshape(-1), g["embed.weight"])
        else:
            linear("embed", dx)
