"""Logs that are being written: half a line is no row."""

from __future__ import annotations

import pytest

from mplfit.errors import DataError
from mplfit.readers.growing import whole_lines


def test_a_last_line_without_an_end_is_left_out(tmp_path):
    path = tmp_path / "run.csv"
    path.write_text("step,lr,loss\n1,0.1,3.5\n2,0.1,3.")
    with whole_lines(path) as (log, cut):
        assert cut
        assert log.name == "run.csv"
        assert log.read_text() == "step,lr,loss\n1,0.1,3.5\n"
    assert not log.exists()
    assert path.read_text().endswith("3.")


@pytest.mark.parametrize("name", ["run.csv", "run.json", "folder"])
def test_whole_files_and_other_formats_are_given_as_they_are(tmp_path, name):
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    else:
        path.write_text("{}\n" if name == "run.csv" else "{}")
    with whole_lines(path) as (log, cut):
        assert (log, cut) == (path, False)


def test_a_file_with_no_whole_line_is_waited_for(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text('{"step": 1')
    with pytest.raises(DataError, match="no whole line yet"), whole_lines(path):
        pass
