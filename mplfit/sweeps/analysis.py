"""From a sweep table to everything that is said about it, parametrization by parametrization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import ClassVar

from mplfit.errors import FitError
from mplfit.results import Result
from mplfit.sweeps.batch import OverBatch, minimised_over_batch
from mplfit.sweeps.optimum import DRAWS, Optimum, find_optima
from mplfit.sweeps.power_law import METHODS, PowerLaw, fit_power_law, reference_sizes
from mplfit.sweeps.predicted import NOT_ASKED, PredictedRate
from mplfit.sweeps.roles import size_kind
from mplfit.sweeps.settings import parametrizations, size_classes, slices
from mplfit.sweeps.size_law import SizeLaw, fit_size_law
from mplfit.sweeps.table import SweepTable, Value, groups_of, label
from mplfit.sweeps.transfer import Transfer, transfer
from mplfit.sweeps.verdict import headline
from mplfit.sweeps.verdict import sentences as sentences_of
from mplfit.tasks import Progress
from mplfit.types import Record

__all__ = ["Options", "Part", "SweepAnalysis", "analyse"]


@dataclass(frozen=True, eq=False)
class Options(Record):
    """How a sweep is analysed.

    method : whose law is drawn and named first, one of `METHODS`. tolerance : of the basins,
    relative to the best loss. draws : resampled sweeps. seed : of the random numbers.
    reference : a size at which laws in it state their rate, by the column's name.
    """

    method: str = "robust"
    tolerance: float = 0.01
    draws: int = DRAWS
    seed: int = 0
    reference: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Part:
    """One parametrization: the settings that differ in their sizes alone.

    laws : for the best rate, by variables; each in every method that could be fitted, the grid's
    twice where a setting has a single rate (with it, as notebooks do, and without).
    missing : sentences on what could not be fitted.
    over_batch : rate and batch size chosen together, where batch sizes vary beside another size.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("verdict", "sentences")

    key: Mapping[str, Value]
    optima: tuple[Optimum, ...] = field(metadata={"key": "settings"})
    sizes: tuple[tuple[str, ...], ...]
    transfers: tuple[Transfer, ...] = field(metadata={"key": "transfer"})
    laws: tuple[PowerLaw, ...] = field(metadata={"key": "rate_laws"})
    size_laws: tuple[SizeLaw, ...] = field(metadata={"key": "loss_laws"})
    missing: tuple[str, ...]
    over_batch: OverBatch | None = None

    @property
    def verdict(self) -> str:
        """Whether the best rate moves, in a line."""
        return headline(self)

    @property
    def sentences(self) -> list[str]:
        """What it says, in sentences."""
        return [text.strip() for text in sentences_of(self)]

    @property
    def name(self) -> str:
        """The parametrization in words."""
        return label(self.key)

    def law(self, method: str) -> PowerLaw | None:
        """The first law of that method, or of the next best one that could be fitted."""
        for wanted in (method, *reversed(METHODS)):
            for law in self.laws:
                if law.method == wanted:
                    return law
        return None


