"""The optima of a sweep as a table for other programs."""

from __future__ import annotations

from collections.abc import Sequence

from mplfit.sweeps.optimum import Optimum
from mplfit.sweeps.table import Value

__all__ = ["optima_rows"]


def optima_rows(optima: Sequence[Optimum]) -> tuple[list[str], list[list[Value]]]:
    """A header and one row a setting."""
    keys = list(dict.fromkeys(name for one in optima for name in one.setting))
    sizes = [name for name in (optima[0].sizes if optima else ()) if name not in keys]
    columns = ("lr_low", "lr_high", "lr", "loss", "grid_lr", "grid_loss", "support", "flags")
    rows = [
        [
            *(one.setting[name] for name in keys),
            *(one.sizes[name] for name in sizes),
            *(*one.interval, one.lr, one.loss, one.grid_lr, one.grid_loss, one.support),
            "; ".join(one.flags),
        ]
        for one in optima
    ]
    return [*keys, *sizes, *columns], rows
