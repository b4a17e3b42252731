"""`mplfit help`: the guides of the rooms, and the help of a command."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import resources

import click

from mplfit.cli.options import command
from mplfit.errors import DataError

__all__ = ["TOPICS", "help_command"]

# topic: (the package that has the README, what it is about)
TOPICS = {
    "schedules": ("mplfit.schedule", "the text of a schedule, and its shapes"),
    "logs": ("mplfit.readers", "the formats of logs, and what is assumed of them"),
    "laws": ("mplfit.laws", "the laws, their equations, and how wrong they have been"),
    "estimation": ("mplfit.estimate", "how parameters are estimated"),
    "sure": ("mplfit.assess", "intervals, profiles, and which law is used"),
    "plans": ("mplfit.plan", "optimize, forecast, extend, design, advise"),
    "sizes": ("mplfit.sizes", "one law over model sizes"),
    "theory": ("mplfit.bounds", "convex bounds of schedules"),
    "sweeps": ("mplfit.sweeps", "the best learning rate, and whether it transfers"),
    "lab": ("mplfit.lab", "training small transformers here"),
    "exports": ("mplfit.writers", "schedules as code for a framework"),
    "pages": ("mplfit.show", "tables, figures, the report, and the page to play with"),
    "python": ("mplfit", "the library"),
}


@command("help", examples=("mplfit help", "mplfit help schedules"))
@click.argument("topic", required=False)
@click.pass_context
def help_command(context: click.Context, topic: str | None) -> None:
    """Show the guide to TOPIC, or the help of a command; without either, the topics."""
    from mplfit.cli.main import COMMANDS, main

    if topic is None:
        click.echo("Guides, each shown by mplfit help TOPIC:\n")
        for name, (_, about) in TOPICS.items():
            click.echo(f"  {name:11} {about}")
        click.echo("\nThe help of a command: mplfit help COMMAND, or mplfit COMMAND --help.")
    elif topic in TOPICS:
        text = resources.files(TOPICS[topic][0]).joinpath("README.md").read_text(encoding="utf-8")
        click.echo(text, nl=False)
    elif topic in COMMANDS and context.parent is not None:
        found = main.get_command(context.parent, topic)
        if found is not None:
            with click.Context(found, info_name=topic, parent=context.parent) as own:
                click.echo(found.get_help(own))
    else:
        near = get_close_matches(topic, [*TOPICS, *COMMANDS])
        hint = f"; did you mean {' or '.join(near)}" if near else ""
        raise DataError(f"there is no guide to {topic!r}: mplfit help lists them{hint}")
