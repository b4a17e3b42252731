"""The laws: formulas that predict the loss at step t from the schedule up to t."""

from typing import TYPE_CHECKING, Any

from mplfit.laws import registry
from mplfit.laws.base import Law, Parameter, Predictor
from mplfit.laws.registry import get_law

if TYPE_CHECKING:
    from mplfit.laws.registry import LAWS

__all__ = ["LAWS", "Law", "Parameter", "Predictor", "get_law"]


def __getattr__(name: str) -> Any:
    """`LAWS`, which loads every law, when it is first asked for."""
    if name != "LAWS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return registry.LAWS
