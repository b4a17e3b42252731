"""Settings of every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# One thread for BLAS, before numpy is loaded: the products here are small, and the threads of two
# pytest workers on two cores wait for one another (the lab's tests took 2.7 times the CPU seconds).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Commands work alone, unless a test says more: a process beside each would cost more than it gains.
os.environ["MPLFIT_WORKERS"] = "1"

# Notes are not broken into lines, so that tests find their words; test_commands tests the lines.
os.environ["MPLFIT_WIDTH"] = "100000"

# No deadline: the machines that run this are slow and shared. Fewer examples than usual: the whole
# set stays short; raise them with --hypothesis-profile=thorough.
settings.register_profile("mplfit", deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile("mplfit")


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
