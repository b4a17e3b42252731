"""The weight decay from the losses alone: found where it was, with an interval that holds it."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit import schedule
from mplfit.assess.weight_decay import profiled_weight_decay
from mplfit.errors import FitError
from mplfit.estimate.fit import fit
from mplfit.estimate.simulate import simulate
from mplfit.laws import get_law

PARAMS = np.array([2.4, 0.2, 0.51, 1.4, 9.0, 0.23, 0.84, 0.28])


def runs(decay):
    law = get_law("effective", {"eta_ref": 3e-3, "weight_decay": decay})
    plans = (
        schedule.constant(3000, 3e-3, warmup=100),
        schedule.cosine(3000, 3e-3, 3e-4, warmup=100),
        schedule.wsdld(2500, 3e-3, 3e-5, decay=800, warmup=100),
    )
    rng = np.random.default_rng(1)
    return [
        simulate(law, PARAMS, plan, np.arange(200, plan.steps, 40), name=f"run{k}", noise=3e-4,
                 rng=rng)
        for k, plan in enumerate(plans)
    ]  # fmt: skip


@pytest.mark.parametrize("decay", [0.05, 0.3])
def test_the_weight_decay_is_found(decay):
    train = runs(decay)
    found, (low, high) = profiled_weight_decay(train)
    assert decay / 1.6 < found < 1.6 * decay
    assert (low or 0) < decay < (high or np.inf)
    assert low is not None

    # The interval ends where the deviance is that of the level: 1.96².
    def rise(value):
        made = fit(train, "effective", quick=True, constants={"weight_decay": value})
        return made.objective + made.penalty, made.prior.unit

    (least, unit), (there, _) = rise(found), rise(low)
    assert 2 * (there - least) / unit == pytest.approx(1.96**2, rel=0.1)


def test_without_a_prior_it_is_refused():
    with pytest.raises(FitError, match="with a prior alone"):
        profiled_weight_decay(runs(0.1), prior="none")
