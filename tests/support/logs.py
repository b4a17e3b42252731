"""Logs as their writers write them: event files, W&B's and MLflow's stores, JSON, text."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mplfit.curve import Curve
from mplfit.readers.crc32c import crc32c, masked
from mplfit.readers.epfml import config_schedule


def said(curve: Curve) -> str:
    assert curve.origin is not None
    assert not [note for note in curve.origin.notes if "\n" in note]
    return " | ".join(curve.origin.notes)


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number: int, wire: int, data: bytes) -> bytes:
    return varint(number << 3 | wire) + (varint(len(data)) if wire == 2 else b"") + data


def record(data: bytes) -> bytes:
    def crc(part: bytes) -> bytes:
        return struct.pack("<I", int(masked(np.array([crc32c(part)], np.uint32))[0]))

    length = struct.pack("<Q", len(data))
    return length + crc(length) + data + crc(data)


def scalar(step: int, tag: str, value: float, *, tensor: bool = False) -> bytes:
    if tensor:
        inner = field(1, 0, varint(1)) + field(2, 2, b"") + field(5, 2, struct.pack("<f", value))
        held = field(8, 2, inner) + field(9, 2, b"\x0a\x02\x0a\x00")
    else:
        held = field(2, 5, struct.pack("<f", value))
    summary = field(1, 2, field(1, 2, tag.encode()) + held)
    return record(
        field(1, 1, struct.pack("<d", 1.0)) + field(2, 0, varint(step)) + field(5, 2, summary)
    )


def events(path: Path, rows: list[bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = record(field(1, 1, struct.pack("<d", 1.0)) + field(3, 2, b"brain.Event:2"))
    path.write_bytes(head + b"".join(rows))
    return path


def wide(path: Path, metric: str, runs: dict[str, list[float]]) -> Path:
    names = [f"{run} - {metric}{tail}" for run in runs for tail in ("", "__MIN", "__MAX")]
    lines = [",".join(f'"{name}"' for name in ["Step", *names])]
    for i in range(max(map(len, runs.values()))):
        cells = [str(v[i]) if i < len(v) else "" for v in runs.values() for _ in range(3)]
        lines.append(",".join(f'"{cell}"' for cell in [str(10 * i), *cells]))
    path.write_text("\n".join(lines))
    return path


def state(folder: Path, *, ahead: int, every: int = 10, total: int = 200) -> Path:
    """As the Trainer writes it: a warmup of 50 updates, then linear to 0."""

    def rate(update: int) -> float:
        return 1e-3 * (update / 50 if update < 50 else (total - update) / (total - 50))

    history: list[dict[str, float]] = [
        {
            "epoch": 0.1,
            "learning_rate": rate(c - 1 + ahead),
            "loss": round(5 - c / 99, 4),
            "step": c,
        }
        for c in range(every, total + 1, every)
    ]
    history.insert(5, {"epoch": 0.1, "eval_loss": 4.5, "step": 50})
    history.append({"epoch": 1, "train_loss": 4.0, "train_runtime": 9, "step": total})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "trainer_state.json"
    path.write_text(json.dumps({"log_history": history, "max_steps": total, "global_step": total}))
    return path


def epfml(path: Path, **changes: object) -> Path:
    config = {
        "scheduler": "wsd", "lr": 1e-3, "iterations": 400, "warmup_steps": 40,
        "wsd_fract_decay": 0.25, "decay_type": "linear", "weight_decay": 0.1, "resume_from": None,
    } | changes  # fmt: skip
    lr = config_schedule(config).lr
    at = list(range(10, 401, 10))
    train = {
        "iter": at,
        "train_loss": [9 / (1 + c) + 2 for c in at],
        "train_lr": [lr[c] if c < 400 else 0 for c in at],
    }
    val = {"iter": [0, 100, 200, 100], "val_loss": [9.0, 4.0, 3.0, 5.0]}
    path.write_text(json.dumps({"config": config, "history": {"train": train, "val": val}}))
    return path


MEGATRON = """ [2024-05-01 10:00:00] some other line
 iteration {c:8d}/    1000 | consumed samples: {n:12d} | elapsed time per iteration (ms): 91.2 | \
