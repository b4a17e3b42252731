"""Damaged logs: refused in a sentence or read right, never a traceback and never a wrong curve.

Each format has a small sample, a seeded loop of mutations, and a second, plainer parse of what the
reader accepted: the curve's losses must be those that this one finds at the same steps.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sqlite3
import struct
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from mplfit import Curve
from mplfit import schedule as s
from mplfit.errors import MplfitError
from mplfit.readers.options import ReadOptions
from mplfit.readers.own_lines import OWN_LINES
from mplfit.readers.paths import read_curves
from tests.support.logs import (
    MEGATRON,
    SILENT,
    database,
    epfml,
    events,
    framed,
    record,
    row,
    scalar,
    state,
    text_of,
    wide,
)

Found = list[tuple[float, float]]  # steps (indices) and losses, in the file's order
GIVEN = s.constant(200, 1e-3)
SILENT_ONES = ("torchtitan", "wandb", "nanoGPT", "litgpt", "TensorBoard csv")
SILENT_ONES += ("MLflow's folder", "Composer", "nanochat", "modded-nanogpt", "ClearML's graph")
ENDS = ("__MIN", "__MAX")


def plain_number(text: object) -> float:
    if isinstance(text, bool) or text is None:
        return math.nan
    try:
        return float(str(text).strip().replace("_", "x"))
    except ValueError:
        return math.nan


def name_of(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def plain_rows(data: bytes) -> list[list[str]]:
    """A header line, then csv."""
    text = data.decode("utf-8-sig").lstrip("\r\n \t").replace("\r\n", "\n").replace("\r", "\n")
    head, _, rest = text.partition("\n")
    mark = max(",\t;", key=head.count)
    rows = csv.reader(io.StringIO(rest), delimiter=mark)
    return [next(csv.reader([head], delimiter=mark)), *rows]


def plain_csv(data: bytes) -> Found:
    head, *rows = plain_rows(data)
    names = list(map(name_of, head))
    at, of = names.index("step"), names.index("loss")
    return [
        (plain_number(row[at]), plain_number(row[of])) for row in rows if len(row) > max(at, of)
    ]


def plain_jsonl(data: bytes) -> Found:
    found = []
    for line in data.splitlines():
        try:
            row = json.loads(line.decode("utf-8-sig"))
        except ValueError:
            continue
        row = {name_of(key): value for key, value in row.items()}
        found.append((plain_number(row.get("step")), plain_number(row.get("loss"))))
    return found


def plain_state(data: bytes) -> Found:
    rows = json.loads(data)["log_history"]
    rows = [row for row in rows if isinstance(row, dict) and "loss" in row and "step" in row]
    return [(plain_number(row["step"]) - 1, plain_number(row["loss"])) for row in rows]


def plain_epfml(data: bytes) -> Found:
    train = json.loads(data)["history"]["train"]
    by_count: dict[float, list[float]] = {}
    for count, loss in zip(train["iter"], train["train_loss"], strict=True):
        by_count.setdefault(plain_number(count), []).append(plain_number(loss))
    return [(count - 1, sum(some) / len(some)) for count, some in by_count.items()]


def plain_wide(data: bytes) -> Found:
    head, *rows = plain_rows(data)
    names = [i for i, name in enumerate(head) if i and not name.strip().endswith(ENDS)]
    return [
        (plain_number(row[0]), plain_number(row[i])) for row in rows for i in names if i < len(row)
    ]


def plain_tensorboard(data: bytes) -> Found:
    head, *rows = plain_rows(data)
    assert list(map(name_of, head)) == ["walltime", "step", "value"]
    if len(rows) < data.rstrip().count(b"\n"):  # a quote that is never closed, in no column read
        rows = [line.split(",") for line in data.decode("utf-8-sig").splitlines()[1:]]
    return [(plain_number(row[1]), plain_number(row[2])) for row in rows if len(row) > 2]


def plain_text(data: bytes) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", data.decode("utf-8-sig"))


def plain_token(text: str, after: str = "") -> float | None:
    """The number that a text begins with, up to where no number can go on; None if it is none.

    `after` must follow it.
    """
    token = re.match(r"(?:[\w.+-]|,(?=\w))*", text)[0]
    if not text[len(token) :].startswith(after):
        return None
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?(e[-+]?\d+)?", token, re.I):
        token = token.replace(",", "")
    if "_" in token or token.lower() in ("+inf", "+nan", "-nan") or "infinity" in token.lower():
        return None
    try:
        return float(token)
    except ValueError:
        return None


def plain_megatron(data: bytes) -> Found:
    exact: Found = []
    alike: Found = []  # taken where no line has the name as it should be
    for line in plain_text(data).split("\n"):
        parts = re.split(r"iteration[ \t]+(\d+)/[ \t]*\d+[ \t]*\|", line)
        for count, part in zip(parts[1::2], parts[2::2], strict=True):
            for name, _, value in (one.partition(":") for one in part.split("|")):
                loss = plain_token(value.strip() + "\n", "\n")
                if loss is not None:
                    found = (float(count) - 1, loss)
                    exact += [found] if name.strip() == "lm loss" else []
                    alike += [found] if name_of(name) == "lmloss" else []
    return exact or alike


def plain_titan(data: bytes) -> Found:
    found = []
    for part in re.split(r"(?<!validate )\bstep:", plain_text(data))[1:]:
        head = re.match(r"[ \t]*(\d+)[ \t]+loss:[ \t]*", part)
        loss = plain_token(part[head.end() :]) if head else None
        found += [(float(head[1]) - 1, loss)] if head and loss is not None else []
    return found


def plain_nano(data: bytes) -> Found:
    found, rough = [], []
    for line in plain_text(data).split("\n"):
        if head := re.match(r"iter (\d+): loss ", line):
            loss = plain_token(line[head.end() :], ", time")
            found += [] if loss is None else [(float(head[1]), loss)]
        elif head := re.match(r"step (\d+): train loss ", line):
            loss = plain_token(line[head.end() :], ", val loss ")
            _, _, val = line.partition(", val loss ")
            rough += [] if None in (loss, plain_token(val)) else [(float(head[1]) - 1, loss)]
    return found or rough


def plain_lit(data: bytes) -> Found:
    found = []
    for line in plain_text(data).split("\n"):
        for head in re.finditer(r"\biter \d+ (?:\| )?step (\d+)(?: \||:) loss train: ", line):
            loss = plain_token(line[head.end() :], ", val: ")
            _, _, val = line[head.end() :].partition(", val: ")
            if loss is not None and (val.startswith("n/a") or plain_token(val) is not None):
                found.append((float(head[1]) - 1, loss))
    return found


def plain_olmo(data: bytes) -> Found:
    exact, alike, count = [], [], None
    for line in plain_text(data).splitlines():
        if head := re.search(r"\[step=(\d+)/\d", line):
            count = float(head[1])
        elif line[:1].strip() and not re.fullmatch(r"[ \t]+[^=]+=.*", line):
            count = None
        elif count is not None and "=" in line and line[0] in " \t":
            name, _, value = line.partition("=")
            loss = plain_token(value.rstrip(" \t") + "\n", "\n")
            if loss is not None:
                exact += [(count - 1, loss)] if name.strip(" \t") == "train/CE loss" else []
                alike += [(count - 1, loss)] if name_of(name).endswith("loss") else []
    return exact or alike


def plain_events(data: bytes) -> Found:
    """The scalars named loss, by a plain walk over records and fields."""
    found, at = [], 0

    def message(part: bytes) -> list[tuple[int, object]]:
        fields, i = [], 0

        def number() -> int:
            nonlocal i
            value = shift = 0
            while True:
                byte = part[i]
                i += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value & (1 << 64) - 1

        while i < len(part):
            key = number()
            if key & 7 == 0:
                fields.append((key, number()))
            else:
                size = {1: 8, 5: 4}.get(key & 7) or number()
                fields.append((key, part[i : i + size]))
                i += size
        return fields

    while at + 16 <= len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        if at + 16 + size > len(data):
            break
        step, event = 0, message(data[at + 12 : at + 12 + size])
        for key, value in event:
            step = value if key == 2 << 3 else step
        for key, summary in event:
            for inner_key, inner in message(summary) if key == 5 << 3 | 2 else []:
                pairs = message(inner) if inner_key == 1 << 3 | 2 else []
                names = [part for number, part in pairs if number == 1 << 3 | 2]
                values = [part for number, part in pairs if number == 2 << 3 | 5]
                if names[-1:] == [b"loss"] and values:
                    found.append((float(step), struct.unpack("<f", values[-1])[0]))
        at += 16 + size
    return found


def plain_wandb(data: bytes) -> Found:
    """The rows of wandb.log, by a plain walk over chunks, records and fields."""
    rows: list[dict[str, object]] = []
    at, record = 7, b""

    def message(part: bytes) -> list[tuple[int, bytes]]:
        fields, i = [], 0

        def number() -> int:
            nonlocal i
            digits = []
            while not digits or digits[-1] > 127:
                digits.append(part[i])
                i += 1
            return sum((digit & 127) << 7 * place for place, digit in enumerate(digits))

        while i < len(part):
            key, first = number(), i
            if key & 7 == 0:
                value = b"%d" % number()
            else:
                size = {1: 8, 5: 4}.get(key & 7) or (number() if key & 7 == 2 else 10**9)
                first, i = i, i + size
                value = part[first:i]
            fields.append((key, value))
        return fields

    while at + 7 <= len(data):
        if (1 << 15) - at % (1 << 15) < 7:
            at += (1 << 15) - at % (1 << 15)
        _, size, kind = struct.unpack_from("<IHB", data, at)
        record = (record if kind in (3, 4) else b"") + data[at + 7 : at + 7 + size]
        if at + 7 + size <= len(data) and kind in (1, 4):
            for history in (value for key, value in message(record) if key == 2 << 3 | 2):
                row: dict[str, object] = {}
                for item in (value for key, value in message(history) if key == 1 << 3 | 2):
                    inner = message(item)
                    names = [value.decode() for key, value in inner if key in (10, 18)]
                    text = [value for key, value in inner if key == 16 << 3 | 2][-1:]
                    name = ".".join(names)
                    key = "_step" if name == "_step" else name_of(name)
                    row[key] = plain_json(text[0] if text else b"")
                rows.append(row)
        at += 7 + size
    own = any("step" in row for row in rows)  # a step of the run's own goes before W&B's
    return [
        (
            plain_number(row.get("step" if own else "_step")),
            plain_number(row.get("loss")),
        )
        for row in rows
    ]


def plain_json(text: bytes) -> object:
    try:
        return float(text)
    except ValueError:
        return None


def plain_after(pattern: str, counted: int, after: str = "") -> Callable[[bytes], Found]:
    """The numbers that stand behind a pattern, whose group is the step."""

    def parse(data: bytes) -> Found:
        text, found = plain_text(data), []
        for head in re.finditer(pattern, text, re.M):
            loss = plain_token(text[head.end() :], after)
            rest = text[head.end() :].partition(after)[2] if after else ""
            if loss is not None and (not after or plain_token(rest) is not None):
                found.append((float(head[1]) - counted, loss))
        return found

    return parse


def plain_nemo(data: bytes) -> Found:
    exact: Found = []
    alike: Found = []
    text = plain_text(data)
    for head in re.finditer(r"Training epoch \d+, iteration (\d+)/\d+ \|", text):
        parts = [part.partition(":") for part in text[head.end() :].split("\n")[0].split("|")]
        named = {name.strip(): value.strip() for name, _, value in parts}
        step = named.get("global_step", head[1])
        for name, value in named.items():
            loss = plain_token(value + "\n", "\n")
            if loss is not None and step.isdecimal():
                exact += [(float(step), loss)] if name == "reduced_train_loss" else []
                alike += [(float(step), loss)] if name_of(name).endswith("loss") else []
    return exact or alike


def plain_composer(data: bytes) -> Found:
    exact: Found = []
    alike: Found = []
    count = None
    for line in plain_text(data).splitlines():
        words = re.sub(r"^\d+:", "", line).strip(" \t")
        name, _, value = words.partition(": ")
        loss = plain_token(value + "\n", "\n")
        if head := re.search(r"\[batch=(\d+)/\d+\]:", line):
            count = float(head[1])
        elif (
            count is not None and loss is not None and re.match(r"(\d+:)?[ \t]+(Train|Eval) ", line)
        ):
            if name == "Train time/batch" and loss >= 0:
                count = loss + 1
            exact += [(count - 1, loss)] if name == "Train loss/train/total" else []
            alike += [(count - 1, loss)] if "loss" in name.lower() else []
        elif line[:1].strip():
            count = None
    return exact or alike


def plain_levanter(data: bytes) -> Found:
    exact: Found = []
    alike: Found = []
    for line in plain_text(data).splitlines():
        try:
            row, _ = json.JSONDecoder().raw_decode(line[line.index('{"tracker"') :])
        except ValueError:
            continue
        metrics = row.get("metrics")
        for name, value in metrics.items() if isinstance(metrics, dict) else []:
            number = type(value) in (int, float)
            found = [(plain_number(row.get("step")), float(value))] if number else []
            exact += found * (name == "train/loss")
            alike += found * (name_of(name) in ("trainloss", "loss"))
    return exact or alike


def plain_trainer(data: bytes) -> Found:
    found, count, seen = [], 0, {}
    for part in re.findall(r"\{'(?:eval_)?loss': [^{}\n]*\}", plain_text(data)):
        pairs = [one.split(": ", 1) for one in part[1:-1].split(", ")]
        named = {pair[0].strip("'"): pair[1].strip("'") for pair in pairs if len(pair) > 1}
        if "loss" in [pair[0].strip("'") for pair in pairs]:
            epoch = plain_token(named.get("epoch", ""), "") or math.nan
            if seen and epoch < list(seen.values())[-1]:  # a resumed run: it goes on from there
                count = next((at for at, value in seen.items() if value == epoch), count)
                seen = {at: value for at, value in seen.items() if at < count}
            seen[count] = epoch
            loss = plain_token(named.get("loss", ""))
            if loss is not None and re.fullmatch(r"(?:[\w.+-]|,(?=\w))*", named["loss"]):
                found.append((float(count), loss))
            count += 1
    return found


def plain_long(data: bytes) -> Found:
    head, *rows = plain_rows(data)
    names = list(map(name_of, head))
    at, key, value = (names.index(name) for name in ("step", "key", "value"))
    rows = [row for row in rows if len(row) > max(at, key, value)]
    exact = [row for row in rows if row[key].strip() == "loss"]
    alike = [row for row in rows if name_of(row[key]).endswith("loss")]
    return [(plain_number(row[at]), plain_number(row[value])) for row in exact or alike]


def plain_npz(data: bytes) -> Found:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        arrays = [
            np.lib.format.read_array(io.BytesIO(file.read(f"{name}.npy")))
            for name in ("step", "loss")
        ]
    return list(zip(*(array.astype(float).tolist() for array in arrays), strict=True))


def plain_metrics(data: bytes) -> Found:
    rows = [line.split() for line in data.decode("utf-8", "replace").splitlines()]
    return [(float(int(step)), float(value)) for _, value, step in rows]


def plain_store(data: bytes) -> Found:
    with closing(sqlite3.connect(":memory:")) as base:
        base.deserialize(data)
        rows = base.execute(
            "SELECT run_uuid, key, step, value, is_nan FROM metrics WHERE key LIKE '%loss'"
        ).fetchall()
    exact = [row for row in rows if row[:2] == ("r", "train/loss")]
    return [(float(t), math.nan if nan else float(y)) for *_, t, y, nan in exact or rows]


def plain_pairs(data: bytes) -> Found:
    """Every number of a line beside every other: a loss is one, though not each must be read."""
    found = []
    for line in re.split(r"[\r\n]+", plain_text(data)):
        numbers = [float(one) for one in re.findall(r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", line)]
        found += [(t, y) for t in numbers for y in (*numbers, math.nan)]
    return found


def plain_lines(lines: list[tuple[str, str, object, object]]) -> Found:
    """Of ClearML's titles and series those called loss, in either order; else any that has it."""
    names = [(name_of(title), name_of(series), t, y) for title, series, t, y in lines]
    usual = [one for one in names if sorted(one[:2]) == ["loss", "train"]]
    chosen = usual or [one for one in names if "loss" in one[0] + one[1]]
    return [(plain_number(t), plain_number(y)) for *_, t, y in chosen]


