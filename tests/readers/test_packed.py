"""Every format compressed, and from standard input, is read as its plain file is."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest

from mplfit.curve import Curve
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves
from tests.support.damaged import FORMATS, GIVEN, SILENT_ONES, samples

WHOLE = "MLflow's folder"  # a folder cannot be packed or piped


def read(path: Path | str, name: str) -> list[Curve]:
    calls = {"steps_per_row": 1, "steps_are": "index"} if name == "Hugging Face" else {}
    given = GIVEN if name in SILENT_ONES else None
    return read_curves(path, ReadOptions(from_step=0, schedule=given, **calls))


def rows(curves: list[Curve]) -> list[tuple[list[int], list[float], list[float]]]:
    return [(c.step.tolist(), c.loss.tolist(), c.schedule.lr.tolist()) for c in curves]


@pytest.fixture(scope="module")
def all_samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, bytes]]:
    made = samples(tmp_path_factory.mktemp("samples"))
    assert set(made) == set(FORMATS)
    return {name: (file, data) for name, (file, data, _) in made.items()}


@pytest.mark.parametrize("name", [name for name in FORMATS if name != WHOLE])
def test_packed_and_piped(
    name: str,
    tmp_path: Path,
    all_samples: dict[str, tuple[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, data = all_samples[name]
    path = tmp_path / file
    path.write_bytes(data)
    plain = read(path, name)
    packed = {".gz": gzip.compress(data)}
    zstandard = sys.modules.get("zstandard") or pytest.importorskip("zstandard")
    packed[".zst"] = zstandard.ZstdCompressor().compress(data)
    for suffix, inside in packed.items():
        folder = tmp_path / suffix[1:]
        folder.mkdir()
        other = folder / (file + suffix)
        other.write_bytes(inside)
        for place in (other, folder):  # given by itself, and found in its folder
            again = read(place, name)
            assert rows(again) == rows(plain)
            if name not in ("trainer_state", "events"):  # which are named after their folders
                assert [c.name for c in again] == [c.name for c in plain]
    for text in (data, *packed.values()):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
        assert rows(read("-", name)) == rows(plain)
