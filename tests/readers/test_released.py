"""The names of the released curves, and what only looks like one."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit.readers.released import NAMES, TEST, TRAIN, released_schedule


def test_the_split_is_the_release() -> None:
    assert set(TRAIN) == {"cosine_24000", "constant_24000", "wsdcon_9"}
    assert set(TEST) == {
        "constant_72000",
        "cosine_72000",
        "wsd_20000_24000",
        "wsdld_20000_24000",
        "wsdcon_3",
        "wsdcon_18",
    }
    assert TRAIN + TEST == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_released_schedule_has_the_release_s_warmup_length_and_ends(name: str) -> None:
    schedule = released_schedule(name)
    assert schedule is not None
    assert schedule.warmup == 2160
    np.testing.assert_array_equal(schedule.lr[:2160], np.linspace(0, 3e-4, 2160))
    steps = 16000 if name.startswith("wsdcon") else int(name.rsplit("_", 1)[1])
    assert schedule.steps == steps
    last = {"constant": 3e-4, "wsdcon": int(name.rsplit("_", 1)[1]) * 1e-5}
    kind = name.split("_")[0]
    assert schedule.lr[-1] == pytest.approx(last.get(kind, 3e-5), rel=3e-3)
    assert schedule.lr[2160] == 3e-4


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "run",
            "cosine",
            "cosine_",
            "cosine_x",
            "cosine_24000_1",
            "wsd_24000",
            "wsd_24000_20000",
        ),
        *("constant_2160", "constant_0", "wsdld_100_24000", "wsdcon_3_4", "xcosine_24000"),
        *("cosine_24000.bak", "constant_99999999999999", "wsdcon_", "wsd_24000_24000"),
    ],
)
def test_other_names_are_no_released_curves(name: str) -> None:
    assert released_schedule(name) is None


@pytest.mark.parametrize("name", ["wsdcon_0", "wsdcon_31", "wsdcon_999", "wsdcon_1000000"])
def test_a_second_rate_far_from_the_release_s_does_no_harm(name: str) -> None:
    made = released_schedule(name)
    assert made is None or made.lr[-1] == int(name.split("_")[1]) * 1e-5
