"""Which changes of the code `make mutants` takes for mutants."""

from __future__ import annotations

import pytest

from tests.mutants import ROOMS, ROOT, behaviour, command, telling

CODE = """
__all__ = ["mean", 1]

@kernel(inner=True)
def mean(x: float | None, *, of: int = 2) -> int | None:
    total: int | None = 0
    warn("odd", stacklevel=2)
    zip(x, x, strict=True)
    return total
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("float | None", "float & None"),
        ("int | None:", "int & None:"),
        ("total: int | None", "total: int & None"),
        ("@kernel(inner=True)\n", ""),
        ("x: float | None, *,", "x: float | None, /,"),
        ("stacklevel=2", "stacklevel=3"),
        ("strict=True", "strict=False"),
        ('"mean", 1', '"mean", 2'),
    ],
)
def test_what_no_test_need_see_is_no_mutant(old, new):
    assert CODE.count(old) == 1
    assert behaviour(CODE.replace(old, new)) == behaviour(CODE)


@pytest.mark.parametrize(("old", "new"), [("int = 2", "int = 3"), ("None = 0", "None = 1")])
def test_a_changed_number_is_one(old, new):
    assert behaviour(CODE.replace(old, new)) != behaviour(CODE)


@pytest.mark.parametrize(
    ("operator", "is_telling"),
    [
        ("core/ReplaceBinaryOperator_Add_Sub", True),
        ("core/ReplaceBinaryOperator_Add_BitOr", False),
        ("core/ReplaceComparisonOperator_Lt_LtE", True),
        ("core/ReplaceComparisonOperator_Eq_Is", False),
        ("core/ReplaceUnaryOperator_Delete_USub", True),
        ("core/ReplaceUnaryOperator_USub_Invert", False),
        ("core/NumberReplacer", True),
    ],
)
def test_operators(operator, is_telling):
    assert telling(operator) is is_telling


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_and_its_tests_exist(room):
    assert (ROOT / room).exists()
    tests = command(room, f"{room}/x.py").split()
    assert len([each for each in tests if each.startswith("tests/")]) >= len(ROOMS[room])


def test_the_examples_and_the_mirror_come_first():
    tests = command("mplfit/plan", "mplfit/plan/search.py").split()
    first = tests.index("mplfit/plan/search.py")
    assert tests[first + 1] == "tests/plan/test_search.py"
    assert "tests/plan/test_extend.py" in tests[first + 2 :]
