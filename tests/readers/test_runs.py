"""Several runs in one table, steps that begin anew, and counts that are no updates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from mplfit.cli.main import main
from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.estimate.records import CurveRecord
from mplfit.estimate.result import Fit, published_fit
from mplfit.readers.csv_log import read_csv
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves, split_for

STEPS = range(0, 60, 5)


def table(path: Path, columns: str, runs: Sequence[Sequence[str]], cycle: bool = False) -> Path:
    """Each run has its own losses; `cycle` mixes the rows, as a join by step writes them."""
    rows = [
        [*run, str(t), "0.1", str(4 + i + 1 / (1 + t))] for i, run in enumerate(runs) for t in STEPS
    ]
    if cycle:
        rows.sort(key=lambda row: int(row[-3]))
    path.write_text("\n".join([f"{columns},step,lr,loss", *map(",".join, rows)]))
    return path


def read(path: Path, **options: object) -> list[Curve]:
    return read_curves(path, ReadOptions(**options))


def check(curves: list[Curve], *names: str) -> None:
    assert [curve.name for curve in curves] == list(names)
    for i, curve in enumerate(curves):
        assert curve.step.tolist() == list(STEPS)
        assert curve.loss.tolist() == [4 + i + 1 / (1 + t) for t in STEPS]


NAMES = ["run_id", "run", "run_name", "seed", "experiment", "trial", "name", "Run ID"]


@pytest.mark.parametrize("column", NAMES)
@pytest.mark.parametrize("cycle", [False, True])
def test_a_column_that_tells_runs_apart_makes_curves(
    tmp_path: Path, column: str, cycle: bool
) -> None:
    path = table(tmp_path / "all.csv", column, [["b"], ["a"], ["c"]], cycle)
    curves = read(path)
    check(curves, "b", "a", "c")
    assert curves[0].origin is not None
    assert f"3 runs in one file, told apart by {column} (else: run_col=)" in curves[0].origin.notes
    with pytest.raises(DataError, match=r"all.csv holds 3 runs \(b, a, c\): read it with read_cu"):
        read_csv(path)


def test_json_lines_too(tmp_path: Path) -> None:
    lines = [
        json.dumps({"seed": seed, "step": t, "lr": 0.1, "loss": 4 + seed + 1 / (1 + t)})
        for seed in (0, 1)
        for t in STEPS
    ]
    (tmp_path / "all.jsonl").write_text("\n".join(lines))
    check(read(tmp_path / "all.jsonl"), "0", "1")


def test_names_that_are_not_unique_get_their_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        table(tmp_path / f"{name}.csv", "seed", [["1"], ["2"]])
    table(tmp_path / "zero.csv", "run", [["5"], ["6"]])
    names = [curve.name for curve in read(tmp_path)]
    assert names == ["one:1", "one:2", "two:1", "two:2", "5", "6"]
    with pytest.raises(DataError, match="is given twice"):
        read_curves([tmp_path / "one.csv", tmp_path / "one.csv"])


def test_one_value_or_one_a_row_is_one_run(tmp_path: Path) -> None:
    check(read(table(tmp_path / "a.csv", "run", [["x"]])), "a")
    rows = [f"note {t},{t},0.1,{4 + 1 / (1 + t)}" for t in STEPS]
    (tmp_path / "b.csv").write_text("\n".join(["name,step,lr,loss", *rows]))
    check(read(tmp_path / "b.csv"), "b")


def test_two_columns_with_the_same_runs_are_clear_and_others_are_not(tmp_path: Path) -> None:
    both = table(tmp_path / "a.csv", "seed,run_id,run_name", [["1", "x", "p"], ["2", "y", "q"]])
    check(read(both), "p", "q")
    finer = table(tmp_path / "b.csv", "seed,run_id", [["1", "x"], ["2", "y"], ["1", "z"]])
    check(read(finer), "x", "y", "z")
    part = [["1", "A"], ["2", "A"], ["1", "B"], ["2", "B"]]
    mixed = table(tmp_path / "c.csv", "seed,experiment", part)
    said = r"none of experiment, seed alone .*: say run_col='experiment,seed' for all .*col='none'"
    with pytest.raises(DataError, match=said):
        read(mixed)
    check(read(mixed, run_col="experiment,seed"), "A, 1", "A, 2", "B, 1", "B, 2")


def test_a_column_in_which_a_run_has_two_values_is_unclear(tmp_path: Path) -> None:
    rows = [f"{'ab'[t > 30]},{t},0.1,{4 + 1 / (1 + t)}" for t in STEPS]
    (tmp_path / "a.csv").write_text("\n".join(["run_id,step,lr,loss", *rows]))
    said = r"2 values in run_id \(a, b\), but hardly a step is logged twice: is it one run that was"
    with pytest.raises(DataError, match=said):
        read(tmp_path / "a.csv")
    check(read(tmp_path / "a.csv", run_col="none"), "a")
    two = read(tmp_path / "a.csv", run_col="run_id", warmup=0)
    assert [(curve.name, len(curve)) for curve in two] == [("a", 7), ("b", 5)]


def test_rows_of_parts_of_one_run_are_no_runs(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{part},{t},0.1,{4 + 1 / (1 + t)}" for t in STEPS for part in ("layer1", "layer2")]
    path.write_text("\n".join(["name,step,lr,loss", *rows]))
    with pytest.raises(DataError, match="none of name alone tells its runs apart"):
        read(path)
    check(read(path, run_col="none"), "a")


def test_the_command_says_it_and_has_the_option(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "optimizer", [["x"], ["y"]])
    run = CliRunner()
    result = run.invoke(main, ["read", str(path)])
    assert result.exit_code == 1
    assert "the steps begin 2 times at 0 (again in row 13)" in result.stderr
    assert "--run-col" in result.stderr
    result = run.invoke(main, ["read", str(path), "--run-col", "optimizer", "--json"])
    assert [one["name"] for one in json.loads(result.stdout)["runs"]] == ["x", "y"]
    result = run.invoke(main, ["read", str(path), "--run-col", "optimiser"])
    assert "no column 'optimiser', asked for with --run-col: it has optimizer, " in result.stderr
    result = run.invoke(main, ["read", str(path), "--run-col", "none", "--json"])
    (entry,) = json.loads(result.stdout)["runs"]
    assert (entry["name"], entry["points"], entry["first_loss"]) == ("a", 12, 6)
    assert any("12 of 24 rows repeat a step" in note for note in entry["notes"])
    result = run.invoke(main, ["read", str(path), "--from-step", "-1"])
    assert result.stderr == "Error: --from-step must be a whole number from 0 on, got -1\n"


def test_steps_of_an_epoch_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{epoch},{t},0.1,{5 - epoch - t / 20}" for epoch in range(3) for t in range(10)]
    path.write_text("\n".join(["epoch,step,lr,loss", *rows]))
    with pytest.raises(DataError, match=r"steps begin 3 times at 0 .*those of an epoch.*step_col="):
        read(path)
    path.write_text("\n".join(["epoch,step,lr,loss", *rows[:27]]))  # the last epoch goes on
    with pytest.raises(DataError, match="the steps begin 3 times at 0"):
        read(path)
    path.write_text("\n".join(["epoch,step,lr,loss", *rows[:7], *rows[10:20]]))
    (curve,) = read(path)  # a run that was begun again
    assert curve.loss[0] == 4
    assert curve.origin is not None
    assert "7 of 17 rows repeat a step" in curve.origin.warnings[0]


def test_a_file_of_several_runs_does_not_make_all_of_them_trained(tmp_path: Path) -> None:
    a, b = read(table(tmp_path / "all.csv", "run", [["a"], ["b"]]))
    assert a.origin is not None
    sha256 = a.origin.sha256
    data = tuple(
        CurveRecord(name, role, "all.csv", sha256, 12, 0, 55, 56, 0, 0.1)
        for name, role in (("a", "train"), ("b", "test"))
    )
    trained, held, _ = split_for(Fit("mpl", published_fit("25").params, data=data), [a, b])
    assert ([c.name for c in trained], [c.name for c in held]) == (["a"], ["b"])


@pytest.mark.parametrize(
    "column", ["tokens", "consumed_samples", "examples", "tokens_seen", "train/total_tokens"]
)
def test_counts_of_something_else_need_their_number_in_an_update(
    tmp_path: Path, column: str
) -> None:
    rows = "\n".join(f"{(t + 1) * 512},0.1,{4 + 1 / (1 + t)}" for t in STEPS)
    path = tmp_path / "a.csv"
    path.write_text(f"{column},lr,loss\n{rows}")
    said = f"counts '{column}', which are no updates: say how many .*tokens_per_step=524288, or"
    for options in ({}, {"step_col": column}):
        with pytest.raises(DataError, match=said):
            read(path, **options)
    check(read(path, tokens_per_step=512), "a")
    assert read(path, tokens_per_step=1)[0].step[0] == 511


def test_a_true_step_goes_before_units_and_which_was_taken_is_said(tmp_path: Path) -> None:
    rows = "\n".join(f"{(t + 1) * 512},{t},{9 * t},0.1,{4 + 1 / (1 + t)}" for t in STEPS)
    path = tmp_path / "a.csv"
    path.write_text(f"tokens,step,iter,lr,loss\n{rows}")
    curves = read(path)
    check(curves, "a")
    assert curves[0].origin is not None
    assert "the step is step, not iter (else: step_col=)" in curves[0].origin.notes
    with pytest.raises(DataError, match="has 'step' and 'tokens': name the one that tokens_per_"):
        read(path, tokens_per_step=512)
    check(read(path, tokens_per_step=512, step_col="tokens"), "a")


def test_a_wandb_chart_over_tokens(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(
        "tokens,a - loss,a - loss__MIN,a - loss__MAX\n512,4,4,4\n1024,3,3,3\n"
    )
    with pytest.raises(DataError, match="counts 'tokens', which are no updates"):
        read(tmp_path / "c.csv")
