"""Trust region against L-BFGS-B, from the starts of a fit: `python -m tests.study.solvers`.

Both minimise the same objective in the same box from the same points: `descend` (what `fit` does)
and scipy's L-BFGS-B alone, as the Multi-Power law's release does. Counted are evaluations of the
objective with its derivatives. With MPLFIT_SHARED, on the released curves; else on simulated ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mplfit import read_curves
from mplfit.estimate.objective import Objective
from mplfit.estimate.prior import prior_for
from mplfit.estimate.solver import (
    AGREEMENT,
    DESCENDED,
    SCREENED,
    _screen,
    descend,
    parameter_box,
    prior_points,
    spanning_points,
)
from mplfit.laws.registry import get_law
from mplfit.readers.released import TRAIN
from mplfit.types import FloatArray
from tests.shared_data import ROOT


class Counted(Objective):
    """An objective that counts its evaluations with derivatives."""

    count = 0

    def linearise(self, unknowns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """As the objective's, counted."""
        Counted.count += 1
        return super().linearise(unknowns)


def compare(folder: Path, key: str) -> tuple[FloatArray, FloatArray]:
    """(starts, 2) evaluations and objectives at the end, of both solvers."""
    curves = [curve for curve in read_curves([folder]) if curve.name in TRAIN]
    law = get_law(key).trained_on(curves)
    objective = Counted.of(law, curves, prior_for(law, law.default_prior))
    box = parameter_box(law, curves)
    if objective.prior is not None and objective.prior.covers(law):
        starts = prior_points(objective, box, DESCENDED)
    else:
        screened = [_screen(objective, box, point) for point in spanning_points(box, SCREENED)]
        starts = [point for _, point in sorted(screened, key=lambda pair: pair[0])][:DESCENDED]
    evaluations, values = [], []
    for start in starts:
        Counted.count = 0
        ours, here = descend(objective, box, start).value, Counted.count
        Counted.count = 0
        theirs = descend(objective, box, start, "lbfgs").value
        evaluations.append([here, Counted.count])
        values.append([ours, theirs])
    return np.array(evaluations), np.array(values)


def main() -> None:
    """Print both solvers' evaluations and how often each ends at the lowest objective."""
    real = (ROOT / "curves").is_dir()
    names = ("csv_25", "csv_400") if real else ("simulated_25", "simulated_400")
    folders = [(ROOT / "curves" if real else Path("data")) / name for name in names]
    reached, total = np.zeros(2, int), 0
    for folder in folders:
        for key in ("mpl", "momentum", "effective"):
            evaluations, values = compare(folder, key)
            same = values <= values.min() * (1 + AGREEMENT)
            reached, total = reached + same.sum(axis=0), total + len(values)
            ours, theirs = np.median(evaluations, axis=0)
            print(
                f"{folder.name} {key}: evaluations, median of {len(values)} starts: trust region "
                f"{ours:g}, L-BFGS-B {theirs:g} ({theirs / ours:.1f} times); at the lowest "
                f"objective {same[:, 0].sum()} and {same[:, 1].sum()}"
            )
    print(f"lowest objective reached: {reached[0]} and {reached[1]} of {total}")


if __name__ == "__main__":
    main()
