"""`mplfit sweep` as a user meets it."""

import csv
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from mplfit.cli.main import main
from tests.shared_data import shared

ROOT = Path(__file__).parents[2]
SIMULATED = str(ROOT / "data" / "simulated_sweep.csv")


def sweep(*arguments):
    return CliRunner().invoke(main, ["sweep", *map(str, arguments)])


def test_the_result_is_on_stdout_and_notes_on_stderr():
    result = sweep(SIMULATED, "--draws", 200, "--wide")
    assert result.exit_code == 0
    assert "240 runs of 10 settings" in result.stdout
    assert "parametrization=standard: the best rate moves with width" in result.stdout
    assert "parametrization=muP: no sign that the best rate moves with width" in result.stdout
    assert "note: settings are told apart by parametrization, width" in result.stderr
    assert "6 of 240 runs diverged" in result.stderr
    assert "predicted best rates are not compared" in result.stdout
    assert re.search(r" 2\.9979  2\.9\d\d\d–3\.0\d\d\d ", result.stdout)  # with its interval


def test_json_is_one_object_with_a_schema():
    values = json.loads(sweep(SIMULATED, "--json", "--draws", 200).stdout)
    assert values["schema"] == "mplfit.sweep/2"
    assert values["predicted"] == []
    mup, standard = values["parametrizations"]
    assert mup["key"] == {"parametrization": "muP"}
    assert [one["verdict"] for one in standard["transfer"]] == ["moves"]
    law = next(law for law in standard["rate_laws"] if law["method"] == "robust")
    assert law["gamma_interval"][0] < 0.8 < law["gamma_interval"][1]
    assert len(values["data"][0]["sha256"]) == 64


def test_the_same_numbers_every_time():
    first, second = (sweep(SIMULATED, "--json", "--draws", 100).stdout for _ in "ab")
    other = sweep(SIMULATED, "--json", "--draws", 100, "--random-seed", 1).stdout
    assert first == second != other


def test_the_notebooks_numbers():
    result = sweep(shared("sweeps", "optimetal_widths.json"), "-v", "--method", "grid")
    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if line.lstrip().startswith("grid (")]
    assert "6.190e-04" in lines[0]
    assert "0.9955" in lines[0]
    assert "0.9944" in lines[1]
    assert "eta0 · (8140195 / num_parameter)^gamma" in result.stdout
    assert "all 33 runs have the rate 0.0006" in result.stdout
    assert "in 1 of 7 settings only one rate was tried" in result.stderr


def test_the_folder_is_whole(tmp_path):
    lines = Path(SIMULATED).read_text().splitlines(keepends=True)
    path, out = tmp_path / "a.csv", tmp_path / "out"
    path.write_text("".join(line for line in lines if not line.startswith("standard")))
    assert sweep(path, "--out", out, "--draws", 100).exit_code == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == [
        *("along-sizes.png", "basins.png", "best-loss.png", "best-rate.png", "optima.csv"),
        *("overlay.png", "report.html", "report.txt", "sweep.json", "transfer.png"),
    ]
    with (out / "optima.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["width"]) for row in rows] == [64, 128, 256, 512, 1024]
    assert float(rows[0]["lr_low"]) < float(rows[0]["lr"]) < float(rows[0]["lr_high"])
    assert json.loads((out / "sweep.json").read_text())["schema"] == "mplfit.sweep/2"
    page = (out / "report.html").read_text()
    assert page.count("<figure>") == 6
    assert "no sign that the best rate moves with width" in page


def test_force_writes_into_what_is_there(tmp_path):
    path, out = tmp_path / "a.csv", tmp_path / "out"
    path.write_text("lr,loss\n1,3\n2,2\n4,3\n")
    out.mkdir()
    (out / "old.txt").write_text("old")
    assert sweep(path, "--out", out).exit_code == 1
    assert (out / "old.txt").exists()
    assert sweep(path, "--out", out, "--force").exit_code == 0
    assert (out / "sweep.json").exists()
    assert (out / "old.txt").read_text() == "old"  # what is not written is kept


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lr", "rate"], "no column 'rate'"),
        (["--group", "colour"], "no column 'colour'"),
        (["--method", "best"], "no method 'best': the methods are grid, ordinary, robust"),
        (["--reference", "depth=3"], "the sizes are width"),
        (["--tolerance", "0"], "the tolerance must lie between 0 and 1"),
        (["--draws", "3"], "at least 100 resampled sweeps"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_nothing_is_written(tmp_path, arguments, said):
    out = tmp_path / "out"
    result = sweep(SIMULATED, "--out", out, *arguments)
    assert result.exit_code == 1
    error = [line for line in result.stderr.splitlines() if line.startswith("Error:")]
    assert len(error) == 1
    assert said in error[0]
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_is_exit_2():
    assert sweep().exit_code == 2
    assert sweep(SIMULATED, "--reference", "width").exit_code == 2


def test_one_setting_and_a_diverged_one(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("lr,loss\n1,3\n2,2\n4,3\n")
    result = sweep(path)
    assert result.exit_code == 0
    said = " ".join(result.stdout.split())
    assert said.startswith("Best rate 2 (95 %: ")
    assert "(3 runs of 1 setting)" in said
    path.write_text("lr,loss\n1,nan\n2,inf\n")
    assert "every rate of every setting has a diverged run" in sweep(path).stderr


@pytest.mark.parametrize(
    ("column", "names", "loss"),
    [("parametrization", ("sp", "mup"), 3.0), ("model", ("幅1", "幅2"), None)],
)
def test_figures_warn_of_nothing(tmp_path, column, names, loss):
    """Equal losses (an axis without a height), and names that matplotlib's font lacks."""
    rates = [1e-3 * 2**k for k in range(7)]
    rows = [
        f"{name},{width},{rate},{loss or 3 + 0.1 * (k - 3) ** 2}"
        for name in names
        for width in (64, 128)
        for k, rate in enumerate(rates)
    ]
    table = tmp_path / "sweep.csv"
    table.write_text("\n".join([f"{column},width,lr,loss", *rows]), encoding="utf-8")
    result = sweep(table, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert list((tmp_path / "out").glob("*.png"))
