"""bound, extend, agreement and optimize --bound: what they print, write and refuse."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from mplfit.bounds import best_base, bound, bound_curve
from mplfit.bounds.table import BoundSweep, BoundTable
from mplfit.cli.main import COMMANDS, main
from mplfit.schedule import linear, wsdld
from tests.shared_data import shared
from tests.support.commands import run

WSD = "wsdld:steps=400,peak=1,decay=0.2"
LINEAR = "linear:steps=401,peak=1,endpoint=yes"


pytestmark = pytest.mark.usefixtures("empty_folder")


def test_bound_ranks_schedules_at_their_best_rates(tmp_path):
    result = run("bound", WSD, f"lin={LINEAR}", "constant:steps=400,peak=2")
    lines = result.stdout.splitlines()
    assert " ".join(lines[:2]) == (
        "By convex theory lin has the lowest bound on the final loss, 0.10063 at its best peak "
        "rate 0.0495631; wsdld is 8.6 % higher."
    )
    lines = lines[3:]
    assert [line.split()[0] for line in lines[1:4]] == ["lin", "wsdld", "constant"]
    assert lines[1].split()[2:4] == ["0.0495631", "0.10063"]  # the zero at the end is dropped
    assert lines[2].split()[2:4] == ["0.0253737", "0.109323"]
    assert "0.0181759" in lines[3]  # a peak rate, whatever the peak that was given
    assert "No ±: theory's worst case is exact for a schedule" in result.stdout
    folder = tmp_path / "mplfit-runs" / "bound"
    assert (folder / "bound.png").read_bytes().startswith(b"\x89PNG")
    rows = np.genfromtxt(folder / "wsdld.csv", delimiter=",", names=True)
    lr = wsdld(400, 1.0, decay=0.2).lr
    assert rows["bound"] == pytest.approx(bound_curve(best_base(lr).rate * lr), rel=1e-12)


def test_bound_json_at_an_earlier_update_and_at_the_rates_given():
    arguments = ("bound", WSD, "--at", 100, "--as-given", "--distance", 2, "--no-save", "--json")
    (row,) = json.loads(run(*arguments).stdout)["schedules"]
    lr = wsdld(400, 1.0, decay=0.2).lr
    best = best_base(lr, D=2.0, at=100)
    assert (row["best_peak_lr"], row["best_bound"]) == pytest.approx((best.rate, best.bound))
    assert row["bound"] == pytest.approx(bound_curve(lr, D=2.0)[99])
    exact = json.loads(run(*arguments, "--exact").stdout)["schedules"][0]
    assert exact["bound"] == pytest.approx(row["bound"], rel=1e-12)


def test_bound_of_the_average_iterate():
    found = json.loads(run("bound", WSD, "--average", "--no-save", "--json").stdout)
    best = best_base(wsdld(400, 1.0, decay=0.2).lr, average=True)
    assert found["schedules"][0]["best_bound"] == pytest.approx(best.bound)


def test_the_three_terms_are_shown_drawn_and_sum_to_the_bound(tmp_path):
    """For constant rates: D²/(2γT), γG²/2 and (γ/2)·G²·(1 + 1/2 + … + 1/(T-1))."""
    specs = ("constant:steps=400,peak=1", WSD, LINEAR)
    result = run("bound", *specs, "--terms", "--grad-norm", 2, "--out", "t")
    said = result.stdout.splitlines()
    (at,) = [k for k, line in enumerate(said) if "D²/2Ση  " in line]
    assert said[at - 1] == ""
    assert said[at - 2] == "The terms of the bounds at the best peak rate:"
    assert max(map(len, said)) <= 100
    assert (tmp_path / "t" / "terms.png").read_bytes().startswith(b"\x89PNG")
    made = json.loads(run("bound", *specs, "--terms", "--grad-norm", 2, "--json").stdout)
    for row in made["schedules"]:
        assert sum(row["terms"].values()) == pytest.approx(row["best_bound"], rel=1e-12)
    gamma = made["schedules"][2]["best_peak_lr"]
    harmonic = sum(1 / k for k in range(1, 400))
    terms = list(made["schedules"][2]["terms"].values())
    assert terms == pytest.approx([1 / (800 * gamma), 2 * gamma, 2 * gamma * harmonic], rel=1e-12)
    line = said[at + 3].split()
    assert line == ["constant", *(f"{one:.6g}" for one in (*terms, sum(terms)))]
    rows = (tmp_path / "t" / "terms.csv").read_text().splitlines()
    assert rows[0] == "schedule,distance,noise,last"
    assert [float(one) for one in rows[3].split(",")[1:]] == terms
    given = run("bound", WSD, "--terms", "--as-given", "--at", 300, "--no-save", "--json")
    (row,) = json.loads(given.stdout)["schedules"]
    assert sum(row["terms"].values()) == pytest.approx(row["bound"], rel=1e-12)
    assert row["terms"]["distance"] == pytest.approx(1 / 600, rel=1e-14)
    assert "terms of the bounds" not in run("bound", WSD, "--no-save").stdout


def test_bound_with_the_gradient_norms_of_a_log(tmp_path):
    step = np.arange(0, 400, 20)
    norm = 1 + np.exp(-step / 50)
    rows = "\n".join(f"{s},{g}" for s, g in zip(step, norm, strict=True))
    (tmp_path / "log.csv").write_text(f"step,train_grad_norm\n{rows}\n")
    found = json.loads(run("bound", WSD, "--grad-norm", "log.csv", "--no-save", "--json").stdout)
    G = np.interp(np.arange(400), step, norm)
    best = best_base(wsdld(400, 1.0, decay=0.2).lr, G=G)
    assert found["schedules"][0]["best_bound"] == pytest.approx(best.bound, rel=1e-9)
    (tmp_path / "log.csv").write_text("step,train_grad_norm\n0,1\n20,nan\n40,2\n")
    result = run("bound", WSD, "--grad-norm", "log.csv", "--no-save", code=1)
    assert "row 2: the gradient norm is nan at step 20" in result.stderr


@pytest.mark.parametrize(
    ("over", "spec"),
    [
        ("cooldown", WSD),
        ("horizon", WSD),
        ("base-lr", WSD),
        ("cycle", "cosine:steps=400,peak=1"),
    ],
)
def test_sweeps_print_and_draw(over, spec, tmp_path):
    result = run("bound", spec, f"second={spec}", "--sweep", over, "--out", "swept")
    assert "\nsecond: " in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert (tmp_path / "swept" / "bound.png").exists()
    name = spec.partition(":")[0]
    columns = np.genfromtxt(tmp_path / "swept" / f"{name}.csv", delimiter=",", names=True)
    assert len(columns) > 8
    if over == "cooldown":
        (at,) = np.flatnonzero(np.isclose(columns["cooldown"], 0.2))
        assert f"{columns['best_peak_lr'][at]:.7f}" == "0.0253737"
        assert np.all(np.diff(columns["best_peak_lr"]) > 0)


def test_a_sweep_of_chosen_values():
    found = json.loads(
        run("bound", WSD, "--sweep", "horizon", "--values", "400,800", "--no-save", "--json").stdout
    )
    (one,) = found["sweeps"]
    assert one["value"] == [400, 800]
    assert one["best_peak_lr"][1] == pytest.approx(best_base(wsdld(800, 1.0, decay=0.2).lr).rate)


def test_extend_prints_the_published_values(tmp_path):
    result = run(
        "extend", "--from", "wsdld:steps=4000,peak=3e-4,decay=0.2", "--to-steps", 6000, "--by",
        "factor", "--params", "400", "--out", "longer",
    )  # fmt: skip
    said = " ".join(result.stdout.split())
    assert said.startswith(
        "To go on to 6000 updates with the base rate in use: lower the rate to 64 %"
    )
    assert "longer cooldown 0.446 3325 1.000 0.7722" in said
    assert "lower rate 0.637 3200 1.000 0.7825" in said
    assert "predicted loss" in said
    saved = json.loads((tmp_path / "longer" / "schedule.json").read_text())
    assert saved["steps"] == 6000
    assert saved["lr"][4000] == pytest.approx(0.637 * 3e-4, rel=1e-3)
    assert (tmp_path / "longer" / "ways.png").exists()


def test_extend_warns_where_the_longer_cooldown_would_lie_in_the_past():
    arguments = ("extend", "--from", "wsdld:steps=4000,peak=3e-4,decay=0.2", "--to-steps", 8000)
    result = run(*arguments, "--json")
    assert "begins at step 2939, before the planned one (step 3200)" in result.stderr
    ways = {one["how"]: one for one in json.loads(result.stdout)["ways"]}
    assert f"{ways['cooldown']['value']:.3f} {ways['factor']['value']:.3f}" == "0.633 0.533"
    assert ways["same"]["predicted_loss"] is None


def test_extend_shows_the_way_that_exists_and_says_why_the_other_does_not(tmp_path):
    """At 16k the original takes a full cooldown at a 97 % match; its factor is .375."""
    arguments = ("extend", "--from", "wsdld:steps=4000,peak=3e-4,decay=0.2", "--to-steps", 16000)
    result = run(*arguments, "--out", "longer")
    said = " ".join(result.stdout.split())
    assert said.startswith("To go on to 16000 updates with the base rate in use: lower the rate")
    assert "lower rate 0.375" in said
    assert "longer cooldown" not in said
    assert "closest cooldown 1.000 0 0.973" in said
    assert "no cooldown keeps the base rate in use the best one: the best comes to 97.3 % of" in (
        " ".join(result.stderr.split())
    )
    assert "(factor)" in said
    saved = json.loads((tmp_path / "longer" / "schedule.json").read_text())
    assert saved["lr"][3300] == pytest.approx(0.375 * 3e-4, rel=2e-3)
    found = json.loads(run(*arguments, "--json").stdout)
    assert (found["chosen"], list(found["missing"])) == ("factor", ["cooldown"])
    # The original's horizons, on its grids of fractions; here both are solved for.
    for steps, cooldown, factor in ((10000, 0.771, 0.473), (12000, 0.876, 0.431)):
        made = json.loads(run(*arguments[:4], steps, "--json").stdout)
        ways = {one["how"]: round(one["value"], 3) for one in made["ways"]}
        assert (ways["cooldown"], ways["factor"]) == (cooldown, factor)


def test_gradient_norms_that_fall_as_a_power_and_laws_over_horizons():
    """The original's numbers: G = 1/√t, and the laws of the best rate over 100 to 1600 updates."""
    arguments = ("bound", WSD, "--grad-norm", "alpha=-0.5", "--no-save", "--json")
    (one,) = json.loads(run(*arguments).stdout)["schedules"]
    assert one["best_peak_lr"] == pytest.approx(0.306313, abs=5e-7)
    assert one["best_bound"] == pytest.approx(0.00905586, abs=5e-9)
    horizons = ",".join(str(round(T)) for T in np.geomspace(100, 1600, 15))
    specs = ("cosine:steps=400,peak=1", WSD)
    arguments = ("bound", *specs, "--sweep", "horizon", "--values", horizons, "--no-save")
    cosine, wsd = json.loads(run(*arguments, "--json").stdout)["sweeps"]
    assert cosine["power_law"] == pytest.approx([0.920, -0.492], abs=2e-3)
    assert wsd["power_law"] == pytest.approx([0.471, -0.488], abs=2e-3)
    assert wsd["root_law"] == pytest.approx(0.507, abs=2e-3)
    assert "best peak lr = 0.919 · T^-0.492 for T updates" in run(*arguments).stdout
    falling = (*arguments, "--grad-norm", "alpha=-0.5", "--json")
    assert json.loads(run(*falling).stdout)["sweeps"][1]["power_law"][1] == pytest.approx(
        0, abs=0.1
    )


