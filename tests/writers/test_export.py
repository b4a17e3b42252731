"""Exports, proven by running them: in torch, optax and transformers where these are installed.

The other frameworks' own classes are in test_export_frameworks; here plain stand-ins take their
place, so that every export is run everywhere.

The rates that a framework applies must be the schedule's, at every step, to 1e-9 relative.
"""

from __future__ import annotations

import io
import json
import sys
import types
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit import schedule as s
from mplfit.cli.main import main
from mplfit.errors import OutputError, ScheduleError
from mplfit.estimate.result import Fit
from mplfit.readers.schedules import read_schedule
from mplfit.schedule import Schedule
from mplfit.schedule.formula import formula_of
from mplfit.schedule.knots import as_wsd, describe, exact_knots, with_knots
from mplfit.schedule.spec import parse_schedule
from mplfit.writers.export import Units, export
from tests.support.exported import SCHEDULES, load, near


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(path: str, **names: object) -> None:
        for end in range(1, path.count(".") + 2):
            part = ".".join(path.split(".")[:end])
            monkeypatch.setitem(sys.modules, part, types.ModuleType(part))
        for name, value in names.items():
            setattr(sys.modules[path], name, value)

    return make


@pytest.mark.parametrize("name", SCHEDULES)
def test_plain_python_gives_every_rate_back(name: str) -> None:
    schedule = SCHEDULES[name]
    names = load("python", schedule)
    near([names["lr"](step) for step in range(schedule.steps)], schedule)
    assert names["lr"](10**9) == schedule.lr[-1]
    assert (names["PEAK"], names["STEPS"]) == (schedule.peak, schedule.steps)
    assert names.get("KNOTS", exact_knots(schedule)) == exact_knots(schedule)
    assert ("KNOTS" in names) == (formula_of(schedule) is None) == (name[:2] in ("tw", "to"))


@pytest.mark.parametrize(
    "schedule",
    [
        s.cosine(24000, 3e-4, 3e-5, warmup=2160),
        s.cosine(24000, 3e-4, warmup=2160),
        s.cosine(700, 3e-4, 1e-5, warmup=20, endpoint=True),
        s.linear(600, 1.0, warmup=1),
        s.wsd(600, 1.0, 0.1, decay=100, warmup=30, warmup_from=1e-3),
        s.sqrt_cooldown(600, 1e-3, decay=100, warmup=10),
        s.constant(40, 1.0, warmup=5),
        s.wsdld(6000, 1.0, 0.05, decay=0.3, endpoint=True),
    ],
)
def test_a_known_shape_is_written_as_its_formula(schedule: Schedule) -> None:
    text = export(schedule, "torch").decode()
    assert len(text.splitlines()) < 70
    assert f"WARMUP = {schedule.warmup}  # of which" in text
    assert " ".join(describe(schedule).split()) in " ".join(text.split())
    names = load("python", schedule)
    made = [names["lr"](step) for step in range(schedule.steps)]
    np.testing.assert_allclose(made, schedule.lr, rtol=1e-9, atol=1e-15 * schedule.peak)
    assert names["lr"](10**9) == made[-1]


