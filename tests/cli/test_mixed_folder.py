"""A folder as people have it: 117 runs in eight formats, one diverged, two alike, broken files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mplfit.cli.main import main
from tests.support.logs import MEGATRON, SAMPLES, events, file_run, row, run_record, scalar, write

RATES = ("1e-3", "3e-4", "1e-4")


def rows(number: int, count: int = 24) -> list[tuple[int, float, float]]:
    """Step, rate (a warmup, then constant) and loss of a run."""
    peak = float(RATES[number % 3])
    return [
        (10 * t, peak * min(1, (10 * t + 1) / 50), 3 + number / 500 + 2 / (1 + t / 4))
        for t in range(count)
    ]


def csv_of(some: list[tuple[int, float, float]]) -> str:
    return "\n".join(["step,lr,loss", *(f"{t},{lr:.6g},{y:.5f}" for t, lr, y in some)])


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("public") / "experiments"
    for n in range(60):  # a sweep, each run in a folder of its own
        put(top / "sweep" / f"lr{RATES[n % 3]}_seed{n // 3}" / "metrics.csv", csv_of(rows(n)))
        put(top / "sweep" / f"lr{RATES[n % 3]}_seed{n // 3}" / "config.json", '{"hidden": 64}')
        put(top / "sweep" / f"lr{RATES[n % 3]}_seed{n // 3}" / "checkpoint-9" / "x.csv", "no\n")
    for n in range(60, 80):
        own = [row({"loss": y, "lr": lr, "_step": t}) for t, lr, y in rows(n)]
        place = top / "wandb" / f"offline-run-20250101_0000{n}-id{n}" / f"run-id{n}.wandb"
        write(place, [run_record(f"id{n}", f"w{n}", {"weight_decay": 0.1}), *own])
        put(place.parent / "logs" / "debug.log", "starting\n")
    for n in range(80, 90):
        lines = [{"step": t, "lr": lr, "loss": y} for t, lr, y in rows(n)]
        put(top / "own" / f"j{n}.jsonl", "\n".join(map(json.dumps, lines)))
    for n in range(90, 98):
        board = [scalar(t, "loss", y) + scalar(t, "lr", lr) for t, lr, y in rows(n)]
        events(top / "board" / f"b{n}" / "events.out.tfevents.1.h", board)
    for n in range(98, 104):
        text = [MEGATRON.format(c=t + 1, n=t, lr=lr, loss=y) for t, lr, y in rows(n)]
        put(top / "slurm" / f"m{n}.out", "\n".join(text))
    for n in range(104, 109):
        state = [{"step": t + 1, "loss": y, "learning_rate": lr} for t, lr, y in rows(n)]
        put(top / "hf" / f"h{n}" / "trainer_state.json", json.dumps({"log_history": state}))
    for n in range(109, 113):
        file_run(top / "mlruns", f"id{n}", f"f{n}", n / 500)
    line = SAMPLES["llm.c"].line
    for n in range(113, 115):
        text = [line.format(i=t, lr=lr, y=y, g=1.0) for t, lr, y in rows(n)]
        put(top / "c" / f"c{n}" / "main.log", "".join(text))
    # Two of one name, of which one diverged.
    put(top / "first" / "base.csv", csv_of(rows(115)))
    up = [(t, lr, y if t < 150 else 9.5) for t, lr, y in rows(116)]
    put(top / "second" / "base.csv", csv_of(up))
    # And what is none.
    put(top / "sweep" / "broken.csv", "step,lr,loss\n1,0.1\n")
    put(top / "wandb" / "run-x" / "run-x.wandb", ":W&B?")
    put(top / "README.txt", "Our runs of last year.\n")
    return top


def read(folder: Path, *more: str) -> Result:
    result = CliRunner().invoke(main, ["read", str(folder), *more])
    assert result.exit_code == 0, result.output
    return result


def test_one_page_that_a_person_can_act_on(folder: Path) -> None:
    result = read(folder)
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "117 runs in 8 formats can be read; 1 may have diverged; 2 files could not be read."
    )
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    assert max(len(line) for line in lines if "0.0001–0.001" in line) <= 80
    page = " ".join(" ".join(lines).split())
    assert "second/base: the loss ends at 9.5, far above its lowest level" in page
    assert "broken.csv: line 2 has 2 of 3 columns" in page
    assert "run-x.wandb: begins with b':W&B?'" in page
    assert "first/base: 2 runs would be called base: named by their paths" in page
    assert "no log: README.txt" in page
    assert next(line for line in lines if line.startswith("W&B run")).split()[2] == "20"
    assert len(result.stderr.splitlines()) <= 12


def test_every_run_is_there_by_a_telling_name(folder: Path) -> None:
    values = json.loads(read(folder, "--json").stdout)
    names = {run["name"] for run in values["runs"]}
    assert len(names) == len(values["runs"]) == 117
    expected = {"lr1e-3_seed0", "w60", "j80", "b90", "m98", "h104", "f109", "c113", "first/base"}
    assert expected < names
    assert len({run["format"] for run in values["runs"]}) == 8
    assert len([one for one in values["skipped"] if "README" not in one["path"]]) == 2
    table = read(folder, "-v").stdout
    assert all(name in table for name in expected)


def test_a_fit_of_it_says_few_lines(folder: Path, tmp_path: Path) -> None:
    asked = ["fit", str(folder / "sweep"), "--law", "onepower", "--no-save", "--workers", "1"]
    result = CliRunner().invoke(main, [*asked, "--no-rival"])
    assert result.exit_code == 0, result.output
    assert len(result.stderr.splitlines()) <= 20
    said = " ".join(result.stderr.split())
    assert "training on lr1e-3_seed0, " in said
    assert "and 52 more; held out" in said
    assert "60 of 60 training runs are fitted badly (the worst is " in said