def test_optimize_bound_finds_linear_decay(tmp_path):
    result = run("optimize", "--bound", "--steps", 400, "--peak-lr", "1e-3", "--out", "best")
    assert "bound of convex theory at the end" in " ".join(result.stdout.split())
    stored = json.loads((tmp_path / "best" / "schedule.json").read_text())
    assert stored["params"] == "D = 1, G = 49.56"
    lr = np.load(tmp_path / "best" / "schedule.npy")
    assert np.max(np.abs(lr - linear(400, 1e-3).lr)) < 0.02 * 1e-3
    free = json.loads(run("optimize", "--bound", "--steps", 400, "--json").stdout)
    assert free["final_loss"] == pytest.approx(0.1006299, rel=5e-3)
    assert free["lr"][0] == pytest.approx(0.0495631, rel=0.02)


def test_optimize_bound_without_monotonicity_reaches_the_lower_bound():
    """At T = 100 .200114 is possible where the last rate may rise, else .201148."""
    arguments = ("optimize", "--bound", "--steps", 100, "--knots", 100, "--json")
    falling, free = (
        json.loads(run(*arguments, "--shape", shape).stdout) for shape in ("falling", "free")
    )
    assert f"{falling['final_loss']:.6f}" == "0.201148"
    assert f"{free['final_loss']:.6f}" == "0.200114"
    assert np.all(np.diff(falling["lr"]) <= 0)
    assert np.flatnonzero(np.diff(free["lr"]) > 0).tolist() == [98]
    assert free["lr"][99] == pytest.approx(0.0097296, rel=0.02)


