"""The page of `mplfit explore`, in a real browser: its numbers are those of Python."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit import Fit, load_fit, parse_schedule
from mplfit.assess.gains import gains
from mplfit.assess.intervals import final_interval, predict_interval
from mplfit.cli.main import main
from mplfit.errors import FitError, ScheduleError
from mplfit.plan.optimize import optimize
from mplfit.schedule import Schedule
from mplfit.show.explore import LAWS, explore_page, page_spec, usual_specs

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
QUIET += ["--disable-sync", "--disable-background-networking", "--disable-component-update"]
SPECS = (
    "cosine:steps=24000,peak=3e-4,final=3e-5,warmup=2160",
    "linear:steps=24000,peak=3e-4,warmup=1",
    "wsdld:steps=24k,peak=3e-4,decay=20%,warmup=2160",
    "sqrt:steps=500,peak=3e-4,decay=100,warmup=20",
    "wsd:steps=24000,peak=3e-4,final=1e-5,decay=0.25,warmup=2160",
    "constant:steps=72000,peak=3e-4,warmup=2160",
    "two-stage:steps=24000,peak=3e-4,second=9e-5,switch=8000,warmup=2160",
    "polynomial:steps=24000,peak=3e-4,power=2,warmup=500",
    "cosine:steps=200k,peak=3e-4,warmup=2160",
    "cosine:steps=40,peak=3e-4",
)
FITS = ("400", "data/fit_25", "data/fit_peaks", "data/fits/onepower_25.json")


def fit_of(name: str) -> Fit:
    return load_fit(name if name.isdigit() else ROOT / name)


def in_browser(page: bytes, script: str, tmp_path: Path, *, seconds: int = 8):
    """What `script`, an async function's body, returns in the page; skips without a browser."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    wrapped = (
        "<script>(async () => { let out; try { out = await (async () => {"
        + script
        + "})(); } catch (e) { out = {error: String(e && e.stack)}; }"
        " document.body.dataset.out = JSON.stringify(out); })();</script></body>"
    )
    path = tmp_path / "page.html"
    path.write_bytes(page.replace(b"</body>", wrapped.encode()))
    command = [
        CHROMIUM, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
        "--window-size=1280,900", f"--virtual-time-budget={1000 * seconds}", path.as_uri(),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("chromium does not answer here")
    out = re.search(r'data-out="([^"]*)"', done.stdout)
    assert out is not None, done.stderr[-2000:]
    value = json.loads(html.unescape(out[1]))
    assert not (isinstance(value, dict) and "error" in value), value
    return value


@pytest.mark.slow
@pytest.mark.parametrize("name", FITS)
def test_the_page_predicts_what_python_predicts(name: str, tmp_path: Path) -> None:
    fit = fit_of(name)
    texts = [page_spec(spec) for spec in SPECS]
    script = (
        f"return {json.dumps(texts)}.map((text) => {{ const p = predict(fromSpec(text));"
        " return [p.final, p.sd, p.curve, toSpec(fromSpec(text))]; });"
    )
    shown = in_browser(explore_page(fit, SPECS[0]), script, tmp_path)
    for spec, (final, sd, curve, _) in zip(SPECS, shown, strict=True):
        schedule = parse_schedule(spec)
        loss = fit.loss(schedule)
        assert final == pytest.approx(loss[-1], rel=2e-4), spec
        at = np.array([step for step, _ in curve])
        late = at > 0.02 * schedule.steps
        ours = np.array([value for _, value in curve])
        np.testing.assert_allclose(ours[late], loss[at[late]], rtol=2e-4, err_msg=spec)
        interval = predict_interval(fit, schedule, [schedule.steps - 1])
        if interval is None:
            assert sd is None
        else:
            assert sd == pytest.approx(float(interval.sd[0]), rel=0.01), spec


@pytest.mark.slow
def test_a_dragged_knot_is_predicted_as_python_predicts_it(tmp_path: Path) -> None:
    fit = fit_of("data/fit_25")
    page = explore_page(fit, SPECS[2], ["cosine:steps=24000,peak=3e-4,warmup=2160"])
    script = """
      document.body.style.width = WIDTH + "px";
      await new Promise((go) => setTimeout(go, 300));
      const figure = document.getElementById("lr-figure"), box = figure.getBoundingClientRect();
      const knot = document.getElementById("handles").children[3];
      const at = (x, y, type, target) => target.dispatchEvent(new PointerEvent(type, {bubbles: true,
        pointerId: 1,
        clientX: box.left + x * box.width / 640, clientY: box.top + y * box.height / 300}));
      const x = Number(knot.getAttribute("cx")), y = Number(knot.getAttribute("cy"));
      at(x, y, "pointerdown", knot);
      const times = [];
      for (let i = 1; i <= 30; i++) {
        at(x - i, y + 2 * i, "pointermove", figure);
        const began = performance.now();
        draw();
        times.push(performance.now() - began);
      }
      at(x - 30, y + 60, "pointerup", figure);
      await new Promise((go) => setTimeout(go, 200));
      const row = document.getElementById("pin-rows").rows[0].cells;
      knot.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown", bubbles: true}));
      const byKey = toSpec(current);
      const text = (id) => document.getElementById(id).textContent;
      return {answer: text("answer"), spec: text("spec"),
        final: Number(document.body.dataset.final), pinned: row[1].textContent,
        chance: row[3].textContent,
        times: times.sort((a, b) => a - b),
        byKey, torch: toTorch(current), wide: document.body.scrollWidth};
    """
    for width in (1280, 390):
        shown = in_browser(page, f"const WIDTH = {width};{script}", tmp_path)
        schedule = parse_schedule(shown["spec"])
        assert schedule.lr.min() < 0.8 * schedule.peak
        loss = float(fit.loss(schedule)[-1])
        assert shown["final"] == pytest.approx(loss, rel=2e-4)
        said = re.search(r"95 %: ([0-9.]+) to ([0-9.]+)\)", shown["answer"])
        ends = final_interval(fit, schedule)["0.95"]
        assert [float(end) for end in said.groups()] == pytest.approx(ends, abs=1e-3)
        other = parse_schedule("cosine:steps=24000,peak=3e-4,warmup=2160")
        assert float(shown["pinned"]) == pytest.approx(fit.loss(other)[-1], abs=2e-4)
        chance = gains(fit, schedule, [other])[0].probability
        text = shown["chance"]
        assert {"> 0.99": chance > 0.97, "< 0.01": chance < 0.03}.get(
            text, abs(float(text.strip("<> ")) - chance) < 0.05
        )
        assert shown["byKey"] != shown["spec"]
        assert shown["wide"] <= width
        assert shown["times"][0] < 33  # milliseconds: 30 frames a second
    names: dict[str, object] = {"optimizer": None}
    code = shown["torch"].replace("from torch.optim.lr_scheduler import LambdaLR", "LambdaLR = max")
    exec(code.split("# The optimizer is made")[0], names)
    dragged = parse_schedule(shown["byKey"])
    made = np.array([names["rate"](step) for step in range(dragged.steps)])
    np.testing.assert_allclose(made, dragged.lr, rtol=1e-5, atol=1e-12)


@pytest.mark.slow
def test_the_page_s_best_is_as_good_as_that_of_optimize(tmp_path: Path) -> None:
    fit = fit_of("data/fit_25")
    script = """
      let last = null;
      for (const made of best(current)) last = made;
      return [finalLoss(last), toSpec(last)];
    """
    start = "wsdld:steps=6000,peak=3e-4,decay=1000,warmup=500"
    final, spec = in_browser(explore_page(fit, start), script, tmp_path, seconds=60)
    plan = optimize(fit, steps=6000, peak=3e-4, warmup=500, knots=16)
    ours = float(fit.loss(plan.schedule)[-1])
    assert final == pytest.approx(ours, rel=5e-4)
    made = parse_schedule(spec)
    assert np.all(np.diff(made.lr[500:]) <= 1e-12)
    assert final == pytest.approx(float(fit.loss(made)[-1]), rel=2e-4)


@pytest.mark.slow
def test_a_link_opens_what_it_was_made_of(tmp_path: Path) -> None:
    script = """
      location.hash = "spec=" + encodeURIComponent("sqrt:steps=500,peak=0.0001,decay=50,final=0")
        + "&pin=" + encodeURIComponent("constant:steps=500,peak=0.0001");
      await new Promise((go) => setTimeout(go, 300));
      return [toSpec(current), pins.map((one) => toSpec(one.schedule)), link()];
    """
    spec, pins, link = in_browser(explore_page(fit_of("400"), SPECS[0]), script, tmp_path)
    assert spec == "sqrt:steps=500,peak=0.0001,decay=50,final=0"
    assert pins == ["constant:steps=500,peak=0.0001"]
    assert "#spec=sqrt" in link


def test_schedules_become_shapes_of_the_page_or_knots() -> None:
    assert page_spec("wsdld:steps=1k,peak=1,decay=20%") == "wsdld:steps=1000,peak=1.0,decay=200"
    step = Schedule(np.where(np.arange(900) < 300, 1.0, 0.25), 0)
    assert page_spec(step) == "knots:0=1.0,299=1.0,300=0.25,899=0.25,warmup=0,steps=900"
    for spec in SPECS:
        again, asked = parse_schedule(page_spec(spec)), parse_schedule(spec)
        assert again.steps == asked.steps
        assert np.abs(again.lr - asked.lr).max() <= 5e-4 * asked.peak


def test_a_page_is_self_contained_and_escapes_what_it_is_given() -> None:
    evil = "</script><script>alert(1)</script>"
    page = explore_page(fit_of("data/fit_25"), SPECS[0], title=evil).decode()
    assert evil not in page
    assert "&lt;/script&gt;" in page
    assert not re.findall(r"(?:src|href)=", page)
    assert "default-src 'none'" in page
    assert not re.findall(r"@[A-Z]+@", page)


def test_what_the_page_cannot_show_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScheduleError, match="at most 3 schedules, got 4"):
        explore_page(fit_of("400"), SPECS[0], SPECS[:4])
    values = fit_of("400").to_dict()
    momentum = {"L0": 2.0, "A": 0.5, "alpha": 0.5, "C": 10.0, "lam": 0.99}
    assert "momentum" not in LAWS
    from mplfit.laws.registry import get_law

    names = get_law("momentum").names
    other = Fit.from_dict(
        {**values, "law": "momentum", "params": dict(zip(names, momentum.values(), strict=False))}
    )
    with pytest.raises(FitError, match="cannot evaluate the law momentum: expected a fit of mpl"):
        explore_page(other, SPECS[0])


def test_explore_writes_a_page_with_the_runs(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    result = CliRunner().invoke(main, ["explore", "400", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"Open {out} in a browser")
    again = CliRunner().invoke(main, ["explore", "400", "--out", str(out)])
    assert again.exit_code == 1
    bad = CliRunner().invoke(main, ["explore", "400", "--schedule", "x", "-o", str(out), "--force"])
    assert bad.exit_code == 1
    assert usual_specs(fit_of("data/fit_25"))[0].startswith("cosine:steps=")
