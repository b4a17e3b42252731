"""Commands, run as a shell would."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from mplfit.cli.main import main

__all__ = ["ROOT", "run"]

ROOT = Path(__file__).parents[2]


def run(*arguments: object, code: int = 0) -> Result:
    """The result of `mplfit ARGUMENTS`, which must end with that code."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result
