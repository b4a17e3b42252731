"""How far predictions go, losses that no run can have, training curves that are fitted badly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit import get_law, load_fit, simulate
from mplfit.assess.intervals import Interval
from mplfit.assess.reach import check_loss, reach, reach_lines
from mplfit.cli.main import main
from mplfit.errors import FitError
from mplfit.estimate.checks import poor_curves
from mplfit.estimate.fit import fit
from mplfit.estimate.metrics import measure_curves
from mplfit.estimate.result import Fit
from mplfit.plan.forecast import forecast
from mplfit.schedule import constant, cosine, wsdld

ROOT = Path(__file__).parents[2]
KNOWN = ROOT / "data" / "fit_25"  # 23,921 updates, one peak of 3e-4
INSIDE = cosine(20000, 3e-4, 3e-5, warmup=2160)
BARE = cosine(2000, 3e-4, 3e-5)


def far() -> Fit:
    """Published parameters whose drop is a hundred times too large."""
    known = load_fit("25")
    return replace(known, params={**known.params, "B": 100 * known.params["B"]})


def test_a_schedule_like_those_of_training_is_inside() -> None:
    known = load_fit(KNOWN)
    found = reach(known, INSIDE)
    assert found.inside
    assert found.peak == 1
    assert found.updates == pytest.approx(20000 / 23921)
    assert reach_lines(known, {"mine": INSIDE}) == [
        "reach: mine inside the training runs (23921 updates, peak rate 0.0003)"
    ]


def test_more_updates_and_other_peaks_are_told() -> None:
    known = load_fit(KNOWN)
    long = reach(known, constant(250_000, 3e-4, warmup=2160))
    assert long.updates == pytest.approx(10.45, abs=0.01)
    assert long.text() == "10.5 times the updates"
    low, high = (reach(known, cosine(20000, one, warmup=2160)) for one in (1.5e-4, 6e-4))
    assert (low.peak, high.peak) == (pytest.approx(0.5), pytest.approx(2))
    assert "0.5 times the smallest peak rate" in low.text()
    assert "2 times the largest peak rate" in high.text()
    lines = reach_lines(known, {"a": INSIDE, "long": constant(250_000, 6e-4, warmup=2160)})
    assert lines[0].startswith("reach: a inside")
    assert " ".join(line.strip() for line in lines[1:]).endswith(
        "10.5 times the updates, 2 times the largest peak rate"
    )
    assert max(map(len, lines)) <= 100


def test_a_gain_beyond_the_training_gain_is_told() -> None:
    known = load_fit(KNOWN)
    assert known.spread is not None
    plan = wsdld(20000, 3e-4, 1e-7, decay=10000, warmup=2160)
    last = np.array([19999])
    steady = known.predict(constant(20000, 3e-4, warmup=2160), last)[0]
    gained = steady / known.predict(plan, last)[0] - 1
    assert reach(known, plan).gain == pytest.approx(gained / known.spread.largest_gain, rel=1e-6)
    none = replace(known, spread=replace(known.spread, largest_gain=0.0))
    assert "as it did in none" in reach(none, plan).text()
    assert reach(none, constant(20000, 3e-4, warmup=2160)).gain == 0


def test_a_loss_that_no_run_can_have_is_refused() -> None:
    with pytest.raises(FitError, match=r"mine: the predicted final loss is -.* no run can have"):
        check_loss(far(), BARE, "mine")
    assert check_loss(load_fit("25"), BARE) == []
    known = load_fit("25")
    some = replace(known, params={**known.params, "B": 25 * known.params["B"]})
    (said,) = check_loss(some, BARE)
    assert "more than the loss that is left" in said


def test_commands_refuse_and_tell(tmp_path: Path) -> None:
    (tmp_path / "fit.json").write_text(json.dumps(far().to_dict()))
    bare, told = "peak=3e-4,final=3e-5", ["--params", str(tmp_path / "fit.json")]
    log = ["step,lr,loss", *(f"{t},{float(BARE.lr[t])!r},4.0" for t in range(0, 2000, 50))]
    (tmp_path / "run.csv").write_text("\n".join(log))
    for line in (
        ["predict", *told, f"cosine:steps=2000,{bare}", "--no-save"],
        ["extend", "--from", f"wsdld:steps=2000,decay=400,{bare}", "--to-steps", "3000", *told],
    ):
        result = CliRunner().invoke(main, line)
        assert result.exit_code == 1, line
        assert "no run can have" in result.stderr
    result = CliRunner().invoke(main, ["evaluate", str(tmp_path / "run.csv"), *told])
    assert result.exit_code == 0, result.stderr
    assert "run: the predicted final loss is -" in result.stderr
    spec = "cosine:steps=20k,peak=3e-4,final=3e-5,warmup=2160"
    told = ["--params", str(KNOWN), "--no-save"]
    shown = CliRunner().invoke(main, ["predict", *told, spec, "far=" + spec.replace("20k", "250k")])
    assert "reach: cosine inside the training runs" in shown.stdout
    assert "10.5 times the updates" in shown.stdout
    made = CliRunner().invoke(main, ["predict", *told, spec, "--json"])
    assert json.loads(made.stdout)["predictions"][0]["reach"]["peak"] == 1


def test_a_forecast_by_the_prior_alone_has_the_last_value_beside_it() -> None:
    truth = load_fit("400")
    plan, step = wsdld(3000, 3e-4, 3e-5, decay=600, warmup=100), np.arange(100, 1500, 20)
    run = simulate(truth.formula, truth.values, plan, step)
    rest = forecast(run)
    assert rest.by_prior
    assert rest.late == pytest.approx(run.loss[run.step > 0.9 * run.step[-1]].mean())
    late = simulate(truth.formula, truth.values, plan, np.arange(100, 2900, 20))
    assert not forecast(late).by_prior


def test_a_training_curve_that_is_fitted_badly_is_named() -> None:
    law, params = get_law("onepower"), np.array([2.0, 1.0, 0.5])
    step = np.arange(10, 1000, 10)
    runs = [
        simulate(law, params, constant(1000, rate), step, name=f"at_{rate:g}", noise=1e-3)
        for rate in (1e-2, 2e-2, 3e-2)
    ]
    assert not any("fitted badly" in text for text in fit(runs, "onepower").warnings)
    other = replace(runs[2], loss=runs[2].loss * 1.05)
    (said,) = poor_curves(measure_curves(law, params, [*runs[:2], other]).train)
    assert said.startswith("at_0.03 is fitted badly")
    flat = replace(runs[0], name="flat", loss=np.linspace(2.2, 2.3, step.size))
    (said,) = [text for text in fit([flat], "onepower").warnings if "badly" in text]
    assert said.startswith("flat is fitted badly (its R2 is ")
    many = [replace(other, name=f"run{n}", loss=other.loss * (1.1 + n / 10)) for n in range(5)]
    (said,) = poor_curves(measure_curves(law, params, [*runs, *many]).train)
    assert said.startswith("5 of 8 training runs are fitted badly (the worst is run4: its R2 is ")


def test_the_rise_of_a_warmup_tells_nothing_of_a_fall() -> None:
    truth = load_fit("400")
    plan = wsdld(3000, 3e-4, 3e-5, decay=600, warmup=100)
    run = simulate(truth.formula, truth.values, plan, np.arange(20, 1500, 20))
    assert forecast(run).by_prior


def test_an_interval_of_what_is_not_known_at_all_is_everything() -> None:
    low, high = Interval(np.array([3.0]), np.array([1000.0])).bounds(0.95)
    assert (low[0], high[0]) == (0.0, np.inf)
