"""The readers: a million csv rows, and TensorBoard scalars with their checksums: time, memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mplfit import read_curves
from tests.benchmarks.timing import best, peak_growth
from tests.support.logs import events, row, scalar, write


def memory(path: Path) -> str:
    """How far the largest memory of a fresh process grows in reading a file."""
    reader = (
        "from mplfit import read_curves; import mplfit.readers.csv_log, mplfit.readers.tfevents"
    )
    grown = peak_growth(reader, "read_curves([sys.argv[3]])", str(path))
    size = sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
    return f"{grown / 1e6:.0f} MB, {grown / size:.1f} times the file"


def rows() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as name:
        table, folder = Path(name) / "run.csv", Path(name) / "board"
        lr, loss = 3e-4 - 1e-10 * np.arange(10**6), 3 + 1 / np.arange(1, 10**6 + 1)
        lines = (
            f"{t},{rate:.6g},{value:.4f}"
            for t, (rate, value) in enumerate(zip(lr.tolist(), loss.tolist(), strict=True))
        )
        table.write_text("\n".join(["step,lr,loss", *lines]))
        yield "read 1,000,000 csv rows", f"{best(lambda: read_curves([table]), 3):.2f} s"
        yield "memory of that", memory(table)
        scalars = [scalar(t, "loss", 3.0) + scalar(t, "lr", 1e-3) for t in range(50_000)]
        board = events(folder / "events.out.tfevents.1", scalars)
        yield "read 100,000 TensorBoard scalars", f"{best(lambda: read_curves([folder]), 3):.2f} s"
        yield "memory of that", memory(board)
        rows = (
            row({"loss": 3.0, "lr": 1e-3, "_runtime": t / 7, "_timestamp": 17e8 + t, "_step": t})
            for t in range(100_000)
        )
        file = write(Path(name) / "run-a.wandb", rows)
        yield "read 100,000 rows of W&B", f"{best(lambda: read_curves([file]), 3):.2f} s"
        yield "memory of that", memory(file)
        runs = Path(name) / "runs"
        lines = [f"{t},{3e-4 - 1e-8 * t:.6g},{3 + 1 / (t + 1):.4f}" for t in range(1000)]
        for number in range(1000):
            (runs / f"{number}").mkdir(parents=True)
            text = "\n".join(["step,lr,loss", *lines, f"1000,1e-4,{2 + number / 1e3}"])
            (runs / f"{number}" / "metrics.csv").write_text(text)
        yield "read 1,000 runs of 1,000 rows", f"{best(lambda: read_curves([runs]), 1):.2f} s"
        yield "memory of that", memory(runs)