def test_many_knots_are_thinned_unless_exact_is_asked_for(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    schedule = Schedule(s.cosine(3000, 3e-4).lr * (1 + 1e-7 * rng.random(3000)))
    assert formula_of(schedule) is None
    near, exact = (load("python", schedule), {})
    text = export(schedule, "python", exact=True).decode()
    exec(text, exact)
    assert len(near["KNOTS"]) < 1000 < len(exact["KNOTS"])
    made = np.array([near["lr"](step) for step in range(3000)])
    assert 0 < np.abs(made - schedule.lr).max() <= 1.001e-6 * schedule.peak
    near_exactly = [exact["lr"](step) for step in range(3000)]
    np.testing.assert_allclose(near_exactly, schedule.lr, rtol=1e-11)
    (tmp_path / "x.csv").write_bytes(export(schedule, "csv"))
    run = [CliRunner().invoke(main, ["export", str(tmp_path / "x.csv"), "--format", "torch", *more])
           for more in ([], ["--exact"])]  # fmt: skip
    assert "knots meet every rate to 1e-6 of the peak; every digit takes" in run[0].stderr
    assert "1e-6" not in run[1].stderr
    assert len(run[1].stdout) > 2 * len(run[0].stdout)


def test_files_are_read_back(tmp_path: Path) -> None:
    for name, schedule in SCHEDULES.items():
        for form in ("csv", "npy", "json"):
            path = tmp_path / f"x.{form}"
            path.write_bytes(export(schedule, form))
            near(read_schedule(path).lr, schedule, rtol=0)
        assert np.array_equal(np.load(io.BytesIO(export(schedule, "npy"))), schedule.lr), name
        values = json.loads(export(schedule, "json"))
        assert values["lr"] == schedule.lr.tolist()


@pytest.mark.parametrize("name", SCHEDULES)
def test_loops_in_their_own_units(name: str, stand_in: Any) -> None:
    schedule = SCHEDULES[name]
    every = range(schedule.steps)
    nano = load("nanogpt", schedule)
    near([nano["get_lr"](it) for it in every], schedule)
    lit = load("litgpt", schedule, accumulate=4)
    for micro in range(4):  # each micro-batch of an update has the update's rate
        near([lit["get_lr"](0.0, 4 * t + micro, 1, 2, 3) for t in every], schedule)
    megatron = load("megatron", schedule, batch_size=256)

    class OptimizerParamScheduler:
        num_steps, max_lr = 0, 1.0

    stand_in(
        "megatron.core.optimizer_param_scheduler", OptimizerParamScheduler=OptimizerParamScheduler
    )
    megatron["install"]()
    run, rates = OptimizerParamScheduler(), []
    for _ in every:
        rates.append(run.get_lr({}))
        run.num_steps += 256
    near(rates, schedule)
    stand_in(
        "olmo_core.optim.scheduler",
        ComposableScheduler=lambda stages: stages, ComposableSchedulerStage=dict,
    )  # fmt: skip
    stages = load("olmo-core", schedule)["make_scheduler"]()
    ends = np.cumsum([stage["duration"] for stage in stages])
    shares = [stage["end_lr_fraction"] for stage in stages]
    near(schedule.peak * np.interp(np.arange(1, schedule.steps + 1), ends, shares), schedule)


def torch() -> Any:
    return pytest.importorskip("torch", reason="torch is not installed (frameworks)")


def applied(module: Any, names: dict[str, Any], schedule: Schedule, make: Any) -> list[float]:
    weight = module.nn.Parameter(module.zeros(1))
    optimizer = module.optim.AdamW([weight], lr=names["PEAK"])
    scheduler, rates = make(optimizer), []
    for _ in range(schedule.steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("name", SCHEDULES)
def test_torch_applies_the_rates(name: str) -> None:
    module, schedule = torch(), SCHEDULES[name]
    names = load("torch", schedule)
    near(applied(module, names, schedule, names["make_scheduler"]), schedule)


def test_torch_resumes_from_a_checkpoint() -> None:
    module, schedule = torch(), SCHEDULES["cosine"]
    names = load("torch", schedule)
    optimizer = module.optim.SGD([module.nn.Parameter(module.zeros(1))], lr=names["PEAK"])
    first = names["make_scheduler"](optimizer)
    for _ in range(100):
        optimizer.step()
        first.step()
    again = names["make_scheduler"](optimizer)
    again.load_state_dict(first.state_dict())
    optimizer.step()
    again.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(schedule.lr[101], rel=1e-9)


def test_torchtitan_s_builder_before_0_3(stand_in: Any) -> None:
    module, schedule = torch(), SCHEDULES["wsdld"]
    stand_in(
        "torchtitan.components.lr_scheduler",
        LRSchedulersContainer=lambda opt, f: module.optim.lr_scheduler.LambdaLR(opt, f),
    )
    names = load("torchtitan", schedule)
    near(applied(module, names, schedule, names["build_lr_schedulers"]), schedule)


def test_the_trainer_of_hugging_face_applies_the_rates(tmp_path: Path) -> None:
    module = torch()
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    schedule = s.wsdld(40, 3e-4, decay=20, warmup=5)
    names, rates = load("hf", schedule), []

    class Model(module.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = module.nn.Parameter(module.zeros(1))

        def forward(self, x: Any) -> dict[str, Any]:
            return {"loss": (self.weight * x).mean()}

    class Watch(transformers.TrainerCallback):
        def on_pre_optimizer_step(self, *_: Any, optimizer: Any = None, **__: Any) -> None:
            rates.append(optimizer.param_groups[0]["lr"])

    class Trainer(names["ScheduleMixin"], transformers.Trainer):
        pass

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            options = transformers.TrainingArguments(
                output_dir=str(tmp_path), learning_rate=names["PEAK"], max_steps=names["STEPS"],
                per_device_train_batch_size=1, gradient_accumulation_steps=2, report_to=[],
                save_strategy="no", use_cpu=True, disable_tqdm=True,
            )  # fmt: skip
        except ImportError as error:
            pytest.skip(f"the Trainer cannot run here: {str(error).strip().splitlines()[0]}")
        data = [{"x": module.ones(1)}] * 200
        trainer = Trainer(model=Model(), args=options, train_dataset=data, callbacks=[Watch()])
        trainer.train()
    near(rates, schedule)


def test_hugging_face_s_scheduler_as_an_argument() -> None:
    module, schedule = torch(), SCHEDULES["wsdld"]
    names = load("hf", schedule)
    near(applied(module, names, schedule, names["make_scheduler"]), schedule)


@pytest.fixture
def jax64() -> Iterator[Any]:
    jax = pytest.importorskip("jax", reason="jax is not installed (frameworks)")
    jax.config.update("jax_enable_x64", True)
    yield jax
    jax.config.update("jax_enable_x64", False)


@pytest.mark.parametrize("name", SCHEDULES)
def test_optax_applies_the_rates(name: str, jax64: Any) -> None:
    optax = pytest.importorskip("optax", reason="optax is not installed (frameworks)")
    schedule = SCHEDULES[name]
    names = load("optax", schedule)
    counts = jax64.numpy.arange(schedule.steps)
    near(jax64.jit(jax64.vmap(names["schedule"]))(counts), schedule)
    optimizer = optax.inject_hyperparams(optax.sgd)(learning_rate=names["schedule"])
    parameters = {"w": jax64.numpy.zeros(1)}
    state, rates = optimizer.init(parameters), []
    for _ in range(min(schedule.steps, 60)):
        _, state = optimizer.update(parameters, state, parameters)
        rates.append(float(state.hyperparams["learning_rate"]))
    np.testing.assert_allclose(rates, schedule.lr[: len(rates)], rtol=1e-9)


def test_keras_with_numpy_in_its_place(stand_in: Any) -> None:
    ops = types.SimpleNamespace(
        convert_to_tensor=lambda x, dtype: np.array(x, np.float64),
        cast=lambda x, dtype: np.asarray(x, np.int64 if "int" in dtype else np.float64),
        sum=np.sum, clip=np.clip, minimum=np.minimum, maximum=np.maximum, take=np.take,
    )  # fmt: skip
    stand_in(
        "keras",
        ops=ops,
        config=types.SimpleNamespace(floatx=lambda: "float64"),
        saving=types.SimpleNamespace(register_keras_serializable=lambda name: lambda made: made),
        optimizers=types.SimpleNamespace(
            schedules=types.SimpleNamespace(LearningRateSchedule=object)
        ),
    )
    for schedule in SCHEDULES.values():
        made = load("keras", schedule)["Schedule"]()
        near([made(step) for step in range(schedule.steps)], schedule)
        assert made.get_config() == {}


def test_refusals() -> None:
    with pytest.raises(OutputError, match="no export 'x': choose one of csv"):
        export(SCHEDULES["one"], "x")
    with pytest.raises(OutputError, match="batch_size= must be a whole number from 1 on, got 0"):
        Units(batch_size=0)
    with pytest.raises(ScheduleError, match=r"2 knots are too few: .* alone need 4"):
        with_knots(SCHEDULES["cosine"], 2)
    with pytest.raises(ScheduleError, match="too few for a decay"):
        as_wsd(SCHEDULES["one"])


def test_simpler_schedules() -> None:
    smooth = s.cosine(2000, 1e-3, warmup=100)
    apart = [abs(with_knots(smooth, k).lr - smooth.lr).max() for k in (6, 12, 24, 48)]
    assert all(b < a / 2 for a, b in pairwise(apart))
    near(with_knots(smooth, 10**6).lr, smooth)
    flat = as_wsd(smooth)
    assert len(exact_knots(flat)) <= 5
    assert np.all(np.diff(flat.lr[100:]) <= 0)


def test_the_command_says_what_a_simpler_schedule_costs(tmp_path: Path) -> None:
    run, out = CliRunner(), tmp_path / "lr.py"
    spec = "cosine:steps=2000,peak=3e-4,warmup=100"
    args = ["export", spec, "--format", "torch", "--max-knots", "8", "--params", "400"]
    made = run.invoke(main, [*args, "-o", str(out)])
    assert made.exit_code == 0, made.output
    assert "predicted final loss" in made.stderr
    assert "2000 updates, 8 knots, written to" in made.stderr
    again = run.invoke(main, [*args, "-o", str(out)])
    assert again.exit_code == 1
    assert "exists already" in again.stderr
    values = json.loads(run.invoke(main, [*args, "--json"]).stdout)
    assert values["knots"] == 8
    assert 0 < abs(values["cost"]["predicted_loss"]) < 0.01
    optimized = tmp_path / "best"
    done = run.invoke(
        main, ["optimize", "--params", "25", "--steps", "3000", "--warmup", "100", "--knots", "8",
               "--out", str(optimized)]
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    cheap = run.invoke(
        main, ["export", str(optimized / "schedule.json"), "--format", "csv", "--as", "wsd"]
    )
    assert "by mpl with the parameters 25" in cheap.stderr
    plain = run.invoke(main, ["export", spec, "--format", "npy"])
    assert plain.exit_code == 2


def test_the_cost_is_that_of_the_fit_with_its_constants(tmp_path: Path) -> None:
    """A law with a reference rate and a weight decay predicts with those of the fit."""
    names = ("L0", "A", "alpha", "b", "tau", "beta", "p", "rho")
    values = (2.4, 0.11, 0.52, 1.4, 9.0, 0.22, 0.8, 0.4)
    constants = {"eta_ref": 3e-4, "weight_decay": 0.05}
    fit = Fit("effective", dict(zip(names, values, strict=True)), constants=constants)
    path = tmp_path / "fit.json"
    path.write_text(json.dumps(fit.to_dict()))
    spec = "cosine:steps=2000,peak=3e-4,warmup=100"
    args = ["export", spec, "--format", "csv", "--as", "wsd", "--params", str(path), "--json"]
    cost = json.loads(CliRunner().invoke(main, args).stdout)["cost"]["predicted_loss"]
    given = parse_schedule(spec)
    before, after = (fit.loss(one)[-1] for one in (given, as_wsd(given)))
    assert cost == pytest.approx(after - before, abs=1e-9)
