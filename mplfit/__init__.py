"""mplfit: what will the loss be under another learning-rate schedule, and which one to run.

The public names are resolved when they are first used, so that ``import mplfit`` is instant and
loads neither numba nor scipy nor matplotlib.

>>> import mplfit
>>> mplfit.load_fit("400").law
'mpl'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mplfit.api import advise as advise
    from mplfit.api import bound as bound
    from mplfit.api import compare as compare
    from mplfit.api import design as design
    from mplfit.api import extend as extend
    from mplfit.api import fit as fit
    from mplfit.api import forecast as forecast
    from mplfit.api import load as load
    from mplfit.api import optimize as optimize
    from mplfit.api import predict as predict
    from mplfit.api import read as read
    from mplfit.api import report as report
    from mplfit.api import sweep as sweep
    from mplfit.assess.predict import Prediction as Prediction
    from mplfit.assess.predict import Predictions as Predictions
    from mplfit.bounds import best_base as best_base
    from mplfit.bounds import bound_curve as bound_curve
    from mplfit.bounds.table import BoundTable as BoundTable
    from mplfit.curve import Curve as Curve
    from mplfit.errors import MplfitError as MplfitError
    from mplfit.estimate.metrics import evaluate as evaluate
    from mplfit.estimate.result import Fit as Fit
    from mplfit.estimate.simulate import simulate as simulate
    from mplfit.laws.base import Law as Law
    from mplfit.laws.base import Parameter as Parameter
    from mplfit.laws.registry import get_law as get_law
    from mplfit.plan.design import Design as Design
    from mplfit.plan.extend import Extension as Extension
    from mplfit.plan.forecast import Forecast as Forecast
    from mplfit.plan.optimize import Plan as Plan
    from mplfit.readers.fits import load_fit as load_fit
    from mplfit.readers.options import ReadOptions as ReadOptions
    from mplfit.readers.paths import read_curves as read_curves
    from mplfit.readers.schedules import load_schedule as load_schedule
    from mplfit.runs import Runs as Runs
    from mplfit.schedule import Schedule as Schedule
    from mplfit.schedule import constant as constant
    from mplfit.schedule import cosine as cosine
    from mplfit.schedule import from_knots as from_knots
    from mplfit.schedule import inverse_sqrt as inverse_sqrt
    from mplfit.schedule import linear as linear
    from mplfit.schedule import piecewise as piecewise
    from mplfit.schedule import polynomial as polynomial
    from mplfit.schedule import sqrt_cooldown as sqrt_cooldown
    from mplfit.schedule import two_stage as two_stage
    from mplfit.schedule import wsd as wsd
    from mplfit.schedule import wsdld as wsdld
    from mplfit.schedule.spec import parse_schedule as parse_schedule
    from mplfit.sweeps.analysis import SweepAnalysis as SweepAnalysis

__version__ = "0.1.0"

_HOME = {
    "BoundTable": "mplfit.bounds.table",
    "Curve": "mplfit.curve",
    "Design": "mplfit.plan.design",
    "Extension": "mplfit.plan.extend",
    "Fit": "mplfit.estimate.result",
    "Forecast": "mplfit.plan.forecast",
    "Law": "mplfit.laws.base",
    "MplfitError": "mplfit.errors",
    "Parameter": "mplfit.laws.base",
    "Plan": "mplfit.plan.optimize",
    "Prediction": "mplfit.assess.predict",
    "Predictions": "mplfit.assess.predict",
    "ReadOptions": "mplfit.readers.options",
    "Runs": "mplfit.runs",
    "Schedule": "mplfit.schedule",
    "SweepAnalysis": "mplfit.sweeps.analysis",
    "advise": "mplfit.api",
    "best_base": "mplfit.bounds",
    "bound": "mplfit.api",
    "bound_curve": "mplfit.bounds",
    "compare": "mplfit.api",
    "constant": "mplfit.schedule",
    "cosine": "mplfit.schedule",
    "design": "mplfit.api",
    "evaluate": "mplfit.estimate.metrics",
    "extend": "mplfit.api",
    "fit": "mplfit.api",
    "forecast": "mplfit.api",
    "from_knots": "mplfit.schedule",
    "get_law": "mplfit.laws.registry",
    "inverse_sqrt": "mplfit.schedule",
    "linear": "mplfit.schedule",
    "load": "mplfit.api",
    "load_fit": "mplfit.readers.fits",
    "load_schedule": "mplfit.readers.schedules",
    "optimize": "mplfit.api",
    "parse_schedule": "mplfit.schedule.spec",
    "piecewise": "mplfit.schedule",
    "polynomial": "mplfit.schedule",
    "predict": "mplfit.api",
    "read": "mplfit.api",
    "read_curves": "mplfit.readers.paths",
    "report": "mplfit.api",
    "simulate": "mplfit.estimate.simulate",
    "sqrt_cooldown": "mplfit.schedule",
    "sweep": "mplfit.api",
    "two_stage": "mplfit.schedule",
    "wsd": "mplfit.schedule",
    "wsdld": "mplfit.schedule",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
