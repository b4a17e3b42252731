"""Schedules in files: what mplfit writes comes back bit for bit; the rest is refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mplfit import schedule as s
from mplfit.errors import DataError, MplfitError, ScheduleError
from mplfit.readers.provenance import fit_named_in
from mplfit.readers.schedules import load_schedule, read_schedule
from mplfit.schedule import Schedule
from mplfit.writers.text import schedule_files

KINDS = ("csv", "npy", "json")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(st.floats(0, 1e6), min_size=1, max_size=50).filter(any))
def test_a_written_schedule_comes_back_bit_for_bit(tmp_path: Path, values: list[float]) -> None:
    schedule = Schedule(values, len(values) // 3)
    for name, data in schedule_files(schedule, schedule.to_dict()).items():
        (tmp_path / name).write_bytes(data)
    for kind in KINDS:
        read = load_schedule(str(tmp_path / f"schedule.{kind}"))
        assert read.lr.tobytes() == schedule.lr.tobytes() or values.count(0.0)
        assert read.lr.tolist() == values
        assert read.warmup == (schedule.warmup if kind == "json" else 0)


def save_npy(path: Path, array: object, **options: bool) -> None:
    with path.open("wb") as file:
        np.save(file, array, **options)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, object], Path]:
    def write(name: str, content: object) -> Path:
        path = tmp_path / name
        if name.endswith(".npy") and not isinstance(content, bytes):
            save_npy(path, content, allow_pickle=True)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


Write = Callable[[str, object], Path]


def test_every_accepted_shape_of_a_file(write: Write) -> None:
    knots = s.from_knots([(0, 0.0), (2, 1.0), (4, 0.5)])
    for name, content in (
        ("a.csv", "step,lr\n0,0\n2,1\n4,0.5\n"),
        ("b.csv", "loss;lr;step\n9;0;0\n9;0.5;1\n9;1;2\n9;0.75;3\n9;0.5;4\n"),
        ("c.json", [0, 0.5, 1, 0.75, 0.5]),
        ("d.json", {"knots": [[0, 0], [2, 1], [4, 0.5]]}),
        ("e.json", {"knots": [[0, 0], [2, 1], [4, 0.5]], "steps": 5, "warmup": None}),
        ("f.json", {"lr": [0, 0.5, 1, 0.75, 0.5], "knots": "whatever", "more": {}}),
        ("g.npy", np.array([0, 0.5, 1, 0.75, 0.5], dtype=np.float32)),
        ("H.JSON", b"\xef\xbb\xbf[0, 0.5, 1, 0.75, 0.5]"),
    ):
        assert read_schedule(write(name, content)) == knots, name
    longer = read_schedule(write("i.json", {"knots": [[0, 1]], "steps": 3, "warmup": 1}))
    assert longer == Schedule([1, 1, 1], 1)


def test_a_name_with_a_colon_may_be_a_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("run:3.csv", "step,lr\n0,1\n1,0.5\n")
    monkeypatch.chdir(path.parent)
    assert load_schedule("run:3.csv").lr.tolist() == [1, 0.5]
    with pytest.raises(ScheduleError, match="is not a schedule: expected an existing file"):
        load_schedule("absent:3.csv")
    with pytest.raises(DataError, match=r"absent\.csv does not exist: expected a schedule file"):
        load_schedule("absent.csv")
    with pytest.raises(DataError, match="does not exist"):
        load_schedule("x" * 5000 + ".csv")


class Loud:
    """A pickle that would be noticed."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (_explode, ("a pickle was loaded",))


