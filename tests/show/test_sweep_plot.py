"""Figures of a sweep: what they show, and that odd sweeps have them, too."""

import numpy as np
import pytest

from mplfit.show.plot import png
from mplfit.show.sweep_law_plot import plot_rate_law, plot_size_law, plot_transfer
from mplfit.show.sweep_plot import (
    plot_basins,
    plot_beside,
    plot_exponents,
    plot_sets,
    sweep_figures,
)
from mplfit.sweeps.analysis import Options, analyse
from mplfit.sweeps.table import SweepTable
from tests.support.sweeps import basin, simulate_sweep

RATES = 2.0 ** np.arange(-14, -4)


@pytest.fixture(scope="module")
def parts():
    table = simulate_sweep([64, 128, 256, 512], RATES, exponents={"sp": -1.0, "mup": 0.0})
    return analyse(table, Options(draws=100)).parts


def test_a_panel_a_setting(parts):
    axes = [one for one in plot_basins(parts[0]).axes if one.get_visible()]
    assert [one.get_title(loc="left") for one in axes] == [
        f"width={w}" for w in (64, 128, 256, 512)
    ]
    assert all(one.get_xscale() == "log" for one in axes)


def test_parametrizations_side_by_side(parts):
    left, right, bar = plot_beside(parts).axes
    assert left.get_title(loc="left") == "parametrization=mup"
    assert right.get_title(loc="left") == "parametrization=sp"
    assert bar.get_ylabel() == "width"
    assert [text.get_text() for text in bar.get_yticklabels()] == ["64", "128", "256", "512"]


def test_one_parametrization_has_all_its_sizes_on_one_axis_with_the_line_of_optima(parts):
    axes, _ = plot_beside(parts[1:]).axes
    (line,) = (one for one in axes.lines if one.get_linestyle() == "--")
    assert line.get_xdata() == pytest.approx([one.lr for one in parts[1].optima if one.usable])
    assert line.get_ydata() == pytest.approx([one.loss for one in parts[1].optima if one.usable])
    lowest = min(one.loss for one in parts[1].optima)
    low, high = axes.get_ylim()
    assert low < lowest < high < 2 * lowest


def test_an_overlay_shades_every_seed_and_stars_the_lowest_mean(parts):
    axes = plot_sets(parts).axes
    assert [one.get_title(loc="left") for one in axes] == [
        "parametrization=mup", "parametrization=sp",
    ]  # fmt: skip
    for one, part in zip(axes, parts, strict=True):
        assert [text.get_text() for text in one.get_legend().get_texts()] == [
            "64", "128", "256", "512",
        ]  # fmt: skip
        stars = [line.get_xdata()[0] for line in one.lines if line.get_marker() == "*"]
        assert stars == [optimum.grid_lr for optimum in part.optima]
        band = one.collections[0].get_paths()[0].vertices[:, 1]
        group = part.optima[0].group
        assert group.loss.min() == pytest.approx(band.min())
        assert group.loss.max() == pytest.approx(band.max())


def test_laws_have_bands_and_labels(parts):
    (axes,) = plot_rate_law(parts[1], "ordinary").axes
    names = axes.get_legend_handles_labels()[1]
    assert any(name.startswith("ordinary: ") for name in names)
    assert any(name.startswith("grid: ") for name in names)
    told = [text.get_text() for text in axes.texts]
    assert told == [f"{one.lr:.2g}" for one in parts[1].optima]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert plot_size_law(parts[0]).axes[0].get_ylabel() == "loss at the best rate"
    assert [one.get_xlabel() for one in plot_transfer(parts).axes] == ["width"]


def test_exponents_and_widths():
    exponent, width = (a.ravel() for a in np.meshgrid([0.0, 0.5, 1.0], [64.0, 128.0, 256.0]))
    lr = 1e-3 * (width / 64) ** -exponent
    columns = {"k": exponent, "width": width}
    table = SweepTable(lr, 3 + basin(np.log(lr / 5e-4)), columns, ("width",), ("width",), None, "k")
    left, right, of_left, of_right = plot_exponents(table).axes
    assert (left.get_xlabel(), right.get_xlabel()) == ("width", "k")
    assert (of_left.get_ylabel(), of_right.get_ylabel()) == ("k", "width")
    assert "exponents.png" in sweep_figures(analyse(table, Options(draws=100)))


@pytest.mark.parametrize(
    "loss", [[3.0, 2.0, np.nan], [2.0, 3.0, 4.0], [3.0, 3.0, 3.0], [np.nan, 2.0, np.nan]]
)
def test_odd_settings_are_drawn(loss):
    files = sweep_figures(analyse(SweepTable([0.1, 0.2, 0.4], loss), Options(draws=100)))
    assert all(png(figure).startswith(b"\x89PNG") for figure in files.values())


def test_the_same_figure_is_the_same_file(parts):
    assert png(plot_transfer(parts)) == png(plot_transfer(parts))
