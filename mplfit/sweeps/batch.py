"""The best rate and the best batch size together: the lowest loss over both, and its laws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mplfit.errors import FitError
from mplfit.sweeps.noise import Noise
from mplfit.sweeps.optimum import Optimum, find_optimum
from mplfit.sweeps.power_law import METHODS, PowerLaw, fit_power_law
from mplfit.sweeps.table import Setting, Value, label
from mplfit.types import FloatArray

__all__ = ["BatchChoice", "OverBatch", "minimised_over_batch"]

_FEWEST = 3  # batch sizes of a setting
_NEAR = np.log(2.0)  # how far, in ln batch, batch sizes have a say in the rate at the best one


@dataclass(frozen=True)
class BatchChoice:
    """The best batch size of a setting, and the best rate there.

    grid_batch, grid_lr : those of the lowest mean loss. Intervals are 95 %.
    curve : the batch sizes whose best rate lies inside its grid, and the losses there.
    """

    setting: Mapping[str, Value]
    grid_batch: float
    batch: float
    batch_interval: tuple[float, float]
    grid_lr: float
    lr: float
    lr_interval: tuple[float, float]
    loss: float
    flags: tuple[str, ...]
    curve: tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class OverBatch:
    """What settings of several batch sizes say once the batch size is chosen too.

    batch : its column. rate_laws : of the best rate at the best batch size, in the other sizes.
    batch_laws : of the best batch size; their eta0 is a batch size. missing : what could not be
    fitted, in sentences.
    """

    batch: str
    choices: tuple[BatchChoice, ...]
    rate_laws: tuple[PowerLaw, ...]
    batch_laws: tuple[PowerLaw, ...]
    missing: tuple[str, ...]
    optima: tuple[tuple[Optimum, Optimum], ...] = field(metadata={"written": False})

    def sentence(self, method: str) -> str:
        """The exponents, by a method or by the next best one."""
        said = []
        for what, laws in (
            ("the best rate", self.rate_laws),
            (f"the best {self.batch}", self.batch_laws),
        ):
            for wanted in (method, *reversed(METHODS)):
                law = next((law for law in laws if law.method == wanted), None)
                if law is not None:
                    said.append(f"{what} goes as {_powers(law)}")
                    break
        return f"minimised over {self.batch}, " + " and ".join(said) if said else ""


def _powers(law: PowerLaw) -> str:
    return " · ".join(
        f"{name}^{exponent:+.2f} [{low:+.2f}, {high:+.2f}]"
        for name, exponent, (low, high) in zip(
            law.variables, law.exponents, law.intervals, strict=True
        )
    )


def minimised_over_batch(
    optima: Sequence[Optimum],
    batch: str,
    variables: Sequence[str],
    batch_variables: Sequence[str],
    *,
    tolerance: float = 0.01,
    seed: int = 0,
) -> OverBatch:
    """The lowest loss over rate and batch size of every setting of the other sizes, and its laws.

    The loss at the best rate is a curve over batch sizes, whose minimum is found as that over
    rates is (`mplfit.sweeps.optimum`), with the errors that its own points have; settings whose
    best rate lies at the edge of its grid are no points of it. The rate there is that of a line
    through the best rates of batch sizes nearby, in logarithms.

    Parameters
    ----------
    optima : of one parametrization. batch : the size that is the batch's.
    variables, batch_variables : the sizes in which the rate's and the batch's laws are.
    """
    rest: dict[tuple[tuple[str, float], ...], list[Optimum]] = {}
    for optimum in optima:
        key = tuple((name, value) for name, value in optimum.group.sizes.items() if name != batch)
        rest.setdefault(key, []).append(optimum)
    seeds = np.random.SeedSequence(seed).spawn(len(rest))
    choices, missing, pairs = [], [], []
    for (key, found), own in zip(rest.items(), seeds, strict=True):
        kept = sorted(
            (optimum for optimum in found if optimum.usable), key=lambda one: one.group.sizes[batch]
        )
        if len({optimum.group.sizes[batch] for optimum in kept}) < _FEWEST:
            missing.append(
                f"{label(dict(key))}: fewer than {_FEWEST} values of {batch} have a best rate "
                "inside its grid"
            )
            continue
        size, rate = _both(kept, batch, dict(key), tolerance, own)
        pairs.append((rate, size))
        choices.append(_choice(dict(key), rate, size))
    rate_laws = _laws([rate for rate, _ in pairs], variables, missing)
    batch_laws = _laws([size for _, size in pairs], batch_variables, missing)
    return OverBatch(
        batch, tuple(choices), rate_laws, batch_laws, tuple(missing), optima=tuple(pairs)
    )


def _choice(setting: dict[str, float], rate: Optimum, size: Optimum) -> BatchChoice:
    return BatchChoice(
        setting,
        grid_batch=size.grid_lr,
        batch=size.lr,
        batch_interval=size.interval,
        grid_lr=rate.grid_lr,
        lr=rate.lr,
        lr_interval=rate.interval,
        loss=size.loss,
        flags=rate.flags,
        curve=(size.group.lr, size.group.mean),
    )


def _laws(
    optima: Sequence[Optimum], variables: Sequence[str], missing: list[str]
) -> tuple[PowerLaw, ...]:
    made = []
    for method in METHODS if optima else ():
        try:
            made.append(fit_power_law(optima, variables, method))
        except FitError as error:
            missing.append(f"minimised over the batch size: {error}")
            break
    return tuple(made)


def _both(
    kept: Sequence[Optimum],
    batch: str,
    sizes: dict[str, float],
    tolerance: float,
    seed: np.random.SeedSequence,
) -> tuple[Optimum, Optimum]:
    """The best batch size, as an `Optimum` whose rates are batch sizes, and the best rate there."""
    values = np.array([optimum.group.sizes[batch] for optimum in kept])
    loss = np.array([optimum.loss for optimum in kept])
    ones = np.ones(len(kept), dtype=np.int64)
    group = Setting(sizes, sizes, values, loss, ones, 0 * ones, np.arange(len(kept)), loss)
    spread = np.array([float(optimum.loss_draws.std()) for optimum in kept])
    freedom = min(optimum.noise.freedom for optimum in kept)
    noise = Noise(float(np.median(spread / loss)), spread / loss, freedom, "its best rates")
    best = find_optimum(group, noise, tolerance=tolerance, draws=kept[0].draws.size, seed=seed)
    edges = tuple(f"batch {flag}" for flag in best.flags if flag.startswith("edge"))
    # A line through the rates nearby, where the best batch size is and where draws put it.
    x, y = np.log(values), np.log([optimum.lr for optimum in kept])
    away = x - np.log(best.lr)
    error = np.array([max(optimum.log_error, 1e-9) for optimum in kept])
    weight = np.exp(-0.5 * (away / _NEAR) ** 2) / error
    lever = np.linalg.pinv(np.stack([np.ones(x.size), away], axis=1) * weight[:, None]) * weight
    drawn = np.stack([optimum.draws for optimum in kept], axis=1)
    level, slope = lever @ (drawn - np.median(drawn, axis=0) + y).T
    draws = level + slope * (best.draws - np.median(best.draws))
    lr = float(lever[0] @ y)
    low, high = np.quantile(draws, [0.025, 0.975])
    nearest = kept[int(loss.argmin())]
    rate = replace(
        nearest,
        group=replace(nearest.group, key=sizes, sizes=sizes),
        lr=float(np.exp(lr)),
        interval=(float(np.exp(min(low, lr))), float(np.exp(max(high, lr)))),
        loss=best.loss,
        loss_interval=best.loss_interval,
        flags=(*nearest.flags, *edges),
        draws=draws,
    )
    return replace(best, flags=(*best.flags, *edges)), rate
