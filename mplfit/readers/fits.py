"""A FIT on a command line: fit.json, the run folder that holds it, or a built-in name."""

from __future__ import annotations

import json
from pathlib import Path

from mplfit.errors import DataError, MplfitError
from mplfit.estimate.result import Fit, published_fit
from mplfit.laws.mpl import PUBLISHED
from mplfit.readers.log import refuse_special
from mplfit.readers.table import is_there, shorten

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
    if is_there(path) and path.is_dir():
        path = path / "fit.json"
    elif str(source) in PUBLISHED and not is_there(path):
        return published_fit(str(source))
    refuse_special(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise DataError(f"{path} is not a fit of mplfit: it is not a text file") from None
        raise DataError(
            f"{shorten(str(source), 200)} is not a fit: expected a fit.json, the run folder that "
            f"holds it, or one of the published parameter sets {', '.join(PUBLISHED)}"
        ) from None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is not JSON, and so no fit ({error}): expected the fit.json that mplfit fit "
            "wrote, or the run folder that holds it"
        ) from None
    try:
        fit = Fit.from_dict(values)
        _check_data(fit)
    except MplfitError as error:
        raise DataError(f"{path}: {error}") from None
    return fit


def _check_data(fit: Fit) -> None:
    """What other parts look up in the entries of `data` must be there."""
    for entry in fit.data:
        if not isinstance(entry, dict) or not (
            isinstance(entry.get("role"), str)
            and isinstance(entry.get("sha256"), str | None)
            and isinstance(entry.get("peak"), int | float)
        ):
            raise DataError('this fit is damaged: an entry of "data" lacks role, sha256 or peak')
    if not isinstance(fit.options.get("peak", 0.0), int | float):
        raise DataError('this fit is damaged: "peak" in its options is no number')
