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
    from mplfit.bounds import best_base as best_base
    from mplfit.bounds import bound_curve as bound_curve
    from mplfit.curve import Curve as Curve
    from mplfit.errors import MplfitError as MplfitError
    from mplfit.estimate.fit import fit as fit
    from mplfit.estimate.metrics import evaluate as evaluate
    from mplfit.estimate.result import Fit as Fit
    from mplfit.estimate.simulate import simulate as simulate
    from mplfit.laws.registry import get_law as get_law
    from mplfit.plan.extend import extend as extend
    from mplfit.plan.forecast import forecast as forecast
    from mplfit.plan.optimize import optimize as optimize
    from mplfit.readers.fits import load_fit as load_fit
    from mplfit.readers.paths import read_curves as read_curves
    from mplfit.readers.schedules import load_schedule as load_schedule
    from mplfit.schedule import Schedule as Schedule
    from mplfit.schedule.spec import parse_schedule as parse_schedule

__version__ = "0.1.0"

_HOME = {
    "Curve": "mplfit.curve",
    "Fit": "mplfit.estimate.result",
    "MplfitError": "mplfit.errors",
    "Schedule": "mplfit.schedule",
    "best_base": "mplfit.bounds",
    "bound_curve": "mplfit.bounds",
    "evaluate": "mplfit.estimate.metrics",
    "extend": "mplfit.plan.extend",
    "fit": "mplfit.estimate.fit",
    "forecast": "mplfit.plan.forecast",
    "get_law": "mplfit.laws.registry",
    "load_fit": "mplfit.readers.fits",
    "load_schedule": "mplfit.readers.schedules",
    "optimize": "mplfit.plan.optimize",
    "parse_schedule": "mplfit.schedule.spec",
    "read_curves": "mplfit.readers.paths",
    "simulate": "mplfit.estimate.simulate",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
