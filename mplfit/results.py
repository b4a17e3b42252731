"""What results do for the person who holds one: they show, draw, save and predict by themselves.

Imports point down, and the rooms of mathematics know nothing of files, tables and figures. A
method for people therefore asks `api` for the function that does it, when it is called: this is
the one place that names a room above it (tests/test_layers.py holds that), and nothing in the
package calls such a method.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mplfit.types import Record

if TYPE_CHECKING:  # what the methods return
    from mplfit.api import Page as Page
    from mplfit.api import PathName as PathName
    from mplfit.api import RunsLike as RunsLike
    from mplfit.assess.predict import Prediction as Prediction
    from mplfit.show.figures import Axes as Axes
    from mplfit.show.figures import Figure as Figure
    from mplfit.show.table import Table as Table

__all__ = ["Result", "Shown", "api"]


def api(name: str) -> Any:
    """A function of `mplfit.api`."""
    return getattr(import_module("mplfit.api"), name)


class Shown:
    """An object with tables: a short repr, all of it with print, HTML in a notebook, a figure."""

    def tables(self) -> list[Table]:
        """What there is to say, as tables; the title of the first is the answer in a sentence."""
        made: list[Table] = api("tables_of")(self)
        return made

    def plot(self, *, ax: Axes | None = None, fig: Figure | None = None) -> Figure:
        """The figure that the command of this result writes.

        ax : draw there, where the figure is one panel.  fig : draw there (a figure or subfigure).
        """
        made: Figure = api("plot")(self, ax=ax, fig=fig)
        return made

    def __repr__(self) -> str:
        return str(api("repr_text")(self))

    def __str__(self) -> str:
        return str(api("long_text")(self))

    def _repr_html_(self) -> str:
        return str(api("html_of")(self))


class Result(Shown, Record):
    """A record that is the answer to a question.

    Its dataclass is made with ``frozen=True, eq=False, repr=False``.
    """

    def save(self, folder: PathName, *, force: bool = False) -> None:
        """Write what the command of this result writes into a folder: JSON, tables, figures.

        force : overwrite what is there.

        Raises
        ------
        OutputError
            If the folder is there already, or a result of this kind has no files.
        """
        api("save")(self, folder, force=force)
