"""The text grammar: every form, its numbers, its refusals, and text → schedule → text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mplfit import schedule as s
from mplfit.errors import ScheduleError
from mplfit.schedule import Schedule
from mplfit.schedule.spec import GRAMMAR, format_schedule, parse_schedule, read_spec

SPECS = {
    "constant:steps=10,peak=3e-4,warmup=2": s.constant(10, 3e-4, warmup=2),
    "cosine:steps=24000,peak=3e-4,final=3e-5,warmup=2160": s.cosine(24000, 3e-4, 3e-5, warmup=2160),
    "cosine:steps=9,peak=1,endpoint=yes": s.cosine(9, 1.0, endpoint=True),
    "linear:steps=9,peak=1,final=0.5,endpoint=no": s.linear(9, 1.0, 0.5),
    "polynomial:steps=9,peak=1,power=2.5": s.polynomial(9, 1.0, power=2.5),
    "wsd:steps=24000,peak=3e-4,final=3e-5,decay=4000,warmup=2160": s.wsd(
        24000, 3e-4, 3e-5, decay=4000, warmup=2160
    ),
    "wsdld:steps=100,peak=1,decay=0.2": s.wsdld(100, 1.0, decay=20),
    "sqrt:steps=100,peak=1,decay=20,final=.1": s.sqrt_cooldown(100, 1.0, 0.1, decay=20),
    "inverse-sqrt:steps=100,peak=1,decay=20,warmup=9": s.inverse_sqrt(100, 1.0, decay=20, warmup=9),
    "wsds:steps=90,peak=1,final=10%,decay=10,cycles=3": s.wsds(90, 1.0, 0.1, decay=10, cycles=3),
    "inverse-sqrt:steps=100,peak=1,decay=20,sqrt=yes": s.inverse_sqrt(
        100, 1.0, decay=20, sqrt=True
    ),
    "power:steps=100,peak=1,power=0.51,warmup=9": s.power_law(100, 1.0, power=0.51, warmup=9),
    "constant:steps=9,peak=2,warmup=4,warmup-from=10%": s.constant(
        9, 2.0, warmup=4, warmup_from=0.2
    ),
    "knots:0=1,8=0.5,warmup=4,warmup-from=0.2": s.from_knots(
        [(0, 1.0), (8, 0.5)], warmup=4, warmup_from=0.2
    ),
    "two-stage:steps=10,peak=1,second=0.1,switch=5": s.two_stage(10, 1.0, 0.1, switch=5),
    "piecewise:0=1,4=0.5,steps=10,warmup=3": s.piecewise([(0, 1.0), (4, 0.5)], 10, warmup=3),
    "knots:0=0,2=1,4=0.5": s.from_knots([(0, 0.0), (2, 1.0), (4, 0.5)]),
    "knots:0=1,1k=0.5,steps=1_200,warmup=10": s.from_knots(
        [(0, 1.0), (1000, 0.5)], 1200, warmup=10
    ),
    "constant:steps=2,peak=1 + linear:steps=3,peak=1e+0,endpoint=1": s.join(
        [s.constant(2, 1.0), s.linear(3, 1.0, endpoint=True)]
    ),
    "  constant: steps = 1.5k , peak = 1 ,": s.constant(1500, 1.0),
}


@pytest.mark.parametrize("text", SPECS)
def test_a_text_is_its_constructor(text: str) -> None:
    assert parse_schedule(text) == SPECS[text]


def test_every_form_has_an_example_above() -> None:
    forms = {line.partition(":")[0] for line in GRAMMAR.splitlines()}
    assert forms == {text.strip().partition(":")[0] for text in SPECS}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a schedule: expected an existing file"),
        ("cosin:steps=9,peak=1", "cosine:steps=,peak="),
        ("nothing.txt", r"expected an existing file \(.csv, .npy, .json\) or one of"),
        ("cosine", "cosine lacks steps, peak"),
        ("cosine:steps=9", r"lacks peak .*expected cosine:steps=,peak=,\[final=\]"),
        ("cosine:steps=9,peak=1,decay=3", "cosine does not know 'decay=3': expected cosine:"),
        ("cosine:steps=9,peak=1,peak=2", "has peak twice"),
        ("cosine:steps=9,peak", "does not know 'peak'"),
        ("cosine:steps=nine,peak=1", "steps of cosine must be a number, got 'nine'"),
        ("cosine:steps=9.5,peak=1", "steps of cosine must be a whole number of updates, got '9.5'"),
        ("cosine:steps=9,peak=nan", "peak of cosine must be a finite number"),
        ("cosine:steps=9,peak=inf", "peak of cosine must be a finite number"),
        ("cosine:steps=9,peak=3m", "peak of cosine must be a number, got '3m'"),
        ("cosine:steps=9,peak=1,endpoint=maybe", "endpoint of cosine must be yes or no"),
        ("cosine:steps=1e14,peak=1", "whole number of steps from 1 to"),
        ("cosine:steps=-4,peak=1", "whole number of steps from 1 to"),
        ("cosine:steps=4,peak=-1", "peak rate must be positive"),
        ("knots:steps=9", "lacks STEP=LR points"),
        ("knots:1=1,2=2", "begin at 0 and ascend"),
        ("knots:0=1,0=2", "begin at 0 and ascend"),
        ("knots:0=x", "lr at 0 of knots must be a number, got 'x'"),
        ("knots:0=1,900m=2", "beyond the 100,000,000 updates"),
        ("piecewise:0=1", "piecewise lacks steps"),
        ("knots:0=1,warmup-from=10%", "warmup-from of knots must be a number, got '10%'"),
        ("constant:steps=9,peak=1,warmup=2,warmup-from=1.1", "between 0 and the rate .* 1, got"),
        ("wsds:steps=9,peak=1,decay=1,cycles=10", "from 1 to the 9 steps, got 10"),
        ("power:steps=9,peak=1,power=0", "power of a power law must be positive, got 0"),
        ("constant:steps=2,peak=1 + nonsense:steps=3", "'nonsense:steps=3' is not a schedule"),
    ],
)
def test_a_wrong_text_gets_a_sentence_that_says_what_is_accepted(text: str, said: str) -> None:
    with pytest.raises(ScheduleError, match=said) as caught:
        parse_schedule(text)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_lists_every_form() -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_schedule("triangle:steps=3")
    for line in GRAMMAR.splitlines():
        assert line in str(caught.value)


@given(
    st.lists(st.floats(0, 10, allow_subnormal=False), min_size=1, max_size=40).filter(any),
    st.integers(0, 40),
)
def test_a_schedule_comes_back_from_its_text(values: list[float], warmup: int) -> None:
    schedule = Schedule(values, min(warmup, len(values)))
    back = parse_schedule(format_schedule(schedule))
    np.testing.assert_allclose(back.lr, schedule.lr, rtol=0, atol=3e-13 * schedule.peak)


@pytest.mark.parametrize("warmup", [0, 1, 2, 10, 99])
def test_the_warmup_comes_back_too(warmup: int) -> None:
    for schedule in (
        s.constant(100, 3e-4, warmup=warmup),
        s.linear(100, 3e-4, 3e-5, warmup=warmup),
        s.linear(100, 3e-4, 3e-5, warmup=warmup, warmup_from=3e-5),
    ):
        back = parse_schedule(format_schedule(schedule))
        assert back.warmup == warmup
        np.testing.assert_allclose(back.lr, schedule.lr, rtol=0, atol=3e-13 * 3e-4)
        assert len(format_schedule(schedule)) < 100


@given(st.text(max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    for spec in (text, f"cosine:{text}", f"knots:0=1,{text}"):
        try:
            assert parse_schedule(spec).steps >= 1
        except ScheduleError as error:
            assert str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("sqrt:steps=400,peak=1,decay=1.0", "sqrt:steps=400,peak=1,decay=400"),
        ("sqrt:steps=400,peak=1,decay=1", "sqrt:steps=400,peak=1,decay=400"),
        ("sqrt:steps=400,peak=1,decay=100%", "sqrt:steps=400,peak=1,decay=400"),
        ("wsdld:steps=40k,peak=1,decay=20%", "wsdld:steps=40000,peak=1,decay=8000"),
        ("wsdld:steps=40K,peak=1,decay=8K", "wsdld:steps=40000,peak=1,decay=8000"),
        ("wsdld:steps=0.5M,peak=1,decay=0.1M", "wsdld:steps=500000,peak=1,decay=100000"),
        ("linear:steps=500,peak=1,warmup=9%", "linear:steps=500,peak=1,warmup=45"),
        (
            "two-stage:steps=500,peak=2,second=25%,switch=50%",
            "two-stage:steps=500,peak=2,second=.5,switch=250",
        ),
    ],
)
def test_shares_and_units_are_understood_wherever_a_number_of_that_kind_is(text, plain):
    assert parse_schedule(text) == parse_schedule(plain)


def test_a_decay_longer_than_what_the_warmup_leaves_is_refused_with_the_largest_share():
    with pytest.raises(ScheduleError, match=r"a decay of 100 % of 400 updates does not fit.*90 %"):
        parse_schedule("sqrt:steps=400,peak=1,decay=100%,warmup=10%")


@pytest.mark.parametrize("text", SPECS)
def test_a_spec_s_text_reads_back(text):
    for piece in text.split(" + "):
        spec = read_spec(piece)
        assert read_spec(str(spec)).schedule() == spec.schedule()


def test_the_text_of_a_decay_of_one_update_does_not_become_the_whole_run():
    spec = read_spec("wsdld:steps=400,peak=1,decay=0.5").with_values(decay=1)
    assert read_spec(str(spec)).schedule() == s.wsdld(400, 1.0, decay=1)