def plain_session(data: bytes) -> Found:
    lines = []
    for line in data.splitlines():
        try:
            some = json.loads(line.decode("utf-8-sig"))
        except ValueError:
            continue
        for one in some if isinstance(some, list) else [some]:
            if one.get("type") == "training_stats_scalar":
                title, series = one.get("metric"), one.get("variant")
                if isinstance(title, str) and isinstance(series, str):
                    lines.append((title, series, one.get("iter"), one.get("value")))
    return plain_lines(lines)


def plain_scalars(data: bytes) -> Found:
    return plain_lines(
        [
            (title, series, t, y)
            for title, some in json.loads(data).items()
            for series, line in (some.items() if isinstance(some, dict) else [])
            if isinstance(line, dict) and "x" in line and "y" in line
            for t, y in zip(line["x"], line["y"], strict=True)
        ]
    )


def plain_graph(data: bytes) -> Found:
    return [
        (plain_number(t), plain_number(y))
        for line in json.loads(data)
        for t, y in zip(line["x"], line["y"], strict=True)
    ]


LATER: dict[str, tuple[str, str, Callable[[bytes], Found]]] = {
    "NeMo": ("run.log", "NeMo", plain_nemo),
    "Composer": ("run.log", "Composer", plain_composer),
    "Levanter": ("run.log", "Levanter", plain_levanter),
    "Hugging Face": ("run.log", "Hugging Face", plain_trainer),
    "DeepSpeed": ("run.log", "DeepSpeed", plain_after(r"\bsteps: (\d+) loss: ", 1)),
    "nanochat": (
        "run.log", "nanochat",
        plain_after(r"\bstep (\d+)(?:/\d+)? \([\d.]+%\)[ ]+\| loss: ", 0, " | lrm: "),
    ),
    "modded-nanogpt": ("a.txt", "modded-nanogpt", plain_after(r"\bstep:(\d+)/\d+ train_loss:", 1)),
    "llm.c": ("main.log", "llm.c", plain_after(r"^s:(\d+) trl:", 0)),
}  # fmt: skip


