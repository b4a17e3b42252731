"""Sweeps whose best rates are known: to test with, and to see what a planned sweep would tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mplfit.sweeps.table import SweepTable
from mplfit.types import FloatArray

__all__ = ["basin", "simulate_sweep", "sweep_csv"]


def basin(u: FloatArray, rise: float = 1.2, fall: float = 0.4) -> FloatArray:
    """A U in the log rate u with its minimum, 0, at u = 0: exponentials on either side.

        (e^(−fall u) / fall + e^(rise u) / rise) / (1 / fall + 1 / rise) − 1

    Losses rise faster above the best rate than below it, as in real sweeps.

    >>> import numpy as np
    >>> from tests.support.sweeps import basin
    >>> basin(np.array([-1.0, 0.0, 1.0])).round(3).tolist()
    [0.194, 0.0, 0.333]
    """
    value: FloatArray = (np.exp(-fall * u) / fall + np.exp(rise * u) / rise) / (
        1 / fall + 1 / rise
    ) - 1
    return value


def simulate_sweep(
    widths: Sequence[float],
    rates: Sequence[float],
    *,
    exponents: Mapping[str, float],
    eta0: float = 3e-3,
    seeds: int = 2,
    noise: float = 2e-3,
    depth: float = 0.05,
    limit: float | None = None,
    seed: int = 0,
) -> SweepTable:
    """A sweep over widths and rates for several parametrizations.

        L = (2 + (width / 64)^−0.5) · (1 + depth · basin(ln η / η*)) · (1 + noise · ε)
        η* = eta0 · (width / widths[0])^exponent

    Parameters
    ----------
    exponents : of each parametrization, by its name. seeds : runs a setting and rate.
    noise : relative standard deviation of a run. depth : of the basins, relative to the loss.
    limit : runs above so many times their best rate diverge (NaN).

    >>> from tests.support.sweeps import simulate_sweep
    >>> len(simulate_sweep([64, 128], [1e-3, 1e-2], exponents={"sp": -1.0, "mup": 0.0}))
    16
    """
    generator = np.random.default_rng(np.random.SeedSequence(seed))
    names, width, lr, run = (
        axis.ravel()
        for axis in np.meshgrid(
            np.arange(len(exponents)), widths, rates, np.arange(seeds), indexing="ij"
        )
    )
    exponent = np.array(list(exponents.values()))[names]
    away = np.log(lr / eta0) - exponent * np.log(width / widths[0])
    floor = 2 + (width / 64) ** -0.5
    loss = floor * (1 + depth * basin(away)) * (1 + noise * generator.normal(size=lr.size))
    if limit is not None:
        loss[away > np.log(limit)] = np.nan
    words = np.array(list(exponents), dtype=object)[names]
    columns = {"parametrization": words, "width": width.astype(np.float64)}
    return SweepTable(
        lr, loss, columns, ("parametrization", "width"), ("width",), run.astype(np.float64)
    )


def sweep_csv(table: SweepTable) -> bytes:
    """A simulated sweep as a .csv file, with the digits that logs have; diverged runs are nan."""
    assert table.seed is not None
    rows = zip(
        table.columns["parametrization"],
        table.columns["width"],
        table.lr,
        table.seed,
        table.loss,
        strict=True,
    )
    lines = [f"{p},{w:.0f},{lr:.4g},{seed + 1:.0f},{loss:.4f}" for p, w, lr, seed, loss in rows]
    return "\n".join(["parametrization,width,learning_rate,seed,val_loss", *lines, ""]).encode()
