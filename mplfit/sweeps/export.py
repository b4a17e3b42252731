"""The optima of a sweep as a table for other programs."""

from __future__ import annotations

from collections.abc import Sequence

from mplfit.sweeps.optimum import Optimum
from mplfit.sweeps.table import Value

__all__ = ["optima_rows"]


def optima_rows(optima: Sequence[Optimum]) -> tuple[list[str], list[list[Value]]]:
    """A header and one row a setting."""
    keys = list(dict.fromkeys(name for optimum in optima for name in optimum.setting))
    sizes = [name for name in (optima[0].sizes if optima else ()) if name not in keys]
    columns = ("lr_low", "lr_high", "lr", "loss", "grid_lr", "grid_loss", "support", "flags")
    rows = [
        [
            *(optimum.setting[name] for name in keys),
            *(optimum.sizes[name] for name in sizes),
            *(
                *optimum.interval,
                optimum.lr,
                optimum.loss,
                optimum.grid_lr,
                optimum.grid_loss,
                optimum.support,
            ),
            "; ".join(optimum.flags),
        ]
        for optimum in optima
    ]
    return [*keys, *sizes, *columns], rows
