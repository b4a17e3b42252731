"""How well a law meets curves: the metrics of the literature, and what each was measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from mplfit.curve import Curve
from mplfit.estimate.huber import huber
from mplfit.estimate.mean import Mean
from mplfit.laws.base import Law
from mplfit.types import FloatArray

__all__ = [
    "CurveReport",
    "Evaluation",
    "Metrics",
    "evaluate",
    "final_errors",
    "group_of",
    "measure",
    "over_curves",
]


@dataclass(frozen=True)
class Metrics:
    """R², MAE, RMSE, PredE = mean |y-ŷ|/y, WorstE = max |y-ŷ|/y and the Huber sum of a curve."""

    r2: float
    mae: float
    rmse: float
    prede: float
    worste: float
    huber: float

    def to_dict(self) -> dict[str, float | None]:
        """Plain values for JSON; a number that is not finite is None."""
        return {
            key: float(value) if np.isfinite(value) else None for key, value in asdict(self).items()
        }


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
        """log observed - log predicted there."""
        return float(np.log(self.final_loss / self.final_predicted))


@dataclass(frozen=True)
class Evaluation:
    """The reports of the training curves and of the held-out ones, by name."""

    train: dict[str, CurveReport]
    test: dict[str, CurveReport]

    def to_dict(self) -> dict[str, object]:
        """The `metrics` object of fit.json and of `evaluate --json`."""
        return {"train": group_of(self.train), "test": group_of(self.test)}


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


def over_curves(part: Mapping[str, Any]) -> dict[str, Mean]:
    """Each metric averaged over the curves of a group (or of its part `after_branching`)."""
    curves = part["curves"].values()
    return {field.name: Mean.of(one[field.name] for one in curves) for field in fields(Metrics)}


def final_errors(group: Mapping[str, Any]) -> Mean:
    """Mean |predicted - observed| last loss of the curves of a group."""
    return Mean.of(abs(one["predicted"] - one["observed"]) for one in group["final"].values())


def evaluate(
    law: Law,
    params: FloatArray,
    train: Sequence[Curve] = (),
    test: Sequence[Curve] = (),
    *,
    exact: bool = False,
) -> Evaluation:
    """Predict every curve at its logged steps and measure the errors.

    Parameters
    ----------
    law, params : the law and its parameters.
    train : the curves that the parameters were estimated from.
    test : held-out curves. Rows that one of them shares with a training curve are counted, and
        the metrics without them stand beside those of the whole curve.
    exact : sum plainly instead of fast.
    """

    def report(curve: Curve, seen: Sequence[Curve]) -> CurveReport:
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

    return Evaluation(
        {curve.name: report(curve, ()) for curve in train},
        {curve.name: report(curve, train) for curve in test},
    )


def group_of(reports: dict[str, CurveReport]) -> dict[str, Any] | None:
    """The means over some curves, with standard errors, and the single reports; None for no curve.

    A metric of one curve is computed from its rows and has no error; a mean of metrics has one, as
    other curves of the same kind would have given another.
    """
    if not reports:
        return None
    group: dict[str, Any] = {
        **_summary({name: report.whole for name, report in reports.items()}),
        "final": {
            name: {
                "step": report.final_step,
                "observed": report.final_loss,
                "predicted": report.final_predicted,
            }
            for name, report in reports.items()
        },
    }
    group["final_error"] = final_errors(group).to_dict()
    if any(report.shared for report in reports.values()):
        group["shared_rows"] = {name: report.shared for name, report in reports.items()}
        group["after_branching"] = _summary(
            {name: report.branched or report.whole for name, report in reports.items()}
        )
    return group


def _summary(metrics: Mapping[str, Metrics]) -> dict[str, Any]:
    curves = {name: one.to_dict() for name, one in metrics.items()}
    means = {key: mean.to_dict() for key, mean in over_curves({"curves": curves}).items()}
    return {
        "mean": {key: mean["mean"] for key, mean in means.items()},
        "standard_error": {key: mean["standard_error"] for key, mean in means.items()},
        "curves": curves,
    }
