"""What looks odd is said as a warning that names the column; what cannot be is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mplfit import schedule as s
from mplfit.cli.main import main
from mplfit.errors import DataError
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves

STEPS = range(0, 100, 5)


def log(path: Path, lr: float = 1e-3, loss: float = 1.0, header: str = "step,lr,loss") -> Path:
    rows = (f"{t},{lr},{loss * (3 + 1 / (1 + t))}" for t in STEPS)
    path.write_text("\n".join([header, *rows]))
    return path


def warnings(path: Path, **options: object) -> list[str]:
    (curve,) = read_curves(path, ReadOptions(**options))
    assert curve.origin is not None
    return list(curve.origin.warnings)


def test_a_usual_log_has_no_warning(tmp_path: Path) -> None:
    for lr, loss in ((1e-3, 1.0), (0.9, 1.0), (1e-6, 0.01), (1e-3, 30.0)):
        assert warnings(log(tmp_path / "a.csv", lr, loss)) == []


@pytest.mark.parametrize("lr", [1.0, 97.5])
def test_rates_of_one_or_more(tmp_path: Path, lr: float) -> None:
    (said,) = warnings(log(tmp_path / "a.csv", lr, header="step,train/lr,loss"))
    assert said.startswith(f"'train/lr' goes up to {lr:g}, but rates are usually far below 1")


def test_what_cannot_be_a_rate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'lr' goes up to 1e\+308, which is no learning rate"):
        warnings(log(tmp_path / "a.csv", 1e308))
    with pytest.raises(DataError, match="'loss' cannot be the learning rate and the loss too"):
        warnings(log(tmp_path / "a.csv"), lr_col="loss")
    with pytest.raises(DataError, match="'step' cannot be the learning rate and the step too"):
        warnings(log(tmp_path / "a.csv"), lr_col="step")
    rows = "".join(f"{t},{5 - t / 50},{5 - t / 50}\n" for t in STEPS)
    (tmp_path / "b.csv").write_text(f"step,train_loss,loss\n{rows}")
    with pytest.raises(DataError, match="'train_loss' is equal to 'loss' in every row"):
        warnings(tmp_path / "b.csv", lr_col="train_loss")


def test_rates_in_per_cent(tmp_path: Path) -> None:
    for name in ("lr (%)", "lr_percent"):
        path = log(tmp_path / "a.csv", 0.03, header=f"step,{name},loss")
        (said,) = warnings(path, lr_col=name)
        assert said == f"{name!r} is taken as it is, but its name says per cent: divide it by 100"


def test_losses_of_another_size(tmp_path: Path) -> None:
    (said,) = warnings(log(tmp_path / "a.csv", loss=1e-3))
    assert said.startswith("'loss' is about 0.003")
    assert "far below the usual losses" in said
    (said,) = warnings(log(tmp_path / "a.csv", loss=100))
    assert "far above the usual losses" in said


def test_a_given_schedule_that_does_not_fit_the_log(tmp_path: Path) -> None:
    path = log(tmp_path / "a.csv")
    assert warnings(path, schedule=s.constant(140, 1e-3)) == []
    (said,) = warnings(path, schedule=s.constant(192, 1e-3))
    assert said.startswith("the schedule given goes on after the log: it has 192 updates, and the ")
    assert warnings(path, schedule=s.constant(100, 1.009e-3)) == []
    (said,) = warnings(path, schedule=s.constant(100, 1.02e-3))
    assert "differ from it by up to 2 % (step 0: 0.001 is logged, 0.00102 given)" in said


def test_a_rate_that_is_logged_one_update_late_is_the_same(tmp_path: Path) -> None:
    plan = s.linear(100, 1e-3, warmup=20)
    for shift in (0, 1, 2):
        lr = plan.lr[[max(t - shift, 0) for t in STEPS]].tolist()
        rows = (f"{t},{rate},{3 + 1 / (1 + t)}" for t, rate in zip(STEPS, lr, strict=True))
        (tmp_path / "a.csv").write_text("\n".join(["step,lr,loss", *rows]))
        assert len(warnings(tmp_path / "a.csv", schedule=plan)) == (shift == 2)


def test_warnings_are_shown_as_such_and_recorded(tmp_path: Path) -> None:
    path, out = log(tmp_path / "a.csv", 2.0), tmp_path / "out"
    result = CliRunner().invoke(main, ["fit", str(path), "--law", "onepower", "--out", str(out)])
    assert "warning: a: 'lr' goes up to 2, but" in result.stderr
    (entry,) = json.loads((out / "fit.json").read_bytes())["data"]
    assert entry["warnings"][0].startswith("'lr' goes up to 2, but")


def test_a_forecast_needs_a_schedule_that_goes_on(tmp_path: Path) -> None:
    path = log(tmp_path / "a.csv")
    words = ["forecast", str(path), "--schedule", "constant:steps=400,peak=1e-3"]
    result = CliRunner().invoke(main, words)
    assert "goes on after the log" not in result.output
    result = CliRunner().invoke(main, ["read", *words[1:]])
    assert "warning: a: the schedule given goes on after the log" in result.stderr


def test_a_run_that_ends_far_above_its_lowest_level_or_in_no_numbers_is_said(
    tmp_path: Path,
) -> None:
    def warned(losses: list[float | str], step: int = 1) -> str:
        path = tmp_path / "run.csv"
        rows = [f"{step * t},1e-3,{y}" for t, y in enumerate(losses)]
        path.write_text("\n".join(["step,lr,loss", *rows]))
        (curve,) = read_curves([path], ReadOptions(from_step=0))
        assert curve.origin is not None
        return " ".join(curve.origin.warnings)

    falling = [9 / (1 + t / 20) ** 0.5 for t in range(60)]
    assert "has the run diverged?" not in warned([*falling])
    assert "has the run diverged?" not in warned([*falling, 1.3 * falling[-1]])  # one spike
    assert "has the run diverged?" not in warned([*falling, "nan", "nan"])  # cut short
    said = warned([*falling, *[6.0] * 6])
    assert "the loss ends at 6, far above its lowest level" in said
    said = warned([*falling, *["nan"] * 9], step=10)
    assert "no loss is finite after step 590, and rows go on to 680: has the run diverged?" in said
