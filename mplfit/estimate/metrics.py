"""How well a law meets curves: the metrics of the literature, and what each was measured on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mplfit.curve import Curve, curves_of
from mplfit.errors import DataError
from mplfit.estimate.huber import huber
from mplfit.estimate.mean import Mean
from mplfit.laws.base import Law
from mplfit.types import FloatArray, MaybeNaN, Record

if TYPE_CHECKING:
    from mplfit.estimate.result import Fit

__all__ = [
    "CurveReport",
    "Evaluation",
    "FinalLoss",
    "Group",
    "Measured",
    "Metrics",
    "evaluate",
    "group_of",
    "measure",
    "measure_curve",
    "measure_curves",
]


@dataclass(frozen=True, eq=False)
class Metrics(Record):
    """R², MAE, RMSE, PredE = mean |y-ŷ|/y, WorstE = max |y-ŷ|/y and the Huber sum of a curve."""

    r2: MaybeNaN
    mae: MaybeNaN
    rmse: MaybeNaN
    prede: MaybeNaN
    worste: MaybeNaN
    huber: MaybeNaN


METRICS = tuple(one.name for one in fields(Metrics))


@dataclass(frozen=True)
class CurveReport:
    """What one curve says of a fit.

    shared : rows that are also rows of a training curve (runs branched from one checkpoint).
    branched : the metrics of the other rows, where there are both kinds.
    final_step, final_loss, final_predicted : the last logged row.
    """

    whole: Metrics
    points: int
    shared: int
    branched: Metrics | None
    final_step: int
    final_loss: float
    final_predicted: float

    @property
    def final_residual(self) -> float:
        """log observed - log predicted there; where no log is, the relative error, 1 or more."""
        if self.final_predicted <= 0:
            return 1 - self.final_predicted / self.final_loss
        return float(np.log(self.final_loss / self.final_predicted))


@dataclass(frozen=True)
class FinalLoss:
    """The last logged loss of a curve, and what was predicted."""

    step: int
    observed: float
    predicted: float

    @property
    def error(self) -> float:
        """|predicted - observed|."""
        return abs(self.predicted - self.observed)


@dataclass(frozen=True, eq=False)
class Measured(Record):
    """The metrics of some curves by name, and their means.

    A metric of one curve is computed from its rows and has no error; a mean of metrics has one, as
    other curves of the same kind would have given another.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("mean", "standard_error")

    curves: Mapping[str, Metrics]

    @property
    def means(self) -> dict[str, Mean]:
        """Each metric averaged over the curves."""
        some = self.curves.values()
        return {key: Mean.of(getattr(one, key) for one in some) for key in METRICS}

    @property
    def mean(self) -> Metrics:
        """The means alone."""
        return Metrics(**{key: one.value for key, one in self.means.items()})

    @property
    def standard_error(self) -> Metrics:
        """Of each mean, by the scatter over the curves; NaN for one curve."""
        return Metrics(**{key: one.error for key, one in self.means.items()})


