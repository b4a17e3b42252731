"""`Fit`: the parameters of a law with how they were estimated; the contents of fit.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np
from numpy.typing import ArrayLike

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.estimate.first_schema import FIRST, upgraded
from mplfit.estimate.metrics import Evaluation, Group
from mplfit.estimate.prior import Prior
from mplfit.estimate.records import (
    BootstrapRecord,
    CurveRecord,
    FitOptions,
    Identification,
    Spread,
    Starts,
)
from mplfit.laws import get_law
from mplfit.laws.base import Law, check_params
from mplfit.laws.mpl import PUBLISHED
from mplfit.results import Result, api
from mplfit.schedule import Schedule
from mplfit.types import FloatArray, from_plain

if TYPE_CHECKING:
    from mplfit.results import Axes, Figure, Page, PathName, Prediction, RunsLike

__all__ = ["SCHEMA", "Fit", "Spread", "Starts", "published_fit"]

SCHEMA = "mplfit.fit/2"
_CHANGED, _FORMER = ("effective", "amplitude"), {"B", "delta"}  # laws, and what they had before
_PUBLISHED_PEAK, _PUBLISHED_UPDATES = 3e-4, 24000  # of the released runs
_LARGEST = 1e30  # of a parameter; squares of what follows from it must not overflow


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Result):
    """The parameters of a law, estimated from curves.

    law : the law's key.  params : its parameters by name.
    objective : the raw Huber sum.  penalty : a prior's share, apart.
    constants : what the law knows of the runs beside their schedules (`Law.constants`).
    standard_errors : by name, None where there is none (see `warnings`).
    correlations : of the estimates, in the law's order; None where one is at a bound.
    spread : what prediction intervals need; None for published parameters.
    residual_correlation : of the training log residuals, from row to row.
    prior : the prior that was used, if there was one.
    metrics : on the training curves and on the held-out ones.
    left_out : the metrics of each training curve by a fit to the others, where there are others.
    fitted_constants : the 95 % intervals of those constants that were fitted too; None for an end
        that the data leave open.
    choice : why this law is used, where none was asked for (`mplfit.assess.choose`).
    others : fits of other laws to the same curves, or published parameters measured on them.
    bootstrap, identification : None where they were not asked for.
    data : the curves, with where they came from and how they were read.
    options : what was asked for; None for published parameters.
    published : the size (25, 100 or 400) of published parameters.
    made_by : the command line that made the fit, for people: nothing reads it.
    versions : of the packages that it was made with.

    It cannot be changed (`dataclasses.replace` makes another one), and it round-trips through
    `to_dict` and `from_dict`, the JSON of fit.json.
    """

    SCHEMA: ClassVar[str] = SCHEMA

    law: str
    params: Mapping[str, float]
    objective: float | None = None
    penalty: float = 0.0
    constants: Mapping[str, float] = field(default_factory=dict)
    converged: bool = True
    warnings: tuple[str, ...] = ()
    standard_errors: Mapping[str, float | None] | None = None
    correlations: tuple[tuple[float | None, ...], ...] | None = None
    spread: Spread | None = None
    residual_correlation: float = 0.0
    prior: Prior | None = None
    starts: Starts | None = None
    metrics: Evaluation | None = None
    left_out: Group | None = None
    fitted_constants: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    choice: str = ""
    others: tuple[Fit, ...] = ()
    bootstrap: BootstrapRecord | None = None
    identification: Identification | None = None
    data: tuple[CurveRecord, ...] = ()
    options: FitOptions | None = None
    published: str | None = None
    made_by: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        law = self.formula
        names = set(law.names)
        if set(self.params) != names:
            raise DataError(
                f"the law {self.law} has the parameters {' '.join(law.names)}, got "
                f"{' '.join(self.params) or 'none'}"
            )
        check_params(law, self.values)
        if (most := float(np.abs(self.values).max())) > _LARGEST:
            raise DataError(f"a parameter of {most:.3g} is of no loss curve")
        self._check_sizes(len(law.names))
        for what, some in (
            ("standard errors", self.standard_errors),
            ("errors of the bootstrap", self.bootstrap.standard_errors if self.bootstrap else None),
        ):
            if some is not None and set(some) != names:
                raise DataError(f"the {what} are not those of {' '.join(law.names)}")
        for direction in self.identification.directions if self.identification else ():
            if not set(direction.moves) <= names:
                raise DataError(f"a direction moves what is no parameter of {self.law}")
        if not 0 <= self.residual_correlation < 1:
            raise DataError(
                f"a residual correlation lies from 0 to 1, got {self.residual_correlation:g}"
            )
        if any(error is not None and error < 0 for error in (self.standard_errors or {}).values()):
            raise DataError("a standard error is negative")
        if self.published is not None and self.published not in PUBLISHED:
            raise DataError(f"no parameters are published for {self.published!r}")
        curves = [record.name for record in self.data]
        if len(set(curves)) < len(curves):
            raise DataError("two curves of this fit have one name")

    def _check_sizes(self, size: int) -> None:
        prior, draws = self.prior, self.bootstrap.draws if self.bootstrap else None
        rows = self.correlations or ()
        if self.spread is not None and len(self.spread.covariance) != size:
            raise DataError(f"the covariance is not that of {size} parameters")
        if self.correlations is not None and [len(row) for row in rows] != [size] * size:
            raise DataError(f"the correlations are not those of {size} parameters")
        if any(value is not None and abs(value) > 1.001 for row in rows for value in row):
            raise DataError("a correlation lies between -1 and 1")
        if prior is not None and not prior.mean.shape == prior.whitening.shape[1:] == (size,):
            raise DataError(f"the prior is not one of {size} parameters")
        if draws is not None and draws.shape[1] != size:
            raise DataError(f"the draws of the bootstrap are not of {size} parameters")

    @property
    def formula(self) -> Law:
        """The law, with its constants."""
        return get_law(self.law, self.constants)

    @property
    def values(self) -> FloatArray:
        """The parameters in the law's order."""
        return np.array([self.params[name] for name in self.formula.names], dtype=np.float64)

    @property
    def prior_name(self) -> str:
        """What the prior is called: "none" without one."""
        return self.prior.name if self.prior else "none"

    @property
    def trained(self) -> tuple[CurveRecord, ...]:
        """The training curves."""
        return tuple(record for record in self.data if record.role == "train")

    @property
    def peak(self) -> float | None:
        """The largest training rate, where it is known: predictions beyond it extrapolate."""
        return max((record.peak for record in self.trained), default=None)

    @property
    def peaks(self) -> tuple[float, float] | None:
        """The smallest and the largest peak rate of the training runs, where they are known."""
        peaks = [record.peak for record in self.trained]
        if not peaks and self.published:
            peaks = [_PUBLISHED_PEAK]
        return (min(peaks), max(peaks)) if peaks else None

    @property
    def longest(self) -> int | None:
        """The updates of the longest training run up to its last row, where they are known."""
        steps = [record.last_step + 1 for record in self.trained]
        return max(steps) if steps else _PUBLISHED_UPDATES if self.published else None

    def has_seen(self, curve: Curve) -> bool:
        """Whether a curve is one of the training curves: of the same file contents, by its hash.

        Where a file holds several of the fit's curves, the name tells too. A curve that was not
        read from a file is told by its name and rows.
        """
        sha256 = curve.origin.sha256 if curve.origin else None
        if sha256 is not None:
            roles = {record.name: record.role for record in self.data if record.sha256 == sha256}
            if len(roles) > 1:
                return roles.get(curve.name) == "train"
            return "train" in roles.values()
        rows = (curve.name, len(curve), int(curve.step[0]), int(curve.step[-1]))
        return any(
            record.sha256 is None
            and (record.name, record.points, record.first_step, record.last_step) == rows
            for record in self.trained
        )

    def loss(
        self, schedule: Schedule, step: ArrayLike | None = None, *, exact: bool = False
    ) -> FloatArray:
        """The predicted loss at some steps of a schedule (all of them by default), in their order.

        exact : sum plainly instead of fast.

        >>> import numpy as np
        >>> from mplfit import load_fit, parse_schedule
        >>> schedule = parse_schedule("constant:steps=24000,peak=3e-4,warmup=2160")
        >>> load_fit("400").loss(schedule, np.array([23999])).round(4)
        array([2.8168])
        """
        at, place = schedule.in_order(np.arange(schedule.steps) if step is None else step)
        return self.formula.at(schedule, at, exact=exact).loss(self.values)[place]

    @overload
    def predict(self, schedule: Schedule | str, *, exact: bool = False) -> Prediction: ...

    @overload
    def predict(
        self, schedule: Schedule | str, step: ArrayLike, *, exact: bool = False
    ) -> FloatArray: ...

    def predict(
        self, schedule: Schedule | str, step: ArrayLike | None = None, *, exact: bool = False
    ) -> Prediction | FloatArray:
        """The final loss of a schedule with its intervals; given steps, the losses there.

        schedule : a schedule, its text, or a file's name.  exact : sum plainly instead of fast.

        >>> from mplfit import load_fit
        >>> found = load_fit("400").predict("linear:steps=24000,peak=3e-4,warmup=2160")
        >>> round(found.final_loss, 4)
        2.7591
        """
        if step is None:
            made: Prediction = api("predict_one")(self, schedule, exact=exact)
            return made
        plan: Schedule = api("schedule_from")(schedule)
        return self.loss(plan, step, exact=exact)

    def residuals(self, runs: RunsLike | None = None) -> dict[str, FloatArray]:
        """The log residuals, ln(observed) - ln(predicted), of every row, by the run's name.

        runs : those that the fit has seen, training and held out, where None: read again from
            their logs, unless this process made the fit.
        """
        made: dict[str, FloatArray] = api("residuals")(self, runs)
        return made

    def plot(
        self, runs: RunsLike | None = None, *, ax: Axes | None = None, fig: Figure | None = None
    ) -> Figure:
        """Observed and predicted losses of every run (see `residuals`), or of one run at `ax`."""
        made: Figure = api("plot")(self, runs, ax=ax, fig=fig)
        return made

    def report(self, path: PathName, *, force: bool = False, **asked: Any) -> Page:
        """Write one HTML page on this fit: its errors, residuals and curves, and candidates.

        force : overwrite what is there.  asked : more of what `mplfit.report` takes, such as
        candidates={"wsd": "wsdld:steps=4000,peak=3e-4,decay=20%"}.
        """
        made: Page = api("report")(self, path, force=force, **asked)
        return made

    @classmethod
    def from_dict(cls, values: object, where: str = "") -> Fit:
        """The fit that `to_dict` wrote, of this schema or the first one.

        Raises
        ------
        DataError
            If the schema is another one, the law had other parameters when it was fitted, or
            anything is missing, of the wrong type or size, or not possible; the sentence names the
            field.
        """
        schema = values.get("schema") if isinstance(values, Mapping) else type(values).__name__
        if isinstance(values, Mapping):  # fits of before kept some errors of another law
            values = {key: value for key, value in values.items() if key != "rival"}
        if not isinstance(values, Mapping) or schema not in (SCHEMA, FIRST):
            raise DataError(
                f"this is not a fit of mplfit: expected schema {SCHEMA!r} or {FIRST!r}, got "
                f"{ascii(schema)[:80]}"
            )
        params, law = values.get("params"), values.get("law")
        if law in _CHANGED and isinstance(params, Mapping) and set(params) >= _FORMER:
            raise DataError(
                f"this is a fit of the law {law} as mplfit had it before, with the parameters B "
                "and delta; the law has changed: fit the runs again"
            )
        try:
            return from_plain(cls, upgraded(values, SCHEMA) if schema == FIRST else values, where)
        except DataError as error:
            raise DataError(f"this fit is damaged: {error}") from None


def published_fit(size: str) -> Fit:
    """The parameters published with the Multi-Power Law for 25, 100 or 400 million parameters.

    >>> from mplfit.estimate.result import published_fit
    >>> published_fit("400").params["L0"]
    2.37474466
    """
    names = get_law("mpl").names
    return Fit(
        law="mpl",
        params=dict(zip(names, PUBLISHED[size], strict=True)),
        warnings=("published parameters (Luo et al. 2025): no standard errors were published",),
        published=size,
    )
