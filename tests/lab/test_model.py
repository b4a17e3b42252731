"""The whole model: gradients by finite differences, one step against torch, muP's symmetries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mplfit.errors import DataError
from mplfit.lab.coordinates import coordinate_check
from mplfit.lab.model import Batch, Shape, Transformer, layout
from mplfit.lab.optimizer import AdamW, Settings
from mplfit.lab.run import Run, RunPlan, train
from mplfit.lab.tasks import IclRegression
from mplfit.schedule import constant, cosine
from tests.lab.torch_model import torch_loss


def batch_for(shape, rng, sequences=3, length=None):
    size = (sequences, length or shape.block)
    if shape.vocabulary:
        return Batch(
            rng.integers(0, shape.vocabulary, size), rng.integers(0, shape.vocabulary, size)
        )
    counted = np.tile([1.0, 0.0], (sequences, size[1] // 2))
    return Batch(rng.standard_normal(size), rng.standard_normal(size), counted)


SHAPES = {
    "text": Shape(width=16, layers=2, heads=2, block=6, vocabulary=11),
    "real": Shape(width=16, layers=1, heads=4, block=6, vocabulary=0),
    "muP": Shape(16, 2, 2, 6, 0, parametrization="muP", base_width=4),
    "no bias": Shape(16, 1, 2, 6, 11, bias=False),
    "dropout": Shape(16, 2, 2, 6, 7, dropout=0.3),
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_gradient_against_finite_differences(name):
    shape, rng = SHAPES[name], np.random.default_rng(1)
    model = Transformer(shape, np.float64)
    model.initialise(0)
    model.flat += 0.1 * rng.standard_normal(model.flat.size)
    batch = batch_for(shape, rng, length=shape.block - 2)

    def value():
        drops = np.random.default_rng(5) if shape.dropout else None
        return model._forward(batch, drops, None)[0]

    model.loss_and_gradient(batch, np.random.default_rng(5) if shape.dropout else None)
    analytic = {key: one.copy() for key, one in model.gradients.items()}
    scale = np.sqrt(np.mean(model.flat_gradient**2))
    for key, values in model.params.items():
        direction, kept, h = rng.standard_normal(values.shape), values.copy(), 1e-6
        values += h * direction
        high = value()
        values[...] = kept - h * direction
        numeric = (high - value()) / (2 * h)
        values[...] = kept
        assert float((analytic[key] * direction).sum()) == pytest.approx(
            numeric, rel=1e-5, abs=1e-6 * scale * values.size + 1e-9
        ), key


def test_float32_is_float64_to_rounding():
    shape, rng = replace(SHAPES["text"], width=32), np.random.default_rng(0)
    batch, found = batch_for(shape, rng), {}
    for dtype in (np.float32, np.float64):
        model = Transformer(shape, dtype)
        model.initialise(3)
        loss = model.loss_and_gradient(batch)
        found[dtype] = loss, model.flat_gradient.astype(np.float64)
    low, high = found[np.float32], found[np.float64]
    assert low[0] == pytest.approx(high[0], rel=1e-6)
    assert np.abs(low[1] - high[1]).max() < 1e-5 * np.abs(high[1]).max()


def test_the_layout_counts_every_parameter():
    for shape in SHAPES.values():
        model = Transformer(shape)
        assert shape.parameters == model.flat.size == sum(p.size for p in model.params.values())
        assert list(model.params) == [name for name, *_ in layout(shape)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"width": 10, "heads": 4}, "does not split into 4 heads"),
        ({"layers": 0}, "layers must be a whole number"),
        ({"dropout": 1.0}, "dropout must be"),
        ({"parametrization": "NTK"}, "choose SP or muP"),
        ({"base_width": 10, "base_heads": 4}, "base width of 10 does not split into 4 heads"),
        ({"base_heads": -1}, "does not split into -1 heads"),
    ],
)
def test_a_wrong_shape_is_refused(wrong, words):
    with pytest.raises(DataError, match=words):
        Shape(**wrong)


def test_heads_grow_with_the_width_where_the_base_has_its_own_number():
    base = Shape(16, 1, 2, base_width=16, base_heads=2)
    assert base.at(64, "muP").heads == 8
    assert replace(base, base_heads=0).at(64, "muP").heads == 2
    # Heads of the base's width are scaled as there; wider ones by 1 / width.
    for shape in (base, base.at(64, "muP")):
        assert Transformer(shape).scale == pytest.approx(1 / np.sqrt(8))
    wide = Transformer(replace(base, base_heads=0).at(64, "muP"))
    assert wide.scale == pytest.approx(1 / np.sqrt(8) / 4)


def test_positions_are_as_large_as_what_stands_beside_them():
    for vocabulary, scale in ((0, 1.0), (11, 0.1)):
        model = Transformer(Shape(64, 1, 2, 32, vocabulary))
        model.initialise(0)
        for name in ("embed.weight", "position"):
            assert np.std(model.params[name]) == pytest.approx(scale, rel=0.2)


def test_too_long_a_sequence_is_refused():
    model = Transformer(SHAPES["text"])
    with pytest.raises(DataError, match="do not fit a block"):
        model.loss(Batch(np.zeros((1, 7), int), np.zeros((1, 7), int)))


# --- torch -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["text", "real", "no bias"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_is_torch_s(name, dtype):
    """Loss, gradients, clipping and AdamW: three steps in float64 to 1e-9, one in float32 to 1e-5.

    In float32 Adam's first step is lr · sign(g) even where g is rounding noise (a bias of keys has
    the true gradient 0), so that parameters are compared where g is above 1e-3 of its largest.
    """
    torch = pytest.importorskip("torch", reason="torch is not installed")
    shape, rng = SHAPES[name], np.random.default_rng(2)
    model = Transformer(shape, np.dtype(dtype))
    model.initialise(4)
    batch = batch_for(shape, rng)
    if not shape.vocabulary:
        batch = Batch(*(one.astype(dtype) for one in (batch.inputs, batch.targets, batch.counted)))
    params = {
        key: torch.tensor(values.copy(), requires_grad=True) for key, values in model.params.items()
    }
    decays = [one for key, one in params.items() if model.rules[key].decays]
    rest = [one for key, one in params.items() if not model.rules[key].decays]
    settings = Settings(weight_decay=0.1, clip=0.5)
    theirs = torch.optim.AdamW(
        [{"params": decays}, {"params": rest, "weight_decay": 0.0}],
        lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1,
    )  # fmt: skip
    ours = AdamW(model, settings)
    exact = dtype == "float64"
    for number in range(3 if exact else 1):
        loss = torch_loss(torch, shape, params, batch)
        theirs.zero_grad()
        loss.backward()
        assert model.loss_and_gradient(batch) == pytest.approx(float(loss.detach()), rel=1e-5)
        for key, one in params.items():
            want = one.grad.numpy()
            off = np.abs(model.gradients[key] - want).max()
            assert off <= 1e-5 * max(np.abs(want).max(), 1e-2), key
        norm = torch.nn.utils.clip_grad_norm_(list(params.values()), 0.5)
        assert ours.step(number, 3e-3) == pytest.approx(float(norm), rel=1e-5)
        theirs.step()
        for key, one in params.items():
            off, size = np.abs(model.params[key] - one.detach().numpy()), np.abs(one.grad.numpy())
            clear = off if exact else off[size > 1e-3 * size.max()]
            assert clear.max() <= (1e-9 if exact else 1e-5), key


# --- muP ---------------------------------------------------------------------------------------

PLAN = RunPlan(
    IclRegression(block=8),
    Shape(width=16, layers=2, heads=2, block=8, vocabulary=0, base_width=16),
    batch=4, every=5, evaluated=8,
)  # fmt: skip


def losses(plan, lr=1e-2, steps=20):
    return [row.loss for row in train(Run(plan, constant(steps, lr))).rows]


def test_at_the_base_width_mup_is_the_standard_parametrization():
    other = replace(PLAN, shape=replace(PLAN.shape, parametrization="muP"))
    assert losses(PLAN) == losses(other)
    wide = replace(PLAN.shape, width=32)
    assert losses(replace(PLAN, shape=wide)) != losses(
        replace(PLAN, shape=replace(wide, parametrization="muP"))
    )


@pytest.mark.parametrize("name", ["readout.weight"])
def test_multiplier_scale_and_rate_can_be_traded(name):
    """a·W, W ~ b, rate c and (a/θ)·W, W ~ b·θ, rate c·θ are the same function for Adam."""
    shape = replace(PLAN.shape, width=32, parametrization="muP")
    batches = [PLAN.task.batch(0, step, 4) for step in range(6)]
    curves = []
    for theta in (1.0, 4.0):
        model = Transformer(shape, np.float64)
        model.initialise(0)
        model.params[name] *= theta
        own = model.rules[name]
        model.rules[name] = replace(
            own, std=own.std * theta, rate=own.rate * theta, multiplier=own.multiplier / theta
        )
        optimizer = AdamW(model, Settings(epsilon=1e-30, clip=0.0, weight_decay=0.1))
        curve = []
        for step, batch in enumerate(batches):
            curve.append(model.loss_and_gradient(batch))
            optimizer.step(step, 1e-2)
        curves.append(curve)
    assert curves[0] == pytest.approx(curves[1], rel=1e-10)
    assert curves[0][0] != pytest.approx(curves[0][-1], rel=1e-3)


def test_the_coordinate_check_is_flat_for_mup_and_grows_for_sp():
    widths, found = (16, 32, 64, 128), {}
    for kind in ("SP", "muP"):
        check = coordinate_check(PLAN, kind, widths, lr=1e-2, updates=3, seeds=2)
        found[kind] = {name: check.slope(name, 3, change=True).value for name in check.names}
    inner = [name for name in found["SP"] if name.startswith("layer")]
    assert min(found["SP"][name] for name in inner) > 0.4
    assert max(found["muP"][name] for name in found["muP"]) < 0.25


def test_a_coordinate_check_needs_two_widths():
    with pytest.raises(DataError, match="two widths"):
        coordinate_check(PLAN, "SP", [16])


def test_a_transformer_learns_in_context_regression():
    """Below what guessing without context can reach: E|y - 0| is about 0.5 here."""
    plan = replace(PLAN, batch=32, every=50, evaluated=64, shape=replace(PLAN.shape, width=32))
    run = train(Run(plan, cosine(300, 1e-2, warmup=30)))
    assert run.rows[-1].eval_loss < 0.38
