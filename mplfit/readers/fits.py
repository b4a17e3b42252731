"""A FIT on a command line: fit.json, the run folder that holds it, or a built-in name."""

from __future__ import annotations

import json
from pathlib import Path

from mplfit.errors import DataError
from mplfit.estimate.result import Fit, published_fit
from mplfit.laws.mpl import PUBLISHED

__all__ = ["load_fit"]


def load_fit(source: str | Path) -> Fit:
    """The fit in a file or folder, or the published parameters 25, 100 or 400.

    A folder of the name goes before a built-in name.

    Raises
    ------
    DataError
        If there is no such file, or it does not hold a fit.

    Examples
    --------
    >>> from mplfit import load_fit
    >>> load_fit("25").params["alpha"]
    0.50786857
    """
    path = Path(source)
    if path.is_dir():
        path = path / "fit.json"
    elif not path.exists() and str(source) in PUBLISHED:
        return published_fit(str(source))
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise DataError(
            f"{source} is not a fit: expected a fit.json, the folder that holds it, or one of the "
            f"published parameter sets {', '.join(PUBLISHED)}"
        ) from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a fit of mplfit: it is not a text file") from None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from None
    return Fit.from_dict(values)