def test_agreement_of_the_real_runs(tmp_path):
    folder = shared("curves", "epfml_124m")
    result = run("agreement", folder, "--out", "theory")
    said = " ".join(result.stdout.split())
    assert said.startswith("Bounds at the rates of the runs order the final losses of 28 runs with")
    assert "correlation 0.92 (95 %: 0.81–0.97)." in said
    assert "all runs 28 0.92 0.81–0.97 0.93 0.84–0.97" in said
    assert max(map(len, result.stdout.splitlines())) <= 100
    saved = json.loads((tmp_path / "theory" / "agreement.json").read_text())
    groups = {group["title"]: group for group in saved["groups"]}
    assert groups["cooldown: wsd linear, base rate 0.001, 50000 steps"]["spearman"] == 1
    assert groups["cooldown: wsd linear, base rate 0.001, 50000 steps"]["spearman_best"] == 0.9
    rates = [group for group in saved["groups"] if group["varies"] == "base rate"]
    assert len(rates) == 5
    assert all(group["spearman"] == 1 for group in rates)
    assert (tmp_path / "theory" / "agreement.png").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ("bound knots:0=0,3=0", 1, "all 4 learning rates are 0"),
        ("bound piecewise:0=1,3=-1,steps=5", 1, "the rate of step 3 is -1"),
        ("bound constant:steps=9,peak=1 --at 12", 1, "after 12 updates was asked for"),
        ("bound constant:steps=9,peak=1 --grad-norm nan", 1, "must be finite and not negative"),
        (
            "bound constant:steps=9,peak=1 --grad-norm x",
            1,
            "a number, alpha=A or the name of a log",
        ),
        ("bound constant:steps=9,peak=1 --distance -1", 1, "must be positive and finite, got -1"),
        ("bound constant:steps=9,peak=1 --sweep cooldown", 1, "constant has no decay to vary"),
        ("bound wsdld:steps=9,peak=1,decay=2 --sweep cycle", 1, "expected one of cosine"),
        ("bound a.csv --sweep horizon", 1, "needs the text of one schedule"),
        (f"bound {WSD} --sweep cooldown --values a", 1, "numbers with commas"),
        (f"bound {WSD} --sweep cooldown --values -1", 1, "must be positive"),
        (f"bound {WSD} --values 1", 2, "--values belongs to --sweep"),
        (f"bound {WSD} --sweep horizon --at 3", 2, "--sweep goes without --at"),
        ("extend --from cosine:steps=9,peak=1 --to-steps 20", 1, "no stable phase"),
        (f"extend --from {WSD} --to-steps 300", 1, "from 400 to 300 updates"),
        (f"bound {WSD} --terms --average", 2, "they go without --average"),
        (f"bound {WSD} --terms --sweep cooldown", 2, "--terms, --example and --exact"),
        ("optimize --params 400 --shape free", 2, "--shape belongs to --bound"),
        ("optimize --steps 300", 2, "either --params FIT or --bound"),
        ("optimize --bound --params 400", 2, "either --params FIT or --bound"),
        ("optimize --bound --peak-lr x", 1, "a rate or the word free"),
        (f"bound {WSD}+{WSD} --sweep horizon", 1, "the text of one schedule"),
        ("agreement nowhere", 1, "nowhere cannot be read"),
    ],
)
def test_refusals(arguments, code, sentence):
    assert sentence in run(*shlex.split(arguments), code=code).stderr


