"""The laws: formulas that predict the loss at step t from the schedule up to t."""

from mplfit.laws.base import Law, Parameter, Predictor
from mplfit.laws.registry import LAWS, get_law

__all__ = ["LAWS", "Law", "Parameter", "Predictor", "get_law"]
