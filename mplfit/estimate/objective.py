"""The training objective: a Huber loss of log residuals, with its gradient and curvature."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mplfit.curve import Curve, curves_of
from mplfit.errors import FitError
from mplfit.estimate.checks import some_curve
from mplfit.estimate.huber import huber, huber_slope, huber_weight
from mplfit.estimate.prior import Prior
from mplfit.estimate.replicates import Replicates
from mplfit.estimate.result import Fit
from mplfit.laws.base import Law, Predictor, to_params, unknown_slopes
from mplfit.types import FloatArray, IntArray

__all__ = ["Objective", "objective_of"]

# Predictions below this share of the observation are continued linearly in the logarithm, so that
# the objective is finite (and falls towards sense) wherever the solver looks.
_FLOOR = 1e-2


@dataclass(frozen=True)
class Objective:
    """Σ over curves and points of huber(log observed - log predicted), of a law's unknowns.

    `log_loss` is what was observed; with a prior, less the run effects of replicates
    (`mplfit.estimate.replicates`), so that runs of one schedule are fitted by their mean; those of
    a part of the curves follow from that part alone. Without one it is the raw objective of the
    papers. A prior's penalty is added where the solver minimises
    (`__call__`, `rows`), and left out of `value`, which is the raw sum. Built
    once for a fit by `Objective.of`: the law prepares every curve's schedule once.
    """

    law: Law
    predictors: tuple[Predictor, ...]
    log_loss: FloatArray
    curve_of: IntArray
    prior: Prior | None = None
    replicates: Replicates | None = None

    @classmethod
    def of(cls, law: Law, curves: Sequence[Curve], prior: Prior | None = None) -> Objective:
        """The objective of a law on some curves.

        Raises
        ------
        FitError
            If there is no curve, or a loss was logged before the first positive rate.
        """
        some_curve(curves)
        for curve in curves:
            first = int(np.flatnonzero(curve.schedule.lr)[0])
            if curve.step[0] < first:
                raise FitError(
                    f"{curve.name}: step {curve.step[0]} was logged before the first positive "
                    f"rate (step {first}), where every law's loss is infinite: drop such rows"
                )
        predictors = tuple(law.at(curve.schedule, curve.step) for curve in curves)
        replicates = None if prior is None else Replicates.of(curves)
        curve_of = np.repeat(np.arange(len(curves)), [len(curve) for curve in curves])
        log_loss = np.log(np.concatenate([curve.loss for curve in curves]))
        if replicates is not None:
            log_loss -= replicates.effects().effects[curve_of]
        return cls(law, predictors, log_loss, curve_of, prior, replicates)

    def without(self, index: int) -> Objective:
        """The objective of the other curves: all but the one at `index`."""
        return self.of_curves([k for k in range(len(self.predictors)) if k != index])

    def of_curves(self, chosen: Sequence[int]) -> Objective:
        """The objective of some of the curves, by their places in rising order."""
        kept = np.isin(self.curve_of, chosen)
        place = np.searchsorted(chosen, self.curve_of[kept])
        log_loss, replicates = self.log_loss[kept], None
        if self.replicates is not None:
            replicates = self.replicates.of_curves(chosen)
            change = replicates.effects().effects - self.replicates.effects().effects[list(chosen)]
            log_loss = log_loss - change[place]
        predictors = tuple(self.predictors[k] for k in chosen)
        return Objective(self.law, predictors, log_loss, place, self.prior, replicates)

    def params(self, unknowns: FloatArray) -> FloatArray:
        """The parameters for these unknowns."""
        return to_params(self.law, unknowns)

    def residuals(self, params: FloatArray) -> FloatArray:
        """log observed (less run effects) - log predicted, curve after curve."""
        return self.log_loss - self._log(self._loss(params))[0]

    def by_curve(self, rows: FloatArray) -> list[FloatArray]:
        """What is there for each row, by curve."""
        return np.split(rows, np.flatnonzero(np.diff(self.curve_of)) + 1)

    def value(self, params: FloatArray) -> float:
        """The raw Huber sum."""
        return float(huber(self.residuals(params)).sum())

    def __call__(self, unknowns: FloatArray) -> tuple[float, FloatArray]:
        """The Huber sum plus the penalty, and its gradient in the unknowns."""
        return self.summed(unknowns, *self.linearise(unknowns))

    def summed(
        self, unknowns: FloatArray, residual: FloatArray, jacobian: FloatArray
    ) -> tuple[float, FloatArray]:
        """The same from what `linearise` gave there."""
        value, gradient = float(huber(residual).sum()), -(huber_slope(residual) @ jacobian)
        if self.prior is not None:
            value += self.prior.penalty(unknowns)
            gradient += self.prior.penalty_gradient(unknowns)
        return value, gradient

    def predict(self, params: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predicted losses, curve after curve, and their (J, P) derivatives in the parameters."""
        pairs = [predictor.loss_and_gradient(params) for predictor in self.predictors]
        loss, gradient = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        return loss, gradient

    def linearise(self, unknowns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Residuals, and the (J, P) derivatives of the log predictions in the unknowns."""
        params = self.params(unknowns)
        loss, gradient = self.predict(params)
        log, slope = self._log(loss)
        return self.log_loss - log, slope[:, None] * gradient * unknown_slopes(self.law, params)

    def rows(self, unknowns: FloatArray) -> FloatArray:
        """Rows M whose product MᵀM is the Gauss-Newton Hessian.

        √D·J (D: 1 in the quadratic zone, less beyond), and below it a prior's.
        """
        return self.weighted(*self.linearise(unknowns))

    def weighted(self, residual: FloatArray, jacobian: FloatArray) -> FloatArray:
        """The same from what `linearise` gave there."""
        rows: FloatArray = np.sqrt(huber_weight(residual))[:, None] * jacobian
        if self.prior is None:
            return rows
        return np.vstack([rows, np.sqrt(self.prior.unit) * self.prior.whitening])

    def _loss(self, params: FloatArray) -> FloatArray:
        return np.concatenate([predictor.loss(params) for predictor in self.predictors])

    def _log(self, loss: FloatArray) -> tuple[FloatArray, FloatArray]:
        """ln L and its derivative in L, continued linearly below the floor."""
        floor = _FLOOR * np.exp(self.log_loss)
        above = np.maximum(loss, floor)
        return np.log(above) + np.minimum(loss - floor, 0.0) / floor, 1 / above


def objective_of(fit: Fit, curves: Curve | Iterable[Curve]) -> Objective:
    """The objective that a fit minimised, built again from its training curves.

    Raises
    ------
    FitError
        If the fit's file is of the first schema, and lacks the prior of its own that it had.

    >>> from mplfit import load_fit, parse_schedule, simulate
    >>> from mplfit.estimate.objective import objective_of
    >>> import numpy as np
    >>> fit, plan = load_fit("400"), parse_schedule("constant:steps=2000,peak=3e-4,warmup=100")
    >>> run = simulate(fit.formula, fit.values, plan, np.arange(100, 2000, 50))
    >>> objective_of(fit, [run]).value(fit.values)
    0.0
    """
    if fit.prior is None and fit.penalty > 0:
        raise FitError(
            "this fit had a prior of its own, of which its file keeps only the name: fit the "
            "curves again"
        )
    return Objective.of(fit.formula, curves_of(curves), fit.prior)