@dataclass(frozen=True, eq=False, repr=False)
class SweepAnalysis(Result):
    """What a sweep says; see `analyse`.

    predicted : a law's best rates beside the observed ones, where a fit was given.
    parts : by parametrization, in the order of the keys: what follows from the table and the
        options. `to_dict` writes them without their resampled sweeps; `from_dict` makes them again
        from the table, which takes as long as the first time.
    """

    SCHEMA: ClassVar[str] = "mplfit.sweep/2"
    DERIVED: ClassVar[tuple[str, ...]] = (
        *("runs", "groups", "sizes", "notes", "parametrizations", "predicted_note"),
    )

    table: SweepTable
    options: Options
    predicted: tuple[PredictedRate, ...] = ()
    parts: tuple[Part, ...] = field(default=(), metadata={"written": False})

    @classmethod
    def from_dict(cls, values: object, where: str = "") -> SweepAnalysis:
        """What `to_dict` wrote: its table, analysed again with the same options and seed."""
        kept = super().from_dict(values, where)
        return replace(analyse(kept.table, kept.options), predicted=kept.predicted)

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return len(self.table)

    @property
    def groups(self) -> tuple[str, ...]:
        """The columns that make a setting."""
        return self.table.groups

    @property
    def sizes(self) -> tuple[str, ...]:
        """The columns that are sizes."""
        return self.table.sizes

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed, found or dropped in reading."""
        return self.table.notes

    @property
    def warnings(self) -> tuple[str, ...]:
        """Runs that diverged, and settings whose best rate the sweep does not enclose."""
        said, optima = [], self.optima
        diverged = sum(int(optimum.group.diverged.sum()) for optimum in optima)
        if diverged:
            rates = sum(int((optimum.group.diverged > 0).sum()) for optimum in optima)
            said.append(
                f"{diverged} of {len(self.table)} runs diverged (NaN, infinite or more than 1000 "
                f"times the lowest loss), at {rates} rates, which are not taken as best"
            )
        for flag, text in (
            ("single rate", "only one rate was tried, which says nothing about the best"),
            ("edge low", "the best rate is the smallest tried: try smaller ones"),
            ("edge high", "the best rate is the largest tried: try larger ones"),
            ("no optimum", "every rate has a diverged run: there is no best one"),
        ):
            names = [optimum.group.name for optimum in optima if flag in optimum.flags]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            if names:
                shown = "; ".join(names[:3]) + more
                said.append(f"in {len(names)} of {len(optima)} settings {text} ({shown})")
        return tuple(said)

    @property
    def parametrizations(self) -> tuple[Part, ...]:
        """`parts`, as JSON calls them."""
        return self.parts

    @property
    def predicted_note(self) -> str | None:
        """Why no best rates are predicted; None where they are."""
        return None if self.predicted else NOT_ASKED

    @property
    def optima(self) -> tuple[Optimum, ...]:
        """The optima of all settings."""
        return tuple(optimum for part in self.parts for optimum in part.optima)


def analyse(
    table: SweepTable,
    options: Options | None = None,
    *,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> SweepAnalysis:
    """Optima, transfer and laws of a sweep.

    Raises
    ------
    DataError, FitError
        If an option is out of range, or no setting has an optimum.

    >>> import numpy as np
    >>> from mplfit.sweeps.analysis import analyse
    >>> from mplfit.sweeps.table import SweepTable
    >>> width, rate, seed = np.meshgrid([1.0, 2, 4], 2.0 ** np.arange(-12, -4), [-1, 1])
    >>> loss = 2 + 0.1 * np.log(rate * width / 2**-7) ** 2 + 1e-4 * seed
    >>> table = SweepTable(rate.ravel(), loss.ravel(), {"width": width.ravel()}, ("width",),
    ...                    ("width",))
    >>> part, = analyse(table).parts
    >>> part.transfers[0].verdict, round(part.law("ordinary").gamma, 6)
    ('moves', 1.0)
    """
    options = options or Options()
    if options.method not in METHODS:
        raise FitError(
            f"there is no method {options.method!r}: the methods are {', '.join(METHODS)}"
        )
    for name, value in options.reference:
        if name not in table.sizes or not value > 0:
            raise FitError(
                f"the reference {name}={value:g} must be a positive size, and the sizes are "
                f"{', '.join(table.sizes) or 'none'}"
            )
    optima = find_optima(
        groups_of(table),
        tolerance=options.tolerance,
        draws=options.draws,
        seed=options.seed,
        executor=executor,
        progress=progress,
    )
    parts = [_part(key, found, options) for key, found in parametrizations(optima)]
    return SweepAnalysis(table, options, parts=tuple(parts))


def _part(key: dict[str, Value], optima: Sequence[Optimum], options: Options) -> Part:
    classes, missing = size_classes(optima), []
    transfers = []
    for along in slices(optima):
        try:
            transfers.append(transfer(along))
        except FitError as error:
            missing.append(str(error))
    laws: list[PowerLaw] = []
    for names in _variables(classes):
        laws += _laws(optima, names, options, missing)
    size_laws = []
    if len(classes) == 1:
        reference = dict(options.reference)
        for name in sorted(classes[0], key=_parameters_first):
            for floor in (True, False):
                try:
                    law = fit_size_law(optima, name, floor=floor, reference=reference.get(name))
                except FitError as error:
                    missing.append(str(error))
                else:
                    size_laws.append(law)
    elif classes:
        missing.append(
            "no law of the loss: several sizes vary at once ("
            f"{', '.join(names[0] for names in classes)})"
        )
    return Part(
        key,
        tuple(optima),
        tuple(tuple(names) for names in classes),
        tuple(transfers),
        tuple(laws),
        tuple(size_laws),
        tuple(dict.fromkeys(missing)),
        _over_batch(optima, classes, options),
    )


def _over_batch(
    optima: Sequence[Optimum], classes: list[list[str]], options: Options
) -> OverBatch | None:
    """The analysis over batch sizes, where they and another size vary."""
    batch = next((n for names in classes for n in names if size_kind(n) == "batch size"), None)
    others = [names for names in classes if batch not in names]
    if batch is None or not others:
        return None
    tokens = [name for names in others for name in names if size_kind(name) == "horizon"][:1]
    variables = [min(names, key=_parameters_first) for names in others]
    return minimised_over_batch(
        optima,
        batch,
        variables,
        tokens or variables,
        tolerance=options.tolerance,
        seed=options.seed,
    )


def _variables(classes: list[list[str]]) -> list[tuple[str, ...]]:
    """Laws to fit: in each name of the one size that varies, or in all sizes that do."""
    if len(classes) == 1:
        return [(name,) for name in sorted(classes[0], key=_parameters_first)]
    return [tuple(min(names, key=_parameters_first) for names in classes)] if classes else []


def _parameters_first(name: str) -> int:
    return 0 if size_kind(name) == "parameters" else 1


def _laws(
    optima: Sequence[Optimum], names: tuple[str, ...], options: Options, missing: list[str]
) -> list[PowerLaw]:
    given = dict(options.reference)
    usual = reference_sizes(optima, names)
    reference = [given.get(name, value) for name, value in zip(names, usual, strict=True)]
    vacuous = any("single rate" in optimum.flags for optimum in optima)
    made = []
    for method, single in [("grid", True)] * vacuous + [(method, False) for method in METHODS]:
        try:
            law = fit_power_law(optima, names, method, reference=reference, single=single)
        except FitError as error:
            missing.append(str(error))
        else:
            made.append(law)
    return made
