"""The solver and the covariance against NIST's certified nonlinear regressions, all 27 of them.

Data, starts and certified values come from NIST's public-domain .dat files, and not from the
published tables; `nist_strd.txt` holds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mplfit.estimate.covariance import factorise
from mplfit.estimate.huber import DELTA, huber, huber_slope
from mplfit.estimate.solver import Box, descend

pytestmark = pytest.mark.portable


def problems():
    """Numbers by label, by problem."""
    found, label = {}, ""
    for line in (Path(__file__).parent / "nist_strd.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        first, *numbers = line.split()
        if first == "name":
            found[numbers[0]] = one = {}
            continue
        if line[0] == " ":
            numbers = line.split()
        else:
            label = first
        one.setdefault(label, []).extend(map(float, numbers))
    return {name: {k: np.array(v) for k, v in one.items()} for name, one in found.items()}


def cubic(b, x):
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (
        1 + b[4] * x + b[5] * x**2 + b[6] * x**3
    )


def peaks(b, x):
    first, second = ((x - b[3]) / b[4]) ** 2, ((x - b[6]) / b[7]) ** 2
    return b[0] * np.exp(-b[1] * x) + b[2] * np.exp(-first) + b[5] * np.exp(-second)


def exponentials(b, x):
    return sum(b[i] * np.exp(-b[i + 1] * x) for i in (0, 2, 4))


def waves(b, x):
    year, one, two = (2 * np.pi * x / period for period in (12, b[3], b[6]))
    return (
        b[0] + b[1] * np.cos(year) + b[2] * np.sin(year)
        + b[4] * np.cos(one) + b[5] * np.sin(one) + b[7] * np.cos(two) + b[8] * np.sin(two)
    )  # fmt: skip


def chwirut(b, x):
    return np.exp(-b[0] * x) / (b[1] + b[2] * x)


MODELS = {
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": lambda b, x: b[0] * (1 - np.exp(-b[1] * x)),
    "Chwirut1": chwirut,
    "Chwirut2": chwirut,
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "ENSO": waves,
    "Eckerle4": lambda b, x: b[0] / b[1] * np.exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Gauss1": peaks,
    "Gauss2": peaks,
    "Gauss3": peaks,
    "Hahn1": cubic,
    "Kirby2": lambda b, x: (b[0] + b[1] * x + b[2] * x**2) / (1 + b[3] * x + b[4] * x**2),
    "Lanczos1": exponentials,
    "Lanczos2": exponentials,
    "Lanczos3": exponentials,
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * np.exp(b[1] / (x + b[2])),
    "MGH17": lambda b, x: b[0] + b[1] * np.exp(-x * b[3]) + b[2] * np.exp(-x * b[4]),
    "Misra1a": lambda b, x: b[0] * (1 - np.exp(-b[1] * x)),
    "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x / (1 + b[1] * x),
    "Nelson": lambda b, x: b[0] - b[1] * x[0] * np.exp(-b[2] * x[1]),
    "Rat42": lambda b, x: b[0] / (1 + np.exp(b[1] - b[2] * x)),
    "Rat43": lambda b, x: b[0] / (1 + np.exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Roszman1": lambda b, x: b[0] - b[1] * x - np.arctan(b[2] / (x - b[3])) / np.pi,
    "Thurber": cubic,
}


@dataclass
class Squares:
    """A sum of squares as the solver sees one: with residuals in so small a unit that those of the
    start are in the quadratic zone of the Huber loss, which the descent then never leaves.
    """

    model: object
    x: np.ndarray
    log_loss: np.ndarray  # what is observed: the name that the solver has for it
    unit: float = 1.0
    prior = None

    def linearise(self, unknowns):
        moved = unknowns + 1e-30j * np.diag(np.maximum(np.abs(unknowns), 1e-3))
        with np.errstate(all="ignore"):
            value = self.model(unknowns + 0j, self.x).real
            slopes = [self.model(one, self.x).imag / one[i].imag for i, one in enumerate(moved)]
        residual = np.nan_to_num(np.clip(self.log_loss - value, -1e60, 1e60), nan=1e60)
        return residual / self.unit, np.nan_to_num(np.transpose(slopes)) / self.unit

    def rows(self, unknowns):
        return self.linearise(unknowns)[1]

    def weighted(self, residual, jacobian):
        return jacobian

    def summed(self, unknowns, residual, jacobian):
        return float(huber(residual).sum()), -(huber_slope(residual) @ jacobian)

    def __call__(self, unknowns):
        return self.summed(unknowns, *self.linearise(unknowns))


PROBLEMS = problems()


def prepared(name):
    """The numbers of a problem, what is observed, and the predictors."""
    one = PROBLEMS[name]
    if name == "Nelson":
        return one, np.log(one["y"]), np.array([one["x"], one["x2"]])
    return one, one["y"], one["x"]


def test_all_problems_are_here():
    assert set(PROBLEMS) == set(MODELS)
    assert len(MODELS) == 27


@pytest.mark.parametrize("start", ["start1", "start2"])
@pytest.mark.parametrize("name", MODELS)
def test_the_solver_finds_the_certified_values(name, start):
    """To six digits, from both of NIST's starts, in an endless box."""
    one, observed, x = prepared(name)
    objective = Squares(MODELS[name], x, observed)
    first = objective.linearise(one[start])[0]
    objective.unit = 2 * np.linalg.norm(first) / DELTA
    endless = np.full(one[start].size, np.inf)
    end = descend(objective, Box(-endless, endless), one[start])
    np.testing.assert_allclose(end.unknowns, one["certified"], rtol=1e-6)
    # The valley of Bennett5 is so bent that twelve rounds from there may still gain a little.
    assert end.converged or (name, start) == ("Bennett5", "start1")


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"Lanczos1"}))
def test_the_covariance_has_the_certified_deviations(name):
    """In Lanczos1 nothing is left to deviate but the rounding of the data."""
    one, observed, x = prepared(name)
    residual, jacobian = Squares(MODELS[name], x, observed).linearise(one["certified"])
    squares = float(residual @ residual)
    assert squares == pytest.approx(one["squares"][0], rel=1e-8)
    found = factorise(jacobian)
    assert found.rank == one["certified"].size
    noise = squares / (residual.size - found.rank)
    deviation = np.sqrt(noise * np.sum(found.inverse**2, axis=1))
    np.testing.assert_allclose(deviation, one["deviation"], rtol=1e-8)
