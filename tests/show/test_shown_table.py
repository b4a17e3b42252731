"""The one table model: widths, shortening, and the same cells in text and in HTML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mplfit.show.table import Column, Table, html, shorten, text

NAME = "ann124-0.1_slimpajama_llama_norm_nlayers12_nhead12_lr0.001_sched_wsd"
RUNS = Table(
    "Six runs.",
    (
        Column("run"),
        Column("final loss", ".4f"),
        Column("95 % interval", ".4f"),
        Column("steps to match"),
        Column("sha256", wide=True),
    ),
    ((NAME, 2.5, (2.4, 2.6), 24000, "ab" * 32), ("short", float("nan"), None, "none", "")),
    ("A note of many words. " * 12,),
)


def test_a_table_fits_its_width_and_names_keep_both_ends():
    lines = text(RUNS, width=80).splitlines()
    assert max(map(len, lines)) <= 80
    (row,) = [line for line in lines if "2.5000" in line]
    assert row.startswith("ann124-0.1")
    assert "sched_wsd " in row
    assert "…" in row
    assert "sha256" not in text(RUNS)


def test_wide_shows_every_column_and_whole_names():
    shown = text(RUNS, wide=True)
    assert NAME in shown
    assert "ab" * 32 in shown


def test_nothing_is_a_dash_in_every_column():
    (row,) = [line for line in text(RUNS).splitlines() if line.startswith("short")]
    assert row.split() == ["short", "–", "–", "none"]


def test_columns_that_do_not_fit_are_left_out_and_counted():
    many = Table("", tuple(Column(f"c{k}") for k in range(12)), (("x" * 12,) * 12,))
    shown = text(many)
    assert max(map(len, shown.splitlines())) <= 100
    assert "5 more columns with --wide" in shown
    assert text(many, wide=True).count("x" * 12) == 12


def test_heads_are_broken_before_names_are_cut():
    table = Table("", (Column("run"), Column("a head of many words", ".1f")), (("n" * 70, 1.0),))
    assert "n" * 70 in text(table, width=80)


@given(st.lists(st.lists(st.text("ab ", max_size=60), min_size=3, max_size=3), max_size=5))
def test_no_text_is_wider_than_asked(rows):
    table = Table("t", (Column("a"), Column("b"), Column("c")), tuple(map(tuple, rows)))
    longest = max((len(cell) for row in rows for cell in row[1:2]), default=0)
    for line in text(table, width=40).splitlines():
        assert len(line) <= max(40, 16 + 2 + longest)


@given(st.text(max_size=50), st.integers(3, 50))
def test_shortened_names_keep_their_ends(name, length):
    short = shorten(name, length)
    assert len(short) <= length
    assert short == name or (name.startswith(short[: length // 2]) and "…" in short)


def test_html_has_every_column_and_escapes():
    page = html(Table("<b>", (Column("run"), Column("x", wide=True)), (("<i>", 1.5),), ("&",)))
    assert "&lt;i&gt;" in page
    assert "1.5" in page
    assert "<b>" not in page
    assert "&amp;" in page


def test_rows_must_fit_the_columns():
    with pytest.raises(ValueError, match="a row of 1 cells for 2 columns"):
        Table("", (Column("a"), Column("b")), (("x",),))
