"""Settings sorted out: parametrizations, the sizes that vary in each, and slices along one size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mplfit.sweeps.optimum import Optimum
from mplfit.sweeps.table import Value
from mplfit.types import FloatArray

__all__ = ["Slice", "parametrizations", "size_classes", "slices", "values_of"]


@dataclass(frozen=True)
class Slice:
    """Optima that differ in one size alone, by rising size.

    size : the name of that size. fixed : the values of the other sizes.
    """

    size: str
    fixed: Mapping[str, float]
    optima: tuple[Optimum, ...]

    @property
    def values(self) -> FloatArray:
        """The sizes, shape (n,)."""
        return values_of(self.optima, self.size)


def values_of(optima: Sequence[Optimum], size: str) -> FloatArray:
    """One size of some optima, shape (n,)."""
    return np.array([optimum.group.sizes[size] for optimum in optima], dtype=np.float64)


def parametrizations(optima: Sequence[Optimum]) -> list[tuple[dict[str, Value], list[Optimum]]]:
    """The optima by what is not a size: standard parametrization and muP, say."""
    made: dict[tuple[tuple[str, Value], ...], list[Optimum]] = {}
    for optimum in optima:
        key = tuple((k, v) for k, v in optimum.group.key.items() if k not in optimum.group.sizes)
        made.setdefault(key, []).append(optimum)
    return [(dict(key), found) for key, found in made.items()]


def size_classes(optima: Sequence[Optimum]) -> list[list[str]]:
    """The sizes that vary, those that go one to one with each other together.

    Width and parameter count, where only the width varies, are one size with two names.
    """
    classes: list[list[str]] = []
    for name in optima[0].group.sizes if optima else ():
        values = values_of(optima, name)
        if np.unique(values).size < 2:
            continue
        for names in classes:
            pairs = np.unique(np.stack([values_of(optima, names[0]), values]), axis=1).shape[1]
            both = (np.unique(values_of(optima, names[0])).size, np.unique(values).size)
            if pairs == both[0] == both[1]:
                names.append(name)
                break
        else:
            classes.append([name])
    return classes


def slices(optima: Sequence[Optimum]) -> list[Slice]:
    """All runs of at least two settings that differ in one size alone."""
    names = [names[0] for names in size_classes(optima)]
    made = []
    for name in names:
        others = [other for other in names if other != name]
        rest: dict[tuple[float, ...], list[Optimum]] = {}
        for optimum in optima:
            rest.setdefault(tuple(optimum.group.sizes[other] for other in others), []).append(
                optimum
            )
        for fixed, found in rest.items():
            ordered = tuple(sorted(found, key=lambda one: one.group.sizes[name]))
            if len({one.group.sizes[name] for one in ordered}) > 1:
                made.append(Slice(name, dict(zip(others, fixed, strict=True)), ordered))
    return made
