"""Exports in the frameworks' own classes, where installed (extras frameworks and trainers).

The rates that a framework applies must be the schedule's, at every step, to 1e-9 relative.
"""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mplfit import schedule as s
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves
from tests.support.exported import SCHEDULES, load, near


@pytest.fixture(autouse=True)
def _their_warnings() -> Iterator[None]:
    """The frameworks warn of what is none of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def framework(name: str) -> Any:
    """A module; a skip where it, or what it needs, is not there."""
    try:
        return importlib.import_module(name)
    except Exception as error:  # half-installed ones fail in many ways
        pytest.skip(f"{name.partition('.')[0]} cannot be imported (extras): {error}")


@pytest.mark.parametrize("name", SCHEDULES)
def test_olmo_core_s_composable_scheduler_applies_the_rates(name: str) -> None:
    module, schedule = framework("olmo_core.optim.scheduler"), SCHEDULES[name]
    if not hasattr(module, "ComposableScheduler"):
        pytest.skip("this ai2-olmo-core has no ComposableScheduler (2.6 and newer have)")
    names = load("olmo-core", schedule)
    scheduler = names["make_scheduler"]()
    again = type(scheduler).from_dict(scheduler.as_dict())  # as in a configuration file
    groups = [{"lr": names["PEAK"], "params": []}, {"lr": names["PEAK"] / 2, "params": []}]
    trainer, rates = SimpleNamespace(global_step=0, max_steps=schedule.steps), []
    for _ in range(schedule.steps):
        trainer.global_step += 1  # as Trainer._fit_epoch does, before the batch
        rates.append([one.set_lr(group, trainer) for one in (scheduler, again) for group in groups])
        assert [group["lr"] for group in groups] == rates[-1][2:]
    for column, share in enumerate((1, 0.5, 1, 0.5)):
        near(np.array(rates)[:, column] / share, schedule)


@pytest.mark.parametrize("name", SCHEDULES)
def test_megatron_s_scheduler_applies_the_rates(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, schedule = framework("megatron.core.optimizer_param_scheduler"), SCHEDULES[name]
    monkeypatch.setattr(
        module.OptimizerParamScheduler, "get_lr", module.OptimizerParamScheduler.get_lr
    )
    names = load("megatron", schedule, batch_size=256)
    names["install"]()
    groups: list[dict[str, float]] = [{}, {"max_lr": 3 * names["PEAK"]}]
    run = module.OptimizerParamScheduler(
        SimpleNamespace(param_groups=groups), init_lr=0.0, max_lr=names["PEAK"], min_lr=0.0,
        lr_warmup_steps=0, lr_decay_steps=10**6, lr_decay_style="linear", start_wd=0.1, end_wd=0.1,
        wd_incr_steps=10**6, wd_incr_style="constant",
    )  # fmt: skip
    rates = []
    for _ in range(schedule.steps):
        rates.append([group["lr"] for group in groups])
        run.step(256)
    near(np.array(rates)[:, 0], schedule)
    near(np.array(rates)[:, 1] / 3, schedule)


@pytest.mark.parametrize("name", SCHEDULES)
def test_torchtitan_s_container_applies_the_rates(name: str) -> None:
    framework("torchtitan.components")
    torch, schedule = framework("torch"), SCHEDULES[name]
    names = load("torchtitan", schedule)
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizers = [torch.optim.AdamW([weight], lr=names["PEAK"]) for weight in weights]
    if "ScheduleConfig" in names:
        container = names["ScheduleConfig"]().build(optimizers=optimizers, training_steps=7)
    else:
        container = names["build_lr_schedulers"](optimizers, None, 7)
    rates = []
    for _ in range(schedule.steps):
        rates.append([optimizer.param_groups[0]["lr"] for optimizer in optimizers])
        for optimizer in optimizers:
            optimizer.step()
        container.step()
    for column in np.array(rates).T:
        near(column, schedule)


def test_litgpt_s_pretraining_applies_the_rates_and_its_logs_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """litgpt's own loop over micro-batches, with its csv logger; three make an update."""
    pretrain = framework("litgpt.pretrain")
    torch, args, fabrics = framework("torch"), framework("litgpt.args"), framework("lightning")
    loggers = framework("lightning.fabric.loggers")
    schedule = s.wsdld(20, 3e-4, decay=8, warmup=4)
    names, rates = load("litgpt", schedule, accumulate=3), []
    monkeypatch.setattr(pretrain, "get_lr", names["get_lr"])

    class Watched(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    logger = loggers.CSVLogger(str(tmp_path), "csv", flush_logs_every_n_steps=1)
    fabric = fabrics.Fabric(accelerator="cpu", devices=1, loggers=[logger])
    shape = framework("litgpt.config").Config(
        block_size=8, vocab_size=16, padded_vocab_size=16, n_layer=1, n_head=1, n_embd=8
    )
    model = framework("litgpt.model").GPT(shape)
    model = fabric.setup(model)
    optimizer = fabric.setup_optimizers(Watched(model.parameters(), lr=names["PEAK"]))
    data = [torch.randint(0, 16, (1, 9)) for _ in range(4)]
    state = {
        "model": model, "optimizer": optimizer, "train_dataloader": data,
        "iter_num": 0, "step_count": 0,
    }  # fmt: skip
    train = args.TrainArgs(
        global_batch_size=3, micro_batch_size=1, max_tokens=schedule.steps * 3 * 8,
        lr_warmup_steps=1, save_interval=None, log_interval=1, max_norm=1.0,
    )  # fmt: skip
    quiet = args.EvalArgs(interval=10**6, max_iters=1, final_validation=False)
    pretrain.fit(fabric, 1, state, data, data, tmp_path, None, train, quiet)
    near(rates, schedule)
    logger.finalize("success")

    (table,) = tmp_path.rglob("metrics.csv")
    (curve,) = read_curves([table], ReadOptions(tokens_per_step=3))
    assert curve.step.tolist() == list(range(20))
    near(curve.schedule.lr, schedule)
    (tmp_path / "train.log").write_text(capsys.readouterr().out)
    (text,) = read_curves([tmp_path / "train.log"], ReadOptions(schedule=schedule))
    assert text.step.tolist() == list(range(20))
    assert np.allclose(text.loss, curve.loss, rtol=0, atol=6e-4)


@pytest.fixture
def keras64() -> Iterator[Any]:
    """Keras with 64 bits, on whichever backend is there."""
    if "KERAS_BACKEND" not in os.environ:
        os.environ["KERAS_BACKEND"] = "torch" if importlib.util.find_spec("torch") else "jax"
    keras = framework("keras")
    if keras.backend.backend() == "jax":
        framework("jax").config.update("jax_enable_x64", True)
    kind = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield keras
    keras.config.set_floatx(kind)
    if keras.backend.backend() == "jax":
        framework("jax").config.update("jax_enable_x64", False)


@pytest.mark.parametrize("name", SCHEDULES)
def test_keras_s_optimizer_applies_the_rates(name: str, keras64: Any) -> None:
    schedule = SCHEDULES[name]
    made = load("keras", schedule)["Schedule"]()
    again = keras64.optimizers.schedules.deserialize(keras64.optimizers.schedules.serialize(made))
    optimizer, rates = keras64.optimizers.SGD(learning_rate=made), []
    weight = keras64.Variable(np.zeros(1), dtype="float64")
    optimizer.build([weight])
    for _ in range(schedule.steps):
        rates.append(float(optimizer.learning_rate))
        optimizer.apply([keras64.ops.ones((1,), dtype="float64")], [weight])
    near(rates, schedule)
    near([float(again(step)) for step in range(schedule.steps)], schedule)
    assert float(weight.value[0]) == pytest.approx(-schedule.lr.sum(), rel=1e-9)


def test_keras_in_its_default_precision(keras64: Any) -> None:
    keras64.config.set_floatx("float32")
    schedule = SCHEDULES["cosine"]
    made = load("keras", schedule)["Schedule"]()
    near([float(made(step)) for step in range(100)], s.Schedule(schedule.lr[:100]), rtol=3e-7)
