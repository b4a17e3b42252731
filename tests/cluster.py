"""Engines for tests: processes, and a real Dask cluster on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import pytest


@contextmanager
def processes(workers: int = 2) -> Iterator[Executor]:
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield pool


@contextmanager
def dask_cluster(workers: int = 2) -> Iterator[Any]:
    """A scheduler and worker processes; the test is skipped where Dask is not installed."""
    distributed = pytest.importorskip(
        "distributed", reason="distributed is not installed (pip install 'mplfit[dask]')"
    )
    with distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=":0", processes=True
    ) as cluster:
        yield cluster