def samples(folder: Path) -> dict[str, tuple[str, bytes, Callable[[bytes], Found]]]:
    rows = [(10 * i, 0.001 * (9 - i), 4 - i / 10) for i in range(6)]
    table = "\n".join(["step,lr,loss", *(f"{t},{lr:.4g},{y:.3f}" for t, lr, y in rows)]) + "\n"
    lines = "\n".join(json.dumps({"step": t, "lr": lr, "loss": y}) for t, lr, y in rows)
    scalars = [scalar(t, "loss", y) + scalar(t, "lr", lr) for t, lr, y in rows]
    megatron = "\n".join(MEGATRON.format(c=t + 1, n=t, lr=lr, loss=y) for t, lr, y in rows)
    silent = {
        name: "\n".join(line.format(c=t + 1, i=t, m=4 * t + 4, loss=y) for t, lr, y in rows)
        for name, line in SILENT.items()
    }
    olmo = "".join(
        f"2025-01-01\thost:0\tlogger:9\tINFO\t[step={t + 1}/60,epoch=1]\n"
        f"    optim/LR (group 0)={lr:.6f}\n    train/CE loss={y:.3f}\n    tokens=4,194,304\n"
        for t, lr, y in rows
    )
    board = "".join(f"{17e8 + t},{t},{y}\n" for t, lr, y in rows)
    later = {
        name: (file, text_of(key).encode(), parse) for name, (file, key, parse) in LATER.items()
    }
    long = "".join(f"r,loss,{y},{t},17\nr,lr,{lr:.4g},{t},17\n" for t, lr, y in rows)
    x, lrs, ys = (list(column) for column in zip(*rows, strict=True))
    session = "\n".join(
        json.dumps(
            [
                {"type": "training_stats_scalar", "metric": "train", "variant": name, "iter": t,
                 "value": value}
                for name, value in (("loss", y), ("lr", lr))
            ]
        )
        for t, lr, y in rows
    )  # fmt: skip
    pairs = "".join(f"INFO: step={t} loss={y:.3f} lr={lr:.4g}, wps=9\n" for t, lr, y in rows)
    scalars_of_task = {"train": {"loss": {"x": x, "y": ys}, "lr": {"x": x, "y": lrs}}}
    graph = [{"name": "train", "x": x, "y": ys, "task": "abc", "type": "scatter"}]
    arrays = io.BytesIO()
    np.savez(arrays, **dict(zip(("step", "lr", "loss"), zip(*rows, strict=True), strict=True)))
    return {
        **later,
        "own lines": ("run.log", pairs.encode(), plain_pairs),
        "ClearML's session": ("metrics.jsonl", session.encode(), plain_session),
        "ClearML's scalars": ("run.json", json.dumps(scalars_of_task).encode(), plain_scalars),
        "ClearML's graph": ("loss.json", json.dumps(graph).encode(), plain_graph),
        "long table": ("a.csv", f"run_id,key,value,step,timestamp\n{long}".encode(), plain_long),
        "npz": ("run.npz", arrays.getvalue(), plain_npz),
        "MLflow's store": (
            "a.db", database(folder / "a.db", {"r": "r"}).read_bytes(), plain_store,
        ),
        "MLflow's folder": (
            "r/metrics/loss", "".join(f"17 {y} {t}\n" for t, lr, y in rows).encode(), plain_metrics,
        ),
        "csv": ("run.csv", table.encode(), plain_csv),
        "json lines": ("run.jsonl", lines.encode(), plain_jsonl),
        "trainer_state": (
            "trainer_state.json", state(folder, ahead=0, every=40).read_bytes(), plain_state,
        ),
        "epfml": ("run.json", epfml(folder / "e.json", iterations=400).read_bytes(), plain_epfml),
        "wandb": (
            "chart.csv", wide(folder / "w.csv", "loss", {"a": [4.0, 3.0, 2.5]}).read_bytes(),
            plain_wide,
        ),
        "events": (
            "x.tfevents.1", events(folder / "t.tfevents.1", scalars).read_bytes(), plain_events,
        ),
        "megatron": ("run.log", megatron.encode(), plain_megatron),
        "torchtitan": ("run.log", silent["torchtitan"].encode(), plain_titan),
        "nanoGPT": ("run.log", silent["nanoGPT"].encode(), plain_nano),
        "litgpt": ("run.log", silent["litgpt"].encode(), plain_lit),
        "OLMo-core": ("run.log", olmo.encode(), plain_olmo),
        "W&B run": (
            "run-a.wandb",
            framed([row({"loss": y, "lr": lr, "_step": t}) for t, lr, y in rows]),
            plain_wandb,
        ),
        "TensorBoard csv": (
            "run-a-tag-loss.csv", f"Wall time,Step,Value\n{board}".encode(), plain_tensorboard,
        ),
    }  # fmt: skip


