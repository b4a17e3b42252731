"""A FIT on a command line: fit.json, the run folder that holds it, or a built-in name."""

from __future__ import annotations

import json
from pathlib import Path

from mplfit.errors import DataError, MplfitError
from mplfit.estimate.result import Fit, published_fit
from mplfit.laws.mpl import PUBLISHED
from mplfit.readers.log import refuse_special
from mplfit.readers.options import ReadOptions
from mplfit.readers.sizes import parse_size
from mplfit.readers.table import is_there, shorten
from mplfit.sizes.result import Sizes
from mplfit.types import from_plain

__all__ = ["is_fit", "load_fit"]


def load_fit(source: str | Path, size: str | None = None) -> Fit:
    """The fit in a file or folder, or the published parameters 25, 100 or 400.

    A folder of the name goes before a built-in name.

    Parameters
    ----------
    source : a fit.json, the run folder that holds it, or a built-in name; with `size` the
        sizes.json of a law over sizes, or its folder.
    size : the model's size at which the law over sizes is taken, such as 1.3b or d1024-l24.

    Raises
    ------
    DataError
        If there is no such file, or it does not hold a fit, or a size is missing or given in vain.

    Examples
    --------
    >>> from mplfit import load_fit
    >>> load_fit("25").params["alpha"]
    0.50786857
    """
    path = Path(source)
    if is_there(path) and path.is_dir():
        inside = path / "sizes.json"
        path = inside if inside.exists() else path / "fit.json"
    elif str(source) in PUBLISHED and not is_there(path) and size is None:
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
    over_sizes = isinstance(values, dict) and values.get("schema") == Sizes.SCHEMA
    if over_sizes == (size is None):
        raise DataError(
            f"{path} is a law over sizes: give the size= that is meant, such as 1.3b"
            if over_sizes
            else f"{path} is a fit of one size: size= is for laws that `mplfit sizes` wrote"
        )
    try:
        if size is not None:
            return Sizes.from_dict(values).at(parse_size(size))
        fit = Fit.from_dict(values)
        _check_reading(fit)
    except MplfitError as error:
        raise DataError(f"{path}: {error}") from None
    return fit


def _check_reading(fit: Fit) -> None:
    """How the logs were read must be what a reader can be told."""
    for i, record in enumerate(fit.data):
        try:
            from_plain(ReadOptions, record.reading or {}, f"data[{i}].reading")
        except DataError as error:
            raise DataError(f"this fit is damaged: {error}") from None


def is_fit(source: str) -> bool:
    """Whether that is a FIT, not a log: a folder with fit.json, its file, or a built-in name."""
    path = Path(source)
    if path.is_dir():
        return (path / "fit.json").exists()
    if not path.exists():
        return True  # a built-in name; or nothing, which load_fit refuses in a sentence
    if path.suffix.lower() != ".json":
        return False
    try:
        schema = json.loads(path.read_text(encoding="utf-8-sig")).get("schema", "")
    except (OSError, ValueError, AttributeError, RecursionError):
        return False
    return str(schema).startswith("mplfit.fit")