@dataclass(frozen=True, eq=False)
class Group(Measured):
    """The metrics of some curves of a fit, with their final losses.

    shared_rows : by curve, rows that are also rows of a training curve, where any curve has some.
    after_branching : the metrics of the other rows, where any curve has shared ones.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("mean", "standard_error", "final_error")

    final: Mapping[str, FinalLoss]
    shared_rows: Mapping[str, int] = field(default_factory=dict)
    after_branching: Measured | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        other = self.after_branching
        for what, part in (
            ("final losses", self.final),
            ("shared rows", self.shared_rows if other else self.curves),
            ("metrics of unshared rows", other.curves if other else self.curves),
        ):
            if set(part) != set(self.curves) or not part:
                raise DataError(f"the {what} are not those of the same curves as the metrics")

    @property
    def unshared(self) -> Measured:
        """The metrics of the rows that no training curve has."""
        return self.after_branching or self

    @property
    def final_error(self) -> Mean:
        """Mean |predicted - observed| last loss."""
        return Mean.of(one.error for one in self.final.values())


@dataclass(frozen=True, eq=False)
class Evaluation(Record):
    """The metrics of training curves and of held-out ones; None where there is no such curve."""

    train: Group | None = None
    test: Group | None = None


def measure(loss: FloatArray, predicted: FloatArray) -> Metrics:
    """The metrics of one curve.

    R² = 1 - Σ(y-ŷ)²/Σ(y-ȳ)²; it is NaN for fewer than two different losses. Huber is infinite where
    a predicted loss is not positive.

    >>> import numpy as np
    >>> from mplfit.estimate.metrics import measure
    >>> measure(np.array([4.0, 2.0]), np.array([4.0, 2.5])).mae
    0.25
    """
    error = loss - predicted
    spread = float(np.sum((loss - loss.mean()) ** 2))
    relative = np.abs(error) / loss
    possible = bool(np.all(predicted > 0))
    return Metrics(
        r2=1 - float(np.sum(error**2)) / spread if spread > 0 else float("nan"),
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt(np.mean(error**2))),
        prede=float(relative.mean()),
        worste=float(relative.max()),
        huber=float(huber(np.log(loss) - np.log(predicted)).sum()) if possible else float("inf"),
    )


def evaluate(
    fit: Fit,
    curves: Curve | Iterable[Curve],
    *,
    train: Curve | Iterable[Curve] | None = None,
    exact: bool = False,
) -> Evaluation:
    """Predict curves at their logged steps with a fit, and measure the errors.

    Parameters
    ----------
    curves : one curve or several. Rows that a held-out one shares with a training curve are
        counted, and the metrics without them stand beside those of the whole curve.
    train : those that the fit was estimated from; where None, those of `curves` that the fit
        records as its training curves (`Fit.has_seen`). The others are held out.
    exact : sum plainly instead of fast.

    Raises
    ------
    DataError
        If there is no curve.

    Examples
    --------
    >>> import numpy as np
    >>> from mplfit import evaluate, load_fit, parse_schedule, simulate
    >>> fit, plan = load_fit("400"), parse_schedule("constant:steps=2000,peak=3e-4,warmup=100")
    >>> run = simulate(fit.formula, fit.values, plan, np.arange(100, 2000, 50))
    >>> evaluate(fit, run).test.mean.mae < 1e-9
    True
    """
    some = curves_of(curves)
    if not some:
        raise DataError("no curve is given to measure: give at least one")
    if train is None:
        trained = tuple(curve for curve in some if fit.has_seen(curve))
    else:
        trained = curves_of(train)
    held = [curve for curve in some if all(curve is not one for one in trained)]
    return measure_curves(fit.formula, fit.values, trained, held, exact=exact)


def measure_curves(
    law: Law,
    params: FloatArray,
    train: Sequence[Curve] = (),
    test: Sequence[Curve] = (),
    *,
    exact: bool = False,
) -> Evaluation:
    """The same of a law and its parameters.

    train : the curves that the parameters were estimated from.  test : held-out curves.
    """
    return Evaluation(
        group_of({one.name: measure_curve(law, params, one, exact=exact) for one in train}),
        group_of({one.name: measure_curve(law, params, one, train, exact=exact) for one in test}),
    )


def measure_curve(
    law: Law, params: FloatArray, curve: Curve, seen: Sequence[Curve] = (), *, exact: bool = False
) -> CurveReport:
    """The report of one curve; `seen` are the training curves that it may share rows with."""
    predicted = law.at(curve.schedule, curve.step, exact=exact).loss(params)
    shared = curve.shared_with(seen)
    partly = bool(shared.any() and not shared.all())
    return CurveReport(
        whole=measure(curve.loss, predicted),
        points=len(curve),
        shared=int(shared.sum()),
        branched=measure(curve.loss[~shared], predicted[~shared]) if partly else None,
        final_step=int(curve.step[-1]),
        final_loss=float(curve.loss[-1]),
        final_predicted=float(predicted[-1]),
    )


def group_of(reports: Mapping[str, CurveReport]) -> Group | None:
    """The reports of some curves as one group; None for no curve."""
    if not reports:
        return None
    shared = any(report.shared for report in reports.values())
    return Group(
        curves={name: report.whole for name, report in reports.items()},
        final={
            name: FinalLoss(report.final_step, report.final_loss, report.final_predicted)
            for name, report in reports.items()
        },
        shared_rows={name: report.shared for name, report in reports.items()} if shared else {},
        after_branching=Measured(
            {name: report.branched or report.whole for name, report in reports.items()}
        )
        if shared
        else None,
    )
