"""The report: complete, escaped, the same twice, small, and quiet on the network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit import schedule as s
from mplfit.cli.main import main
from mplfit.curve import Curve
from mplfit.estimate.fit import fit
from mplfit.estimate.result import Fit, published_fit
from mplfit.estimate.simulate import simulate
from mplfit.laws.registry import get_law
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves
from mplfit.show.report import Candidate, Report, report
from mplfit.writers.text import curve_csv, json_bytes

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
    values = fitted.to_dict() | {"warnings": [EVIL], "options": {EVIL: EVIL}}
    made = Fit.from_dict(values)
    final = {EVIL: (2.0, (1.9, 2.1)), "other": (2.0, None)}
    return report(
        Report(
            EVIL,
            {EVIL: made, "other": published_fit("25")},
            {one.name: one, other.name: other},
            {EVIL: Candidate(one.schedule, final), "plain": Candidate(other.schedule, final)},
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
    for heading in ("Summary", "Metrics side by side", "Candidate schedules", "How it was made"):
        assert f"<h2>{heading}</h2>" in text
    assert "Data, and what was done to it" in text
    for words in ("descents agree", "Correlations of the estimates", "What the data leave open"):
        assert words in text
    assert "2.0000 (1.9000–2.1000)" in text
    assert "held-out curves" in text
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
    (runs / "logs" / "a.csv").write_text("step,lr,loss\n1,1,1\n2,1,1\n")
    changed = run.invoke(main, [*args, "--force", "--warmup", "100"])
    assert "a is not as it was fitted: its curve is not drawn" in changed.stderr
    (runs / "logs" / "b.csv").unlink()
    gone = run.invoke(main, [*args, "--force"])
    assert "b.csv is not there any more" in gone.stderr
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
