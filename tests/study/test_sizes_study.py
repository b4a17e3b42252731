"""The study of the law over sizes: its tasks hold out what they say, and its tables add up."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit.sizes.groups import group_sizes
from tests.shared_data import shared
from tests.study.sizes import gemstones, is_held_out, task_table, tasks


def test_a_cooldown_leaves_the_constant_run_and_ends_at_zero() -> None:
    shared("sizes", "gemstones_small.csv")
    runs = gemstones()
    groups = group_sizes(runs)
    assert len(groups) == 13
    assert {len(group.curves) for group in groups} == {12}
    by_name = {curve.name: curve for curve in groups[0].curves}
    cooldown, constant = by_name["256x23/cooldown 2385"], by_name["256x23/constant"]
    assert len(cooldown) == 1
    assert cooldown.step[0] == cooldown.schedule.steps - 1
    assert np.array_equal(cooldown.schedule.lr[:2385], constant.schedule.lr[:2385])
    assert 0 < cooldown.schedule.lr[-1] < 0.01


@pytest.mark.parametrize("collection", ["released", "olmo"])
def test_no_task_shows_what_it_holds_out(collection: str) -> None:
    shared("families", "olmo190M.npz")
    assert is_held_out(collection)
    found = tasks(collection)
    assert found
    for task in found:
        names = {curve.name for curve in (*task.own, *task.siblings)}
        assert not names & {curve.name for curve in task.held}
        assert {curve.size for curve in task.own} == {curve.size for curve in task.held}
        assert not {curve.size for curve in task.own} & {curve.size for curve in task.siblings}


def test_a_table_of_tasks_has_their_means() -> None:
    one, two = np.arange(6.0) / 100, np.arange(6.0) / 50
    table = task_table([("a", one, two), ("b", two, one), ("c", one, one)]).splitlines()
    assert table[2].startswith("| a | 0.0000 | 0.01000 |")
    assert table[-1].startswith("| mean | 0.0000 | 0.01333 |")
    assert not is_held_out("sl")
