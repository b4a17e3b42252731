"""The package is typed: a script under mypy --strict has no error, and a wrong line is found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")
ROOT = Path(__file__).parents[1]

SCRIPT = """
import mplfit

runs: mplfit.Runs = mplfit.read("data/lab_text")
curve: mplfit.Curve = runs["lab_cosine"]
fit: mplfit.Fit = mplfit.fit(runs)
final: mplfit.Prediction = fit.predict("cosine:steps=3000,peak=6e-3,warmup=300")
loss: float = final.final_loss
at_steps = fit.predict("cosine:steps=3000,peak=6e-3", [1, 2]).tolist()
final.plot().savefig("a.png")
plan: mplfit.Plan = mplfit.optimize(fit, steps=3000)
plan.plot()
plan.schedule.export("torch", "schedule.py")
fit.save("here")
again: mplfit.Fit = mplfit.load("here")
again.plot()
worst = max(abs(fit.residuals()["lab_cosine"]))
schedule: mplfit.Schedule = mplfit.cosine(3000, peak=6e-3, warmup=300)
best: str = mplfit.predict(fit, schedule).lowest.name
mplfit.compare("data/lab_text", ["mpl"])
"""


def check(script: str, folder: Path) -> str:
    (folder / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent",
         "--ignore-missing-imports", f"--cache-dir={ROOT / '.mypy_cache' / 'user'}", "script.py"],
        capture_output=True, text=True, cwd=folder, env={**os.environ, "MYPYPATH": str(ROOT)},
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_script_is_typed(tmp_path):
    assert (ROOT / "mplfit" / "py.typed").exists()
    assert check(SCRIPT, tmp_path).startswith("Success")
    wrong = check(SCRIPT + "number: int = fit.predict('cosine:steps=3,peak=1')\n", tmp_path)
    assert 'expression has type "Prediction", variable has type "int"' in wrong
