"""The recipes of the rooms' READMEs: a toy of each kind by the public registries."""

from __future__ import annotations

import importlib
import json
import re
import sys
from dataclasses import dataclass
from types import ModuleType

import click
import numpy as np
import pytest
from click.testing import CliRunner

import mplfit
from mplfit.cli.main import GROUPS, main
from mplfit.errors import DataError, FitError, OutputError, ScheduleError
from mplfit.laws import registry
from mplfit.laws.base import check_params
from mplfit.laws.onepower import OnePowerLaw
from mplfit.readers.detect import READERS, Reader
from mplfit.readers.log import Log, Series
from mplfit.readers.text_formats import FORMATS, TextFormat
from mplfit.schedule.spec import SHAPES
from mplfit.writers.export import EXPORTS


@dataclass(frozen=True)
class LogLaw(mplfit.Law):
    """L(t) = L0 - A · ln S_t: a toy, of two parameters."""

    key = "toy"
    title = "toy law"
    at_constant_rate = None
    parameters = (
        mplfit.Parameter("L0", "loss at S = 1", linear=True),
        mplfit.Parameter("A", "its fall for each e-fold of S", linear=True),
    )

    def box(self, curves):
        return np.array([1e-3, 1e-4]), np.array([100.0, 10.0])

    def at(self, schedule, step, *, exact=False):
        return _AtSteps(self, np.cumsum(schedule.lr)[step])

    def final(self, params, lr):
        return self.final_gradient(params, lr)[0]

    def final_gradient(self, params, lr):
        L0, A = check_params(self, params)
        S = float(lr.sum())
        return L0 - A * np.log(S), np.full(lr.size, -A / S)


@dataclass(frozen=True)
class _AtSteps:
    law: LogLaw
    S: np.ndarray

    def loss(self, params):
        return self.loss_and_gradient(params)[0]

    def loss_and_gradient(self, params):
        L0, A = check_params(self.law, params)
        return L0 - A * np.log(self.S), np.column_stack([np.ones_like(self.S), -np.log(self.S)])


@pytest.fixture
def toy_law():
    mplfit.Law.register(LogLaw(), "a toy of two parameters")
    yield
    registry.unregister("toy")


