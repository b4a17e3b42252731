"""An untold weight decay is a warning with its size in loss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit import Curve, schedule
from mplfit.assess.decay import decay_shift
from mplfit.cli.main import main
from mplfit.estimate.fit import fit
from mplfit.estimate.simulate import simulate
from mplfit.laws.registry import get_law

TRUTH = np.array([2.3, 0.3, 0.5, 1.4, 9.0, 0.22, 0.8, 0.26])
PLANS = {
    "constant": schedule.constant(2000, 1e-3),
    "cosine": schedule.cosine(2000, 1e-3),
    "wsd": schedule.wsdld(2000, 1e-3, decay=0.2),
}


def runs() -> list[Curve]:
    law, step = get_law("effective", {"eta_ref": 1e-3}), np.arange(99, 2000, 50)
    return [simulate(law, TRUTH, plan, step, name=name) for name, plan in PLANS.items()]


def final(train: list[Curve], decay: float, run: Curve) -> float:
    found = fit(train, "effective", constants={"weight_decay": decay}, quick=True, leave_out=False)
    return found.formula.final(found.values, run.schedule.lr)


def test_the_shift_is_the_larger_of_those_of_half_and_double() -> None:
    *train, held = runs()
    found = fit(train, "effective", quick=True, leave_out=False)
    low, middle, high = (final(train, decay, held) for decay in (0.05, 0.1, 0.2))
    expected = max(abs(low - middle), abs(high - middle))
    assert expected > 1e-4
    assert decay_shift(found, train, [held]) == pytest.approx(expected, rel=1e-3)


def test_fit_says_what_an_untold_weight_decay_may_cost(tmp_path: Path) -> None:
    for run in runs():
        lines = [
            f"{t},{float(run.schedule.lr[t])!r},{loss!r}"
            for t, loss in zip(run.step.tolist(), run.loss.tolist(), strict=True)
        ]
        (tmp_path / f"{run.name}.csv").write_text("\n".join(["step,lr,loss", *lines]))
    words = ["fit", str(tmp_path), "--law", "effective", "--test", "wsd", "--no-save", "--no-rival"]
    result = CliRunner().invoke(main, words)
    assert "the weight decay is not in the logs: 0.1 is assumed; half or double" in result.stderr
    assert "of the held-out runs by up to 0.0" in result.stderr
    told = CliRunner().invoke(main, [*words, "--weight-decay", "0.1"])
    assert "weight decay is not in the logs" not in told.stderr
