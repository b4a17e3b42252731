"""Data: a function of seed and step, single pass, held-out apart."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mplfit.errors import DataError
from mplfit.lab.tasks import IclRegression, Text


def test_icl_sequences_are_lines():
    task = IclRegression(block=12, x_range=2.0, a_range=3.0, b_range=0.5)
    batch = task.batch(0, 0, 50)
    x, y = batch.inputs[:, ::2], batch.inputs[:, 1::2]
    a = (y[:, 1] - y[:, 0]) / (x[:, 1] - x[:, 0])
    b = y[:, 0] - a * x[:, 0]
    assert np.allclose(a[:, None] * x + b[:, None], y)
    assert np.abs(x).max() <= 2
    assert np.abs(a).max() <= 3.0001
    assert np.abs(b).max() <= 0.5001
    assert np.array_equal(batch.targets[:, ::2], y)
    assert np.array_equal(batch.counted, np.tile([1.0, 0.0], (50, 6)))


def test_an_odd_block_leaves_out_the_last_y():
    even, odd = (IclRegression(block=block).batch(0, 0, 3) for block in (6, 5))
    assert np.array_equal(odd.inputs, even.inputs[:, :5])
    assert np.array_equal(odd.targets[:, ::2], even.targets[:, ::2])
    assert np.array_equal(odd.counted, np.tile([1, 0, 1, 0, 1], (3, 1)))


def test_ranges_can_have_two_ends():
    task = IclRegression(block=8, x_range=(2.0, 3.0), a_range=(-1.0, 0.0), b_range=5.0)
    batch = task.batch(0, 0, 200)
    x, y = batch.inputs[:, ::2], batch.inputs[:, 1::2]
    assert x.min() >= 2
    assert 2.9 < x.max() <= 3
    slope = (y[:, 1] - y[:, 0]) / (x[:, 1] - x[:, 0])
    assert slope.min() > -1.0001
    assert slope.max() < 1e-4
    assert y.min() < -4  # of b
    assert IclRegression.from_dict(json.loads(json.dumps(task.to_dict()))) == task
    for wrong in ((1.0, 1.0), (0.0, np.inf), -1.0):
        with pytest.raises(DataError, match="a low end and a higher one"):
            IclRegression(x_range=wrong)


def test_batches_depend_on_seed_and_step_alone():
    task = IclRegression()
    first = task.batch(3, 5, 4).inputs
    task.batch(3, 6, 4)
    assert np.array_equal(task.batch(3, 5, 4).inputs, first)
    assert not np.array_equal(task.batch(3, 6, 4).inputs, first)
    assert not np.array_equal(task.batch(4, 5, 4).inputs, first)


@pytest.fixture
def folder(tmp_path):
    """32 files, each of one byte value of its own, so that it is seen where bytes come from."""
    for number in range(32):
        (tmp_path / f"f{number:02}.txt").write_bytes(bytes([65 + number]) * 40)
    (tmp_path / ".hidden").write_bytes(b"\x00" * 1000)
    return Text(block=8, path=str(tmp_path))


def test_no_block_of_text_comes_twice(folder):
    steps, seen = folder.most_steps(4), []
    for step in range(steps):
        batch = folder.batch(0, step, 4)
        assert np.array_equal(batch.inputs[:, 1:], batch.targets[:, :-1])
        seen += [tuple(row) for row in np.hstack([batch.inputs, batch.targets[:, -1:]])]
    order = [tuple(folder.batch(1, step, 4).inputs[0]) for step in range(steps)]
    assert order != [tuple(folder.batch(0, step, 4).inputs[0]) for step in range(steps)]
    counts = np.bincount(np.array(seen)[:, :8].ravel(), minlength=256)
    # At most the 40 bytes of each file, and not those of the two that are held out.
    assert counts[65:97].max() <= 40
    assert counts[[65 + 15, 65 + 31]].tolist() == [0, 0]
    assert counts[0] == 0
    with pytest.raises(DataError, match="give more text"):
        folder.batch(0, steps, 4)


def test_held_out_text_is_of_other_files(folder):
    values = set(folder.held_out(3).inputs.ravel().tolist())
    assert values <= {65 + 15, 65 + 31, 10}
    with pytest.raises(DataError, match="fewer eval_sequences="):
        folder.held_out(1000)


def test_the_default_text_is_this_interpreter_s_library():
    task = Text(block=64)
    assert task.most_steps(8) > 2000
    assert b"import" in bytes(task.batch(0, 0, 64).inputs.astype(np.uint8))
    assert task.held_out(16).inputs.shape == (16, 64)
    assert len(task.sha256) == 64


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Text(path="/nowhere").most_steps(1), "does not exist"),
        (lambda: Text(path=__file__, block=100000).most_steps(1), "too few"),
        (lambda: IclRegression(block=1), "an x and a y or more"),
        (lambda: IclRegression(a_range=0), "a_range must be positive"),
        (lambda: Text.from_dict({"task": "chess"}), "\"task\" must be 'text', got 'chess'"),
    ],
)
def test_what_cannot_be_used_is_refused(make, words):
    with pytest.raises(DataError, match=words):
        make()


def test_tasks_go_through_json():
    for task in (Text(block=16), IclRegression(block=6, a_range=2.0)):
        assert type(task).from_dict(task.to_dict()) == task