def test_a_law_is_registered_fitted_compared_and_named_in_help(toy_law, tmp_path):
    truth, step = np.array([3.0, 0.25]), np.arange(100, 900, 10)
    plans = {name: mplfit.constant(900, rate) for name, rate in (("a", 1e-2), ("b", 3e-2))}
    law = mplfit.get_law("toy")
    runs = [mplfit.simulate(law, truth, plan, step, name=name) for name, plan in plans.items()]
    fit = mplfit.fit(runs, "toy", rival=False)
    assert fit.params == pytest.approx({"L0": 3.0, "A": 0.25}, rel=1e-5)
    assert fit.predict("constant:steps=5000,peak=1e-2").final_loss == pytest.approx(
        3 - 0.25 * np.log(50), rel=1e-5
    )
    assert {one.law for one in mplfit.compare(runs)} >= {"toy", "onepower"}
    assert mplfit.compare(runs, ["onepower", "toy"]).laws[0].law == "toy", "it is the true one"
    fit.save(tmp_path / "toy")
    assert mplfit.load(tmp_path / "toy") == fit
    told = CliRunner().invoke(main, ["fit", "--help"]).output
    assert "toy: a toy of two parameters" in " ".join(told.split())
    done = CliRunner().invoke(
        main, ["predict", "--params", str(tmp_path / "toy"), "constant:steps=5000,peak=1e-2",
               "--json", "--out", str(tmp_path / "out")],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    final = json.loads(done.stdout)["predictions"][0]["final_loss"]
    assert final == pytest.approx(fit.loss(mplfit.constant(5000, 1e-2))[-1], rel=1e-9)


def test_a_registered_law_is_gone_afterwards_and_no_law_takes_the_place_of_another():
    with pytest.raises(FitError, match="no law 'toy'"):
        mplfit.get_law("toy")
    with pytest.raises(FitError, match="there is a law 'onepower' already"):
        mplfit.Law.register(OnePowerLaw(), "again")
    with pytest.raises(FitError, match="'onepower' is one of mplfit's own"):
        registry.unregister("onepower")


def test_an_export_is_one_function_in_the_registry(monkeypatch):
    def toy_file(schedule, units):
        return f"{units.batch_size * schedule.steps} samples\n".encode()

    importlib.import_module("mplfit.cli.export")
    monkeypatch.delitem(sys.modules, "mplfit.cli.export")  # the command reads the registry once
    monkeypatch.setitem(EXPORTS, "toy", toy_file)
    plan = mplfit.constant(100, 1e-3)
    assert plan.export("toy", batch_size=8) == b"800 samples\n"
    told = CliRunner().invoke(main, ["export", "constant:steps=9,peak=1", "--format", "toy"])
    assert told.stdout == "9 samples\n"
    assert ", toy." in " ".join(CliRunner().invoke(main, ["export", "--help"]).stdout.split())
    monkeypatch.undo()
    with pytest.raises(OutputError, match="no export 'toy'"):
        plan.export("toy")


def test_a_shape_is_one_function_whose_signature_is_its_grammar(monkeypatch):
    def sawtooth(steps: int, peak: float, teeth: int = 2) -> mplfit.Schedule:
        """A toy."""
        part = steps // teeth
        return mplfit.Schedule(np.tile(peak * (1 - np.arange(part) / part), teeth))

    monkeypatch.setitem(SHAPES, "sawtooth", sawtooth)
    made = mplfit.parse_schedule("sawtooth:steps=1k,peak=2e-3,teeth=4")
    assert made.lr[[0, 125, 250]].tolist() == [2e-3, 1e-3, 2e-3]
    final = mplfit.load("400").predict("sawtooth:steps=1k,peak=3e-4").final_loss
    assert 2 < final < 6
    with pytest.raises(ScheduleError, match="teeth"):
        mplfit.parse_schedule("sawtooth:steps=1k,peak=2e-3,tooth=4")
    monkeypatch.undo()
    with pytest.raises(ScheduleError, match="sawtooth"):
        mplfit.parse_schedule("sawtooth:steps=1k,peak=2e-3")


def test_a_command_is_one_module_and_one_line_in_the_table(monkeypatch):
    @click.command("toy-steps")
    @click.argument("spec")
    def toy_steps_command(spec):
        """How many updates a schedule has."""
        click.echo(mplfit.parse_schedule(spec).steps)

    module = ModuleType("mplfit.cli.toy_steps")
    module.toy_steps_command = toy_steps_command
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(GROUPS["Theory"], "toy-steps", "Count the updates of a schedule.")
    call = CliRunner().invoke
    assert call(main, ["toy-steps", "constant:steps=7k,peak=1"]).stdout == "7000\n"
    told = call(main, ["--help"]).stdout
    assert "toy-steps  Count the updates of a schedule." in told.partition("Theory:")[2]
    failed = call(main, ["toy-steps", "constant:steps=7k"])
    assert failed.exit_code == 1
    assert failed.stderr.startswith("Error: ")
    assert "Did you mean toy-steps" in call(main, ["toy-step"]).stderr
    monkeypatch.undo()
    assert call(main, ["toy-steps", "constant:steps=7k,peak=1"]).exit_code == 2


def test_a_reader_is_one_entry_of_the_table_for_files_and_for_folders(monkeypatch, tmp_path):
    def read(file, options):
        rows = [line.split() for line in file.path.read_text().splitlines()[1:]]
        step, lr, loss = (np.array(column, float) for column in zip(*rows, strict=True))
        log = Log(
            file.path.stem, "toy", file.path, file.sha256, Series(step, loss), Series(step, lr)
        )
        return [log]

    for name, first in (("a.toy", 3.0), ("b.toy", 4.0)):
        lines = [f"{step} 0.001 {first - step / 1000}" for step in range(100, 900, 20)]
        (tmp_path / name).write_text("\n".join(["#toy 1", *lines]))
    with pytest.raises(DataError, match="no log that mplfit knows"):
        mplfit.read(tmp_path)
    monkeypatch.setitem(
        READERS, "toy", Reader(lambda file: file.head.startswith(b"#toy"), read, (".toy",))
    )
    runs = mplfit.read(tmp_path)
    assert runs.names == ("a", "b")
    assert runs["a"].loss[0] == pytest.approx(3.0 - runs["a"].step[0] / 1000)
    assert runs["b"].schedule.peak == 1e-3
    told = CliRunner().invoke(main, ["read", str(tmp_path / "a.toy"), "--json"])
    assert json.loads(told.stdout)["runs"][0]["format"] == "toy"
    monkeypatch.undo()
    with pytest.raises(DataError, match="no log that mplfit knows"):
        mplfit.read(tmp_path / "a.toy")


def test_a_text_format_is_one_entry_of_its_table(monkeypatch, tmp_path):
    line = re.compile(r"^toycode (\d+) loss (\S+) lr (\S+)$", re.M)

    def rows(text):
        for step, loss, lr in line.findall(text):
            yield float(step), "loss", float(loss)
            yield float(step), "lr", float(lr)

    monkeypatch.setitem(FORMATS, "toycode", TextFormat("toycode", line, line, rows, counted=False))
    log = tmp_path / "toy.log"
    log.write_text(
        "".join(f"toycode {t} loss {3 - t / 1000} lr 0.001\n" for t in range(50, 900, 10))
    )
    (run,) = mplfit.read(log)
    assert run.schedule.peak == 1e-3
    assert run.step[-1] == 890
    told = CliRunner().invoke(main, ["read", str(log), "--json"])
    assert json.loads(told.stdout)["runs"][0]["format"] == "toycode text log"
