"""Gains: a mixture of normals, one for every draw of the parameters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from mplfit import load_fit, schedule
from mplfit.assess.gains import Gain, gains
from mplfit.errors import FitError
from mplfit.estimate.constants import TAU
from mplfit.estimate.fit import fit
from tests.support.fits import three_curves

DATA = Path(__file__).parents[2] / "data"
DRAWS = np.array([-0.004, 0.001, 0.002, 0.02])


def test_the_distribution_is_a_mixture_of_normals():
    gain = Gain(0.005, DRAWS, 0.003)
    assert gain.sd == pytest.approx(np.sqrt(np.mean((DRAWS - DRAWS.mean()) ** 2) + 0.003**2))
    assert gain.probability == pytest.approx(np.mean(norm.cdf(DRAWS / 0.003)))
    for level in (0.8, 0.95):
        below = [np.mean(norm.cdf(end, DRAWS, 0.003)) for end in gain.bounds(level)]
        assert below == pytest.approx([0.5 - level / 2, 0.5 + level / 2], abs=1e-9)
    kept = gain.summary()
    assert (kept.value, kept.sd, kept.probability) == (0.005, gain.sd, gain.probability)
    assert kept.intervals == {"0.80": gain.bounds(0.8), "0.95": gain.bounds(0.95)}


def test_gains_are_differences_of_final_losses():
    made = fit(three_curves("momentum", noise=1e-3), "momentum")
    chosen, *others = (
        schedule.wsdld(4000, 3e-4, decay=0.2, warmup=200),
        schedule.constant(4000, 3e-4, warmup=200),
        schedule.cosine(6000, 3e-4, warmup=200),
    )
    final = [made.formula.final(made.values, one.lr) for one in (chosen, *others)]
    found = gains(made, chosen, others)
    assert [one.value for one in found] == pytest.approx([one - final[0] for one in final[1:]])
    for one in found:
        assert one.draws.shape == (120,)
        assert one.noise == pytest.approx(TAU * made.spread.scatter * final[0])
        assert one.draws.mean() == pytest.approx(one.value, abs=4 * one.draws.std() / 120**0.5)
    assert found[0].draws.std() > 0
    again = gains(made, chosen, others, seed=1)
    assert not np.array_equal(found[0].draws, again[0].draws)
    assert gains(made, chosen, [chosen], count=7)[0].draws.tolist() == [0.0] * 7
    with pytest.raises(FitError, match="no covariance"):
        gains(load_fit("400"), chosen, others)


def test_losses_that_are_not_finite_are_refused():
    found = load_fit(DATA / "fit_25")
    far = replace(found, params={**found.params, "alpha": 1e30})
    plan = schedule.cosine(400, 3e-4, warmup=40)
    with np.errstate(all="ignore"), pytest.raises(FitError, match="losses that are not finite"):
        gains(far, plan, [schedule.constant(400, 3e-4, warmup=40)])
