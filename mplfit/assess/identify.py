"""What the data leave open: combinations of parameters, and the kind of run that would tell.

The information of the training curves on the unknowns φ is a matrix G = MᵀM: a move v changes the
fit by ½ |Mv|² in units of ½χ². M is √D·J/√(30 δ²) where the fit has a prior (whose own rows are
kept apart), else the inverse of the sandwich covariance's factor. Each unknown is measured in moves
of 10 %: ln 1.1 for a positive parameter; a tenth of its size, and at least 0.01, for one that may
have any sign. The singular vectors of M in these units are directions that the data see
independently. Along one with singular value g, parameters can move t = 1/g times 10 % (in the root
of the sum of squares) until the fit changes by one standard error: directions with t > 1 are said
to be open. A direction that the data do not see at all is taken to be known to a million such
moves. As that is linear, the moves that are said in words are shortened until the objective itself
changes by no more than that. Where there is a prior, how far it closes a direction is said too.

For a candidate run its Jacobian J_c at as many rows as a training run has adds

    G_c = k (J_cᵀJ_c − k b²/(1 + k n b²) (J_cᵀ1)(J_cᵀ1)ᵀ)

where k is the information of a row, as for the training rows, and b = s/2 stands for the offset by
which two runs of one schedule differ (s: the scatter of the training residuals, as in the
prediction intervals): however many rows, a run has one offset, that its level cannot be told from.
The standard error along v goes from √(vᵀG⁻¹v) to √(vᵀ(G + G_c)⁻¹v) (with the prior in both). All
that is linear around the fit: it says which kind of run is worth having, not what it will show.
`mplfit design` asks the other question, which run makes a given prediction surer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mplfit.curve import Curve
from mplfit.estimate.objective import Objective, objective_of
from mplfit.estimate.records import Direction, Identification, Move
from mplfit.estimate.result import Fit
from mplfit.estimate.solver import Box, parameter_box
from mplfit.estimate.uncertainty import noise_unit, uncertainty
from mplfit.laws.base import Law, to_params, to_unknowns, unknown_slopes
from mplfit.schedule import Schedule, constant, cosine, linear, two_stage, wsdld
from mplfit.types import FloatArray

__all__ = ["Direction", "Identification", "candidate_runs", "identified", "identify"]

_TENTH = float(np.log(1.1))
_RUNS = 0.5  # b over s, as in the prediction intervals
_SHOWN = 3  # open directions that get candidates and sentences
_LEAST = 1e-6  # of what a row that sees a move of 10 % at one standard error would add
_PART = 0.2  # of the largest move: smaller ones are not named


def identify(
    fit: Fit,
    curves: Sequence[Curve],
    candidates: Mapping[str, Schedule] | None = None,
) -> Identification:
    """What the training curves of a fit leave open.

    Parameters
    ----------
    fit : the fit.
    curves : its training curves.
    candidates : runs to try, by what to call them; `candidate_runs` of the curves where None, and
        no run where empty.

    Examples
    --------
    >>> import numpy as np
    >>> from mplfit import simulate
    >>> from mplfit.estimate.fit import fit
    >>> from mplfit.assess.identify import identify
    >>> from mplfit.laws import get_law
    >>> from mplfit.schedule import constant
    >>> plan, step = constant(1000, 1e-2), np.arange(10, 1000, 10)
    >>> run = simulate(get_law("onepower"), np.array([2.0, 1.0, 0.5]), plan, step, noise=1e-3)
    >>> len(identify(fit([run], "onepower"), [run], {}).directions)
    3
    """
    law = fit.formula
    objective = objective_of(fit, curves)
    box, unknowns = parameter_box(law, curves), to_unknowns(law, fit.values)
    free = box.at_edge(unknowns) == 0
    bound = tuple(name for name, kept in zip(law.names, free, strict=True) if not kept)
    if not free.any():
        return Identification((), {}, bound, 0, dict.fromkeys(bound, "it is at a bound of its box"))
    residual = objective.residuals(fit.values)
    unit = noise_unit(objective, unknowns)
    tenth = _tenths(law, unknowns)[free]
    found = uncertainty(objective, box, unknowns).covariance
    if objective.prior is None:
        vectors, reaches = _widest(found.factor[free] / tenth[:, None])
        known = [vectors.T / reaches[:, None]]
    else:
        rows = objective.rows(unknowns)[:, free] / np.sqrt(unit) * tenth
        seen, prior = rows[: residual.size], rows[residual.size :]
        vectors, reaches = _widest(_factor([seen]))
        known = [seen, prior]
    posterior = _factor(known)
    runs = candidate_runs(curves) if candidates is None else dict(candidates)
    count = max(2, int(np.median([len(curve) for curve in curves])))
    scatter = 1.25 * float(np.abs(residual).mean())
    gains = {
        name: _gain(law, fit.values, plan, count, 1 / unit, _RUNS * scatter)[:, free] * tenth
        for name, plan in runs.items()
    }
    after = {name: _factor([*known, gain]) for name, gain in gains.items()}
    directions = []
    for number, (reach, vector) in enumerate(zip(reaches.tolist(), vectors.T, strict=True)):
        before = _error(posterior, vector)
        asked = number < _SHOWN and reach > 1
        move = np.zeros(unknowns.size)
        move[free] = vector * tenth * min(reach, 20.0)
        if asked:
            move = _shortened(objective, box, unknowns, move, unit)
        directions.append(
            Direction(
                _moves(law, unknowns, move),
                reach=reach,
                with_prior=before if objective.prior is not None else reach,
                shrink={
                    name: _error(factor, vector) / before
                    for name, factor in (after.items() if asked else ())
                },
            )
        )
    return Identification(
        tuple(directions),
        {name: run.steps for name, run in runs.items()},
        bound,
        found.rank,
        {name: why for name, why in zip(law.names, found.reasons, strict=True) if why},
    )


def identified(
    fit: Fit, curves: Sequence[Curve], candidates: Mapping[str, Schedule] | None = None
) -> Fit:
    """The fit with what its training curves leave open, and a warning of the widest direction."""
    left_open = identify(fit, curves, candidates)
    warnings = list(fit.warnings)
    if left_open.open:
        others = len(left_open.open) - 1
        more = f" ({others} more such directions)" if others else ""
        warnings.append(f"weakly identified: {left_open.open[0].text()}{more}")
    return replace(fit, identification=left_open, warnings=tuple(warnings))


def candidate_runs(curves: Sequence[Curve]) -> dict[str, Schedule]:
    """The usual kinds of run, at the scale of the training runs: their longest, their largest rate.

    Each stands for a kind: longer at the constant rate, decays of other lengths and depths, a jump
    down, another peak.
    """
    longest = max((curve.schedule for curve in curves), key=lambda one: one.steps)
    steps, warmup = longest.steps, min(longest.warmup, longest.steps // 4)
    peak = max(curve.schedule.peak for curve in curves)
    runs = {
        "a run at the constant rate": constant(steps, peak, warmup=warmup),
        "a constant run three times as long": constant(3 * steps, peak, warmup=warmup),
        "a run whose last 10 % decay to 1 %": _decay(steps, peak, 0.1, 0.01, warmup),
        "a run whose last 20 % decay to 10 %": _decay(steps, peak, 0.2, 0.1, warmup),
        "a run whose last 20 % decay to 1 %": _decay(steps, peak, 0.2, 0.01, warmup),
        "a run whose last half decays to 1 %": _decay(steps, peak, 0.5, 0.01, warmup),
        "linear decay to 1 % from the warmup on": linear(steps, peak, 0.01 * peak, warmup=warmup),
        "a cosine to 10 % three times as long": cosine(3 * steps, peak, 0.1 * peak, warmup=warmup),
        "a run that jumps to 10 % after a third": two_stage(
            steps, peak, 0.1 * peak, switch=max(steps // 3, warmup + 1), warmup=warmup
        ),
        "a run that jumps to 60 % after a third": two_stage(
            steps, peak, 0.6 * peak, switch=max(steps // 3, warmup + 1), warmup=warmup
        ),
        "a constant run at half the peak": constant(steps, 0.5 * peak, warmup=warmup),
    }
    tried = [curve.schedule.lr for curve in curves]
    return {
        name: run
        for name, run in runs.items()
        if not any(np.array_equal(run.lr, lr) for lr in tried) or name.startswith("a run at the")
    }


def _decay(steps: int, peak: float, share: float, depth: float, warmup: int) -> Schedule:
    length = max(1, min(round(share * steps), steps - warmup - 1))
    return wsdld(steps, peak, depth * peak, decay=length, warmup=warmup)


def _gain(
    law: Law, params: FloatArray, plan: Schedule, rows: int, k: float, b: float
) -> FloatArray:
    """The rows of a run, with the unknown offset of a run taken out of them: MᵀM is G_c."""
    first = max(plan.warmup, int(np.flatnonzero(plan.lr)[0]) + 1)
    step = np.unique(np.linspace(first, plan.steps - 1, rows).astype(np.int64))
    loss, gradient = law.at(plan, step).loss_and_gradient(params)
    jacobian = gradient * unknown_slopes(law, params) / loss[:, None]
    # (I - a 11ᵀ/n)² = I - k b²/(1 + k n b²) 11ᵀ
    a = 1 - 1 / np.sqrt(1 + k * step.size * b**2)
    told: FloatArray = np.sqrt(k) * (jacobian - a * jacobian.mean(axis=0))
    return told


def _tenths(law: Law, unknowns: FloatArray) -> FloatArray:
    """What a move of 10 % is in every unknown."""
    return np.array(
        [
            max(0.1 * abs(value), 0.01) if parameter.transform == "none" else _TENTH
            for parameter, value in zip(law.parameters, unknowns.tolist(), strict=True)
        ]
    )


def _factor(blocks: Sequence[FloatArray]) -> FloatArray:
    """G with G·Gᵀ the covariance that rows give, in moves of 10 %, each known to a million."""
    rows = np.vstack([*blocks, _LEAST * np.eye(blocks[0].shape[1])])
    _, singular, right = np.linalg.svd(rows, full_matrices=False)
    factor: FloatArray = right.T / singular
    return factor


def _widest(factor: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The principal directions of G·Gᵀ (columns) and their standard errors, the widest first.

    A direction is upward in its largest part. What G lacks has an error of a million.
    """
    vectors, errors, _ = np.linalg.svd(factor)
    size = vectors.shape[0]
    reaches = np.concatenate([np.clip(errors, _LEAST, 1 / _LEAST), np.full(size, 1 / _LEAST)])
    reaches = reaches[:size]
    order = np.argsort(-reaches, kind="stable")
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(size)]
    return (vectors * np.sign(largest))[:, order], reaches[order]


