"""Files as they are on disk: what is no regular file is refused, and never waited for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from mplfit.errors import DataError
from mplfit.readers.epfml_outcomes import read_outcomes
from mplfit.readers.fits import load_fit
from mplfit.readers.outcome_table import read_outcome_table
from mplfit.readers.paths import read_curves
from mplfit.readers.results import load_results
from mplfit.readers.schedules import read_schedule
from mplfit.readers.sweep_table import read_sweep

READERS: dict[str, Callable[[Path], object]] = {
    "log.csv": lambda path: read_curves([path]),
    "log.jsonl": lambda path: read_curves([path]),
    "trainer_state.json": lambda path: read_curves([path]),
    "events.out.tfevents.1.host": lambda path: read_curves([path]),
    "train.log": lambda path: read_curves([path]),
    "runs.csv": read_outcome_table,
    "run.json": read_outcomes,
    "schedule.npy": read_schedule,
    "schedule.json": read_schedule,
    "fit.json": load_fit,
    "result.json": load_results,
    "sweep.json": lambda path: read_sweep([path]),
}


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_without_a_writer_is_refused_at_once(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    os.mkfifo(path)
    with pytest.raises(DataError, match=f"{name} is no regular file but a pipe, a socket or a dev"):
        READERS[name](path)


def test_sockets_and_devices_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's address is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("run.csv")
        for path in (Path("run.csv"), Path("/dev/zero"), Path("/dev/full"), Path("/dev/null")):
            with pytest.raises(DataError, match=f"{path} is no regular file"):
                read_curves([path])


def test_a_folder_s_pipes_are_no_logs_of_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "control.csv")
    (tmp_path / "run.csv").write_text("step,lr,loss\n0,1,3\n1,1,2\n")
    assert [curve.name for curve in read_curves([tmp_path])] == ["run"]
