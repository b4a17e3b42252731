"""Going on for longer: the published numbers, and what every continuation must keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mplfit import load_fit
from mplfit import schedule as schedules
from mplfit.bounds import best_base, bound
from mplfit.errors import FitError, ScheduleError
from mplfit.estimate.fit import fit
from mplfit.plan.extend import by_law, compare_ways, extend, extensions, phases, ways_to_go_on
from mplfit.show.tables import tables
from tests.support.fits import three_curves

RUN = schedules.wsdld(4000, 1e-3, decay=0.2)


@pytest.mark.parametrize(
    ("steps", "cooldown", "factor"), [(6000, "0.446", "0.637"), (8000, "0.633", "0.533")]
)
@pytest.mark.parametrize("run", [RUN, schedules.with_last_zero(RUN)])
def test_published_continuations(run, steps, cooldown, factor):
    assert f"{extend(run, steps).value:.3f}" == cooldown
    lowered = extend(run, steps, "factor")
    assert f"{lowered.value:.3f}" == factor
    lr = lowered.schedule.lr
    assert np.all(lr[:3200] == 1e-3)
    assert np.allclose(lr[3200 : round(0.8 * steps)], lowered.value * 1e-3, rtol=1e-14)


def test_the_longer_cooldown_is_a_root_not_a_grid_point():
    """Written out: unit rates, a cooldown that may begin between two updates, bisection."""

    def rate(cooldown, steps=6000):
        t = np.arange(steps)
        return best_base(np.minimum(1.0, (steps - t) / (cooldown * steps))).rate

    wanted = best_base(schedules.wsdld(4000, 1.0, decay=0.2).lr).rate
    low, high = 0.2, 1.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if rate(middle) < wanted else (low, middle)
    assert extend(RUN, 6000).value == pytest.approx(low, abs=1e-8)


@settings(max_examples=25, deadline=None)
@given(
    steps=st.integers(200, 3000),
    decay=st.floats(0.05, 0.6),
    longer=st.floats(1.05, 3.0),
    warmup=st.floats(0.0, 0.3),
    peak=st.floats(1e-5, 1.0),
    make=st.sampled_from([schedules.wsdld, schedules.sqrt_cooldown]),
)
def test_every_continuation_keeps_the_past_and_the_best_base(
    steps, decay, longer, warmup, peak, make
):
    run = make(steps, peak, decay=decay, warmup=int(warmup * steps))
    start = phases(run).start
    for found in extensions(run, int(longer * steps) + 1):
        lr = found.schedule.lr
        same = min(start, found.begins)
        assert np.array_equal(lr[:same], run.lr[:same])
        assert found.schedule.warmup == run.warmup
        assert np.all(np.diff(lr[run.warmup :]) <= 1e-12 * peak)
        if found.how in ("same", "closest"):
            assert found.base < 1
        else:
            assert found.base == pytest.approx(1, abs=1e-6)
        begun = (lr < run.peak * (1 - 1e-9))[run.warmup :]
        if found.how != "factor" and begun.any():
            assert abs(run.warmup + int(begun.argmax()) - found.begins) <= 1
        used = 1 / best_base(run.lr).rate
        assert found.bound == pytest.approx(bound(lr, D=used) / bound(run.lr, D=used), rel=1e-9)


def test_where_each_way_leaves_the_stable_rate():
    begins = {one.how: one.begins for one in extensions(RUN, 6000)}
    assert begins == {"same": 4800, "cooldown": 3325, "factor": 3200}
    assert phases(RUN).fraction == 0.2
    compared = compare_ways(RUN, extensions(RUN, 6000), text="RUN")
    assert (compared.planned_start, compared.planned_steps, compared.steps) == (3200, 4000, 6000)
    assert compared.warnings == ()
    late = compare_ways(RUN, extensions(RUN, 8000))
    assert late.warnings == (
        "the longer cooldown begins at step 2939, before the planned one (step 3200): a run that "
        "is past it already needs the way by factor",
    )
    assert all(way.loss is None and way.gain is None for way in compared.ways)


def test_a_way_that_does_not_exist_is_named_and_the_other_taken():
    ways, missing = ways_to_go_on(RUN, 16000)
    assert [one.how for one in ways] == ["same", "factor", "closest"]
    # The original takes a full cooldown here, which matches the rate to 97 %.
    assert ways[2].value == 1
    assert ways[2].base == pytest.approx(0.973, abs=5e-4)
    assert ways[2].schedule.lr[8000] == pytest.approx(0.5 * RUN.peak, rel=1e-3)
    assert "comes to 97.3 % of it at most" in missing["cooldown"]
    compared = compare_ways(RUN, ways, "cooldown", missing=missing)
    assert (compared.chosen, compared.missing) == ("factor", missing)
    assert compared.warnings == (missing["cooldown"],)
    with pytest.raises(FitError, match=r"^first; second$"):
        compare_ways(RUN, ways[:1], missing={"cooldown": "first", "factor": "second"})


def test_ways_with_what_a_fit_predicts():
    made = fit(three_curves("momentum", noise=1e-3), "momentum")
    run = schedules.wsdld(3000, 3e-4, decay=0.2, warmup=200)
    ways = extensions(run, 5000)
    compared = compare_ways(run, ways, fit=made)
    for way, one in zip(compared.ways, ways, strict=True):
        assert way.loss == pytest.approx(made.formula.final(made.values, one.schedule.lr))
        assert way.intervals["0.95"][0] < way.loss < way.intervals["0.95"][1]
    assert compared.ways[0].gain is None
    for way in compared.ways[1:]:
        assert way.gain.value == pytest.approx(compared.ways[0].loss - way.loss, abs=2e-4)


def test_the_longer_cooldown_is_better_than_the_same_one():
    found = {one.how: one for one in extensions(RUN, 6000)}
    assert set(found) == {"same", "cooldown", "factor"}
    assert found["cooldown"].bound < found["factor"].bound < found["same"].bound < 1


def test_a_constant_run_gets_a_linear_cooldown():
    found = extend(schedules.constant(4000, 1.0, warmup=100), 6000)
    assert 0.01 < found.value < 0.05
    assert np.all(found.schedule.lr[100 : found.begins] == 1)
    assert found.schedule.lr[-1] < 0.02


def test_the_shape_of_the_cooldown_is_kept():
    run = schedules.sqrt_cooldown(1000, 1.0, decay=0.2)
    lr = extend(run, 1500, "same").schedule.lr
    assert np.max(np.abs(lr - schedules.sqrt_cooldown(1500, 1.0, decay=0.2).lr)) < 0.02
    tenth = schedules.wsd(1000, 1.0, 0.1, decay=0.2)
    lr = extend(tenth, 1500, "same").schedule.lr
    assert np.max(np.abs(lr - schedules.wsd(1500, 1.0, 0.1, decay=0.2).lr)) < 1e-3


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: extend(RUN, 4000), FitError, "from 4000 to 4000 updates: give more"),
        (
            lambda: extend(RUN, 10**5),
            FitError,
            "no cooldown keeps the base rate.*comes to 39 % of it at most; extend by factor",
        ),
        (
            lambda: extend(schedules.cosine(100, 1.0), 200),
            ScheduleError,
            "no stable phase.*held for 1 update from step 0",
        ),
        (
            lambda: extend(schedules.piecewise([(0, 1.0), (9, 0.5), (20, 1.0)], 40), 80),
            ScheduleError,
            "no stable phase.*held for 29 updates from step 0",
        ),
    ],
)
def test_what_cannot_be_extended_gets_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


def test_with_a_fit_the_best_cooldown_is_that_of_the_law():
    law = load_fit("400")
    run = schedules.wsdld(24000, 3e-4, decay=4000, warmup=2160)
    found = by_law(run, 40000, law)
    parts = phases(run)
    at = np.arange(parts.start, 39999, 100)
    losses = [law.loss(schedules.Schedule(parts.rates(40000, 1 - k / 40000)))[-1] for k in at]
    assert found.begins >= parts.start
    assert law.loss(found.schedule)[-1] <= min(losses) + 1e-6
    ways = [*extensions(run, 40000), found]
    shown = compare_ways(run, ways, "law", law)
    assert min(shown.ways, key=lambda way: way.loss).how == "law"
    answer = tables(shown)[0]
    assert f"begin the cooldown at step {found.begins} " in answer.title
    assert f"predicted final loss {shown.ways[-1].loss:.4f}" in answer.title
    assert answer.rows[0][0] == "by the law"
