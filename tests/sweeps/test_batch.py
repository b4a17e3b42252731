"""Tables of size, tokens, batch size and rate: both chosen together, with known exponents."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit.cli.main import main
from mplfit.readers.sweep_table import read_sweep
from mplfit.show.sweep_law_plot import plot_over_batch
from mplfit.sweeps.analysis import Options, analyse
from mplfit.sweeps.roles import Roles
from tests.support.sweeps import basin

A, B, C = -0.713, 0.307, 0.571  # published: best rate ~ N^A D^B, best batch size ~ D^C
SHAPES = {
    6e7: (512, 1536, 9), 2.7e8: (1024, 9472, 8), 4.3e8: (1280, 9472, 10), 1.07e9: (2048, 8192, 16)
}  # fmt: skip
BATCHES = [32, 64, 128, 256, 512, 1024]


def table(path, batches=BATCHES, shuffle=False):
    """A table laid out as public ones are: the shape's columns go with N, and no seed."""
    rng = np.random.default_rng(0)
    rates = 2.0 ** np.arange(-13.5, -4.9, 0.5)
    rows = []
    for N, (width, hidden, layers) in SHAPES.items():
        for D in (1.4e10, 2.8e10, 5.7e10):
            best = 0.58 * D**C / 2048
            for batch in batches:
                rate = 1.79 * N**A * D**B * (batch / best) ** 0.5
                for lr in rates[np.abs(np.log(rates / rate)) < 2]:
                    loss = 1.6 + 400 * N**-0.34 + 400 * D**-0.28
                    loss *= 1 + 0.05 * basin(np.log(lr / rate)) + 0.006 * np.log(batch / best) ** 2
                    noisy = loss * (1 + np.array([5e-3, 3e-4]) * rng.normal(size=2))
                    rows.append([N, D, width, hidden, layers, lr, batch, *noisy])
    if shuffle:
        rng.shuffle(rows)
    lines = [",".join(f"{value:.6g}" for value in row) for row in rows]
    header = "N,D,h,ffnh,numl,lr,bs,loss,smooth loss"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return table(tmp_path_factory.mktemp("batch") / "runs.csv")


@pytest.fixture(scope="module")
def analysis(path):
    return analyse(read_sweep([path]), Options(draws=200))


def law_of(laws, method="robust"):
    return next(one for one in laws if one.method == method)


def test_the_columns_are_told_apart(path):
    read = read_sweep([path])
    assert (read.groups, read.sizes, read.seed) == (("N", "D", "bs"), ("N", "D", "bs"), None)
    notes = "; ".join(read.notes)
    assert "the loss is the column smooth loss (choose another with loss=)" in notes
    assert "ffnh goes with N: they are the shape of a model" in notes
    assert "told apart by N (with h, numl), D, bs" in notes


def test_the_known_exponents_are_recovered(analysis):
    (part,) = analysis.parts
    rate, batch = law_of(part.over_batch.rate_laws), law_of(part.over_batch.batch_laws)
    assert (rate.variables, batch.variables) == (("N", "D"), ("D",))
    for value, (low, high), truth in zip(
        (*rate.exponents, *batch.exponents), (*rate.intervals, *batch.intervals), (A, B, C),
        strict=True,
    ):  # fmt: skip
        assert low < truth < high
        assert abs(value - truth) < 0.06
        assert high - low < 0.45
    level = 0.58 * 2.8e10**C / 2048
    assert batch.reference == (2.8e10,)
    assert batch.eta0 == pytest.approx(level, rel=0.1)
    assert rate.eta0 == pytest.approx(1.79 * 2.7e8**A * 2.8e10**B, rel=0.1)
    # Without that choice the batch size is a variable of its own, of exponent 1/2 here.
    all_three = law_of(part.laws)
    assert all_three.variables == ("N", "D", "bs")
    assert all_three.exponents == pytest.approx((A, B - C / 2, 0.5), abs=0.05)


def test_a_setting_s_choice_is_near_its_truth(analysis):
    (part,) = analysis.parts
    assert len(part.over_batch.choices) == 12
    for one in part.over_batch.choices:
        truth = 0.58 * one.setting["D"] ** C / 2048
        assert one.batch == pytest.approx(truth, rel=0.25)
        assert one.batch_interval[0] < truth < one.batch_interval[1]
        rate = 1.79 * one.setting["N"] ** A * one.setting["D"] ** B
        assert one.lr_interval[0] < rate < one.lr_interval[1]


def test_named_groups_do_not_make_seeds_of_batch_sizes(path):
    read = read_sweep([path], Roles(groups=("N", "D")))
    assert read.groups == ("N", "D", "bs")
    assert "bs differs at one rate of a setting: it is a size, no seed" in "; ".join(read.notes)
    pooled = read_sweep([path], Roles(groups=("N", "D"), seed="bs"))
    assert pooled.groups == ("N", "D")


def test_a_best_batch_size_at_the_edge_is_flagged_and_left_out(tmp_path):
    read = read_sweep([table(tmp_path / "few.csv", batches=[32, 64, 128, 256, 330])])
    (part,) = analyse(read, Options(draws=200)).parts
    flagged = [one for one in part.over_batch.choices if "batch edge high" in one.flags]
    assert {one.setting["D"] for one in flagged} == {5.7e10}
    for law in (law_of(part.over_batch.rate_laws), law_of(part.over_batch.batch_laws)):
        assert law.settings == len(part.over_batch.choices) - len(flagged)


def test_the_command_tells_it_first(path):
    result = CliRunner().invoke(main, ["sweep", str(path), "--draws", "100", "-v"])
    assert result.exit_code == 0, result.output
    first = " ".join(result.stdout.split("\n\n")[0].split())
    assert first.startswith("minimised over bs, the best rate goes as N^-0.7")
    assert "and the best bs goes as D^+0." in first
    assert "best bs = B0 · (D / 2.8e+10)^a, rate and batch size chosen together" in result.stdout
    assert all(len(line) <= 100 for line in result.stdout.splitlines())
    values = json.loads(CliRunner().invoke(main, ["sweep", str(path), "--json"]).stdout)
    over = values["parametrizations"][0]["over_batch"]
    assert {law["method"] for law in over["batch_laws"]} >= {"grid", "robust"}


def test_the_figure_has_every_setting_and_marks_those_at_an_edge(analysis):
    found = analysis.parts[0].over_batch
    losses, rates, batches = plot_over_batch(found, "robust").axes
    assert len(losses.lines) == 2 * len(found.choices)
    assert len(rates.lines) - 4 * len(found.choices) == len(SHAPES) - len(found.choices)
    assert "D^+0." in batches.get_title(loc="left")
    assert all(one.get_markerfacecolor() != "none" for one in losses.lines[1::2])
    edge = replace(found, choices=(replace(found.choices[0], flags=("batch edge high",)),))
    assert plot_over_batch(edge, "robust").axes[0].lines[1].get_markerfacecolor() == "none"


def test_the_order_of_the_rows_does_not_matter(tmp_path, analysis):
    (part,) = analyse(
        read_sweep([table(tmp_path / "shuffled.csv", shuffle=True)]), Options(draws=200)
    ).parts
    assert law_of(part.over_batch.batch_laws).exponents == pytest.approx(
        law_of(analysis.parts[0].over_batch.batch_laws).exponents, rel=1e-9
    )