WORDS = [
    b"", b"\n", b",", b"\t", b'"', b"nan", b"inf", b"-1", b"1e999", b"0", b"null", b"{", b"]",
    b"\0", b"\xff", b"\xef\xbb\xbf", b"9" * 30, b"1_0", b" ", b"loss", b"step", b"\r\n", b"#",
    b"\x1b[1m", b"0x1",
]  # fmt: skip


def mutated(rng: np.random.Generator, data: bytes) -> bytes:
    for _ in range(int(rng.integers(1, 4))):
        a, b = sorted(rng.integers(0, len(data) + 1, 2).tolist())
        kind = int(rng.integers(0, 6))
        if kind == 0:  # another byte
            data = data[:a] + rng.bytes(1) + data[a + 1 :]
        elif kind == 1:  # a word put in
            data = data[:a] + WORDS[int(rng.integers(0, len(WORDS)))] + data[a:]
        elif kind == 2:  # a stretch lost
            data = data[:a] + data[min(b, a + 40) :]
        elif kind == 3:  # a stretch twice
            data = data[:b] + data[a:b][:200] + data[b:]
        elif kind == 4:  # cut short
            data = data[: max(a, len(data) // 2)]
        else:  # a digit changed
            digits = [i for i, byte in enumerate(data[a : a + 30]) if 48 <= byte < 58]
            if digits:
                data = (
                    data[: a + digits[0]] + b"%d" % rng.integers(0, 10) + data[a + digits[0] + 1 :]
                )
    return data


def reframed(rng: np.random.Generator, data: bytes) -> bytes:
    """An event file with damage inside a record and right checksums, which no framing catches."""
    out, at = b"", 0
    while at < len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        part = data[at + 12 : at + 12 + size]
        out += record(mutated(rng, part) if rng.random() < 0.1 else part)
        at += 16 + size
    return out


def chunked(rng: np.random.Generator, data: bytes) -> bytes:
    """The same of W&B's file, whose chunks are whole records here."""
    out, at = [], 7
    while at < len(data):
        (size,) = struct.unpack_from("<H", data, at + 4)
        part = data[at + 7 : at + 7 + size]
        out.append(mutated(rng, part) if rng.random() < 0.15 else part)
        at += 7 + size
    return framed(out)


OTHER = ("W&B run", "long table", "npz", "MLflow's store", "MLflow's folder")
OTHER += ("own lines", "ClearML's session", "ClearML's scalars", "ClearML's graph")
REMADE = {"events": reframed, "W&B run": chunked}


def _is_own(curve: Curve) -> bool:
    return curve.origin is not None and OWN_LINES.notes[0] in curve.origin.notes


def check(path: Path, data: bytes, plain: Callable[[bytes], Found], schedule: bool) -> bool:
    """Read it; if it is accepted, every loss must be one that the plain parse has at its step."""
    path.write_bytes(data)
    if path.parent.name == "metrics":  # one of the files of a run of MLflow
        (path.parents[1] / "meta.yaml").write_text("run_name: r\n")
        path = path.parents[1] / "meta.yaml"
    start, refusal = time.perf_counter(), ""
    try:
        calls = {"steps_per_row": 1, "steps_are": "index"} if plain is plain_trainer else {}
        given = GIVEN if schedule else None
        curves = read_curves([path], ReadOptions(schedule=given, from_step=0, **calls))
    except MplfitError as error:
        curves, refusal = [], str(error)
    assert time.perf_counter() - start < 5
    assert "\n" not in refusal
    if plain is not plain_pairs and any(_is_own(one) for one in curves):
        return False  # no line of the format is left: read, and said, as lines of no known code
    if refusal:
        return False
    notes = " ".join(note for curve in curves if curve.origin for note in curve.origin.notes)
    # Too damaged to be that of its code, a text is read by the names on its lines, and says so.
    own = "no known training code prints such lines" in notes
    known: dict[float, set[float]] = {}
    for step, loss in plain_pairs(data) if own else plain(data):
        known.setdefault(step, set()).add(loss)
    for curve in curves:
        for step, loss in zip(curve.step.tolist(), curve.loss.tolist(), strict=True):
            losses = known.get(step, set())
            assert any(math.isclose(loss, one, rel_tol=1e-12) for one in losses), (
                step,
                loss,
                losses,
            )
    if len(curves) == 1:  # and nothing is lost: each step with one finite loss is in the curve
        whole = {t for t, some in known.items() if all(0 < y < math.inf for y in some) and t >= 0}
        inside = {t for t in whole if t < curves[0].schedule.steps}
        assert len(inside - set(curves[0].step.tolist())) == 0
    return True


def run(name: str, folder: Path, inputs: int, seed: int = 4) -> int:
    """Try so many mutations of a format's sample; the number of those that are read."""
    file, data, plain = samples(folder)[name]
    rng, path, accepted = np.random.default_rng(seed), folder / "in" / file, 0
    path.parent.mkdir(parents=True)
    assert check(path, data, plain, name in SILENT_ONES)
    for i in range(inputs):
        make = REMADE.get(name, mutated) if i % 2 else mutated
        made = make(rng, data)
        try:
            accepted += check(path, made, plain, name in SILENT_ONES or bool(i % 3 == 0))
        except BaseException:
            print(f"input {i} of {name}: {made!r}")
            raise
    assert inputs / 50 < accepted < inputs  # the loop must reach both ends
    return accepted


NAMES = ["csv", "json lines", "trainer_state", "epfml", "wandb", "events", "megatron", "torchtitan"]
NAMES += ["nanoGPT", "litgpt", "OLMo-core", "TensorBoard csv"]


FORMATS = (*NAMES, *OTHER, *LATER)
