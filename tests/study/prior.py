"""`python -m tests.study.prior`: the priors of the scale-free laws, from families of real runs.

Empirical Bayes. Of each family (`tests.study.families`) all runs are fitted, 30 rows counting as
one observation. The objective's curvature there is a normal likelihood of the shape parameters,
marginal over L0 and A. The shapes of families scatter around a common mean μ, with independent
standard deviations σ: both by EM, with Student-t weights (4 degrees of freedom, so that a family of
another kind bends nothing), and each superfamily weighing the same. The result, over all families
and without each superfamily in turn, is written to mplfit/laws/learned.py.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mplfit import Curve
from mplfit.estimate.constants import PER_OBSERVATION
from mplfit.estimate.objective import Objective
from mplfit.estimate.prior import Prior
from mplfit.estimate.solver import from_prior, parameter_box
from mplfit.laws import Law, get_law
from mplfit.types import FloatArray
from mplfit.writers.files import write_file
from tests.study.cases import ROOT
from tests.study.families import SUPERFAMILIES, Family, families

__all__ = ["Likelihood", "Normal", "learn", "likelihood"]

DEGREES = 4
PSEUDO = 2.0
_START = {
    "alpha": (-0.65, 0.2),
    "b": (0.4, 0.4),
    "tau": (2.2, 1.0),
    "beta": (-1.4, 0.4),
    "p": (0.8, 0.08),
    "rho": (-1.3, 0.6),
}
STARTS = {"effective": _START, "amplitude": {**_START, "p": (0.6, 0.1)}}
"""By law, round numbers near which the likelihoods are taken (`likelihood`), and whose standard
deviations count like PSEUDO superfamilies (`learn`)."""


class Likelihood(NamedTuple):
    """A family's normal likelihood of the shapes x: exp(-xᵀ P x / 2 + hᵀ x)."""

    P: FloatArray
    h: FloatArray


@dataclass(frozen=True)
class Normal:
    """Means and standard deviations of the shapes, and the weights of the families."""

    mean: FloatArray
    sd: FloatArray
    weights: FloatArray


def likelihood(law: Law, family: Family) -> Likelihood:
    """Of a family's runs, near the fit to all of them.

    Where data leave a direction open, the fit alone lies far from anything that a law is used for,
    and its curvature says nothing of what is nearer. So it is taken where the objective with a
    normal of STARTS is lowest, and that normal is taken out again.
    """
    own = of_family(law, family, family.runs)
    mean, sd = np.array([STARTS[law.key].get(name, (0.0, np.inf)) for name in own.names]).T
    wide = Prior("wide", mean, np.diag(1 / sd))
    objective = Objective.of(own, family.runs, wide)
    end = from_prior(objective, parameter_box(own, family.runs)).unknowns
    shapes = wide.known
    H = (objective.curvature(end) - wide.curvature()) / wide.unit
    slope = -wide.penalty_gradient(end) / wide.unit  # the likelihood's own, at the joint minimum
    P = H[np.ix_(shapes, shapes)]
    across = H[np.ix_(shapes, ~shapes)]
    P = P - across @ np.linalg.solve(H[np.ix_(~shapes, ~shapes)], across.T)
    return Likelihood(P, P @ end[shapes] - slope[shapes])


def learn(
    likelihoods: Sequence[Likelihood], shares: FloatArray, sd: FloatArray, rounds: int = 1000
) -> Normal:
    """EM for the mean and the diagonal covariance.

    shares : how much each family counts, in superfamilies.
    sd : standard deviations that count like PSEUDO superfamilies: those that are likeliest by a
        few superfamilies alone may be 0.
    """
    size = sd.size
    P, h = (np.array(parts) for parts in zip(*likelihoods, strict=True))
    start = np.array([np.linalg.solve(one.P + np.eye(size), one.h) for one in likelihoods])
    mean, variance = np.average(start, axis=0, weights=shares), np.full(size, 1.0)
    weights = np.ones(len(likelihoods))
    for _ in range(rounds):
        precision = weights[:, None] / variance
        V = np.linalg.inv(P + precision[:, :, None] * np.eye(size))
        m = np.einsum("fij,fj->fi", V, h + precision * mean)
        spread = np.einsum("fii->fi", V)
        off = ((m - mean) ** 2 + spread) / variance
        weights = (DEGREES + size) / (DEGREES + off.sum(axis=1))
        mean = np.average(m, axis=0, weights=shares * weights)
        squares = (shares * weights)[:, None] * ((m - mean) ** 2 + spread)
        variance = (squares.sum(axis=0) + PSEUDO * sd**2) / (shares.sum() + PSEUDO)
    return Normal(mean, np.sqrt(variance), weights)