def _error(factor: FloatArray, vector: FloatArray) -> float:
    """The standard error along a direction; never 0, so that rounding divides by nothing."""
    return max(float(np.linalg.norm(factor.T @ vector)), 1e-12)


def _shortened(
    objective: Objective, box: Box, unknowns: FloatArray, move: FloatArray, unit: float
) -> FloatArray:
    """The move, upward in its largest part, as long as the objective and the law's box allow."""
    here = objective.value(objective.params(unknowns))
    size = np.abs(move) / _tenths(objective.law, unknowns)
    move = move * np.sign(move[size.argmax()])
    if objective.law.parameters[int(size.argmax())].transform == "log1m":
        move = -move
    for _ in range(40):
        end = unknowns + move
        if np.all((box.low <= end) & (end <= box.high)):
            there = objective.value(objective.params(end))
            if abs(there - here) <= 0.5 * unit:
                break
        move = 0.8 * move
    return move


def _moves(law: Law, unknowns: FloatArray, move: FloatArray) -> dict[str, Move]:
    """Factors or differences, the largest moves first; small ones are left out."""
    size = np.abs(move) / _tenths(law, unknowns)
    there, here = to_params(law, unknowns + move), to_params(law, unknowns)
    moves = {}
    for i in np.argsort(-size, kind="stable"):
        if size[i] < max(_PART * size.max(), 1e-12):
            continue
        one = law.parameters[i]
        plain = one.transform == "none"
        by = float(there[i] - here[i] if plain else there[i] / here[i])
        moves[one.name] = Move("+" if plain else "×", by)
    return moves
