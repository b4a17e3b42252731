"""A sweep's analysis as one JSON object, schema mplfit.sweep/1, and its optima as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mplfit.sweeps.analysis import Part, SweepAnalysis
from mplfit.sweeps.optimum import Optimum
from mplfit.sweeps.power_law import PowerLaw
from mplfit.sweeps.predicted import NOT_ASKED
from mplfit.sweeps.size_law import SizeLaw
from mplfit.sweeps.transfer import Transfer
from mplfit.sweeps.verdict import headline, sentences

__all__ = ["as_dict", "optima_rows"]


def as_dict(analysis: SweepAnalysis) -> dict[str, Any]:
    """Everything that was found; a non-finite number becomes null when it is written."""
    table, options = analysis.table, analysis.options
    return {
        "schema": "mplfit.sweep/1",
        "runs": len(table),
        "groups": list(table.groups),
        "sizes": list(table.sizes),
        "notes": list(table.notes),
        "options": {
            "method": options.method,
            "tolerance": options.tolerance,
            "draws": options.draws,
            "seed": options.seed,
            "reference": dict(options.reference),
        },
        "parametrizations": [_part(part) for part in analysis.parts],
        "predicted": [
            {
                "setting": one.optimum.group.name,
                "predicted_lr": one.predicted_lr,
                "predicted_interval": one.interval,
                "observed_lr": one.optimum.lr,
                "inside": one.inside,
                "paid": one.paid,
                "paid_error": one.paid_error,
            }
            for one in analysis.predicted
        ]
        or None,
        "predicted_note": None if analysis.predicted else NOT_ASKED,
    }


def optima_rows(optima: Sequence[Optimum]) -> tuple[list[str], list[list[Any]]]:
    """A header and one row a setting, for a table of the optima."""
    keys = list(dict.fromkeys(name for one in optima for name in one.group.key))
    sizes = [name for name in (optima[0].group.sizes if optima else ()) if name not in keys]
    header = [*keys, *sizes, *_COLUMNS]
    rows = []
    for one in optima:
        values = _optimum(one)
        rows.append(
            [one.group.key[name] for name in keys]
            + [one.group.sizes[name] for name in sizes]
            + [values["interval"][0], values["interval"][1]]
            + [values[name] for name in _COLUMNS[2:-1]]
            + ["; ".join(one.flags)]
        )
    return header, rows


_COLUMNS = ("lr_low", "lr_high", "lr", "loss", "grid_lr", "grid_loss", "support", "flags")


def _part(part: Part) -> dict[str, Any]:
    return {
        "key": dict(part.key),
        "verdict": headline(part),
        "sentences": [text.strip() for text in sentences(part)],
        "settings": [_optimum(one) for one in part.optima],
        "transfer": [_transfer(one) for one in part.transfers],
        "rate_laws": [_law(law) for law in part.laws],
        "loss_laws": [_size_law(law) for law in part.size_laws],
        "missing": list(part.missing),
    }


def _optimum(one: Optimum) -> dict[str, Any]:
    return {
        "setting": dict(one.group.key),
        "sizes": dict(one.group.sizes),
        "runs": int(one.group.count.sum()),
        "diverged": int(one.group.diverged.sum()),
        "rates": [float(rate) for rate in one.group.lr],
        "mean_loss": [float(loss) for loss in one.group.mean],
        "grid_lr": one.grid_lr,
        "grid_loss": one.grid_loss,
        "support": one.support,
        "lr": one.lr,
        "interval": list(one.interval),
        "open": {"low": one.open_low, "high": one.open_high},
        "loss": one.loss,
        "loss_interval": list(one.loss_interval),
        "basin": list(one.basin),
        "second_basin": one.second,
        "flags": list(one.flags),
        "noise": {
            "relative": one.noise.spread if one.noise.freedom else None,
            "freedom": one.noise.freedom,
            "source": one.noise.source,
        },
    }


def _transfer(one: Transfer) -> dict[str, Any]:
    cost = one.carried
    return {
        "size": one.slice.size,
        "fixed": dict(one.fixed),
        "values": [float(value) for value in one.slice.values],
        "grid_lr": list(one.grid),
        "slope": one.slope,
        "interval": list(one.interval),
        "drift": one.drift,
        "drift_interval": list(one.drift_interval),
        "verdict": one.verdict,
        "noise_known": one.known,
        "carried": {
            "lr": cost.rate,
            "used": cost.used,
            "paid": cost.paid,
            "interval": list(cost.interval),
            "relative": cost.relative,
            "relative_interval": list(cost.relative_interval),
            "at_least": cost.at_least,
        },
    }


def _law(law: PowerLaw) -> dict[str, Any]:
    values: dict[str, Any] = {
        "method": law.method,
        "variables": list(law.variables),
        "reference": list(law.reference),
        "eta0": law.eta0,
        "eta0_interval": list(law.eta0_interval),
        "exponents": list(law.exponents),
        "intervals": [list(ends) for ends in law.intervals],
        "misfit": law.misfit,
        "settings": law.settings,
        "left_out": list(law.left_out),
    }
    if len(law.variables) == 1:
        values["gamma"] = law.gamma
        values["gamma_interval"] = [-law.intervals[0][1], -law.intervals[0][0]]
    return values


def _size_law(law: SizeLaw) -> dict[str, Any]:
    return {
        "size": law.size,
        "reference": law.reference,
        "floor": law.floor,
        "E": law.E,
        "E_interval": list(law.E_interval),
        "A": law.A,
        "A_interval": list(law.A_interval),
        "alpha": law.alpha,
        "alpha_interval": list(law.alpha_interval),
        "determined": law.determined,
        "misfit": law.misfit,
        "settings": law.settings,
    }