def _explode(text: str) -> None:
    raise AssertionError(text)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.npy", np.array([Loud()], dtype=object), r"not a plain numpy array: .* \(no pickled"),
        ("b.npy", pickle.dumps(Loud()), "not a plain numpy array"),
        ("c.npy", b"", "not a plain numpy array"),
        ("d.npy", b"PK\x03\x04", "not a plain numpy array"),
        ("e.npy", b"\x93NUMPY\x01\x00\xff\xff{", "not a plain numpy array"),
        ("f.npy", np.ones((2, 2)), r"f.npy: a schedule needs a 1-D array .* shape \(2, 2\)"),
        ("g.npy", np.array([1j]), "list of numbers"),
        ("h.npy", np.array(["a"]), "list of numbers"),
        ("i.npy", np.array([1.0, np.nan]), "rate of step 1 is nan"),
        (
            "j.csv",
            "step,rate\n0,1\n",
            "has no column 'lr': a schedule file has the columns step,lr",
        ),
        ("k.csv", "step,lr\n5,1\n9,1\n", "k.csv: the knots' steps must .* begin at 0"),
        ("l.csv", "step,lr\n0,1\n,1\n", "l.csv: the knots' steps must be whole"),
        ("m.csv", "step,lr\n0,1\n1,-1\n", "rate of step 1 is -1"),
        ("n.csv", "", "is empty"),
        ("o.json", "{", "is not JSON"),
        ("p.json", b"\xff", "is not JSON"),
        ("q.json", "[" * 100_000, "is not JSON"),
        ("r.json", {"rates": []}, 'expected a list of rates, or an object with "lr" or "knots"'),
        ("s.json", "3", "expected a list of rates"),
        ("t.json", ["1", "2"], "t.json: expected a list of numbers"),
        ("u.json", [[0, 1], [2, 1]], "expected a list of numbers"),
        ("v.json", [True], "expected a list of numbers"),
        ("w.json", [1, None], "expected a list of numbers"),
        ("x.json", "[1" + "0" * 400 + "]", "beyond the range"),
        ("y.json", [], "1-D array with a rate for each update"),
        ("z.json", {"lr": {"a": 1}}, "expected a list of numbers"),
        ("a1.json", {"lr": [1], "warmup": 0.5}, '"warmup" must be a whole number, got 0.5'),
        ("a2.json", {"lr": [1], "warmup": True}, '"warmup" must be a whole number, got True'),
        ("a3.json", {"lr": [1], "warmup": 2}, "warmup of 2 does not fit a schedule of 1"),
        ("a4.json", {"lr": [1], "steps": 2}, '"steps" is 2, but "lr" has 1 rates'),
        ("a5.json", {"knots": [[0, 1]], "steps": "9"}, "\"steps\" must be a whole number, got '9'"),
        ("a6.json", {"knots": [[0, 1], [1.5, 1]]}, "steps must be whole numbers"),
        ("a7.json", {"knots": [[0, "1"]]}, r"list of \[step, lr\] pairs of numbers"),
        ("a8.json", {"knots": [0, 1]}, r"list of \[step, lr\] pairs"),
        ("a9.json", {"knots": []}, r"list of \[step, lr\] pairs"),
        ("b1.json", '{"knots": [[0, 1], [1, 1' + "0" * 400 + "]]}", "beyond the range"),
        ("b2.json", {"knots": [[0, 1], [10**12, 1]]}, "beyond the 100,000,000 updates"),
        ("b3.json", "[NaN]", "rate of step 0 is nan"),
        ("b4.txt", "0 1", "is not a schedule file: expected .csv, .npy or .json"),
    ],
)
def test_what_is_no_schedule_is_refused_in_a_sentence(
    write: Write, name: str, content: object, said: str
) -> None:
    path = write(name, content)
    with pytest.raises(MplfitError, match=said) as caught:
        read_schedule(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.count(str(path)) == 1
    assert "\n" not in message
    assert "allow_pickle" not in message


def test_a_folder_is_no_schedule(tmp_path: Path) -> None:
    for kind in KINDS:
        (tmp_path / f"x.{kind}").mkdir()
        with pytest.raises(DataError, match=r"the folder .*x.\w+ has no log"):
            load_schedule(str(tmp_path / f"x.{kind}"))


def test_a_log_or_a_folder_stands_for_its_schedule(tmp_path: Path) -> None:
    plan = s.wsdld(100, 1e-3, decay=40, warmup=10)
    rows = [f"{t},{plan.lr[t]:.9g},{4 - t / 99}" for t in range(0, 100, 3)]
    log = tmp_path / "runs" / "a" / "metrics.csv"
    log.parent.mkdir(parents=True)
    log.write_text("\n".join(["step,learning_rate,loss", *rows]))
    notes: list[str] = []
    for text in (log, log.parent, tmp_path / "runs"):
        read = load_schedule(str(text), notes)
        assert read.steps == 100
        assert np.allclose(read.lr, plan.lr, rtol=0, atol=3e-5)
    assert notes[0] == f"{log} is a log, whose schedule is taken"
    assert any("rebuilt from 34 logged rates" in note for note in notes)
    # Without a loss the same names are those of a schedule file: points on lines.
    log.write_text("step,learning_rate\n0,1\n4,0.5\n")
    assert load_schedule(str(log)).lr.tolist() == [1, 0.875, 0.75, 0.625, 0.5]
    # With several runs it is not clear whose schedule is meant.
    for name in "ab":
        (tmp_path / "runs" / f"{name}.csv").write_text("\n".join(["step,lr,loss", *rows]))
    with pytest.raises(DataError, match=r"runs holds 2 runs \(a, b\): expected the log of one"):
        load_schedule(str(tmp_path / "runs"))
    # The folder of `optimize --out`.
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "schedule.json").write_text('{"lr": [1, 0.5], "params": "25"}')
    assert load_schedule(str(tmp_path / "plan")).lr.tolist() == [1, 0.5]
    assert fit_named_in(str(tmp_path / "plan")) == "25"
    # JSON that is a log, and what is neither.
    state = {"log_history": [{"step": t, "loss": 4.0, "learning_rate": 1e-3} for t in (1, 2, 3)]}
    (tmp_path / "state.json").write_text(json.dumps(state))
    assert load_schedule(str(tmp_path / "state.json")).steps == 3
    (tmp_path / "no.json").write_text('{"rates": []}')
    with pytest.raises(DataError, match="expected a list of rates, or an object with"):
        load_schedule(str(tmp_path / "no.json"))
