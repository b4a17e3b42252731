"""Every reader takes a time that grows with its input, not with the square of it."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mplfit.errors import MplfitError, printable
from mplfit.readers.configs import weight_decay_beside
from mplfit.readers.detect import read_log
from mplfit.readers.options import ReadOptions
from mplfit.readers.same_run import once
from mplfit.readers.sweep_table import read_sweep
from mplfit.readers.wandb import joined
from mplfit.schedule.spec import parse_schedule
from mplfit.trend import trend_of
from tests.support.logs import record

SMALL, LARGE, LONG = 40_000, 300_000, 1_000_000  # bytes; the last where most is one long line
SECONDS = 1e-6  # for a byte of the large input; measured: below half of that
SOME = 0.25  # for the small one, which a quadratic reader takes longer for than this


def _repeat(text: str) -> Callable[[int], str]:
    return lambda size: text * (size // len(text))


def _message(field: int, data: bytes) -> bytes:
    length, size = len(data), b""
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return bytes([field << 3 | 2]) + size + bytes([length]) + data


def _value(tag: str, value: bytes) -> bytes:
    return _message(1, _message(1, tag.encode()) + value)


def _events(*values: bytes) -> bytes:
    return b"".join(record(b"\x09" + bytes(8) + b"\x10\x01" + _message(5, v)) for v in values)


_FLOAT = b"\x15" + struct.pack("<f", 3.0)
_PIECES = b"\x2d" + struct.pack("<f", 3.0)  # one of a tensor's numbers, each a field of its own

# By name: the file's content for a size, and a word of what is said, "" where it is read.
CASES: dict[str, tuple[Callable[[int], str | bytes], str]] = {
    "escapes.log": (_repeat("\x1b[0;"), "no log that mplfit knows"),
    "escapes_whole.log": (_repeat("\x1b[0m"), "no log that mplfit knows"),
    "ones.log": (lambda n: "loss: " + "1," * (n // 2), "no log that mplfit knows"),
    "thousands.log": (lambda n: "step: 1 loss: " + "1,111" * (n // 5), "no log that mplfit knows"),
    "tabs.log": (lambda n: "\t" * n + "[step=1\n", "no log that mplfit knows"),
    "blanks.log": (lambda n: "[step=1/9\n" + " " * n + "x\n", "no column for the loss"),
    "digits.log": (
        lambda n: "iter 1: loss " + "1" * (n // 4) + ", tim",
        "no log that mplfit knows",
    ),
    "validation.log": (
        lambda n: "iteration 1/ 9 |" + "validation loss at iteration 1 " * (n // 31),
        "no column for the loss",
    ),
    "unreadable.log": (
        lambda n: "step: 1 loss: 1 " * (n // 16) + "step: 2 loss: x",
        "",
    ),
    "keywords.log": (_repeat("iteration iter step: "), "no log that mplfit knows"),
    "brackets.json": (_repeat("["), "is not JSON"),
    "keys.jsonl": (
        lambda n: "\n".join(f'{{"step":{k},"loss":3,"k{k}":1}}' for k in range(n // 30)),
        "",
    ),
    "columns.csv": (
        lambda n: (
            "step,loss,lr,run," + ",".join(f"c{k}" for k in range(n // 16)) + "\n"
            "0,3,1,a," + "1," * (n // 16 - 1) + "1\n"
        ),
        "",
    ),
    "chart.csv": (
        lambda n: (
            '"Step"' + "".join(f',"{k} - loss","{k} - loss__MIN"' for k in range(n // 80)) + "\n"
            "1" + ",3,3" * (n // 80) + "\n"
        ),
        "",
    ),
    "runs.csv": (
        lambda n: "run,step,loss,lr\n" + "".join(f"{k // 5},{k},3,1\n" for k in range(n // 16)),
        "hardly a step is logged twice",
    ),
    "seeds.csv": (
        lambda n: (
            "run,step,loss,lr\n"
            + "".join(f"{k // 5},{k % 5},{k % 7 + 1},1\n" for k in range(n // 14))
        ),
        "",
    ),
    "cell.csv": (lambda n: "step,loss,lr\n0," + "1" * n + ",1\n", "not finite|finite loss|"),
    "empty_lines.csv": (lambda n: "\n" * n + "step,loss,lr\n0,1,1\n", ""),
    "spec.csv": (lambda n: "# schedule: a" + " " * n + "x\nstep,loss,lr\n0,1,1\n", ""),
    "tags.tfevents": (
        lambda n: _events(*(_value(f"loss{k}", _FLOAT) for k in range(n // 50))),
        "no column for the loss",
    ),
    "tensor.tfevents": (
        lambda n: _events(_value("loss", _message(8, b"\x08\x01" + _PIECES * (n // 5)))),
        "no scalar",
    ),
    "records.tfevents": (
        lambda n: _events(*[_value("loss" * 500, _FLOAT)] * (n // 2000)),
        "no column for the loss",
    ),
}


def seconds(work: Callable[[], object]) -> tuple[float, str]:
    """The processor's time for some work, and what it refuses."""
    start, said = time.process_time(), ""
    try:
        work()
    except MplfitError as error:
        said = str(error)
    return time.process_time() - start, said


def check(work: Callable[[int], Callable[[], object]], word: str, large: int) -> None:
    """Times of a small and a large input; the small one first, as it ends if it is too slow."""
    for size, limit in ((SMALL, SOME), (large, SECONDS * large)):
        taken, said = seconds(work(size))
        if taken >= limit:  # the first call may have compiled or imported something
            taken, said = seconds(work(size))
        assert taken < limit, f"{taken:.2f} s for {size} bytes"
    assert re.search(word, said) if word else not said, said


@pytest.mark.parametrize("name", CASES)
def test_a_log_is_read_or_refused_in_a_second_a_megabyte(name: str, tmp_path: Path) -> None:
    made, word = CASES[name]
    long = name.endswith((".log", ".json")) or name in ("columns.csv", "cell.csv", "spec.csv")

    def work(size: int) -> Callable[[], object]:
        path, content = tmp_path / name, made(size)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return lambda: once(joined(read_log(path, ReadOptions()), ReadOptions()))

    check(work, word, LONG if long else LARGE)


def test_a_sweep_of_many_columns_is_read_in_a_second_a_megabyte(tmp_path: Path) -> None:
    def work(size: int) -> Callable[[], object]:
        path, many = tmp_path / "sweep.csv", size // 100
        names = ",".join(f"c{k}" for k in range(many))
        path.write_text(f"lr,loss,{names}\n" + "".join(f"{k},3{',1' * many}\n" for k in (1, 2)))
        return lambda: read_sweep([path])

    check(work, "", LARGE)


def test_a_configuration_and_a_schedule_s_text_are_read_in_a_second(tmp_path: Path) -> None:
    def work(size: int) -> Callable[[], object]:
        (tmp_path / "config.yaml").write_text(
            "-" * (size // 2) + "weight_decay: " + "1" * (size // 4)
        )
        text = "constant:steps=9,peak=1" + " " * size + "+" + " " * size + "x"

        def both() -> None:
            weight_decay_beside(tmp_path / "log.csv")
            printable("\x1b[0m" * (size // 4))
            parse_schedule(text)

        return both

    check(work, "x", LONG)


def test_a_step_far_away_costs_no_more_than_the_rows() -> None:
    step = np.append(np.arange(60), 90_000_000)
    taken, _ = seconds(lambda: trend_of(step, np.cos(np.linspace(0, 1.5, 61))))
    assert taken < SOME
