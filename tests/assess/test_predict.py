"""Predictions as one result: what is in them, what they say first, and what they keep as JSON."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mplfit import load_fit
from mplfit.assess.gains import gains
from mplfit.assess.intervals import final_interval
from mplfit.assess.predict import NO_INTERVAL, Predictions, predictions
from mplfit.errors import FitError
from mplfit.schedule import cosine, wsdld
from mplfit.show.tables import tables, whole_text

KNOWN = Path(__file__).parents[2] / "data" / "fit_25"
PLANS = {
    "a_cosine": cosine(20000, 3e-4, 3e-5, warmup=2160),
    "wsdld": wsdld(20000, 3e-4, 1e-5, decay=4000, warmup=2160),
    "hot": cosine(20000, 6e-4, 3e-4, warmup=2160),
}


def test_predictions_hold_losses_intervals_and_what_is_above_the_lowest() -> None:
    known = load_fit(KNOWN)
    found = predictions(known, PLANS, name="fit_25")
    assert (found.params, found.law) == ("fit_25", known.law)
    for one in found.predictions:
        np.testing.assert_array_equal(one.loss, known.loss(PLANS[one.name]))
        assert one.schedule == PLANS[one.name]
        assert one.final_loss == one.loss[-1]
        assert one.intervals == final_interval(known, PLANS[one.name])
    assert found.lowest.name == "wsdld"
    assert found.lowest.above_lowest is None
    above = found.predictions[0].above_lowest
    assert above == gains(known, PLANS["wsdld"], [PLANS["a_cosine"]])[0].summary()
    assert any("hot: the peak rate 0.0006 is 2 times" in text for text in found.warnings)
    assert "reach: hot beyond" in " ".join(found.notes)


def test_predictions_are_read_as_they_were_written_without_their_curves() -> None:
    found = predictions(load_fit(KNOWN), PLANS)
    read = Predictions.from_dict(found.to_dict())
    assert read == found
    assert read.lowest.loss.size == 0
    assert not {"lr", "loss"} & set(found.to_dict()["predictions"][0])
    assert whole_text(read) == whole_text(found)


def test_the_first_line_is_the_lowest_and_the_next_one() -> None:
    found = predictions(load_fit(KNOWN), PLANS)
    low, high = found.lowest.intervals["0.95"] if found.lowest.intervals else (0.0, 0.0)
    by_name = {one.name: one for one in found.predictions}
    following = min((by_name["a_cosine"], by_name["hot"]), key=lambda one: one.final_loss)
    assert tables(found)[0].title == (
        f"Lowest of 3: wsdld, predicted final loss {found.lowest.final_loss:.4f} (95 %: "
        f"{low:.4f}–{high:.4f}); {following.name} is "
        f"{following.final_loss - found.lowest.final_loss:.4f} higher (higher with probability "
        f"{following.above_lowest.probability if following.above_lowest else 0:.2f})."
    )
    alone = predictions(load_fit("25"), {"mine": PLANS["wsdld"]})
    assert tables(alone)[0].title == (
        f"mine is predicted to end at a loss of {alone.lowest.final_loss:.4f}."
    )
    assert alone.notes[-1] == NO_INTERVAL


def test_predictions_of_nothing_are_refused() -> None:
    with pytest.raises(FitError, match="there is no schedule to predict"):
        predictions(load_fit("25"), {})
