"""The report: complete, escaped, the same twice, small, and quiet on the network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit import schedule as s
from mplfit.assess.bootstrap import bootstrap
from mplfit.assess.identify import identify
from mplfit.assess.predict import predictions
from mplfit.cli.main import main
from mplfit.curve import Curve
from mplfit.estimate.fit import fit
from mplfit.estimate.result import Fit, published_fit
from mplfit.estimate.simulate import simulate
from mplfit.laws.registry import get_law
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves
from mplfit.show.report import Report, report
from mplfit.writers.text import curve_csv, json_bytes

ROOT = Path(__file__).parents[2]
EVIL = '<script>alert("1")</script> & $x^$ \u202e'
SPEC = "cosine:steps=2000,peak=3e-4,warmup=100"


def curve(name: str, steps: int = 2000, every: int = 20) -> Curve:
    law = get_law("onepower")
    schedule = s.wsdld(steps, 1e-2, decay=steps // 4, warmup=steps // 20)
    step = np.arange(steps // 20, steps, every)
    rng = np.random.default_rng(0)
    return simulate(law, np.array([2.0, 1.0, 0.5]), schedule, step, name=name, noise=1e-3, rng=rng)


@pytest.fixture(scope="module")
def evil() -> bytes:
    one, other = curve(EVIL), curve("held<b>out")
    fitted = fit([one], "onepower", test=[other])
    values = fitted.to_dict() | {"warnings": [EVIL], "made_by": EVIL}
    made = Fit.from_dict(values)
    fits = {EVIL: made, "other": published_fit("25")}
    plans = {EVIL: one.schedule, "plain": s.cosine(2000, 3e-4, warmup=100)}
    return report(
        Report(
            EVIL,
            fits,
            {one.name: one, other.name: other},
            {name: predictions(fit, plans) for name, fit in fits.items()},
            [f"mplfit fit {EVIL}"],
        )
    )


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_name_is_text_and_nothing_is_loaded(evil: bytes) -> None:
    text = evil.decode()
    parser = Tags()
    parser.feed(text)
    assert parser.open == []
    tags = {tag for tag, _ in parser.seen}
    assert not tags & {"script", "link", "iframe", "b", "object", "base", "form"}
    for tag, attributes in parser.seen:
        assert not [key for key in attributes if key.startswith("on")]
        assert set(attributes) & {"src", "href"} <= ({"src"} if tag == "img" else set())
        if tag == "img":
            assert (attributes["src"] or "").startswith("data:image/svg+xml;base64,")
            assert len(attributes["alt"] or "") > 20
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; $x^$" in text
    assert "held&lt;b&gt;out" in text
    assert "default-src &#x27;none&#x27;" in text


def test_what_a_reviewer_asks_is_in_it(evil: bytes) -> None:
    text = evil.decode()
    for heading in ("Summary", "Candidate schedules", "How it was made"):
        assert f"<h2>{heading}</h2>" in text
    assert "Data, and what was done to it" in text
    for words in ("descents agree", "Correlations of the estimates", "Warnings"):
        assert words in text
    assert "<h3>Predicted by other</h3>" in text
    assert "How far to trust this" in text
    assert (
        text.index("Candidate schedules") < text.index("How far to trust") < text.index("Summary")
    )
    assert text.count("<summary>Laws and statistics</summary>") == 1
    assert "color-scheme: light dark" in text
    assert "schedule 1" not in text
    assert re.search(r"<td[^>]*>[\d.]+–[\d.]+</td>", text)
    assert '<th scope="col">held out</th>' in text
    assert "<td>numpy</td>" in text


def test_the_same_twice_and_small_for_a_long_curve() -> None:
    long = curve("long", steps=70_000, every=1)
    fitted = fit([curve("short")], "onepower")
    what = Report("Long", {"onepower": fitted}, {"long": long})
    first, again = report(what), report(what)
    assert first == again
    assert len(first) < 300_000
    assert "1200 of them and the largest errors drawn" in first.decode()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    for name in ("a", "b"):
        (tmp_path / "logs" / f"{name}.csv").write_bytes(curve_csv(curve(name), digits=6))
    a, b = read_curves([tmp_path / "logs"], ReadOptions(warmup=100))
    for name in ("onepower", "twice"):
        (tmp_path / name).mkdir()
        made = json_bytes(fit([a], "onepower", test=[b]).to_dict())
        (tmp_path / name / "fit.json").write_bytes(made)
    return tmp_path


def test_the_command(runs: Path) -> None:
    run, out = CliRunner(), str(runs / "r.html")
    fits = [str(runs / "onepower"), str(runs / "twice")]
    args = ["report", *fits, "--candidate", f"mine={SPEC}", "--out", out]
    done = run.invoke(main, [*args, "--json", "--warmup", "100"])
    assert done.exit_code == 0, done.output
    values = json.loads(done.stdout)
    assert values["fits"] == ["onepower (onepower)", "onepower (twice)"]
    assert (values["figures"], values["candidates"]) == (["a", "b"], ["mine"])
    first = Path(out).read_bytes()
    assert run.invoke(main, args).exit_code == 1  # not over the old one
    assert run.invoke(main, [*args, "--force", "--warmup", "100"]).exit_code == 0
    assert Path(out).read_bytes() == first
    (runs / "logs" / "a.csv").write_text("step,lr,loss\n1,1e-3,3\n2,1e-3,2\n")
    changed = run.invoke(main, [*args, "--force", "--warmup", "100"])
    assert "a is not as it was fitted: its curve is not drawn" in changed.stderr
    (runs / "logs" / "b.csv").unlink()
    gone = run.invoke(main, [*args, "--force"])
    assert "b.csv is not there: its curve is not drawn" in gone.stderr
    assert gone.exit_code == 0
    twice = run.invoke(main, ["report", fits[0], fits[0], "--out", out, "--force"])
    assert "two fits are called onepower (onepower)" in twice.stderr


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
QUIET += ["--disable-sync", "--disable-background-networking", "--disable-component-update"]

# A page that shows the report in a frame of some width, and says how wide its contents are.
PROBE = """<!doctype html><body style="margin:0"><iframe id="f" src="/report" width="%d"
height="900" frameborder="0"></iframe><script>
f.onload = () => { const d = f.contentDocument.documentElement;
document.title = "wide " + d.scrollWidth + " images " + [...f.contentDocument.images].filter(
i => i.complete && i.naturalWidth > 0).length; }</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1100])
def test_in_chromium_nothing_is_asked_for_and_nothing_overflows(
    evil: bytes, tmp_path: Path, width: int
) -> None:
    asked: list[str] = []

    class Serve(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(evil if self.path == "/report" else (PROBE % width).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Serve)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = [
        str(CHROMIUM), *QUIET, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
        f"--window-size={width},900", "--virtual-time-budget=4000",
        f"http://127.0.0.1:{server.server_port}/",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("chromium does not answer here")
    finally:
        server.shutdown()
        server.server_close()
    found = re.search(r"<title>wide (\d+) images (\d+)</title>", done.stdout)
    assert found is not None, done.stderr[-2000:]
    assert int(found[1]) <= width
    assert int(found[2]) == 3
    assert [path for path in asked if path not in ("/", "/report", "/favicon.ico")] == []
    assert asked.count("/report") == 1


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison, an optimized schedule, a sweep and a fit with options of reading."""
    folder, run = tmp_path_factory.mktemp("all"), CliRunner()
    logs = folder / "logs"
    logs.mkdir()
    for name in ("a", "b", "c"):
        (logs / f"{name}.csv").write_bytes(curve_csv(curve(name), digits=6))
    where = [str(logs / f"{name}.csv") for name in ("a", "b", "c")]
    read = ["--warmup", "100", "--smooth", "3"]
    sweep = ROOT / "data" / "simulated_sweep.csv"
    for command in (
        ["compare", *where, "--law", "onepower", "--law", "fsl", "--test", "c", "-o", "cmp", *read],
        ["fit", *where, "--law", "onepower", "--test", "c", "-o", "fit", *read],
        ["optimize", "--params", "25", "--steps", "600", "--warmup", "50", "--knots", "6",
         "-o", "best"],
        ["sweep", str(sweep), "--draws", "100", "-o", "sweep"],
    ):  # fmt: skip
        at = command.index("-o") + 1
        done = run.invoke(main, [*command[:at], str(folder / command[at]), *command[at + 1 :]])
        assert done.exit_code == 0, done.output
    return folder


def test_a_report_of_everything_that_commands_write(everything: Path, tmp_path: Path) -> None:
    run, out = CliRunner(), tmp_path / "r.html"
    runs = [str(everything / name) for name in ("cmp", "fit", "best", "sweep")]
    done = run.invoke(main, ["report", *runs, "-o", str(out), "--json"])
    assert done.exit_code == 0, done.output
    values, text = json.loads(done.stdout), out.read_text()
    assert values["fits"] == ["onepower (cmp)", "fsl", "onepower (fit)"] or values["fits"] == [
        "fsl", "onepower (cmp)", "onepower (fit)",
    ]  # fmt: skip
    # Read again as the recorded commands read them, without a word of it here.
    assert values["figures"] == ["a", "b", "c"]
    assert "note:" not in done.stderr
    assert values["candidates"] == ["optimized"]
    for heading in ("Laws compared", "Which schedule to run: optimized", "Learning-rate sweep"):
        assert f"<h2>{heading}</h2>" in text
    for command in ("compare", "fit", "sweep", "report"):
        assert f"\nmplfit {command} " in text or f"<pre>mplfit {command} " in text
    assert "--smooth 3" in text
    assert len(out.read_bytes()) < 2_000_000
    first = out.read_bytes()
    assert run.invoke(main, ["report", *runs, "-o", str(out), "--force"]).exit_code == 0
    assert out.read_bytes() == first


def test_each_kind_of_result_alone(everything: Path, tmp_path: Path) -> None:
    for number, name in enumerate(
        ("cmp/comparison.json", "best", "sweep/sweep.json", "fit/fit.json")
    ):
        out = tmp_path / f"{number}.html"
        done = CliRunner().invoke(main, ["report", str(everything / name), "-o", str(out)])
        assert done.exit_code == 0, (name, done.output)
    assert "Predicted by 25" in (tmp_path / "1.html").read_text()


def test_damaged_results_are_refused_in_a_sentence(everything: Path, tmp_path: Path) -> None:
    for name, change in (
        ("cmp/comparison.json", {"laws": 3}),
        ("cmp/comparison.json", {"laws": [{"fit": {"schema": "x"}, "law": "mpl"}]}),
        ("best/schedule.json", {"lr": "x"}),
    ):
        values = json.loads((everything / name).read_text()) | change
        path = tmp_path / Path(name).name
        path.write_text(json.dumps(values))
        done = CliRunner().invoke(main, ["report", str(path), "-o", str(tmp_path / "r.html")])
        assert done.exit_code == 1, done.output
        assert done.stderr.count("\n") == 1
    (tmp_path / "sweep.json").write_text(
        json.dumps({"schema": "mplfit.sweep/1", "data": [], "command": "mplfit sweep --help"})
    )
    done = CliRunner().invoke(
        main, ["report", str(tmp_path / "sweep.json"), "-o", str(tmp_path / "r.html")]
    )
    assert done.exit_code == 0
    assert "the sweep's table is not what it was" in done.stderr


def test_what_a_fit_says_of_its_identifiability_is_shown() -> None:
    law, step = get_law("onepower"), np.arange(10, 100, 5)
    run = simulate(law, np.array([2.0, 1.0, 0.5]), s.constant(400, 1e-3), step, noise=1e-2)
    found = fit([run], "onepower")
    found = replace(
        found,
        identification=identify(found, [run]),
        bootstrap=bootstrap(found, [run], 20).record(),
    )
    assert found.identification
    assert found.identification.sentences
    text = report(Report("x", {"<one>": found})).decode()
    assert "&lt;one&gt;: " in text
    assert "<one>" not in text
    for sentence in found.identification.sentences:
        assert escape(sentence) in text
    low, high = bootstrap(found, [run], 20).intervals()["alpha"]
    assert f">{low:.4g}–{high:.4g}</td>" in text
    assert "20 of 20 refits" in text
