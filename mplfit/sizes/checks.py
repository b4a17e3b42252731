"""What must be said of runs before their law over sizes is believed, and which run would help."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mplfit.curve import RunSize
from mplfit.sizes.groups import SizeRuns
from mplfit.sizes.hierarchy import Joint, Problem
from mplfit.sizes.result import Sizes
from mplfit.sizes.size_law import mean_and_slopes
from mplfit.sizes.usual import usual_schedules
from mplfit.types import FloatArray

__all__ = ["far_warnings", "level_sd", "sentence_on_level", "warnings_of"]

_NARROW = 2.0  # sizes within this factor tell no law
_FAR = 30.0  # a size beyond the largest by more than this factor
_STRANGE = 0.03  # a relative difference of losses that a size does not explain
_UNSURE = 0.015  # a relative standard deviation of losses that is too large
_TOLD = 0.003  # how well a new run tells its own final loss
_GRID = 12  # sizes that are tried
_RUN_LENGTH = 20.0  # tokens a parameter of a proposed run


def warnings_of(
    made: Sizes, groups: Sequence[SizeRuns], problem: Problem, joint: Joint
) -> list[str]:
    """What is odd about the runs."""
    said = []
    if not joint.converged:
        said.append("the joint fit did not converge: its numbers are not a minimum")
    ratio = made.largest / made.sizes[0].parameters
    if ratio < _NARROW:
        said.append(
            f"the sizes lie within a factor of {ratio:.2g}: L0 at other sizes is not determined; "
            f"a run at {_text(made.sizes[0].parameters / 4)} or {_text(4 * made.largest)} would "
            "determine it"
        )
    elif len(made.sizes) == 2:
        middle = float(np.sqrt(made.largest * made.sizes[0].parameters))
        said.append(
            "two sizes do not determine how L0 falls: its exponent is the prior's, 0.3 ± 0.1; a "
            f"run at {_text(middle)} or {_text(made.sizes[0].parameters / 4)} would tell more"
        )
    for i, (group, one) in enumerate(zip(groups, made.sizes, strict=True)):
        mean, _ = mean_and_slopes(joint.common, *problem.places[i])
        off = float(one.own[0] - mean[0])
        if abs(off) > _STRANGE:
            said.append(
                f"the losses of {one.label} lie {100 * abs(off):.0f} % "
                f"{'above' if off > 0 else 'below'} what its size explains: other data or another "
                "tokenizer, or a shape of its own?"
            )
        said += _within(group, problem.residuals(i, one.own)[0])
    known = [bool(size.size.width and size.size.depth) for size in made.sizes]
    if any(known) and not all(known):
        said.append("width and depth of some sizes are not known: the law has no term in them")
    measures = {size.size.parameters is None for size in made.sizes}
    if len(measures) > 1:
        said.append(
            "some sizes are counts of parameters, others those of the layers alone (~): give all "
            "of them alike with sizes={'NAME': 'N'}"
        )
    return said


def _within(group: SizeRuns, residual: FloatArray) -> list[str]:
    """Runs of one size whose losses differ by more than runs do."""
    ends = np.cumsum([len(curve) for curve in group.curves])[:-1]
    means = {
        curve.name: float(part.mean())
        for curve, part in zip(group.curves, np.split(residual, ends), strict=True)
    }
    low, high = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
    if means[high] - means[low] <= _STRANGE:
        return []
    return [
        f"runs of one size, {group.label}, differ by {100 * (means[high] - means[low]):.0f} % in "
        f"loss ({high} above {low}) beside what their schedules explain: other data, another "
        "tokenizer or another batch?"
    ]


def level_sd(made: Sizes, size: RunSize, extra: Sequence[RunSize] = ()) -> float:
    """The relative standard deviation of a usual run's final loss at a size without runs, once
    further sizes have one.

    A further size tells the law its own final loss, up to the spread between sizes.
    """
    slopes = _level(made, size)
    own, covariance = slopes @ made.law_slopes(size)[1], made.covariance
    for one in extra:
        theirs = _level(made, one)
        into = theirs @ made.law_slopes(one)[1]
        seen = covariance @ into
        variance = into @ seen + theirs**2 @ made.spreads**2 + _TOLD**2
        covariance = covariance - np.outer(seen, seen) / variance
    return float(np.sqrt(own @ covariance @ own + slopes**2 @ made.spreads**2))


def _level(made: Sizes, size: RunSize) -> FloatArray:
    return made.slopes(size, usual_schedules(made, size)["wsdld"])


def sentence_on_level(made: Sizes, size: RunSize) -> str | None:
    """Where the losses of a size are not determined: so, and which smaller run would tell most."""
    if made.of(size) is not None or (now := level_sd(made, size)) <= _UNSURE:
        return None
    count = size.count or np.nan
    grid = np.geomspace(made.sizes[0].parameters / 8, 0.75 * count, _GRID)
    then = {float(N): level_sd(made, size, [RunSize(parameters=float(N))]) for N in grid}
    lowest = min(then.values())
    # The smallest of the sizes that tell nearly as much as the best one: it costs least.
    best = min(N for N, sd in then.items() if sd <= 1.05 * lowest)
    text = (
        f"L0 at {size.text} is not determined: the level of its losses has a standard "
        f"deviation of {100 * now:.1f} %"
    )
    if then[best] > 0.9 * now:
        return f"{text}, and no smaller run would tell much more; a short run of that size would"
    cost = 6 * best * _RUN_LENGTH * best
    return (
        f"{text}; a run of {_text(best)} ({_RUN_LENGTH:g} tokens a parameter: {cost:.1e} FLOPs) "
        f"would bring it to {100 * then[best]:.1f} %"
    )


def far_warnings(made: Sizes, size: RunSize) -> list[str]:
    """What is said of a size beyond those with runs."""
    count = size.count or np.nan
    if count > _FAR * made.largest:
        return [
            f"{size.text} is {count / made.largest:.0f} times the largest size with runs "
            f"({made.sizes[-1].label}): nothing here was measured beyond 30 times"
        ]
    if count * _FAR < made.sizes[0].parameters:
        return [
            f"{size.text} is {made.sizes[0].parameters / count:.0f} times smaller than the "
            f"smallest size with runs ({made.sizes[0].label})"
        ]
    return []


def _text(parameters: float) -> str:
    return RunSize(parameters=float(f"{parameters:.2g}")).text
