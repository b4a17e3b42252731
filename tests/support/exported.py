"""Schedules to export, and what an exported file defines."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from mplfit import schedule as s
from mplfit.schedule import Schedule
from mplfit.writers.export import Units, export

SCHEDULES = {
    "wsdld": s.wsdld(600, 3e-4, decay=200, warmup=50),
    "cosine": s.cosine(500, 1e-3, 1e-10, warmup=40),
    "two-stage": s.two_stage(400, 1.0, 0.1, switch=200),
    "to nothing": s.from_knots([(0, 0.0), (30, 3e-4), (299, 1e-10), (300, 0.0)]),
    "one": Schedule([0.5]),
}


def load(form: str, schedule: Schedule, **units: int) -> dict[str, Any]:
    text = export(schedule, form, Units(**units)).decode()
    ast.parse(text)
    assert max(map(len, text.splitlines())) <= 100
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(text, f"{form}.py", "exec"), names)
    return names


def near(rates: object, schedule: Schedule, rtol: float = 1e-9) -> None:
    np.testing.assert_allclose(np.asarray(rates, np.float64), schedule.lr, rtol=rtol, atol=0)
