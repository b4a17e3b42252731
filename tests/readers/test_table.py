"""Tables: any delimiter, line end and header; cells that are no numbers; refusals by line."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mplfit.errors import DataError
from mplfit.readers import table
from mplfit.readers.paths import read_curves
from mplfit.readers.table import open_table, read_columns, read_texts


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


def test_empty_cells_are_read_by_numpy_and_blank_rows_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ["1,2,", " ,none,3", "1_0,2,3", ",,"]
    with pytest.raises(DataError, match=r"line 4: 'a' should be a number, got '1_0'"):
        read(tmp_path / "t.csv", "\n".join(["a,b,c", *rows]), "a", "b")
    a, b = read(tmp_path / "t.csv", "\n".join(["a,b,c", *rows[:2], rows[3]]), "a", "b")
    assert (a, b) == (
        pytest.approx([1, np.nan], nan_ok=True),
        pytest.approx([2, np.nan], nan_ok=True),
    )
    monkeypatch.setattr(table, "_rows", None)  # row by row, a log of a row an update takes long
    a, c = read(tmp_path / "t.csv", "\n".join(["a,b,c", rows[0], "2,,4"]), "a", "c")
    assert (a, c) == ([1, 2], pytest.approx([np.nan, 4], nan_ok=True))


def test_infinities_quotes_and_spaces(tmp_path: Path) -> None:
    text = '"step","loss"\n"1","inf"\n 2 , -Infinity\n+3,"1E3"\n'
    assert read(tmp_path / "t.csv", text, "step", "loss") == [[1, 2, 3], [np.inf, -np.inf, 1000]]


def test_columns_of_text_and_empty_cells_past_the_header_do_no_harm(tmp_path: Path) -> None:
    text = 'note,step,loss\nfirst,1,2\nsecond; # 5,2,3,, \n"a, b",3,4\n'
    assert read(tmp_path / "t.csv", text, "loss", "step") == [[2, 3, 4], [1, 2, 3]]
    assert read_texts(open_table(tmp_path / "t.csv"), ["note"]) == [
        ["first", "second; # 5", "a, b"]
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("header", "row"),
    [("step,loss,lr", "0,100,3.98,0.0003"), ("step,loss,lr", "100,3,98,0.0003"), ("step", "1,2")],
)
@pytest.mark.parametrize("before", ["", "\n# schedule: constant:steps=9,peak=1,warmup=2,a=3\n"])
def test_rows_wider_than_the_header_are_refused(
    tmp_path: Path, header: str, row: str, before: str, end: str
) -> None:
    width = header.count(",") + 1
    good = ",".join(["5"] * width)
    lines = [header, *[good] * 999, row, good, good]
    said = (
        rf"line {1001 + before.count(chr(10))} has {row.count(',') + 1} cells, but the header "
        rf"names {width} columns: do the rows begin with names .* or are there decimal commas"
    )
    text = (before + "\n".join(lines)).replace("\n", end)
    with pytest.raises(DataError, match=said):
        read(tmp_path / "t.csv", text, header.split(",")[0])
    shorter = text.replace(row, good)
    assert read(tmp_path / "t.csv", shorter, header.split(",")[0]) == [[5] * 1002]


def test_a_wide_row_is_seen_wherever_the_blocks_of_the_file_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "step,loss,lr\n" + "10,3.5,0.5\n" * 9 + "7,11,3.5,0.5\n" + "10,3.5,0.5\n" * 9
    for block in range(20, 60):
        monkeypatch.setattr("mplfit.readers.table._BLOCK", block)
        with pytest.raises(DataError, match="line 11 has 4 cells"):
            read(tmp_path / "t.csv", text, "step", "loss")
    monkeypatch.setattr("mplfit.readers.table._rows", None)  # and regular rows take the fast way
    assert len(read(tmp_path / "t.csv", text.replace("7,11", "11"), "step")[0]) == 19


def coded(text: str) -> dict[str, bytes]:
    made = {
        "run.csv.gz": gzip.compress(text.encode()),
        "le.csv": b"\xff\xfe" + text.encode("utf-16-le"),
        "be.csv": b"\xfe\xff" + text.encode("utf-16-be"),
        "both.tsv.GZ": gzip.compress(text.replace(",", "\t").encode("utf-16")),
    }
    with suppress(ImportError):
        import zstandard

        half = len(text) // 2
        parts = [
            zstandard.ZstdCompressor().compress(x.encode()) for x in (text[:half], text[half:])
        ]
        made["run.csv.zst"] = b"".join(parts)
    return made


def test_compressed_tables_and_utf_16(tmp_path: Path) -> None:
    for name, data in coded("step,lr,loss\n0,0.1,3.5\n1,0.1,3.25\n2,,3\n").items():
        path = tmp_path / name
        step, loss = read(path, data, "step", "loss")
        assert (step, loss) == ([0, 1, 2], [3.5, 3.25, 3])
        (curve,) = read_curves([path])
        assert curve.name == name.split(".")[0]
        assert curve.origin is not None
        assert curve.origin.sha256 == hashlib.sha256(data).hexdigest()
        with pytest.raises(DataError, match=r"damaged or cut short|not a text file|missing"):
            read(path, data[:-9], "step", "loss")
    rows = "".join(f'{{"step": {t}, "lr": 0.1, "loss": {9 - t}}}\n' for t in range(5))
    megatron = "".join(
        f" iteration {t}/ 9 | learning rate: 1.0E-01 | lm loss: {9 - t}.0 |\n" for t in range(1, 5)
    )
    for name, text in (("run.jsonl", rows), ("run.json", rows), ("run.log", megatron)):
        for made, data in (("", text.encode("utf-16")), (".gz", gzip.compress(text.encode()))):
            (tmp_path / (name + made)).write_bytes(data)
            (curve,) = read_curves([tmp_path / (name + made)])
            assert (curve.name, curve.loss[-1]) == ("run", 5)


def test_zstandard_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(DataError, match=r"run.csv.zst is compressed .*pip install 'mplfit\[zst\]'"):
        read(tmp_path / "run.csv.zst", b"\x28\xb5\x2f\xfd....", "step")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04" + bytes(9), r"a zip archive \(as .xlsx is\).*read_excel\(FILE\).to_csv"),
        (b"\x93NUMPY" + bytes(9), r"numpy.savetxt"),
    ],
)
def test_formats_that_are_to_be_converted(tmp_path: Path, data: bytes, said: str) -> None:
    for name in ("run.parquet", "run.csv"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=said):
            read_curves([tmp_path / name])


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
        (b"s\0t\0e\0p\0,\0l\0o\0s\0s\0\n\0", "is not a text file in UTF-8"),
        ("step,loss\n1,2\n".encode("utf-16")[:-1], "is not a text file in UTF-8"),
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
    with pytest.raises(DataError, match="but a pipe, a socket or a device, which cannot be read"):
        open_table(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="cannot be read: File name too long"):
        open_table(tmp_path / ("x" * 300))


def test_what_spreadsheets_and_resumed_runs_write(tmp_path: Path) -> None:
    rows = "".join(f'"{1000 * t:,}",0.1,{4 - t / 9}\n' for t in range(6))
    step, loss = read(tmp_path / "a.csv", f"step,lr,loss\n{rows}", "step", "loss")
    assert step == [1000 * t for t in range(6)]
    assert loss[5] == 4 - 5 / 9
    with pytest.raises(
        DataError, match=r"line 2: 'loss' should be a number, got '3,5' \(a decimal "
    ):
        read(tmp_path / "b.csv", "step;lr;loss\n0;0,1;3,5\n", "step", "loss")
    # A header that was written again, in the middle or with a space, is no row.
    text = "step,lr,loss\n0,0.1,3.5\n1,0.1,3.25\nstep, lr,loss\n1,0.1,3.2\n"
    assert read(tmp_path / "c.csv", text, "step", "loss") == [[0, 1, 1], [3.5, 3.25, 3.2]]
    # Comments before the header, and a header that is one, as numpy.savetxt writes it.
    for head in ("# my run\n# seed 3\nstep,lr,loss\n", "# my run\n# step,lr,loss\n"):
        path = tmp_path / "d.csv"
        assert read(path, head + "0,0.1,3.5\n1,0.1,3\n", "step", "loss") == [[0, 1], [3.5, 3]]
        assert len(read_curves([path])[0]) == 2
