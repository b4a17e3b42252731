"""A law is one file and one line in the registry: what the rest must know, it asks the law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit import Fit, simulate
from mplfit.cli.main import main
from mplfit.errors import FitError
from mplfit.estimate.checks import determined_law
from mplfit.estimate.fit import fit
from mplfit.estimate.prior import prior_for
from mplfit.laws import LAWS, Parameter, get_law
from mplfit.laws.onepower import OnePowerLaw
from mplfit.laws.registry import TABLE
from mplfit.schedule import constant
from mplfit.sweeps.predicted import predictor


@dataclass(frozen=True)
class ToyLaw(OnePowerLaw):
    """The constant-rate law under another name, with a prior on its exponent."""

    key = "toy"
    title = "toy law"
    default_prior = "weak"
    has_best_peak = True
    at_constant_rate = "onepower"
    parameters = (
        *OnePowerLaw.parameters[:2],
        Parameter("alpha", "its exponent", prior=(np.log(0.4), 0.1)),
    )


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(TABLE, "toy", ("toy.ToyLaw", "a law that only this test knows"))
    monkeypatch.setitem(LAWS, "toy", ToyLaw())
    return get_law("toy")


def test_a_new_law_needs_nothing_but_the_registry(toy):
    plan, step = constant(1000, 1e-2), np.arange(10, 1000, 10)
    truth = np.array([2.0, 1.0, 0.5])
    run = simulate(get_law("onepower"), truth, plan, step, noise=1e-3)
    found = fit([run], "toy", quick=True)
    assert found.prior_name == "weak"  # the law's default
    assert np.log(0.4) < np.log(found.params["alpha"]) < np.log(0.5)  # drawn towards its prior
    assert found.formula.rival == "effective"
    help_text = " ".join(CliRunner().invoke(main, ["fit", "--help"]).output.split())
    assert "toy: a law that only this test knows" in help_text


def test_a_prior_on_all_but_the_power_terms_sizes_suffices_at_a_constant_rate(toy):
    run = simulate(toy, np.array([2.0, 1.0, 0.5]), constant(99, 1e-2), np.arange(9, 99))
    assert determined_law(toy, prior_for(toy, "weak"), [run]) == ("toy", "")
    assert determined_law(toy, None, [run])[0] == "onepower"


def test_a_best_peak_is_asked_of_the_law(toy):
    values = {"L0": 2.0, "A": 1.0, "alpha": 0.5}
    assert predictor(Fit("toy", values), constant(9, 1.0))({}, np.array([1e-3])).shape == (1, 1)
    with pytest.raises(FitError, match="the law onepower has no best peak rate"):
        predictor(Fit("onepower", values), constant(9, 1.0))


def test_every_law_says_what_it_is():
    for key, law in LAWS.items():
        assert law.key == key
        assert key in TABLE
        assert law.title
        assert law.rival in LAWS
        assert law.rival != key
        assert law.default_prior == "none" or any(one.prior for one in law.parameters)
        assert law.at_constant_rate is None or law.at_constant_rate in LAWS
