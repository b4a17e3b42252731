"""Tables: any delimiter, line end and header; cells that are no numbers; refusals by line."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mplfit.errors import DataError
from mplfit.readers.table import open_table, read_columns


def read(path: Path, data: bytes | str, *columns: str) -> list[list[float]]:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return [column.tolist() for column in read_columns(open_table(path), columns)]


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("lead", ["", "{end}", "{end}{end}"])
@pytest.mark.parametrize("last", ["{end}", "", "{end}{end}"])
@pytest.mark.parametrize("cell", ["0.5", ""])
def test_every_way_to_write_the_same_table(
    tmp_path: Path, delimiter: str, end: str, bom: bytes, lead: str, last: str, cell: str
) -> None:
    lines = [["step", " loss ", "lr"], ["1", "2.5", cell], ["3", "1e-3", ".25"]]
    text = lead + end.join(delimiter.join(line) for line in lines) + last
    step, lr, loss = read(
        tmp_path / "t.csv", bom + text.format(end=end).encode(), "step", "lr", "loss"
    )
    assert (step, loss) == ([1, 3], [2.5, 1e-3])
    assert lr == pytest.approx([0.5 if cell else np.nan, 0.25], nan_ok=True)


@pytest.mark.parametrize("word", ["", " ", "NaN", "nan", "None", "null", "NA", "n/a", "-nan"])
def test_words_for_nothing_are_nan(tmp_path: Path, word: str) -> None:
    step, loss = read(tmp_path / "t.csv", f"step,loss\n1,{word}\n2,3\n", "step", "loss")
    assert step == [1, 2]
    assert loss == pytest.approx([np.nan, 3], nan_ok=True)


def test_infinities_quotes_and_spaces(tmp_path: Path) -> None:
    text = '"step","loss"\n"1","inf"\n 2 , -Infinity\n+3,"1E3"\n'
    assert read(tmp_path / "t.csv", text, "step", "loss") == [[1, 2, 3], [np.inf, -np.inf, 1000]]


def test_longer_rows_and_columns_of_text_do_no_harm(tmp_path: Path) -> None:
    text = "note,step,loss\nfirst,1,2\nsecond; # 5,2,3,surplus\n"
    assert read(tmp_path / "t.csv", text, "loss", "step") == [[2, 3], [1, 2]]


def test_thousands_of_columns(tmp_path: Path) -> None:
    names = [f"metric/{i}" for i in range(5000)]
    rows = [",".join(map(str, range(r, r + 5000))) for r in range(3)]
    made = read(tmp_path / "t.csv", "\n".join([",".join(names), *rows]), "metric/4999", "metric/0")
    assert made == [[4999, 5000, 5001], [0, 1, 2]]


@given(st.lists(st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)), min_size=1))
def test_every_float_survives(rows: list[tuple[float, float]]) -> None:
    path = Path(os.environ["MPLFIT_TEST_TMP"]) / "floats.csv"
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([("a", "b"), *rows])
    assert read(path, text.getvalue(), "a", "b") == [
        list(column) for column in zip(*rows, strict=True)
    ]


@pytest.fixture(autouse=True, scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLFIT_TEST_TMP", str(tmp_path_factory.mktemp("floats")))
        yield


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty: expected a header line and rows of numbers"),
        (b" \n\r\n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"step,loss", "has a header but no rows"),
        (b"step,loss\n\n", "has a header but no rows"),
        (b"1,2\n3,4\n", r"begins with numbers \(1, 2\): expected a header line"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "is not a text file in UTF-8"),
        (b"st\0ep,loss\n1,2\n", "is not a text file in UTF-8"),
        ("step,loss\n1,2\n".encode("utf-16"), "is not a text file in UTF-8"),
        (b"step,loss\n1,2\n\xff\xfe,3\n", "is not a text file in UTF-8"),
        (b"step,loss\n" + b"1,2\n" * 9999 + b"\xff,3\n", "is not a text file in UTF-8"),
        (b'step,loss\n1,"' + b"x" * 200_000, "is not a table of numbers: field larger"),
        (b"step loss\n1 2\n", "'step loss', which has one column: expected columns separated by"),
        (b'"' + b"x" * 200_000 + b",loss\n1,2\n", "has no usable header line"),
        (b"step,loss\n1,2\n2\n", r"line 3 has 1 of 2 columns: 'loss' is missing"),
        (b"step,loss\n1,2\n\n2,three\n", "line 4: 'loss' should be a number, got 'three'"),
        (b"step;loss\n1;0,5\n", "line 2: 'loss' should be a number, got '0,5'"),
        (b"step,loss\n1,1_0\n", "line 2: 'loss' should be a number, got '1_0'"),
        (b"step,loss\n1," + b"y" * 999 + b"\n", "got 'yyyyy[y]*…'"),
        (b"step,loss\n1,2\n\0\0\0\0\0\0", "line 3: 'step' should be a number, got"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_a_sentence(
    tmp_path: Path, data: bytes, said: str
) -> None:
    path = tmp_path / "t.csv"
    with pytest.raises(DataError, match=said) as caught:
        read(path, data, "step", "loss")
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < len(str(path)) + 200


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="cannot be read: No such file"):
        open_table(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="is a folder: expected a file"):
        open_table(tmp_path)
    with pytest.raises(DataError, match="a pipe cannot be read twice"):
        open_table(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="cannot be read: File name too long"):
        open_table(tmp_path / ("x" * 300))
