"""Studies: a folder for each run, named by its setting, into a sweep."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from mplfit.cli.main import main
from mplfit.errors import DataError
from mplfit.readers.study import hash_table, read_study
from mplfit.readers.sweep_table import read_sweep
from tests.support.logs import events, scalar

WIDTHS, GAMMAS, SEEDS = (16, 64, 256), (0.0, 0.5, 0.9, 1.0, 1.1, 1.5), (1, 137)


def study(folder):
    """Runs whose rate is 6e-4 (256/width)^gamma, best at gamma 1, laid out as TensorBoard's."""
    for width in WIDTHS:
        for gamma in GAMMAS:
            for seed in SEEDS:
                run = folder / f"hidden{width}_gamma{gamma:.3f}_seed{seed}"
                rate = 6e-4 * (256 / width) ** gamma
                tags = [scalar(step, "optim/lr", part * rate) for step, part in ((0, 1), (9, 0.1))]
                tags += [scalar(9, "num_parameters", 1000.0 * width**2)]
                tags += [scalar(9, "grad_norm", 7.0)]
                events(run / "events.out.tfevents.1.host", tags)
                loss = 1 + width**-0.5 + 0.1 * (gamma - 1) ** 2 + 1e-4 * (seed == 1)
                (run / "val_loss.txt").write_text(f"step 9 val loss: {loss:.5f}\n")
    return folder


def test_names_losses_and_logged_rates_make_a_sweep(tmp_path):
    table = read_sweep([study(tmp_path / "study")])
    assert len(table) == 36
    assert (table.groups, table.setter) == (("hidden",), "gamma")
    assert set(table.sizes) == {"hidden", "num_parameters"}
    assert sorted(set(table.seed)) == [1, 137]
    row = (table.columns["hidden"] == 16) & (table.columns["gamma"] == 1.5) & (table.seed == 137)
    assert table.lr[row] == pytest.approx([6e-4 * 16**1.5])  # the peak, not the last rate
    assert table.loss[row] == pytest.approx([1.25 + 0.025])
    said = "; ".join(table.notes)
    assert "36 runs, their settings from their names" in said
    assert "the rate is the largest one that a run logged" in said


def test_the_command_takes_the_folder_and_hashes_its_files(tmp_path):
    folder = study(tmp_path / "study")
    result = CliRunner().invoke(main, ["sweep", str(folder), "--draws", "100", "--json"])
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    ((name, before),) = [one.values() for one in values["data"]]
    assert (name, before) == (str(folder), hash_table(folder))
    (folder / "hidden16_gamma0.000_seed1" / "val_loss.txt").write_text("2.0")
    assert hash_table(folder) != before
    law = next(
        one
        for one in values["parametrizations"][0]["rate_laws"]
        if one["method"] == "grid" and one["variables"] == ["hidden"]
    )
    assert law["gamma"] == pytest.approx(1.0, abs=1e-6)


def test_a_run_without_event_files_has_its_rate_in_its_name(tmp_path):
    run = tmp_path / "study" / "width=32" / "lr_3e-4-seed2"
    run.mkdir(parents=True)
    (run / "val_loss.txt").write_text("nan")
    ((record,), _) = read_study(tmp_path / "study")
    assert record == {"width": "32", "lr": "3e-4", "seed": "2", "val_loss": "nan"}


def test_what_is_no_study_is_one_clear_sentence(tmp_path):
    with pytest.raises(DataError, match="is no study: expected folders of runs such as hidden256"):
        read_sweep([tmp_path])
    run = tmp_path / "hidden8_gamma1_seed1"
    run.mkdir()
    (run / "val_loss.txt").write_text("3.0")
    with pytest.raises(DataError, match="no column for the learning rate"):
        read_sweep([tmp_path])
