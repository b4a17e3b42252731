"""A group whose commands are imported only when they are asked for: `--help` imports none."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """A click group from a table, title: name: one line of help.

    The command NAME is `NAME_command` of the module NAME of the package, "_" for "-". A line more
    in the table is a command more.
    """

    def __init__(
        self,
        *args: Any,
        groups: Mapping[str, Mapping[str, str]] | None = None,
        package: str = "mplfit.cli",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.package = package
        self.groups = groups or {}

    @property
    def table(self) -> dict[str, str]:
        """The commands, each with its line of help."""
        return {name: text for group in self.groups.values() for name, text in group.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.table:
            return None
        name = cmd_name.replace("-", "_")
        module = import_module(f"{self.package}.{name}")
        command: click.Command = getattr(module, f"{name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not (name in self.table or name.startswith("-") or ctx.resilient_parsing):
            near = get_close_matches(name, self.table)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.table), default=0)
        for title, group in self.groups.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in group.items()])
