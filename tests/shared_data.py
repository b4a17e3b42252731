"""Where the real public data is: $MPLFIT_SHARED, or ../shared beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("MPLFIT_SHARED") or Path(__file__).parents[2] / "shared")


def shared(*parts: str) -> Path:
    """A path below the shared data; the test that asks is skipped where it is absent."""
    path = ROOT.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the public data is not here: {path} does not exist (set MPLFIT_SHARED)")
    return path
