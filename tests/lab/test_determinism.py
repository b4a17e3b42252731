"""Compiled just now or loaded from numba's cache, here or in another process: the same bits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import hashlib, sys
from mplfit.lab.model import Shape
from mplfit.lab.run import RunPlan, Run, train
from mplfit.lab.tasks import Text
from mplfit.schedule import constant
junk = bytearray(int(sys.argv[1]))
task = Text(block=24, path=sys.argv[2])
plan = RunPlan(task, Shape(24, 2, 2, 24, 256), batch=4, every=4, evaluated=8)
run = train(Run(plan, constant(8, 1e-2)))
print(hashlib.sha256(run.model.flat.tobytes()).hexdigest(), run.rows)
"""


@pytest.mark.slow
def test_a_curve_does_not_depend_on_who_compiled_the_kernels(tmp_path):
    text = tmp_path / "text"
    text.write_bytes((ROOT / "README.md").read_bytes())
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    found = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT, junk, str(text)],
            env=env, check=True, capture_output=True, text=True,
        ).stdout
        for junk in ("1", "1000", "123457")
    ]  # fmt: skip
    assert found[0] == found[1] == found[2]
