"""Fit the law over sizes to runs, or learn from siblings what a prior for another size is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from mplfit.curve import Curve, curves_of
from mplfit.errors import FitError
from mplfit.estimate.prior import Prior
from mplfit.estimate.records import CurveRecord
from mplfit.estimate.spread import drop_share
from mplfit.laws.base import to_params
from mplfit.laws.effective import EffectiveLaw
from mplfit.laws.learned import PRIORS
from mplfit.sizes.checks import warnings_of
from mplfit.sizes.constants import SIBLINGS_WIDER
from mplfit.sizes.groups import SizeRuns, common_decay, group_sizes, scale_free, units_of
from mplfit.sizes.hierarchy import Joint, Problem, amplitudes, solve
from mplfit.sizes.result import SizeRecord, Sizes
from mplfit.sizes.size_law import mean_and_slopes, place_of, prior_of
from mplfit.sizes.sums import SHAPES, SharedSums
from mplfit.types import FloatArray

__all__ = ["Siblings", "fit_sizes", "learn_from_siblings"]


def fit_sizes(
    curves: Curve | Iterable[Curve],
    *,
    weight_decay: float | None = None,
    shapes: tuple[FloatArray, FloatArray] | None = None,
) -> Sizes:
    """Fit the scale-free law to runs of several sizes at once.

    Parameters
    ----------
    curves : runs, each of which knows its size (`Curve.size`).
    weight_decay : AdamW's; that of the runs' logs, or 0.1, where None.
    shapes : means and standard deviations of the common shapes' prior, (6,) each; that learned on
        other people's runs where None.

    Raises
    ------
    DataError
        If the size of a run is not known.
    FitError
        If there is one size only, or the logs name different weight decays.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import numpy as np
    >>> from mplfit import simulate
    >>> from mplfit.curve import RunSize
    >>> from mplfit.laws import get_law
    >>> from mplfit.schedule import wsdld
    >>> from mplfit.sizes.fit import fit_sizes
    >>> law, plan = get_law("effective", {"eta_ref": 1e-3}), wsdld(3000, 1e-3, decay=600)
    >>> def truth(N):
    ...     return np.array([1.5 + 2 * (N / 1e7) ** -0.3, 0.3, 0.5, 1.4, 9.0, 0.22, 0.82, 0.26])
    >>> runs = []
    >>> for N in (1e7, 4e7, 16e7):
    ...     run = simulate(law, truth(N), plan, np.arange(99, 3000, 100), name=f"{N:g}")
    ...     runs.append(replace(run, size=RunSize(parameters=N)))
    >>> found = fit_sizes(runs, weight_decay=0.1).final(RunSize(parameters=64e7), plan)
    >>> bool(abs(found.loss / law.final(truth(64e7), plan.lr) - 1) < 0.02)
    True
    """
    some = curves_of(curves)
    groups = group_sizes(some)
    if len(groups) < 2:
        have = groups[0].label if groups else "none"
        raise FitError(
            f"a law over sizes needs two sizes or more, got runs of one ({have}): add runs of "
            "another size (for one size there is `mplfit fit`)"
        )
    units = units_of(groups, weight_decay)
    laws = [units.law(group.parameters) for group in groups]
    shaped = _tells_shape(groups)
    places = [
        place_of(
            group.parameters,
            units.reference,
            group.size.width if shaped else None,
            group.size.depth,
        )
        for group in groups
    ]
    problem, joint = _joint(groups, laws, np.array(places), shapes)
    records = [
        _record(group, law, joint, i)
        for i, (group, law) in enumerate(zip(groups, laws, strict=True))
    ]
    made = Sizes(
        sizes=tuple(records),
        common=joint.common,
        covariance=joint.covariance,
        spreads=joint.spreads,
        units=units,
        value=joint.value,
        converged=joint.converged,
        has_shapes=shaped,
        largest_S=max(float(c.schedule.lr[: c.step[-1] + 1].sum()) for c in some),
        data=tuple(CurveRecord.of(curve, "train") for curve in some),
        versions=_versions(),
    )
    return replace(made, warnings=tuple(warnings_of(made, groups, problem, joint)))


_SHAPED = 4  # sizes, for terms in width and depth
_VARIES = 0.2  # of ln(width/depth) around its line in ln N


@dataclass(frozen=True)
class Siblings:
    """What runs of other sizes say before a fit: arguments of `mplfit.fit`.

    prior : of A and the shapes, or of the shapes alone.  constants : of the law.
    """

    prior: Prior
    constants: Mapping[str, float]


def learn_from_siblings(
    train: Curve | Iterable[Curve],
    siblings: Curve | Iterable[Curve],
    *,
    weight_decay: float | None = None,
    shapes: tuple[FloatArray, FloatArray] | None = None,
) -> Siblings:
    """The prior that runs of other sizes give for a fit of the scale-free law.

    The shapes of the siblings scatter around common ones, of which they give a posterior; a further
    size scatters around these as they do. L0 is left free. Where the sizes of all runs are known,
    A follows the law over sizes, within its spread; else it is free too.

    Parameters
    ----------
    train : the runs that are to be fitted, all of one size.
    siblings : runs of other sizes, of the same data and optimizer.
    weight_decay, shapes : as in `fit_sizes`.

    Raises
    ------
    DataError
        If the sizes of some siblings are known, and of others not.
    FitError
        If there is no run, a sibling has the size of the runs to be fitted, or the logs name
        different weight decays.
    """
    own, others = curves_of(train), curves_of(siblings)
    if not own or not others:
        raise FitError("there is no run to fit, or no sibling: give runs of both")
    sized = all(curve.size.count is not None for curve in (*own, *others))
    groups = group_sizes(others) if sized else (SizeRuns(others[0].size, others),)
    big = group_sizes(own) if sized else (SizeRuns(own[0].size, own),)
    if len(big) > 1:
        raise FitError(
            f"the runs to fit are of {len(big)} sizes ({', '.join(one.label for one in big)}): "
            "a fit is of one; the others are siblings"
        )
    alike = [group.label for group in groups if sized and group.parameters == big[0].parameters]
    if alike:
        raise FitError(f"a sibling has the size of the runs to fit, {alike[0]}: fit it with them")
    decay = common_decay((*groups, *big), weight_decay)
    if sized:
        units = units_of((*groups, *big), decay)
        laws = [units.law(group.parameters) for group in groups]
        law = units.law(big[0].parameters)
        reference = float(np.exp(np.mean(np.log([group.parameters for group in groups]))))
        places = [place_of(group.parameters, reference, None, None) for group in groups]
        place = place_of(big[0].parameters, reference, None, None)
    else:
        laws = [scale_free(group.peak, decay, group.longest) for group in groups]
        law = scale_free(big[0].peak, decay, big[0].longest)
        places, place = [(0.0, 0.0)], (0.0, 0.0)
    joint = _joint(groups, laws, np.array(places), shapes, siblings=True)[1]
    mean, slopes = mean_and_slopes(joint.common, *place)
    covariance = slopes @ joint.covariance @ slopes.T + np.diag(joint.spreads**2)
    first = 1 if sized else 2
    whitening = np.zeros((mean.size, mean.size))
    whitening[first:, first:] = np.linalg.cholesky(np.linalg.inv(covariance[first:, first:])).T
    mean[:first] = 0.0
    labels = ", ".join(group.label for group in groups) if sized else f"{len(others)} runs"
    return Siblings(Prior(f"siblings ({labels})", mean, whitening), dict(law.constants))


def _tells_shape(groups: Sequence[SizeRuns]) -> bool:
    """Whether widths and depths are known, and their ratio varies by more than the size tells."""
    if len(groups) < _SHAPED or not all(group.size.width and group.size.depth for group in groups):
        return False
    n = np.log([group.parameters for group in groups])
    x = np.log([(group.size.width or 1) / (group.size.depth or 1) for group in groups])
    off = x - np.polyval(np.polyfit(n, x, 1), n)
    return bool(np.sqrt(np.mean(off**2)) > _VARIES)


def _joint(
    groups: Sequence[SizeRuns],
    laws: Sequence[EffectiveLaw],
    places: FloatArray,
    shapes: tuple[FloatArray, FloatArray] | None,
    *,
    siblings: bool = False,
) -> tuple[Problem, Joint]:
    mean, sd = _learned() if shapes is None else shapes
    sums = SharedSums(groups, laws)
    L0, A = np.exp(amplitudes(sums, sums(mean)[0])).T
    middle = float(np.exp(np.log(A).mean()))
    prior = prior_of(float(L0.min()), middle, (mean, sd), siblings=siblings)
    problem = Problem(sums, places, prior)
    return problem, solve(problem, mean, SIBLINGS_WIDER if siblings else 1.0)


def _learned() -> tuple[FloatArray, FloatArray]:
    """The prior of the shapes: what other people's runs say."""
    pairs = [PRIORS["effective"]["all"][name] for name in SHAPES]
    mean, sd = np.array(pairs).T
    return mean, sd


def _record(group: SizeRuns, law: EffectiveLaw, joint: Joint, i: int) -> SizeRecord:
    own, params = joint.own[i], to_params(law, joint.own[i])
    gains = [
        drop_share(
            law, params, c.schedule, c.step[-1:], law.at(c.schedule, c.step[-1:]).loss(params)
        )
        for c in group.curves
    ]
    return SizeRecord(
        size=group.size,
        runs=tuple(curve.name for curve in group.curves),
        own=own,
        covariance=joint.own_covariance[i],
        scatter=float(joint.scatter[i]),
        steps=max(int(curve.step[-1]) + 1 for curve in group.curves),
        largest_gain=max(float(gain[0]) for gain in gains),
    )


def _versions() -> dict[str, str]:
    try:
        return {"mplfit": version("mplfit")}
    except PackageNotFoundError:  # run from a checkout
        return {"mplfit": "not installed"}
