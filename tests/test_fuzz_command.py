"""`python -m tests.fuzz` runs the loop of tests/support/damaged.py, and notices what is wrong."""

from __future__ import annotations

import pytest

from tests import fuzz


def test_the_command_counts_and_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fuzz.main(["json lines", "--count", "60"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("json lines")
    assert "60 inputs" in said
    monkeypatch.setattr("tests.support.damaged.plain_jsonl", lambda data: [(0.0, 1.0)])
    assert fuzz.main(["json lines", "--count", "60"]) == 1
    assert "WRONG: AssertionError" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        fuzz.main(["no such format"])
