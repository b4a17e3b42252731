"""What a terminal would obey never reaches it from a file; warnings have their own channel."""

from __future__ import annotations

import json
import os
from pathlib import Path

from click.testing import CliRunner

from mplfit.cli.main import main
from mplfit.curve import Origin
from mplfit.errors import DataError, printable
from mplfit.readers.paths import read_curves

ODD = "a\x1b[31mb\nc\x9b2Jd\u202ee\udcfff\u2028"
PLAIN = r"a\x1b[31mb\nc\x9b2Jd\u202ee\xfff\u2028"


def test_texts_are_made_printable_and_letters_of_any_script_stay() -> None:
    assert printable(ODD) == PLAIN
    assert printable("Lauf „größer“ 実験 – 3.5") == "Lauf „größer“ 実験 – 3.5"
    assert str(DataError(ODD)) == PLAIN
    assert Origin("x", "", (ODD,), (ODD,)) == Origin("x", "", (PLAIN,), (PLAIN,))


def test_headers_cells_and_names_reach_no_terminal_raw(tmp_path: Path) -> None:
    log = tmp_path / "a\x1b[2J\nb.csv"
    log.write_text('step,lr,loss,"\x1b[31mval\n/loss",val_loss\x1b[0m\n0,0.1,3,4,5\n1,0.1,2,3,4\n')
    bad = tmp_path / "bad.csv"
    bad.write_text('step,lr,loss\n0,0.1,"\x1b]0;title\x07"\n')
    for words in (["read"], ["read", "--json"], ["fit", "--law", "onepower", "--no-save"]):
        for path in (log, bad):
            result = CliRunner().invoke(main, [*words, str(path)])
            text = result.output
            assert not {ch for ch in text if ord(ch) < 32 or 127 <= ord(ch) < 160} - {"\n"}, words
            assert result.exit_code in (0, 1, 3)


def test_a_file_name_that_is_no_utf_8(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff\xfe.csv"
    with open(path, "wb") as file:
        rows = (b"%d,0.1,%f\n" % (t, 2 + 9 / (t + 1)) for t in range(40))
        file.write(b"step,lr,loss\n" + b"".join(rows))
    name = os.fsdecode(path)
    (curve,) = read_curves([name])
    assert curve.name == r"\xff\xfe"
    out = tmp_path / "out"
    words = ["fit", name, "--law", "onepower", "--out", str(out)]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, result.exception) == (0, None), result.output
    (entry,) = json.loads((out / "fit.json").read_bytes())["data"]
    assert (entry["name"], entry["path"]) == (r"\xff\xfe", name)
    page = str(tmp_path / "page.html")
    for again in (["evaluate", "--params", str(out), name], ["report", str(out), "-o", page]):
        result = CliRunner().invoke(main, again)
        assert (result.exit_code, result.exception) == (0, None), result.output
    assert r"\xff\xfe" in Path(page).read_text()
