"""--workers and --dask: the same output, and sentences for what is missing."""

from __future__ import annotations

import json
import sys
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool

import pytest

from mplfit.errors import FitError
from mplfit.processes import WithHelper
from tests.cluster import dask_cluster
from tests.support.commands import ROOT, run

DATA = ROOT / "data" / "simulated_25"
LOGS = [str(DATA / f"{name}.csv") for name in ("cosine_24000", "wsdcon_9")]
FIT = ["fit", *LOGS, "--law", "onepower", "--no-save", "--json", "--bootstrap", "12"]


@pytest.fixture(scope="module")
def here():
    return run(*FIT).stdout


def found_in(text):
    """All of a fit but the command that made it, which names the engine."""
    fit = json.loads(text)
    del fit["made_by"]
    return fit


def found(*arguments):
    return found_in(run(*FIT, *arguments).stdout)


def test_workers_change_nothing(here):
    assert found("--workers", "2") == found_in(here)
    assert found("--workers", "1") == found_in(here)
    kept = json.loads(here)["bootstrap"]
    assert kept["refits"] == kept["converged"] == len(kept["draws"]) == 12
    assert set(kept["intervals"]) == {"0.80", "0.95"}
    low, high = kept["intervals"]["0.95"]["alpha"]
    assert low < json.loads(here)["params"]["alpha"] < high
    assert set(kept["predictions"]) == {"cosine_24000", "wsdcon_9"}
    low, high = kept["predictions"]["cosine_24000"]["intervals"]["0.95"]
    final = json.loads(here)["metrics"]["train"]["final"]["cosine_24000"]
    assert low < final["predicted"] < high


@pytest.mark.slow
def test_a_real_cluster_changes_nothing(here):
    with dask_cluster() as cluster:
        assert found("--dask", cluster.scheduler_address) == found_in(here)


def test_a_process_beside_this_one_changes_nothing(here, monkeypatch):
    """What the command does where nothing is said and there are two cores."""
    monkeypatch.delenv("MPLFIT_WORKERS")
    monkeypatch.setattr("mplfit.cli.engine._cores", lambda: 2)
    assert found() == found_in(here)


class _Pool(Executor):
    """Begins the first `busy` tasks that it is given, and dies in those that `kill` it."""

    def __init__(self, busy, kill=False):
        self.begun, self.busy, self.kill = [], busy, kill

    def submit(self, fn, /, *args):
        future = Future()
        if len(self.begun) < self.busy:
            self.begun.append(args)
            future.set_running_or_notify_cancel()
            if self.kill:
                future.set_exception(BrokenProcessPool())
            else:
                future.set_result(fn(*args))
        return future


@pytest.mark.parametrize("kill", [False, True])
def test_the_helper_takes_tasks_from_the_end(kill):
    pool = _Pool(busy=2, kill=kill)
    assert list(WithHelper(pool).map(pow, [2, 3, 4], [3, 2, 1])) == [8, 9, 4]
    assert pool.begun == [(4, 1), (3, 2)]


def test_where_the_helper_has_died_all_is_done_here():
    class Dead(Executor):
        def submit(self, *_):
            raise BrokenProcessPool

    assert list(WithHelper(Dead()).map(abs, [-1, 2])) == [1, 2]


def test_where_no_process_can_be_started_all_is_done_here(here, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError("no semaphores")

    monkeypatch.delenv("MPLFIT_WORKERS")
    monkeypatch.setattr("mplfit.cli.engine._cores", lambda: 2)
    monkeypatch.setattr("mplfit.processes.ProcessPoolExecutor", refuse)
    assert found() == found_in(here)


def test_the_usual_number_of_workers(monkeypatch):
    monkeypatch.setenv("MPLFIT_WORKERS", "many")
    assert "MPLFIT_WORKERS is 'many'" in run(*FIT, code=1).stderr


def test_both_stand_side_by_side():
    text = run("fit", *LOGS, "--law", "onepower", "--no-save", "--bootstrap", "12", "-v").stdout
    assert "95 % Laplace" in text
    assert "95 % bootstrap" in text
    assert "12 of 12 refits" in text


def test_wrong_engines_get_a_sentence(monkeypatch):
    said = run(*FIT, "--workers", "2", "--dask", "tcp://127.0.0.1:1", code=2).stderr
    assert "exclude one another" in said
    run(*FIT, "--workers", "0", code=2)
    monkeypatch.setitem(sys.modules, "distributed", None)
    said = run(*FIT, "--dask", "tcp://127.0.0.1:1", code=1).stderr
    assert "needs the package distributed" in said


def test_an_absent_scheduler_gets_a_sentence(monkeypatch):
    pytest.importorskip("distributed", reason="distributed is not installed")
    monkeypatch.setattr("mplfit.cli.engine._PATIENCE", 1.0)
    said = run(*FIT, "--dask", "tcp://127.0.0.1:1", code=1).stderr
    assert "no Dask scheduler answers at 'tcp://127.0.0.1:1'" in said


def test_a_bootstrap_that_fails_leaves_the_fit(monkeypatch, tmp_path):
    def fail(*_arguments, **_options):
        raise FitError("only 1 of 12 refits converged")

    monkeypatch.setattr("mplfit.api.fitting.resample", fail)
    arguments = ["fit", *LOGS, "--law", "onepower", "--out", str(tmp_path / "kept")]
    result = run(*arguments, "--bootstrap", "12")
    assert "no bootstrap: only 1 of 12 refits converged" in result.stderr
    assert (tmp_path / "kept" / "fit.json").exists()