def test_a_bound_table_and_a_sweep_are_read_back_as_they_were():
    table = json.loads(run("bound", WSD, "--as-given", "--no-save", "--json").stdout)
    swept = json.loads(run("bound", WSD, "--sweep", "horizon", "--no-save", "--json").stdout)
    for kind, plain in ((BoundTable, table), (BoundSweep, swept)):
        plain.pop("folder")
        assert kind.from_dict(plain).to_dict() == plain
    assert table["schedules"][0]["bound"] == pytest.approx(bound(wsdld(400, 1.0, decay=0.2).lr))


@pytest.mark.parametrize("name", ["agreement", "bound", "extend", "optimize"])
def test_the_examples_run_as_they_stand(name, tmp_path):
    (tmp_path / "data").symlink_to(Path(__file__).parents[2] / "data")
    command = main.get_command(None, name)
    for example in command.examples:
        if name == "optimize" and "--bound" not in example:
            continue
        lines = run(*shlex.split(example)[1:]).stdout.splitlines()
        assert max(map(len, lines)) <= 100
        assert "\n".join(lines).partition("\n\n")[0].endswith("."), "first comes a sentence"


def test_the_commands_are_listed():
    for name in ("bound", "extend", "agreement"):
        assert name in COMMANDS
        assert "Usage" in run(name, "--help").stdout


def test_agreement_leaves_out_a_bad_log_and_says_so(tmp_path):
    folder = shared("curves", "epfml_124m")
    for number, path in enumerate(sorted(folder.glob("*iter25000*.json"))):
        values = json.loads(path.read_text())
        if number % 2:
            values["config"].pop("decay_type")
        if number == 3:
            values["summary"]["final-val/loss"] = 9.5
        (tmp_path / path.name).write_text(json.dumps(values))
    (tmp_path / "z.json").write_text("[]")
    result = run("agreement", tmp_path, "--out", tmp_path / "made")
    assert result.stderr.count("warning: left out: ") == 2
    assert "the final validation loss is 9.5, " in result.stderr
    assert "z.json is not a log of a run" in result.stderr
    count = len(list(folder.glob("*iter25000*.json"))) - 1
    assert f" all runs {count} " in " ".join(result.stdout.split())
