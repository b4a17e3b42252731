"""Timings of the lab: a training step against BLAS's own rate, and against torch where it is.

CPU seconds of one thread, so that a busy machine disturbs little, in a process of its own, because
BLAS counts its threads when numpy is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mplfit.lab.model import Shape

_SIZES = ((64, 2, 64, 8), (64, 2, 64, 16), (128, 4, 128, 16), (256, 4, 128, 16))


def rows() -> Iterator[tuple[str, str]]:
    """A step at several sizes: milliseconds, share of the sgemm rate, ratio to torch."""
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    for size in _SIZES:
        out = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.bench_lab", *map(str, size)],
            env={**os.environ, **threads}, cwd=Path(__file__).parents[2], text=True, check=True,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        found = json.loads(out.stdout)
        width, layers, block, batch = size
        label = f"lab step, width {width}, {layers} layers, {batch} × {block} tokens"
        share = found["rate"] / found["sgemm"]
        figure = (
            f"{1e3 * found['step']:.1f} ms, {found['rate']:.0f} GFLOP/s, {share:.0%} of sgemm's"
        )
        if found["torch"]:
            figure += (
                f"; torch {1e3 * found['torch']:.1f} ms, {found['step'] / found['torch']:.2f}×"
            )
        yield label, figure


def _cpu(function: Callable[[], object], seconds: float = 4.0) -> float:
    """CPU seconds of the fastest call among as many as fit."""
    function()
    function()
    times: list[float] = []
    while sum(times) < seconds or len(times) < 5:
        begin = time.process_time()
        function()
        times.append(time.process_time() - begin)
    return min(times)


def _measure(width: int, layers: int, block: int, batch: int) -> dict[str, float | None]:
    import numpy as np

    from mplfit.lab.model import Shape
    from mplfit.lab.run import Run, RunPlan
    from mplfit.lab.tasks import Text
    from mplfit.schedule import constant

    shape = Shape(width, layers, 4, block, 256)
    run = Run(RunPlan(Text(block=block), shape, batch=batch, evaluated=0), constant(50, 1e-3))
    data = run.plan.task.batch(0, 0, batch)

    def step() -> None:
        run.model.loss_and_gradient(data)
        run.optimizer.step(0, 1e-3)

    a, b = (np.random.default_rng(0).random((1024, 1024), dtype=np.float32) for _ in range(2))
    sgemm = 2 * 1024**3 / _cpu(lambda: a @ b) / 1e9
    own = _cpu(step)
    rate = _flops_per_token(shape) * batch * block / own / 1e9
    return {"step": own, "rate": rate, "sgemm": sgemm, "torch": _torch(run, data)}


def _flops_per_token(shape: Shape) -> int:
    """Multiplications and additions of one training step, by token: all products, both ways."""
    d, t = shape.width, shape.block
    return 6 * (shape.layers * (12 * d * d + t * d * 2) + d * shape.outputs)


def _torch(run: object, data: object) -> float | None:
    try:
        import torch
    except ImportError:
        return None
    from tests.lab.torch_model import torch_loss

    torch.set_num_threads(1)
    params = {
        name: torch.tensor(values.copy(), requires_grad=True)
        for name, values in run.model.params.items()
    }
    optimizer = torch.optim.AdamW(list(params.values()), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        torch_loss(torch, run.plan.shape, params, data).backward()
        torch.nn.utils.clip_grad_norm_(list(params.values()), 1.0)
        optimizer.step()

    return _cpu(step)


if __name__ == "__main__":
    print(json.dumps(_measure(*map(int, sys.argv[1:]))))
