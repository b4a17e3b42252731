"""Which files are runs, and which of them train."""

from __future__ import annotations

from pathlib import Path

import pytest

from mplfit import schedule as s
from mplfit.curve import Curve, Origin
from mplfit.errors import DataError
from mplfit.estimate.records import CurveRecord
from mplfit.estimate.result import Fit, published_fit
from mplfit.readers.csv_log import ReadOptions
from mplfit.readers.paths import read_curves, split, split_for
from mplfit.readers.released import NAMES, TEST, TRAIN

LOG = "step,lr,loss\n0,1,3\n1,1,2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.csv", "a.csv", "notes.txt", "._a.csv"):
        (tmp_path / name).write_text(LOG if name.endswith("csv") else "hello")
    (tmp_path / "._a.csv").write_bytes(b"\0\5\x16\7")
    return tmp_path


def test_a_folder_is_its_csv_files_by_name(folder: Path) -> None:
    assert [curve.name for curve in read_curves([folder])] == ["a", "b"]
    (folder / "more").mkdir()
    (folder / "more" / "c.csv").write_text(LOG)
    assert [curve.name for curve in read_curves([folder])] == ["a", "b", "c"]
    both = read_curves([str(folder / "more"), folder / "b.csv"])
    assert [curve.name for curve in both] == ["c", "b"]


def test_one_path_urls_patterns_and_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(paths: str | Path | list[str]) -> list[str]:
        return [curve.name for curve in read_curves(paths)]

    monkeypatch.setenv("HOME", str(folder))
    (folder / "with space é").mkdir()
    (folder / "with space é" / "c 1.csv").write_text(LOG)
    (folder / "[d].csv").write_text(LOG)
    monkeypatch.chdir(folder)
    assert found(str(folder / "a.csv")) == found(folder / "a.csv") == found("~/a.csv") == ["a"]
    assert found("with space é") == found("~/with space é/c 1.csv") == ["c 1"]
    assert found((folder / "with space é" / "c 1.csv").as_uri()) == ["c 1"]
    assert found(f"file://localhost{folder}/a.csv") == ["a"]
    assert found("[d].csv") == ["[d]"]
    assert found("[ab].csv") == found(str(folder / "?.csv")) == ["a", "b"]
    assert found(["**/c*.csv", "a.*"]) == ["c 1", "a"]
    for path, said in (
        ("x*.csv", "no file matches x"),
        ("file://host/a.csv", "is on another machine"),
        ("file:///no/a.csv", "/no/a.csv does not exist"),
        ("~nobody-of-this-name/a.csv", "does not exist"),
    ):
        with pytest.raises(DataError, match=said):
            found(path)


def test_what_is_not_there_is_refused(folder: Path) -> None:
    (folder / "empty").mkdir()
    for path, said in (
        (folder / "absent", r"absent does not exist: expected a .csv log or a folder of them"),
        (folder / "empty", r"the folder .*empty has no log that mplfit knows: expected one .csv"),
        (folder / ("x" * 300), "does not exist"),
        (folder / "notes.txt", r"no log that mplfit knows. It begins with 'hello'. Looked for: "),
    ):
        with pytest.raises(DataError, match=said):
            read_curves([path])


def test_a_file_that_is_given_twice_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match=r"a.csv is given twice: give each file once"):
        read_curves([folder, folder / "a.csv"])


def test_schedules_of_single_runs_go_before_that_of_all(folder: Path) -> None:
    one, all_ = s.constant(5, 0.5), s.constant(9, 0.25)
    a, b = read_curves([folder], ReadOptions(schedule=all_), schedules={"a": one})
    assert (a.schedule, b.schedule) == (one, all_)
    with pytest.raises(DataError, match=r"schedules= names 'c', but the runs are a, b"):
        read_curves([folder], schedules={"c": one})


def curves(*names: str) -> list[Curve]:
    return [
        Curve(name, [0, 1], [3, 2], s.constant(2, 1.0), Origin(f"{name}.csv", f"hash of {name}"))
        for name in names
    ]


def names(split_: tuple[list[Curve], list[Curve], str]) -> tuple[list[str], list[str]]:
    return [curve.name for curve in split_[0]], [curve.name for curve in split_[1]]


def test_the_released_names_are_split_as_released() -> None:
    whole = split(curves(*NAMES))
    assert names(whole) == (list(TRAIN), list(TEST))
    assert "as released" in whole[2]
    assert names(split(curves(*reversed(NAMES)))) == (list(TRAIN)[::-1], list(TEST)[::-1])
    assert names(split(curves(*TRAIN, TEST[0]))) == (list(TRAIN), [TEST[0]])
    # One of the training curves is missing, or one is not of the release: all train.
    for some in (NAMES[1:], (*NAMES, "mine"), TEST):
        every = split(curves(*some))
        assert names(every) == (list(some), [])
        assert "all curves train" in every[2]


def test_named_curves_are_taken_as_named() -> None:
    abc = curves("a", "b", "c")
    assert names(split(abc, train=["b"])) == (["b"], ["a", "c"])
    assert names(split(abc, test=["b"])) == (["a", "c"], ["b"])
    assert names(split(abc, train=["c"], test=["a"])) == (["c"], ["a"])
    assert names(split(curves(*NAMES), train=["wsdcon_3"]))[0] == ["wsdcon_3"]
    with pytest.raises(DataError, match=r"there is no curve 'd': the curves are a, b, c"):
        split(abc, test=["d"])
    with pytest.raises(DataError, match="a cannot be both a training and a held-out curve"):
        split(abc, train=["a"], test=["a"])


def test_what_a_fit_was_trained_on_is_known_by_its_contents() -> None:
    abc = curves("a", "b", "c")
    data = tuple(
        CurveRecord(f"other {name}", role, "x.csv", f"hash of {name}", 2, 0, 1, 2, 0, 1.0)
        for name, role in (("b", "train"), ("c", "test"))
    )
    params = published_fit("25").params
    fit = Fit("mpl", params, data=data)
    assert names(split_for(fit, abc)) == (["b"], ["a", "c"])
    assert names(split_for(fit, abc, train=["a"])) == (["a"], ["b", "c"])
    published = split_for(published_fit("25"), curves(*NAMES, "mine"))
    assert names(published) == (list(TRAIN), [*TEST, "mine"])
    bare = Curve("bare", [0], [1.0], s.constant(1, 1.0))
    assert names(split_for(fit, [bare])) == ([], ["bare"])
