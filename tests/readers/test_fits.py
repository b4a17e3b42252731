"""A FIT: fit.json, its folder or a built-in name; anything else is refused."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mplfit.assess.predict import predictions
from mplfit.errors import DataError, MplfitError
from mplfit.estimate.records import CurveRecord
from mplfit.estimate.result import Fit, published_fit
from mplfit.plan.design import design
from mplfit.readers.fits import load_fit
from mplfit.schedule import wsdld
from mplfit.show.tables import whole_text
from mplfit.writers.text import json_bytes

RECORD = CurveRecord("a", "train", None, None, 2, 0, 9, 10, 0, 3e-4)
ENTRY = RECORD.to_dict()


def fit_dict(**changes: Any) -> dict[str, Any]:
    return {**Fit("mpl", published_fit("400").params, data=(RECORD,)).to_dict(), **changes}


def test_a_file_its_folder_and_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = Fit("mpl", published_fit("400").params, objective=1e-4, data=(RECORD,))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "fit.json").write_bytes(b"\xef\xbb\xbf" + json_bytes(fit.to_dict()))
    assert load_fit(tmp_path / "run") == fit
    assert load_fit(str(tmp_path / "run" / "fit.json")) == fit
    assert load_fit("400") == published_fit("400")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").rename("400")
    assert load_fit("400") == fit  # what is there goes before a built-in name


@pytest.mark.parametrize(
    "values",
    ["500", "", "absent.json", "x" * 5000, "a/b/c", "25 "],
)
def test_what_is_not_there_is_refused_with_what_is_accepted(values: str) -> None:
    with pytest.raises(DataError) as caught:
        load_fit(values)
    message = str(caught.value)
    assert "is not a fit: expected a fit.json, the run folder that holds it, or one of" in message
    assert "25, 100, 400" in message
    assert len(message) < 400


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "is not a text file"),
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        ([], "not a fit of mplfit: expected schema 'mplfit.fit/2' or 'mplfit.fit/1', got 'list'"),
        ({"schema": "mplfit.fit/9"}, "got 'mplfit.fit/9'"),
        ({"schema": "mplfit.fit/1"}, 'damaged: "law" is missing'),
        (fit_dict(law="nonsense"), "no law 'nonsense'"),
        (fit_dict(params={"L0": 1}), "has the parameters L0 A alpha B C beta gamma, got L0"),
        (
            fit_dict(params={**published_fit("25").params, "A": None}),
            'damaged: "params.A" must be a finite number, got null',
        ),
        (fit_dict(params={**published_fit("25").params, "A": "NaN"}), "A"),
        *[
            (
                fit_dict(law=law, params={"L0": 2.0, "A": 0.3, "B": 0.1, "delta": 0.0}),
                f"the law {law} as mplfit had it before, with the parameters B and delta; the law "
                "has changed: fit the runs again",
            )
            for law in ("effective", "amplitude")
        ],
        (fit_dict(params=[1, 2]), "damaged"),
        (fit_dict(data=[{}]), "damaged"),
        (fit_dict(data=[3]), "damaged"),
        (fit_dict(data=[{**ENTRY, "peak": None}]), "damaged"),
        (fit_dict(data=3), "damaged"),
        (fit_dict(options={"law": 3}), 'damaged: "options.law" must be text, got 3'),
        (fit_dict(data=[{**ENTRY, "reading": {"smooth": 0}}]), "damaged.*smooth"),
        (fit_dict(data=[{**ENTRY, "reading": {"smoothed": 1}}]), "damaged.*smoothed"),
        (fit_dict(data=[{**ENTRY, "points": 11}]), "11 rows do not fit"),
        (fit_dict(starts={"screened": 1}), "damaged"),
    ],
)
def test_a_damaged_fit_is_refused_in_a_sentence_that_names_the_file(
    tmp_path: Path, content: object, said: str
) -> None:
    path = tmp_path / "fit.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    for source in (path, tmp_path):
        with pytest.raises(DataError, match=said) as caught:
            load_fit(source)
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)


def test_an_empty_folder_is_no_fit(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is not a fit: expected a fit\.json"):
        load_fit(tmp_path)


WRONG = (None, -1, 0, 1, 1.5, 1e300, 1e-300, 10**20, "x", "", "nan", True, [], {}, [1, 2], {"a": 1})


def changed(values: Any, generator: np.random.Generator) -> Any:
    """The values of a fit.json with one of them, at any depth, lost, scaled or replaced."""
    made = copy.deepcopy(values)
    place: Any = made
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(min(len(place), 3)))
        key = keys[int(generator.integers(len(keys)))]
        inner = place[key]
        if not inner or not isinstance(inner, dict | list) or generator.random() < 0.1:
            break
        place = inner
    how = int(generator.integers(4))
    if how == 0 and isinstance(place, dict):
        del place[key]
    elif how == 1 and isinstance(inner, float):
        place[key] = inner * float(generator.choice([-1, 0, 1e6, 1e-6, 1e200]))
    else:
        place[key] = WRONG[int(generator.integers(len(WRONG)))]
    return made


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the command line makes lines of them
def test_a_fit_with_a_changed_value_is_refused_or_used_without_a_traceback() -> None:
    path = Path(__file__).parents[2] / "data" / "fit_25" / "fit.json"
    values, generator = json.loads(path.read_text()), np.random.default_rng(5)
    plan, refused, used = wsdld(300, 3e-4, decay=60), 0, 0
    count = int(os.environ.get("MPLFIT_INPUTS", "120"))
    for _ in range(count):
        try:
            found = Fit.from_dict(changed(values, generator))
            texts = [whole_text(found), whole_text(predictions(found, {"plan": plan}))]
            texts.append(whole_text(design(found, plan, {"longer": wsdld(600, 3e-4, decay=60)})))
            assert "nan–" not in " ".join(texts)
            used += 1
        except MplfitError as error:
            refused += "\n" not in str(error)
    assert used + refused == count
    assert min(used, refused) > count / 10
