"""Schedules in words."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit import parse_schedule
from mplfit.schedule import Schedule
from mplfit.schedule.knots import describe


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("constant:steps=100,peak=1", "rate 1 held to the end"),
        (
            "cosine:steps=24000,peak=3e-4,warmup=2160",
            "warmup over 2160 updates, peak 0.0003, then a decay to nearly 0",
        ),
        ("linear:steps=400,peak=1", "peak 1, then a linear decay to 0.0025"),
        ("sqrt:steps=4000,peak=1,decay=20%", "held to step 3200, then a convex decay to nearly 0"),
        ("wsd:steps=30,peak=1,final=.01,decay=20", "held to step 10, then a convex decay to 0.0"),
        (
            "two-stage:steps=24000,peak=3e-4,second=9e-5,switch=8000",
            "held to step 7999, a drop at once to 9e-05 in step 8000, then held to the end",
        ),
        (
            "cosine:steps=24000,peak=3e-4,cycle=0.5",
            "peak 0.0003, a decay to nearly 0 by step 11943, then held to the end",
        ),
    ],
)
def test_shapes_are_described_as_a_person_would(spec: str, words: str) -> None:
    assert words in describe(parse_schedule(spec))


def test_a_drop_is_told_where_it_is_and_not_as_a_later_decay() -> None:
    lr = np.full(24000, 3e-4)
    lr[20000:] = 1.8e-4
    lr[20157:] = 1.8e-4 * (1 - np.linspace(0, 1, 3843)) ** 1.5
    assert describe(Schedule(lr)) == (
        "peak 0.0003 held to step 19999, a drop at once to 0.00018 in step 20000, held to step "
        "20157, then a convex decay to 0"
    )


def test_concave_decays_rises_and_disorder() -> None:
    x = np.linspace(0, 1, 500)
    assert "then a concave decay to 0" in describe(Schedule(1 - x**2))
    assert describe(Schedule(0.5 + 0.5 * x)) == "rate 0.5, then a rise to 1"
    noisy = describe(Schedule(np.random.default_rng(0).random(300)))
    assert "falls, rises and steady stretches, to " in noisy
    assert len(noisy) < 120
