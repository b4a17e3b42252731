"""The READMEs' commands: found, run in order as a reader would, and their outputs renewed.

python -m tests.support.readmes [README…]     runs them and writes what they print now
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from click.testing import CliRunner

from mplfit.cli.main import main

ROOT = Path(__file__).parents[2]
READMES = sorted(
    path.relative_to(ROOT)
    for path in (
        ROOT / "README.md",
        ROOT / "tests" / "README.md",
        *ROOT.glob("mplfit/**/README.md"),
    )
)
_CONSOLE = re.compile(r"^( *)```console\n(.*?)^ *```$", re.S | re.M)
_PYTHON = re.compile(r"^ *```python\n(.*?)^ *```$", re.S | re.M)


@dataclass
class Command:
    """A line after a dollar sign, and the lines that stand below it."""

    line: str
    text: str  # with the comment behind it
    shown: list[str] = field(default_factory=list)

    @property
    def ours(self) -> bool:
        """Whether it is one of mplfit's (and not make's or the shell's)."""
        return self.line.startswith("mplfit ")


def commands(block: str) -> list[Command]:
    """The commands of a console block."""
    found: list[Command] = []
    for line in block.splitlines():
        if line.strip().startswith("$ "):
            text = line.strip()[2:]
            found.append(Command(text.split("  #")[0].strip(), text))
        elif found:
            found[-1].shown.append(line)
    return found


def blocks(path: Path) -> Iterator[str]:
    """The console blocks of a README."""
    for match in _CONSOLE.finditer((ROOT / path).read_text(encoding="utf-8")):
        yield match[2]


def python_blocks(path: Path) -> list[str]:
    """The Python blocks of a README."""
    return _PYTHON.findall((ROOT / path).read_text(encoding="utf-8"))


def run(line: str) -> str:
    """What a command prints on stdout; it must succeed."""
    result = CliRunner().invoke(main, shlex.split(line)[1:])
    assert result.exit_code == 0, f"{line}\n{result.output}"
    return result.stdout


def renew(path: Path) -> None:
    """Run a README's commands and write what they print; an output that ends in … stays cut."""
    text = (ROOT / path).read_text(encoding="utf-8")

    def renewed(match: re.Match[str]) -> str:
        indent, lines = match[1], []
        for command in commands(match[2]):
            lines.append(f"$ {command.text}")
            printed = run(command.line).rstrip().splitlines() if command.ours else command.shown
            if not any(line.strip() for line in command.shown):
                continue
            if command.shown[-1].strip() == "…":
                printed = [*printed[: len(command.shown) - 1], "…"]
            lines += printed
        body = "".join(f"{indent}{line}".rstrip() + "\n" for line in lines)
        return f"{indent}```console\n{body}{indent}```"

    with TemporaryDirectory() as folder, chdir(folder):
        Path("data").symlink_to(ROOT / "data")
        made = _CONSOLE.sub(renewed, text)
    (ROOT / path).write_text(made, encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or map(str, READMES):
        renew(Path(name))
