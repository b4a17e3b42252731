"""Numbers without an uncertainty of their own: the command says why they have none."""

from __future__ import annotations

import shlex

import pytest

from tests.support.commands import ROOT, run

DATA = ROOT / "data"
LAB = "lab coord-check --task icl-regression --widths 8,16 --base-width 8 --heads 1 --updates 1"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (f"read {DATA}/lab_text", "single rows, whose noise no log tells"),
        ("schedule constant:steps=9,peak=1 --no-save", "exact: these are the schedule's own rates"),
        ("bound constant:steps=9,peak=1 --no-save", "exact for a schedule, D and G"),
        ("bound wsdld:steps=9,peak=1,decay=3 --sweep horizon --no-save", "exact for a schedule"),
        (
            "extend --from wsdld:steps=99,peak=1,decay=9 --to-steps 200",
            "theory's, and exact for it",
        ),
        ("predict --params 400 constant:steps=9,peak=1e-4 --no-save", "No interval: published"),
        (f"evaluate {DATA}/simulated_25 --params 25", "published parameters have no covariance"),
        (f"evaluate {DATA}/simulated_25 --params 25 -v", "The errors on a curve are exact"),
        (f"agreement {DATA}/outcomes_simulated/runs.csv --no-save", "–: none from fewer than four"),
        (
            f"design {DATA}/fit_25 --target linear:steps=9k,peak=3e-4 "
            "--candidates constant:steps=9k,peak=3e-4",
            "Widths have no ±: they are themselves the uncertainty",
        ),
        (f"{LAB} --seeds 1", "One seed: no ±"),
        (f"{LAB} --seeds 2", "±: standard errors over 2 seeds"),
    ],
)
def test_every_command_says_why_a_number_has_no_uncertainty(arguments, reason):
    assert reason in " ".join(run(*shlex.split(arguments)).stdout.split())
