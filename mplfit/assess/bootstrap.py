"""Block bootstrap: how the estimates scatter when the residuals of the runs are drawn again.

A new curve is the fitted one times exp of residuals drawn in blocks of neighbouring rows from the
residuals of the same run (circular, so that every row is drawn as often), centred so that a fit to
all draws at once would change nothing. Blocks keep the correlation of the residuals along the run,
as far as they are long enough: their length is chosen for each run from its measured
autocorrelation by the rule of Politis & White (2004, doi:10.1081/ETC-120028836, with the correction
of Patton, Politis & White 2009), which balances the bias of short blocks against the variance of
few. On the released curves (rows 128 steps apart, correlations of .1 to .7 from row to row) that is
some 10 to 40 rows.

With a prior the prior's mean is drawn too, from the prior: minimising the penalised objective under
such draws samples the posterior (exactly, where the law is linear), while with a fixed mean the
estimates would scatter less than what is known of them.

What the residuals of a run cannot show is how far two runs of one schedule differ: like the
sandwich errors of `mplfit.estimate.uncertainty`, bootstrap intervals are lower bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from mplfit import tasks
from mplfit.assess.intervals import LEVELS, predict_interval
from mplfit.curve import Curve
from mplfit.errors import FitError
from mplfit.estimate.huber import huber_slope
from mplfit.estimate.objective import objective_of
from mplfit.estimate.records import BootstrapRecord, FinalInterval
from mplfit.estimate.refit import refit
from mplfit.estimate.result import Fit
from mplfit.estimate.solver import Box, descend, parameter_box
from mplfit.estimate.uncertainty import noise_unit
from mplfit.laws.base import to_unknowns
from mplfit.laws.registry import get_law
from mplfit.schedule import Schedule
from mplfit.types import FloatArray

__all__ = ["Bootstrap", "block_length", "bootstrap"]

_BATCH = 10  # refits a task: enough to forget the cost of sending, few enough to see progress


@dataclass(frozen=True)
class Bootstrap:
    """Parameters refitted to resampled curves.

    draws : (N, P) parameters in the law's order, those of refits that converged.
    blocks : rows in a block, by curve.
    refits, seed : how many were asked for, and the seed of their SeedSequence.
    """

    law: str
    constants: Mapping[str, float]
    draws: FloatArray
    blocks: Mapping[str, int]
    refits: int
    seed: int

    def intervals(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """The percentile interval of every parameter."""
        low, high = np.quantile(self.draws, _tails(level), axis=0)
        return {
            name: (float(a), float(b)) for name, a, b in zip(self._names(), low, high, strict=True)
        }

    def standard_errors(self) -> dict[str, float]:
        """The standard deviation of every parameter over the draws."""
        spread = self.draws.std(axis=0, ddof=1)
        return dict(zip(self._names(), spread.tolist(), strict=True))

    def predict(
        self, schedule: Schedule, step: ArrayLike, level: float = 0.95
    ) -> tuple[FloatArray, FloatArray]:
        """The percentile interval of the law's value at some steps of a schedule.

        It is the parameters' share of what is unknown of a run's loss, without the differences
        between runs that `predict_interval` has.
        """
        ascending, place = schedule.in_order(step)
        at = get_law(self.law, self.constants).at(schedule, ascending)
        low, high = np.quantile([at.loss(params) for params in self.draws], _tails(level), axis=0)
        return low[place], high[place]

    def record(self, curves: Sequence[Curve] = (), fit: Fit | None = None) -> BootstrapRecord:
        """What fit.json keeps: intervals, and the draws they are taken from.

        curves : runs whose last logged loss is predicted (`predictions`, by name).
        fit : the fit, whose own prediction intervals then stand beside.
        """
        return BootstrapRecord(
            refits=self.refits,
            converged=len(self.draws),
            seed=self.seed,
            blocks=self.blocks,
            standard_errors=self.standard_errors(),
            intervals={f"{level:.2f}": self.intervals(level) for level in (0.80, 0.95)},
            predictions={curve.name: self._final(curve, fit) for curve in curves},
            draws=self.draws,
        )

    def _final(self, curve: Curve, fit: Fit | None) -> FinalInterval:
        last = curve.step[-1:]
        ends = {level: self.predict(curve.schedule, last, level) for level in (0.80, 0.95)}
        found = {f"{level:.2f}": (float(a[0]), float(b[0])) for level, (a, b) in ends.items()}
        known = predict_interval(fit, curve.schedule, last) if fit is not None else None
        if known is None:
            return FinalInterval(int(last[0]), found)
        of_run = {level: known.bounds(level) for level in LEVELS}
        ends_of = {f"{level:.2f}": (float(a[0]), float(b[0])) for level, (a, b) in of_run.items()}
        return FinalInterval(int(last[0]), found, ends_of)

    @classmethod
    def of(cls, fit: Fit) -> Bootstrap | None:
        """The bootstrap that a fit carries, if it has one."""
        kept = fit.bootstrap
        if kept is None:
            return None
        return cls(fit.law, fit.constants, kept.draws, kept.blocks, kept.refits, kept.seed)

    def _names(self) -> tuple[str, ...]:
        return get_law(self.law, self.constants).names


def _tails(level: float) -> list[float]:
    return [(1 - level) / 2, (1 + level) / 2]


def bootstrap(
    fit: Fit,
    curves: Sequence[Curve],
    refits: int = 1000,
    *,
    seed: int = 0,
    executor: Executor | None = None,
    progress: tasks.Progress | None = None,
) -> Bootstrap:
    """Refit a law to resampled curves.

    Every refit has its own child of SeedSequence(seed), so that the result does not depend on the
    executor, on the number of workers, or on how refits are gathered into tasks.

    Parameters
    ----------
    fit : the fit, whose law, prior and parameters are used.
    curves : its training curves.
    refits : how many; percentiles at 95 % want some hundreds.

    Raises
    ------
    FitError
        If fewer than two refits are asked for, or fewer than half of them converge.

    Examples
    --------
    >>> import numpy as np
    >>> from mplfit import simulate
    >>> from mplfit.estimate.fit import fit
    >>> from mplfit.assess.bootstrap import bootstrap
    >>> from mplfit.laws import get_law
    >>> from mplfit.schedule import constant
    >>> plan, step = constant(1000, 1e-2), np.arange(10, 1000, 10)
    >>> run = simulate(get_law("onepower"), np.array([2.0, 1.0, 0.5]), plan, step, noise=1e-3)
    >>> low, high = bootstrap(fit([run], "onepower"), [run], 50).intervals()["alpha"]
    >>> bool(0.4 < low < 0.5 < high < 0.6)
    True
    """
    if refits < 2:
        raise FitError(f"a bootstrap needs at least 2 refits (usual: some hundreds), got {refits}")
    law = fit.formula
    unknowns = to_unknowns(law, fit.values)
    objective = objective_of(fit, curves)
    residual = objective.residuals(fit.values)
    pools = [residual[objective.curve_of == i] for i in range(len(curves))]
    blocks = [block_length(pool) for pool in pools]
    problem = _Problem(
        fit=fit,
        curves=tuple(replace(curve, origin=None) for curve in curves),
        box=parameter_box(law, curves),
        unknowns=unknowns,
        fitted=objective.log_loss - residual,
        pools=tuple(pool - _centre(pool) for pool in pools),
        blocks=tuple(blocks),
        unit=noise_unit(objective, unknowns),
    )
    seeds = np.random.SeedSequence(seed).spawn(refits)
    batches = [seeds[i : i + _BATCH] for i in range(0, refits, _BATCH)]

    def count(done: int, total: int, what: str) -> None:
        if progress is not None:
            progress(min(done * _BATCH, refits), refits, what)

    done = tasks.run(
        partial(_refits, problem), batches, executor=executor, progress=count, what="refits"
    )
    draws = [params for batch in done for params in batch if params is not None]
    if len(draws) < max(2, refits // 2):
        raise FitError(
            f"only {len(draws)} of {refits} refits converged: these curves do not determine the "
            f"parameters of {law.key}; give more curves, a prior, or a law with fewer parameters"
        )
    named = {curve.name: length for curve, length in zip(curves, blocks, strict=True)}
    return Bootstrap(law.key, dict(law.constants), np.array(draws), named, refits, seed)


def block_length(residual: FloatArray) -> int:
    """Rows in a block, from the autocorrelation of a run's residuals (Politis & White 2004).

    With R(k) the autocovariance and M twice the first lag after which five (or more, for long runs)
    neighbouring correlations are within noise, λ the trapezoidal window,

        b = (2 G² / D)^(1/3) n^(1/3),  G = Σ λ(k/M) |k| R(k),  D = 4/3 (Σ λ(k/M) R(k))²

    for circular blocks, at most the smaller of 3√n and n/3.

    >>> import numpy as np
    >>> from mplfit.assess.bootstrap import block_length
    >>> block_length(np.random.default_rng(0).standard_normal(400))
    1
    """
    n = residual.size
    x = residual - residual.mean()
    power = float(np.sum(x**2)) / n
    longest = int(min(np.ceil(3 * np.sqrt(n)), n // 3))
    if power == 0 or longest < 2:
        return 1
    in_a_row = int(max(5, np.ceil(np.sqrt(np.log10(n)))))
    lags = min(int(np.ceil(np.sqrt(n))) + in_a_row, n - 1)
    R = np.array([float(np.sum(x[: n - k] * x[k:])) / n for k in range(lags + 1)])
    within = np.abs(R[1:] / power) < 2 * np.sqrt(np.log10(n) / n)
    quiet = [k for k in range(lags - in_a_row + 1) if within[k : k + in_a_row].all()]
    M = min(2 * max(quiet[0] if quiet else lags - in_a_row, 1), lags)
    k = np.arange(-M, M + 1)
    window = np.clip(2 * (1 - np.abs(k) / M), 0, 1) * R[np.abs(k)]
    G, spectrum = float(np.sum(np.abs(k) * window)), float(np.sum(window))
    if spectrum <= 0:
        return 1
    length = (2 * G**2 / (4 / 3 * spectrum**2)) ** (1 / 3) * n ** (1 / 3)
    return int(np.clip(np.ceil(length), 1, longest))


@dataclass(frozen=True)
class _Problem:
    """What every refit shares."""

    fit: Fit
    curves: tuple[Curve, ...]
    box: Box
    unknowns: FloatArray
    fitted: FloatArray  # ln L, curve after curve
    pools: tuple[FloatArray, ...]
    blocks: tuple[int, ...]
    unit: float


def _refits(problem: _Problem, seeds: Sequence[np.random.SeedSequence]) -> list[FloatArray | None]:
    """One refit for each seed; None where it did not converge."""
    prepared = objective_of(problem.fit, problem.curves)
    prior = prepared.prior
    found: list[FloatArray | None] = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        noise = np.concatenate(
            [_resample(pool, b, rng) for pool, b in zip(problem.pools, problem.blocks, strict=True)]
        )
        drawn = prior
        if prior is not None:
            drawn = replace(prior, mean=prior.draw(rng))
        objective = replace(prepared, log_loss=problem.fitted + noise, prior=drawn)
        end = refit(objective, problem.box, problem.unknowns, problem.unit)
        if not end.converged:  # one in some hundreds
            end = descend(objective, problem.box, end.unknowns)
        found.append(objective.params(end.unknowns) if end.converged else None)
    return found


def _resample(pool: FloatArray, block: int, rng: np.random.Generator) -> FloatArray:
    """As many residuals as before, in blocks that begin anywhere and go on from the start."""
    starts = rng.integers(0, pool.size, -(-pool.size // block))
    rows = (starts[:, None] + np.arange(block)) % pool.size
    drawn: FloatArray = pool[rows.ravel()[: pool.size]]
    return drawn


def _centre(pool: FloatArray) -> float:
    """The level around which the Huber slopes of the residuals cancel."""
    centre = float(np.median(pool))
    for _ in range(50):
        centre += float(np.mean(huber_slope(pool - centre)))
    return centre
