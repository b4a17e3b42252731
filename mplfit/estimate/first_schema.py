"""Fits as mplfit wrote them before: the values of schema mplfit.fit/1 as those of mplfit.fit/2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mplfit.errors import DataError, MplfitError
from mplfit.estimate.prior import prior_for
from mplfit.laws.registry import get_law

__all__ = ["FIRST", "upgraded"]

FIRST = "mplfit.fit/1"

_LOST = (
    "the prior {!r} of this fit is not in its file (mplfit.fit/1 kept only the names of priors): "
    "fit the curves again to bootstrap or profile it"
)


def upgraded(values: Mapping[str, Any], schema: str) -> dict[str, Any]:
    """The same fit with the fields that `schema` has; what is damaged is found when it is read.

    The first schema had the name of a prior where the second has the prior itself, among options
    of all kinds, and wrote what follows from a field beside it.
    """
    made = {**values, "schema": schema}
    options = dict(_object(made.pop("options", {}), "options"))
    name, law = options.pop("prior", "none"), values.get("law")
    if not isinstance(name, str):
        raise DataError(f'"options.prior" must be text, got {name!r}')
    made["residual_correlation"] = options.pop("residual_correlation", 0.0)
    made["made_by"] = options.pop("command", None)
    made["published"] = options.pop("published", None)
    for known in ("peak", "updates", "D", "G"):  # of published parameters, and of the bound
        options.pop(known, None)
    constants = values.get("constants", {})
    whole = isinstance(constants, Mapping) and all(
        type(c) in (int, float) for c in constants.values()
    )
    if name != "none" and isinstance(law, str) and whole:
        try:
            prior = prior_for(get_law(law, constants), name)
            made["prior"] = prior.to_dict() if prior else None
        except MplfitError:
            said = made.get("warnings")
            made["warnings"] = [*(said if isinstance(said, list) else ()), _LOST.format(name)]
    if made["published"] is None and options:
        made["options"] = {
            "law": options.pop("asked_law", law),
            "prior": options.pop("asked_prior", name),
            **options,
        }
    identification = made.get("identification")
    if isinstance(identification, Mapping):
        made["identification"] = {k: v for k, v in identification.items() if k != "open"}
    return made


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DataError(f'"{name}" must be an object, got {type(value).__name__}')
    return value
