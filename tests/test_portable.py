"""What .ci/run asks for when it repeats the portable tests is what they run under."""

from __future__ import annotations

import configparser
import os
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg

ROOT = Path(__file__).parents[1]
BLAS = os.environ.get("OPENBLAS_CORETYPE")
# Other names of the same kernels: newer wheels call Prescott's Katmai, and have none but Haswell's
# for Zen.
SAME = {"Prescott": {"Prescott", "Katmai"}, "Zen": {"Zen", "Haswell"}}
CPU = os.environ.get("NUMBA_CPU_NAME")


def lowest() -> dict[str, str]:
    """The packages that mplfit needs, with the lowest versions that setup.cfg allows."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return dict(line.split(">=") for line in config["options"]["install_requires"].split())


def test_the_readme_names_the_lowest_versions():
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    bounds = lowest()
    assert set(bounds) == {"numpy", "numba", "scipy", "click", "matplotlib"}
    assert [name for name in bounds if f"{name} {bounds[name]}" not in text] == []


@pytest.mark.portable
@pytest.mark.skipif(BLAS is None, reason="no OPENBLAS_CORETYPE is asked for")
def test_blas_runs_the_kernels_that_are_asked_for():
    from threadpoolctl import threadpool_info

    assert np.eye(2) @ np.eye(2) @ scipy.linalg.inv(np.eye(2)) == pytest.approx(np.eye(2))
    used = [library["architecture"] for library in threadpool_info() if "architecture" in library]
    assert len(used) >= 2, "numpy and scipy bring an OpenBLAS each"
    assert set(used) <= SAME.get(BLAS, {BLAS})


@pytest.mark.portable
@pytest.mark.skipif(CPU is None, reason="no NUMBA_CPU_NAME is asked for")
def test_numba_compiles_for_the_processor_that_is_asked_for():
    from numba.core.registry import cpu_target

    _, name, features = cpu_target.target_context.codegen().magic_tuple()
    assert name == CPU
    assert "+avx" not in features


@pytest.mark.portable
@pytest.mark.skipif("MPLFIT_LOWEST" not in os.environ, reason="these are not the lowest versions")
def test_the_packages_are_the_lowest_that_setup_cfg_allows():
    for name, wanted in lowest().items():
        assert f"{version(name)}.0".startswith(f"{wanted}."), name
