"""The library names arguments, and the command line tells them as its options."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from mplfit.cli.lab import LAB_COMMANDS
from mplfit.cli.main import COMMANDS, main
from mplfit.cli.messages import as_options

ROOT = Path(__file__).parents[2]
ROWS = "".join(f"{t},0.01,{2 + 1 / (1 + t):.6f},{3 + 1 / (1 + t):.6f}\n" for t in range(1, 60))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("choose with step_col= (from_step=0 keeps them)", "--step-col (--from-step 0 keeps them)"),
        ("steps_are='count', or metric='my loss'", "--steps-are count, or --metric 'my loss'"),
        (
            "as in steps_per_row=500: or steps_per_row=N",
            "--steps-per-row 500: or --steps-per-row N",
        ),
        ("sizes={'run a': '190M'}, or schedules= names", "--size run a=190M, or --schedule names"),
        ("law='mpl': give weight_decay=)", "--law mpl: give --weight-decay)"),
        ("or add force=True", "or add --force"),
    ],
)
def test_arguments_are_told_as_options(said: str, told: str) -> None:
    assert as_options(said).endswith(told)


@pytest.mark.parametrize(
    "text",
    [
        "cosine:steps=300,peak=1e-3,warmup=30",
        "lr=3e-4/run.csv",
        "in 2 of 5 settings (width=128, warmup=100)",
        "x=3 and test_size='3'",
        "warmup=30 of a schedule",
    ],
)
def test_texts_of_the_user_stay(text: str) -> None:
    assert as_options(text) == text


def test_the_option_is_the_command_s_own(tmp_path: Path) -> None:
    """What is --schedule elsewhere is --run-schedule of `sizes`; `fit` of a sweep is --params."""
    (tmp_path / "a.csv").write_text("step,lr,loss,val_loss\n" + ROWS)
    words = [str(tmp_path / "a.csv"), "--run-schedule", "b=constant:steps=60,peak=1e-2"]
    done = CliRunner().invoke(main, ["sizes", *words, "--no-save"])
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: --run-schedule names 'b', but the runs are a")
    done = CliRunner().invoke(main, ["read", str(tmp_path / "a.csv")])
    assert "(for it --metric val_loss)" in re.sub(r"\s+", " ", done.stderr)
    done = CliRunner().invoke(main, ["sweep", str(ROOT / "data" / "simulated_sweep.csv")])
    assert "give --schedule, and --params with a fit" in re.sub(r"\s+", " ", done.stdout)


def test_arguments_that_do_not_go_together_are_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("step,lr,loss\n1,1,1\n")
    words = [str(tmp_path / "a.csv"), "--law", "onepower", "--weight-decay", "0.1"]
    done = CliRunner().invoke(main, ["compare", *words])
    assert done.exit_code == 2, done.output
    assert "none of the compared laws has a weight decay: leave --weight-decay out" in done.stderr


def test_no_message_outside_the_command_line_names_an_option() -> None:
    """Sentences that show/ prints for the command alone, and exported code, may."""
    option = re.compile(r"[\"' (]--[a-z]+-?[a-z]*\b(?! --)")
    for path in sorted((ROOT / "mplfit").rglob("*.py")):
        room = path.relative_to(ROOT / "mplfit").parts[0]
        if room in ("cli", "show", "writers"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if option.search(line):
                assert "`mplfit" in line or "optimize --out" in line or "--json has" in line, (
                    f"{path}:{number}: {line.strip()}"
                )


@pytest.mark.parametrize("command", [*COMMANDS, *(f"lab {name}" for name in LAB_COMMANDS)])
def test_every_help_is_in_groups_and_fits_100_columns(command: str) -> None:
    done = CliRunner().invoke(main, [*command.split(), "--help"], terminal_width=80)
    options, found, _ = done.stdout.partition("\nExamples:")
    assert found
    assert "\nOutput:\n" in options
    assert max(map(len, options.splitlines())) <= 100
    assert ("\nReading logs:\n" in options) == ("--lr-col" in options)
    for option, title in (("--json", "Output"), ("--params", "Fitting"), ("--spikes", "Reading")):
        if f"\n  {option} " in options:
            before = options.partition(f"\n  {option} ")[0]
            last = re.findall(r"\n(Options|Fitting|Reading|Output)[ \w]*:\n", before + "\n")[-1]
            assert last == title
