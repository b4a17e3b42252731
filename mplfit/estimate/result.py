"""`Fit`: the parameters of a law with how they were estimated; the contents of fit.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mplfit.errors import DataError
from mplfit.laws import get_law
from mplfit.laws.base import Law, check_params
from mplfit.laws.mpl import PUBLISHED
from mplfit.schedule import Schedule
from mplfit.types import FloatArray

__all__ = ["SCHEMA", "Fit", "Spread", "Starts", "published_fit"]

SCHEMA = "mplfit.fit/1"


@dataclass(frozen=True)
class Starts:
    """Where the solver began and how far its ends agree.

    screened : points that span the law's box.  descended : the best of them, each minimised.
    agreeing : ends within 1e-6 (relative) of the best.  objectives : of all ends, best first.
    """

    screened: int
    descended: int
    agreeing: int
    objectives: tuple[float, ...]


@dataclass(frozen=True)
class Spread:
    """What prediction intervals need to know of a fit (`mplfit.estimate.intervals`).

    covariance : of the solver's unknowns; None where a parameter is at a bound.
    scatter : 1.25 · mean |training log residual|.
    largest_S : the largest cumulative rate at a training point.
    largest_gain : the largest predicted difference of a training run to the same run at a rate
        that never falls, at a training point and relative to the loss.
    left_out : the log residual of the final loss of each training curve that was left out in turn.
    informed : whether every shape parameter has a prior.
    """

    covariance: tuple[tuple[float | None, ...], ...]
    scatter: float
    largest_S: float
    largest_gain: float = 0.0
    left_out: tuple[float, ...] = ()
    informed: bool = False


@dataclass(frozen=True)
class Fit:
    """The parameters of a law, estimated from curves.

    law : the law's key.  params : its parameters by name.
    objective : the raw Huber sum.  penalty : a prior's share, apart.
    constants : what the law knows of the runs beside their schedules (`Law.constants`).
    standard_errors : by name, None where there is none (see `warnings`).
    correlations : of the estimates, in the order of `params`; None where one is at a bound.
    spread : what prediction intervals need; None for published parameters.
    data : one entry a curve: name, role, path, sha256, points, steps, peak, notes.
    options, versions : what it was made with.  metrics : see `Evaluation.to_dict`.
    left_out : the metrics of each training curve by a fit to the others, where there are others.
    rival : how another law does on the same held-out rows (`Rival.to_dict`), where that is known.
    bootstrap : see `Bootstrap.to_dict`.  identification : see `Identification.to_dict`; each None
    where it was not asked for.

    Round-trips through `to_dict` and `from_dict` (the JSON of fit.json).
    """

    law: str
    params: dict[str, float]
    objective: float | None = None
    penalty: float = 0.0
    constants: dict[str, float] = field(default_factory=dict)
    converged: bool = True
    warnings: tuple[str, ...] = ()
    standard_errors: dict[str, float | None] | None = None
    correlations: tuple[tuple[float | None, ...], ...] | None = None
    spread: Spread | None = None
    starts: Starts | None = None
    data: tuple[dict[str, Any], ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Any] | None = None
    left_out: dict[str, Any] | None = None
    rival: dict[str, Any] | None = None
    bootstrap: dict[str, Any] | None = None
    identification: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        law = self.formula
        if set(self.params) != set(law.names):
            raise DataError(
                f"the law {self.law} has the parameters {' '.join(law.names)}, got "
                f"{' '.join(self.params) or 'none'}"
            )
        check_params(law, self.values)

    @property
    def formula(self) -> Law:
        """The law, with its constants."""
        return get_law(self.law, self.constants)

    @property
    def values(self) -> FloatArray:
        """The parameters in the law's order."""
        return np.array([self.params[name] for name in self.formula.names], dtype=np.float64)

    @property
    def peak(self) -> float | None:
        """The largest training rate, where it is known: predictions beyond it extrapolate."""
        peaks = [entry["peak"] for entry in self.data if entry["role"] == "train"]
        return max(peaks) if peaks else None

    @property
    def peaks(self) -> tuple[float, float] | None:
        """The smallest and the largest peak rate of the training runs, where they are known."""
        peaks = [entry["peak"] for entry in self.data if entry["role"] == "train"]
        if not peaks and self.options.get("peak"):
            peaks = [self.options["peak"]]
        return (min(peaks), max(peaks)) if peaks else None

    def predict(
        self, schedule: Schedule, step: ArrayLike | None = None, *, exact: bool = False
    ) -> FloatArray:
        """The predicted loss at some steps of a schedule (all of them by default), in their order.

        >>> import numpy as np
        >>> from mplfit import load_fit, parse_schedule
        >>> schedule = parse_schedule("constant:steps=24000,peak=3e-4,warmup=2160")
        >>> load_fit("400").predict(schedule, np.array([23999])).round(4)
        array([2.8168])
        """
        at, place = schedule.in_order(np.arange(schedule.steps) if step is None else step)
        return self.formula.at(schedule, at, exact=exact).loss(self.values)[place]

    def to_dict(self) -> dict[str, Any]:
        """The contents of fit.json."""
        starts, spread = self.starts, self.spread
        return {
            "schema": SCHEMA,
            "law": self.law,
            "params": dict(self.params),
            "standard_errors": self.standard_errors,
            "correlations": self.correlations and [list(row) for row in self.correlations],
            "spread": spread
            and {
                "covariance": [list(row) for row in spread.covariance],
                "scatter": spread.scatter,
                "largest_S": spread.largest_S,
                "largest_gain": spread.largest_gain,
                "left_out": list(spread.left_out),
                "informed": spread.informed,
            },
            "objective": self.objective,
            "penalty": self.penalty,
            "constants": dict(self.constants),
            "converged": self.converged,
            "warnings": list(self.warnings),
            "starts": starts
            and {
                "screened": starts.screened,
                "descended": starts.descended,
                "agreeing": starts.agreeing,
                "objectives": list(starts.objectives),
            },
            "metrics": self.metrics,
            "left_out": self.left_out,
            "rival": self.rival,
            "bootstrap": self.bootstrap,
            "identification": self.identification,
            "data": [dict(entry) for entry in self.data],
            "options": dict(self.options),
            "versions": dict(self.versions),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Fit:
        """The fit that `to_dict` wrote.

        Raises
        ------
        DataError
            If the schema is another one, or something is missing or of the wrong type.
        """
        if not isinstance(values, Mapping) or values.get("schema") != SCHEMA:
            got = values.get("schema") if isinstance(values, Mapping) else type(values).__name__
            raise DataError(f"this is not a fit of mplfit: expected schema {SCHEMA!r}, got {got!r}")
        try:
            starts, correlations = values.get("starts"), values.get("correlations")
            spread = values.get("spread")
            return cls(
                law=values["law"],
                params={name: float(value) for name, value in values["params"].items()},
                objective=values.get("objective"),
                penalty=float(values.get("penalty", 0.0)),
                constants=dict(values.get("constants", {})),
                converged=bool(values.get("converged", True)),
                warnings=tuple(values.get("warnings", ())),
                standard_errors=values.get("standard_errors"),
                correlations=correlations and tuple(tuple(row) for row in correlations),
                spread=spread
                and Spread(
                    tuple(tuple(row) for row in spread["covariance"]),
                    float(spread["scatter"]),
                    float(spread["largest_S"]),
                    float(spread.get("largest_gain", 0.0)),
                    tuple(map(float, spread.get("left_out", ()))),
                    bool(spread.get("informed", False)),
                ),
                starts=starts and Starts(**{**starts, "objectives": tuple(starts["objectives"])}),
                data=tuple(values.get("data", ())),
                options=dict(values.get("options", {})),
                versions=dict(values.get("versions", {})),
                metrics=values.get("metrics"),
                left_out=values.get("left_out"),
                rival=values.get("rival"),
                bootstrap=values.get("bootstrap"),
                identification=values.get("identification"),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"this fit is damaged: {type(error).__name__}: {error}") from None


def published_fit(size: str) -> Fit:
    """The parameters published with the Multi-Power Law for 25, 100 or 400 million parameters.

    >>> from mplfit.estimate.result import published_fit
    >>> published_fit("400").params["L0"]
    2.37474466
    """
    names = get_law("mpl").names
    return Fit(
        law="mpl",
        params=dict(zip(names, PUBLISHED[size], strict=True)),
        warnings=("published parameters (Luo et al. 2025): no standard errors were published",),
        options={"published": size, "peak": 3e-4, "updates": 24000},
    )
