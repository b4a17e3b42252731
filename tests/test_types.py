"""Frozen dataclasses as plain values and back."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest

import mplfit
from mplfit.errors import DataError
from mplfit.results import Shown
from mplfit.types import FloatArray, FrozenMap, MaybeNaN, Plain, Record, from_plain, to_plain


@dataclass(frozen=True)
class Part:
    at: tuple[int, str]
    r2: MaybeNaN = float("nan")


@dataclass(frozen=True, eq=False)
class Whole(Record):
    SCHEMA: ClassVar[str] = "test/1"
    DERIVED: ClassVar[tuple[str, ...]] = ("count",)

    rate: float
    parts: Mapping[str, Part]
    role: Literal["train", "test"] = "train"
    matrix: FloatArray = field(default_factory=lambda: np.eye(2))
    rows: tuple[tuple[float | None, ...], ...] = ()
    rest: Mapping[str, Plain] = field(default_factory=dict)
    value: bool | None = field(default=None, metadata={"key": "mean"})
    schedule: str | Part | None = None

    @property
    def count(self) -> int:
        return len(self.parts)

    def __post_init__(self):
        super().__post_init__()
        if self.rate <= 0:
            raise DataError("the rate must be positive")


def whole(**changes):
    return Whole(
        **{
            "rate": 0.5,
            "parts": {"a": Part((3, "x")), "b": Part((4, "y"), 0.9)},
            "rows": ((1.0, None), (2.0, 3.0)),
            "rest": {"deep": [1, {"k": "v"}, None, True]},
            "schedule": Part((1, "z")),
            **changes,
        }
    )


def test_round_trip_through_json():
    one = whole()
    values = json.loads(json.dumps(one.to_dict()))
    assert values["schema"] == "test/1"
    assert values["count"] == 2
    assert values["parts"]["a"] == {"at": [3, "x"], "r2": None}
    assert values["mean"] is None
    back = Whole.from_dict(values)
    assert back == one
    assert hash(back) == hash(one)
    assert back.parts["b"].r2 == 0.9
    assert np.isnan(back.parts["a"].r2)
    assert back.to_dict() == one.to_dict()
    assert back != whole(rate=0.6)
    assert back != 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rate": "fast"}, "\"rate\" must be a finite number, got 'fast'"),
        ({"rate": True}, '"rate" must be a finite number, got True'),
        ({"rate": float("inf")}, '"rate" must be a finite number, got inf'),
        ({"rate": 10**400}, '"rate" must be a finite number, got a whole number of more than'),
        ({"rate": -1}, "the rate must be positive"),
        ({"parts": [1]}, '"parts" must be an object, got a list of 1'),
        ({"parts": {"a": {}}}, '"parts.a.at" is missing'),
        ({"parts": {"a": {"at": [1]}}}, '"parts.a.at" must be a list of 2, got a list of 1'),
        ({"parts": {"a": {"at": [1.5, "x"]}}}, '"parts.a.at[0]" must be a whole number, got 1.5'),
        ({"parts": {"a": {"at": [2**63, "x"]}}}, '"parts.a.at[0]" must be a whole number'),
        ({"parts": {"a": {"at": [1, "\ud800"]}}}, '"parts.a.at[1]" must be text'),
        ({"role": "both"}, "\"role\" must be 'train' or 'test', got 'both'"),
        ({"role": []}, "\"role\" must be 'train' or 'test', got a list of 0"),
        ({"matrix": [[1, 2], [3]]}, '"matrix" must be a list of lists of one length'),
        ({"matrix": [[1, None]]}, '"matrix[0][1]" must be a finite number, got null'),
        ({"rows": [[1, "x"]]}, "\"rows[0][1]\" must be a finite number, got 'x'"),
        ({"rest": {"deep": float("nan")}}, '"rest.deep" must be a finite number, got nan'),
        ({"mean": 1}, '"mean" must be true or false, got 1'),
        ({"schedule": {"at": 1}}, '"schedule.at" must be a list, got 1'),
        ({"more": 1}, '"more" is not a field that is known here'),
        ({"schema": "test/2"}, "this must have the schema 'test/1', got 'test/2'"),
    ],
)
def test_what_is_wrong_is_named(changes, said):
    with pytest.raises(DataError) as error:
        Whole.from_dict({**whole().to_dict(), **changes})
    assert said in str(error.value)


def test_a_missing_field_and_a_wrong_object():
    values = whole().to_dict()
    del values["rate"]
    with pytest.raises(DataError, match=r'"fit\.rate" is missing'):
        from_plain(Whole, values, "fit")
    with pytest.raises(DataError, match="this must be an object, got a list of 0"):
        Whole.from_dict([])


# While a log is read or a place is chosen; and as torchtitan has its configurations.
CHANGED = {"ScheduleConfig", "Output", "_Alike", "_Run"}


def test_nothing_that_is_returned_can_be_changed():
    found = [
        (name, options)
        for path in sorted((Path(__file__).parents[1] / "mplfit").rglob("*.py"))
        for options, name in re.findall(
            r"^ *@dataclass(.*)\n *class (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    ]
    assert len(found) > 100
    assert {name for name, options in found if "frozen=True" not in options} == CHANGED


def test_every_record_is_compared_by_its_values_and_every_result_shows_itself():
    for module in pkgutil.walk_packages(mplfit.__path__, "mplfit."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    left, seen = [Record, Shown], set()
    while left:
        cls = left.pop()
        left += [one for one in cls.__subclasses__() if one not in seen]
        seen.add(cls)
        if cls.__module__.startswith("mplfit."):
            if issubclass(cls, Record):
                assert cls.__eq__ is Record.__eq__, f"{cls.__name__} needs eq=False"
            if issubclass(cls, Shown):
                assert cls.__repr__ is Shown.__repr__, f"{cls.__name__} needs repr=False"
    assert len(seen) > 50


def test_nothing_in_a_record_can_be_changed():
    matrix = np.eye(2)
    one = whole(matrix=matrix)
    matrix[0, 0] = 7
    assert one.matrix[0, 0] == 1
    with pytest.raises(TypeError):
        one.parts["c"] = Part((1, "x"))
    with pytest.raises(TypeError):
        one.rest["deep"][1]["k"] = "w"
    with pytest.raises(ValueError, match="read-only"):
        one.matrix[0, 0] = 2


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_are_equal_and_as_frozen(again):
    one, mapping = whole(), FrozenMap({"a": 1})
    assert again(one) == one
    made = again(mapping)
    assert made == mapping == {"a": 1} == made
    assert hash(made) == hash(mapping)
    assert repr(made) == "{'a': 1}"
    with pytest.raises(TypeError):
        again(one).parts["a"] = 3
    with pytest.raises(ValueError, match="read-only"):
        again(one).matrix[0, 0] = 2


def test_only_what_json_knows_has_a_plain_form():
    assert to_plain({"a": (np.float64(1.5), np.int64(2), np.array([1.0, np.inf]))}) == {
        "a": [1.5, 2, [1.0, None]]
    }
    with pytest.raises(TypeError, match="object has no plain form"):
        to_plain(object())
