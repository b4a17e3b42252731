"""Sweep tables in every format, and files that are none."""

import json

import numpy as np
import pytest

from mplfit.errors import DataError
from mplfit.readers.sweep_table import read_sweep
from mplfit.sweeps.roles import Roles
from mplfit.sweeps.table import groups_of
from tests.shared_data import shared

RUNS = [
    {"lr": lr, "width": width, "seed": seed, "loss": 3 + lr + 1 / width + seed / 100}
    for lr in (0.1, 0.2, 0.4)
    for width in (64, 128)
    for seed in (1, 2)
]


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def as_csv(runs, delimiter=","):
    lines = [delimiter.join(runs[0])]
    lines += [delimiter.join(str(value) for value in run.values()) for run in runs]
    return "\n".join(lines) + "\n"


FORMATS = {
    "a.csv": lambda: as_csv(RUNS),
    "a.tsv": lambda: as_csv(RUNS, "\t"),
    "a.jsonl": lambda: "\n".join(map(json.dumps, RUNS)),
    "a.json": lambda: json.dumps(RUNS),
    "b.json": lambda: json.dumps({key: [run[key] for run in RUNS] for key in RUNS[0]}),
    "c.json": lambda: json.dumps(
        {str(w): [run for run in RUNS if run["width"] == w] for w in (64, 128)}
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_the_same_sweep(tmp_path, name):
    table = read_sweep([write(tmp_path / name, FORMATS[name]())])
    small, large = groups_of(table)
    assert small.sizes["width"] == 64.0
    assert small.count.tolist() == [2, 2, 2]
    assert np.allclose(large.mean, [3 + lr + 1 / 128 + 0.015 for lr in (0.1, 0.2, 0.4)])


def test_the_public_nested_sweep():
    table = read_sweep([shared("sweeps", "optimetal_widths.json")])
    assert len(table) == 231
    assert table.groups == ("width",)
    assert table.sizes == ("width", "num_parameter")
    assert table.setter == "exponent"
    reference = next(group for group in groups_of(table) if group.sizes["width"] == 256)
    assert reference.sizes["num_parameter"] == 8140195
    assert reference.count.tolist() == [33]


def test_the_public_csv_has_text_and_an_unbalanced_grid():
    table = read_sweep([shared("sweeps", "icl_mup.csv")])
    assert len(table) == 167
    assert table.groups == ("use_mup", "embed_dim", "depth", "num_steps")
    assert table.sizes == ("embed_dim", "depth", "num_steps")
    counts = [group.count.tolist() for group in groups_of(table)]
    assert counts.count([2] * 7) == 11
    assert [2, 2, 2, 2, 2, 2, 1] in counts
    assert any("no column tells the seed" in note for note in table.notes)


def test_nested_keys_without_a_meaning_are_numbered(tmp_path):
    nested = {f"s{k}": {"b": [{"lr": 0.1 * (k + 1), "loss": 2.0}]} for k in range(3)}
    nested["s0"]["b"].append({"lr": 0.5, "loss": 2.1})
    table = read_sweep([write(tmp_path / "n.json", json.dumps(nested))], Roles(groups=("key2",)))
    assert table.groups == ("key2",)
    assert any("key1 / key2" in note for note in table.notes)


def test_missing_losses_are_dropped_and_diverged_ones_kept(tmp_path):
    text = "lr,loss\n0.1,3\n0.2,\n0.2,2.5\n0.4,nan\n0.8,inf\n1.6,null\n"
    table = read_sweep([write(tmp_path / "a.csv", text)])
    assert len(table) == 4
    assert np.isfinite(table.loss).tolist() == [True, True, False, False]
    assert any("2 of 6 runs have no loss" in note for note in table.notes)


def test_nan_in_json_is_a_diverged_run(tmp_path):
    table = read_sweep([write(tmp_path / "a.json", '[{"lr":1,"loss":NaN},{"lr":2,"loss":3}]')])
    assert np.isnan(table.loss[0])


def test_several_files_are_told_apart(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / f"{name}.csv", "lr,loss\n0.1,3\n0.2,2\n")
    table = read_sweep([tmp_path / "one.csv", tmp_path / "two.csv"])
    assert table.groups == ("file",)
    assert [group.key["file"] for group in groups_of(table)] == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "lr,loss\n", "a header but no rows"),
        ("a.csv", "lr,loss\n0.1,3\n0.2\n", "line 3 has 1 cells, but the header has 2"),
        ("a.csv", "lr,loss\n0.1,high\n0.2,3\n", "'loss' should hold numbers, got 'high'"),
        ("a.csv", "lr,lr,loss\n0.1,0.1,3\n", "two columns named 'lr'"),
        ("a.csv", "speed,loss\n0.1,3\n", "no column for the learning rate"),
        ("a.csv", "lr,size\n0.1,3\n", "no column for the loss"),
        ("a.csv", "lr,loss\n0.1,\n0.2,\n", "no run of the sweep has both"),
        ("a.csv", "lr,loss\n0,3\n0.2,3\n", "learning rate 0: rates must be positive"),
        ("a.csv", "lr,loss\n0.1,3\n0.1,3\n", "no setting has more than one learning rate"),
        ("a.json", "{", "is not JSON"),
        ("a.json", "[]", "expected a list of runs"),
        ("a.json", "3", "expected lists of runs"),
        ("a.json", '{"lr": [1, 2], "loss": [3]}', "must have one length"),
        ("a.json", '{"a": [{"lr": 1, "loss": 2}], "b": {"c": [{"lr": 1}]}}', "one depth"),
        ("a.json", '{"a": {"b": [1]}}', "a run is not an object"),
        ("a.jsonl", '{"lr": 1}\nnope\n', "line 2 is not a JSON object"),
        ("a.xlsx", "x", "expected a sweep table"),
    ],
)
def test_what_is_no_sweep_is_one_clear_sentence(tmp_path, name, text, said):
    with pytest.raises(DataError, match=said) as caught:
        read_sweep([write(tmp_path / name, text)])
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv cannot be read"):
        read_sweep([tmp_path / "none.csv"])
    with pytest.raises(DataError, match=r"none\.json cannot be read"):
        read_sweep([tmp_path / "none.json"])