learning rate: {lr:.6E} | global batch size:   256 | lm loss: {loss:.6E} | loss scale: 1.0 | \
grad norm: 0.813 | number of skipped iterations:   0 | number of nan iterations:   0 |"""


SILENT = {
    "torchtitan": "[rank0]:\x1b[36m[titan] 2025-06-16 22:30:50,322 - root - INFO - step: {c:2d}  "
    "loss: {loss:7.4f}  memory: 49.66GiB(52.28%)  tps: 5,856  tflops: 339.16  mfu: 34.29%\x1b[39m",
    "nanoGPT": "iter {i}: loss {loss:.4f}, time 120.53ms, mfu 40.12%",
    "litgpt": "Epoch 1 | iter {m} step {c} | loss train: {loss:.3f}, val: n/a | iter time: 17.2 ms",
}


BLOCK = 1 << 15


def item(name: str | tuple[str, ...], value: object) -> bytes:
    """An item of a row or a configuration: a name, or several where it is nested."""
    names = [name] if isinstance(name, str) else name
    keys = b"".join(field(2, 2, part.encode()) for part in names)
    keys = field(1, 2, name.encode()) if len(names) == 1 and names[0] == "_step" else keys
    return field(1, 2, keys + field(16, 2, json.dumps(value).encode()))


def row(values: Mapping[Any, object], step: int | None = None) -> bytes:
    """A record of one call of wandb.log; its step as an item or as a field of its own."""
    tail = b"" if step is None else field(2, 2, (b"\x08" + varint(step)) if step else b"")
    return field(2, 2, b"".join(item(name, value) for name, value in values.items()) + tail)


def run_record(run_id: str, name: str = "", config: Mapping[str, object] | None = None) -> bytes:
    told = b"".join(item(key, value) for key, value in (config or {}).items())
    named = field(8, 2, name.encode()) if name else b""
    return field(17, 2, field(1, 2, run_id.encode()) + field(4, 2, told) + named)


def framed(records: Iterable[bytes]) -> bytes:
    """The file of these records: whole, or in pieces where they cross the end of a block."""
    out = bytearray(b":W&B\xe1\xbe\x00")
    for record in records:
        left, first = record, True
        while first or left:
            room = BLOCK - len(out) % BLOCK
            if room < 7:
                out += b"\0" * room
                continue
            part, left = left[: room - 7], left[room - 7 :]
            kind = (1 if not left else 2) if first else (3 if left else 4)
            crc = zlib.crc32(bytes([kind]) + part)
            out += struct.pack("<IHB", crc, len(part), kind) + part
            first = False
    return bytes(out)


def write(path: Path, records: Iterable[bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(framed(records))
    return path


LOSS = [(5 * t, 4 - t / 9) for t in range(10)]


def file_run(store: Path, run_id: str, name: str, shift: float = 0.0) -> Path:
    folder = store / "123" / run_id
    (folder / "metrics" / "train").mkdir(parents=True)
    (folder / "params").mkdir()
    (folder / "meta.yaml").write_text(f"run_id: {run_id}\nrun_name: {name}\nstatus: 3\n")
    lines = [f"1795547019365 {y - shift} {t}\n" for t, y in LOSS]
    (folder / "metrics" / "train" / "loss").write_text("".join(lines))
    (folder / "metrics" / "lr").write_text("".join(f"17 0.001 {t}\n" for t, _ in LOSS))
    (folder / "params" / "weight_decay").write_text("0.2")
    (folder / "params" / "optimizer").write_text("AdamW")
    return folder


def database(path: Path, runs: dict[str, str], stage: str = "active") -> Path:
    with closing(sqlite3.connect(path)) as base:
        base.execute("CREATE TABLE runs (run_uuid TEXT, name TEXT, lifecycle_stage TEXT)")
        base.execute(
            "CREATE TABLE metrics (key TEXT, value REAL, timestamp INTEGER, run_uuid TEXT, "
            "step INTEGER, is_nan INTEGER)"
        )
        base.execute("CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT)")
        for number, (run, name) in enumerate(runs.items()):
            base.execute("INSERT INTO runs VALUES (?, ?, ?)", (run, name, stage))
            base.execute("INSERT INTO params VALUES ('weight_decay', '0.2', ?)", (run,))
            for time, (step, loss) in enumerate(LOSS):
                for key, value in (("train/loss", loss - number / 9), ("lr", 1e-3)):
                    nan = int(step == 5 and key != "lr")
                    base.execute(
                        "INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)",
                        (key, 0.0 if nan else value, time, run, step, nan),
                    )
        base.commit()
    return path


ROWS = [(5 * t, 1e-3 * (1 - t / 20), round(4 - t / 7, 4), round(1 + t / 9, 3)) for t in range(9)]
"""Index of the update, rate, loss, gradient norm."""


@dataclass(frozen=True)
class Sample:
    """A line for each row (i: the index, c: the count), and what it tells.

    moved : by how much the update of the rate beside a loss is later; None where it has no rate.
    """

    line: str
    moved: int | None = None
    norm: bool = False
    head: str = ""
    options: tuple[tuple[str, object], ...] = ()


SAMPLES = {
    "NeMo": Sample(
        "Training epoch 0, iteration {i}/99 | lr: {lr:.6e} | global_batch_size: 256 | "
        "global_step: {i} | reduced_train_loss: {y} | train_step_timing in s: 2.693 | "
        "consumed_samples: 12,800\n",
        moved=0,
    ),
    "NeMo's bar": Sample(
        "Epoch 0: :   1%|  | {c}/100 [00:05<00:40, reduced_train_loss={y}, global_step={i}.000, "
        "consumed_samples=512.0]\r"
    ),
    "Composer": Sample(
        "[batch={c}/100]:\n\t Train time/epoch: 0\n\t Train time/batch: {i}\n"
        "\t Train loss/train/total: {y}\n\t Train lr-DecoupledAdamW/group0: {lr:.4f}\n"
    ),
    "Composer, by rank": Sample(
        "0: [batch={c}/100]:\n0:       Train LanguageCrossEntropy: 9.5\n"
        "0:       Train loss/train/total: {y}\n"
    ),
    "Levanter": Sample(
        '2025-01-01 INFO {{"tracker": "json_logger", "event": "log", "step": {i}, "metrics": '
        '{{"train/loss": {y}, "optim/learning_rate": {lr:.6e}}}}}\n',
        moved=0,
    ),
    "Hugging Face": Sample(
        "{{'loss': {y}, 'grad_norm': {g}, 'learning_rate': {lr:.6e}, 'epoch': 0.01}}\n"
        " 10%|#         | {i}/100 [00:01<00:10,  9.9it/s]\r",
        moved=0,
        norm=True,
        options=(("steps_per_row", 5), ("steps_are", "index")),
    ),
    "Hugging Face, quoted": Sample(
        "{{'loss': '{y}', 'grad_norm': '{g}', 'learning_rate': '{lr:.6e}', 'epoch': '0.01'}}\n",
        moved=0,
        norm=True,
        options=(("steps_per_row", 5), ("steps_are", "index")),
    ),
    "DeepSpeed": Sample(
        "[2024-04-04 09:09:53,312] [INFO] [logging.py:96:log_dist] [Rank 0] step={c}, skipped=0, "
        "lr=[{lr:.17g}, {lr:.17g}], mom=[(0.9, 0.999), (0.9, 0.999)]\n"
        "steps: {c} loss: {y} iter time (s): 0.936 samples/sec: 136.706\n",
        moved=1,
    ),
    "torchtitan": Sample(
        "[rank0]:[titan] 2025-01-01 - root - INFO - step: {c:2}  loss: {y:7.4f}  grad_norm: "
        "{g:7.4f}  memory: 40.00GiB(50.00%)  tps: 1,234  tflops: 99.00  mfu: 40.00%\n",
        norm=True,
    ),
    "torchtitan, newer": Sample("step: {c:2}  training/loss: {y}  memory/peak: 14.2\n"),
    "nanochat": Sample(
        "step {i:05d}/00100 (0.05%) | loss: {y:.6f} | lrm: 1.00 | dt: 1200.00ms | tok/sec: "
        "400,000 | mfu: 40.00 | epoch: 1 | total time: 0.20m\n"
    ),
    "modded-nanogpt": Sample("step:{c}/100 train_loss:{y:.4f} train_time:66ms step_avg:1.2ms\n"),
    "llm.c": Sample("s:{i} trl:{y:.4f} lr:{lr:.6f} norm:{g:.3f}\n", moved=0, norm=True),
    "llm.c's console": Sample(
        "step {c:4d}/100 | loss {y:7.6f} (+nanz)| norm {g:6.4f} (-1.25z)| lr {lr:.2e} | 2000.00 "
        "ms | 50.1% bf16 MFU | 524288 tok/s\n",
        moved=0,
        norm=True,
    ),
}


def text_of(name: str) -> str:
    sample = SAMPLES[name]
    lines = [sample.line.format(i=i, c=i + 1, lr=lr, y=y, g=g) for i, lr, y, g in ROWS]
    return sample.head + "".join(lines)
