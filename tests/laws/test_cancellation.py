"""Gradients where terms cancel: what `Predictor.loss_and_gradient` promises, at fifty digits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from mplfit.laws.base import to_params, to_unknowns, unknown_slopes
from mplfit.schedule import Schedule
from tests.support.laws import FORMS, LITERAL, TYPICAL, law_of

STEPS = 25
AT = np.arange(STEPS)
TINY = mpmath.mpf(10) ** -20
SCHEDULES = {
    "a decay over eight decades": 3e-4 * 10 ** np.linspace(0, -8, STEPS),
    "a rate that jumps by a million at every update": 3e-4 * np.where(AT % 2, 1, 1e-6),
    "a fall to a billionth": 3e-4 * np.where(AT < STEPS // 2, 1, 1e-9),
    "rates from nine decades": 3e-4 * 10 ** (-9 * np.random.default_rng(0).random(STEPS)),
}


def derivative(key, params, i, lr, t):
    """In the parameter number i, by a difference at fifty digits."""
    ends = []
    for sign in (1, -1):
        values = [mpmath.mpf(value) for value in params]
        values[i] *= 1 + sign * TINY
        ends.append(LITERAL[key](values, lr, t))
    return float((ends[0] - ends[1]) / (2 * TINY * mpmath.mpf(params[i])))


@pytest.mark.parametrize("kind", SCHEDULES)
@pytest.mark.parametrize("key", FORMS)
def test_gradients_keep_their_contract_near_cancellation(key, kind):
    """The worst here is 1.3e-6, of mpl after a fall to a billionth."""
    law, steps, lr = law_of(key), np.array([STEPS // 2, STEPS - 1]), SCHEDULES[kind]
    moved = np.random.default_rng(1).normal(0, 0.3, TYPICAL[key].size)
    for params in (TYPICAL[key], to_params(law, to_unknowns(law, TYPICAL[key]) + moved)):
        slopes = unknown_slopes(law, params)
        with mpmath.workdps(50):
            rates = [mpmath.mpf(rate) for rate in lr]
            wanted = [
                [derivative(key, params, i, rates, int(t)) for i in range(params.size)]
                for t in steps
            ] * slopes
        for exact in (False, True):
            at = law.at(Schedule(lr), steps, exact=exact)
            loss, gradient = at.loss_and_gradient(params)
            floor = 1e-6 * np.abs(loss)[:, None]
            off = np.abs(gradient * slopes - wanted) / np.maximum(np.abs(wanted), floor)
            assert off.max() < 1e-5
