"""`Runs`: the curves of some runs, by position and by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, overload

from mplfit.curve import Curve, curves_of
from mplfit.errors import DataError
from mplfit.results import Result

__all__ = ["Runs"]


@dataclass(frozen=True, eq=False, repr=False)
class Runs(Result, Sequence[Curve]):
    """The curves of some runs, in order.

    Raises
    ------
    DataError
        If there is none, something is no curve, or two have one name.

    >>> from mplfit import Curve, Runs, constant
    >>> runs = Runs([Curve("short", [10, 20], [3.5, 3.1], constant(30, 1e-3))])
    >>> runs["short"].loss.tolist(), runs.names, len(runs)
    ([3.5, 3.1], ('short',), 1)
    """

    SCHEMA: ClassVar[str] = "mplfit.runs/1"

    curves: tuple[Curve, ...]

    def __init__(self, curves: Curve | Iterable[Curve]) -> None:
        some = curves_of(curves)
        names = [curve.name for curve in some]
        if not some:
            raise DataError("there is no run: give at least one curve")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise DataError(f"more than one run is named {twice[0]}: names must differ")
        object.__setattr__(self, "curves", some)

    @property
    def names(self) -> tuple[str, ...]:
        """What the runs are called."""
        return tuple(curve.name for curve in self.curves)

    def __len__(self) -> int:
        return len(self.curves)

    def __iter__(self) -> Iterator[Curve]:
        return iter(self.curves)

    def __contains__(self, value: object) -> bool:
        """Whether a curve, or one of that name, is among them."""
        return value in self.names if isinstance(value, str) else value in self.curves

    @overload
    def __getitem__(self, key: int | str) -> Curve: ...

    @overload
    def __getitem__(self, key: slice) -> Runs: ...

    def __getitem__(self, key: int | str | slice) -> Curve | Runs:
        """A run by its place or name, or some of them by a slice."""
        if isinstance(key, slice):
            return Runs(self.curves[key])
        if isinstance(key, str):
            if key not in self.names:
                raise DataError(f"there is no run {key!r}: the runs are {', '.join(self.names)}")
            return self.curves[self.names.index(key)]
        return self.curves[key]

    def to_pandas(self) -> Any:
        """A data frame with a row for each logged loss: run, step, lr, loss.

        Raises
        ------
        DataError
            If pandas is not installed.
        """
        try:
            pandas: Any = import_module("pandas")
        except ImportError:
            raise DataError("to_pandas needs pandas: pip install pandas") from None
        columns = {
            "run": [curve.name for curve in self for _ in range(len(curve))],
            "step": [step for curve in self for step in curve.step.tolist()],
            "lr": [rate for curve in self for rate in curve.schedule.lr[curve.step].tolist()],
            "loss": [loss for curve in self for loss in curve.loss.tolist()],
        }
        return pandas.DataFrame(columns)
