"""Gains between real runs, predicted and seen: `python -m tests.study.gains` writes GAINS.md."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np

from mplfit.assess.gains import gains
from mplfit.assess.intervals import LEVELS
from mplfit.estimate.constants import CHOSEN_ON, M124, RELEASED, TAU
from mplfit.estimate.fit import fit
from tests.study.real_runs import families, short


def main() -> None:
    """Fit to the earlier runs of each family; every pair of others with equally many steps."""
    rows, pairs = [], {RELEASED: [], M124: []}
    for family in families():
        found = fit(family.earlier, "effective", quick=True)
        others = [run for run in family.runs if run not in family.earlier]
        for one, two in combinations(others, 2):
            if one.schedule.steps != two.schedule.steps:
                continue
            gain = gains(found, one.schedule, [two.schedule])[0]
            observed = float(two.loss[-1] - one.loss[-1])
            inside = [low <= observed <= high for low, high in map(gain.bounds, LEVELS)]
            sign = gain.probability if observed > 0 else 1 - gain.probability
            key = M124 if family.collection == "epfml_124m" else RELEASED
            pairs[key].append((gain.value - observed, gain.sd, *inside, sign))
            rows.append(
                f"| {family.title} | {short(two.name)} | {short(one.name)} | {gain.value:+.4f} | "
                f"{observed:+.4f} | {gain.sd:.4f} | {sign:.2f} |"
            )
            print(rows[-1], flush=True)
    lines = [
        "# Gains of one schedule over another",
        "",
        "A fit to three runs predicts what every other pair of runs with equally many steps "
        "differs by in its final loss. Written by `python -m tests.study.gains`.",
        "",
        f"The constant TAU = {TAU:g} of `mplfit.assess.gains` was chosen on "
        f"{', '.join(CHOSEN_ON['TAU'])}, after a first print of the other pairs had been seen: "
        "those are held out in the constant alone.",
        "",
        "| collection | pairs | mean abs. error | root mean square of error / sd | in 80 % "
        "| in 95 % | mean probability given to the sign that was seen |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, some in pairs.items():
        error, sd, first, second, sign = np.array(some, dtype=float).T
        held = "chosen on" if name in CHOSEN_ON["TAU"] else "held out"
        lines.append(
            f"| {name} ({held}) | {len(some)} | {np.abs(error).mean():.4f} | "
            f"{np.sqrt(np.mean((error / sd) ** 2)):.2f} | {100 * first.mean():.0f} % | "
            f"{100 * second.mean():.0f} % | {sign.mean():.2f} |"
        )
    lines += ["", "Pairs share runs: they are far fewer than they look.", ""]
    lines += ["| family | from | to | predicted | observed | sd | P(sign seen) |"]
    lines += ["|---|---|---|---|---|---|---|", *rows, ""]
    Path(__file__).with_name("GAINS.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
