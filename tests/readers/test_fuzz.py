"""Damaged logs: refused in a sentence or read right, never a traceback and never a wrong curve.

The samples, their mutations and the second, plainer parse are in tests/support/damaged.py.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.damaged import LATER, NAMES, OTHER, run

# Mutations of each sample; .ci/run tries 10,000 of the first formats by MPLFIT_INPUTS, and
# `python -m tests.fuzz` as many of any.
INPUTS = int(os.environ.get("MPLFIT_INPUTS", "1_500"))
FEWER = 200  # of later formats: CI has minutes, not hours


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: the loops open many files."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.mark.parametrize("name", [*OTHER, *LATER])
def test_damaged_logs_of_later_formats(name: str, memory: Path) -> None:
    run(name, memory, INPUTS if "MPLFIT_INPUTS" in os.environ else FEWER)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_damaged_logs(name: str, memory: Path) -> None:
    run(name, memory, INPUTS)