def shares_of(chosen: Sequence[Family]) -> FloatArray:
    """One over the families of the superfamily for each family, in units of superfamilies."""
    kinds = [family.superfamily for family in chosen]
    return np.array([1 / kinds.count(kind) for kind in kinds])


def learn_all(
    law: Law, chosen: Sequence[Family], likelihoods: Sequence[Likelihood]
) -> dict[str, Normal]:
    """Over all families, and without each superfamily."""
    sd = np.array([STARTS[law.key][name][1] for name in shape_names(law)])
    found = {}
    for left in ("", *SUPERFAMILIES):
        kept = [i for i, family in enumerate(chosen) if family.superfamily != left]
        part = [chosen[i] for i in kept]
        name = f"without {left}" if left else "all"
        found[name] = learn([likelihoods[i] for i in kept], shares_of(part), sd)
    return found


def of_family(law: Law, family: Family, train: Sequence[Curve]) -> Law:
    """The law as a fit to these runs of the family has it, with its weight decay."""
    own = law.trained_on(train)
    constants = {"weight_decay": family.weight_decay, "peak_rates": 1}
    return own.with_constants({k: v for k, v in constants.items() if k in own.constants})


def shape_names(law: Law) -> list[str]:
    return [name for name in law.names if name in STARTS[law.key]]


_FILE = '''"""What other people's runs say of the shapes of the scale-free laws.

Made by `make prior` (tests/study/prior.py says how); change no number by hand. Of each law, the
mean and the standard deviation of every unknown (logarithms, but p itself) over families of runs:
over all of them, which is the prior that fits have, and without the superfamily whose runs are to
be held out, for measuring on it.

Learned on {counts}, 30 rows counting as one observation:
{families}
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PRIORS"]

PRIORS: Mapping[str, Mapping[str, Mapping[str, tuple[float, float]]]] = {{
{laws}}}
'''


def file_text(chosen: Sequence[Family], found: Mapping[str, Mapping[str, Normal]]) -> str:
    """The text of learned.py."""
    lines = []
    for key, versions in found.items():
        names = shape_names(get_law(key))
        lines.append(f'    "{key}": {{')
        for version, normal in versions.items():
            lines.append(f'        "{version}": {{')
            for name, mean, sd in zip(names, normal.mean, normal.sd, strict=True):
                lines.append(f'            "{name}": ({mean:.3f}, {sd:.3f}),')
            lines.append("        },")
        lines.append("    },")
    listed = []
    for kind in SUPERFAMILIES:
        own = [f"{one.name} ({len(one.runs)})" for one in chosen if one.superfamily == kind]
        listed.append(_wrapped(f"{kind}: {', '.join(own)}"))
    runs = sum(len(one.runs) for one in chosen)
    counts = f"{runs} runs of {len(chosen)} families in {len(SUPERFAMILIES)} superfamilies"
    return _FILE.format(counts=counts, families="\n".join(listed), laws="\n".join(lines) + "\n")


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 98, initial_indent="- ", subsequent_indent="  "))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = ROOT / "mplfit" / "laws" / "learned.py"
    parser.add_argument("--out", type=Path, default=default, help="the file to write")
    options = parser.parse_args()
    chosen, found = families(), {}
    for key in STARTS:
        law = get_law(key)
        likelihoods = []
        for family in chosen:
            print(f"{key}: {family.name}", file=sys.stderr, flush=True)
            likelihoods.append(likelihood(law, family))
        found[key] = learn_all(law, chosen, likelihoods)
        all_of_them = found[key]["all"]
        for family, weight in zip(chosen, all_of_them.weights, strict=True):
            print(f"{key}: weight of {family.name} {weight:.2f}")
    write_file(options.out, file_text(chosen, found).encode(), force=True)
    print(f"written to {options.out}, {PER_OBSERVATION:g} rows an observation")


if __name__ == "__main__":
    main()
