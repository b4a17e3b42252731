"""Lines of training codes: which update each belongs to, its loss, its rate, its gradient norm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mplfit import schedule as s
from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.readers.norms import norms_of
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves, read_runs
from tests.support.logs import ROWS, SAMPLES, text_of


def one(path: Path, **options: object) -> Curve:
    (curve,) = read_curves(path, ReadOptions(**{"from_step": 0, **options}))
    return curve


@pytest.mark.parametrize("name", SAMPLES)
def test_updates_losses_rates_and_norms(name: str, tmp_path: Path) -> None:
    sample, path = SAMPLES[name], tmp_path / "run.log"
    path.write_text(text_of(name))
    asked = dict(sample.options)
    if sample.moved is None:
        with pytest.raises(DataError, match=r"\) logs no learning rate: give the run's"):
            one(path, **asked)
        asked["schedule"] = s.constant(100, 1e-3)
    options = ReadOptions(from_step=0, **asked)
    ((curve, log),) = read_runs(path, options).read
    assert curve.step.tolist() == [i for i, *_ in ROWS]
    assert curve.loss.tolist() == pytest.approx([y for _, _, y, _ in ROWS])
    if sample.moved is not None:
        inside = [(i + sample.moved, lr) for i, lr, *_ in ROWS if i + sample.moved <= ROWS[-1][0]]
        for update, lr in inside:
            assert curve.schedule.lr[update] == pytest.approx(lr, abs=2e-6, rel=3e-3)
    if sample.norm:
        at = [i for i, *_ in ROWS]
        assert norms_of(log, 41, options)[at].tolist() == pytest.approx(
            [g for *_, g in ROWS], abs=1e-3
        )
    else:
        assert not len(log.norm)


def test_rows_without_a_step_need_the_updates_between_them(tmp_path: Path) -> None:
    path = tmp_path / "out.log"
    evaluated = text_of("Hugging Face") + "{'eval_loss': 3.25, 'eval_runtime': 1.0, 'epoch': 1.0}\n"
    path.write_text(evaluated + "{'train_runtime': 9.9, 'train_loss': 3.1, 'epoch': 1.0}\n")
    with pytest.raises(DataError, match=r"Trainer prints no step .* as in steps_per_row=10"):
        one(path)
    curve = one(path, steps_per_row=10)  # after 10, 20, … updates
    assert curve.step[:2].tolist() == [9, 19]
    val = one(path, steps_per_row=10, metric="val")
    assert (val.step.tolist(), val.loss.tolist()) == ([89], [3.25])


def test_validation_losses_belong_to_the_update_before(tmp_path: Path) -> None:
    path, given = tmp_path / "main.log", s.constant(100, 1e-3)
    for head, line in (
        ("s:0 tel:9.5\n", "s:{} tel:{}\n"),
        ("step:0/100 val_loss:9.5\n", "step:{}/100 val_loss:{} val_bpb:1.2\n"),
    ):
        rows = [line.format(c, y) for c, y in ((25, 5.0), (50, 4.5))]
        path.write_text(head + "".join(rows))
        curve = one(path, schedule=given)
        assert (curve.step.tolist(), curve.loss.tolist()) == ([24, 49], [5, 4.5])
        assert curve.origin is not None
        assert any("no training loss is logged" in note for note in curve.origin.notes)
    path.write_text(text_of("nanochat") + "Step 00025 | Validation bpb: 1.25\n")
    bits = one(path, schedule=given, metric="val bpb")
    assert (bits.step.tolist(), bits.loss.tolist()) == ([24], [1.25])


def test_later_epochs_of_nemo_and_composer_go_on(tmp_path: Path) -> None:
    path, given = tmp_path / "out.log", s.constant(100, 1e-3)
    nemo = (
        "Training epoch {}, iteration {}/9 | lr: 1e-3 | global_step: {} | reduced_train_loss: 3\n"
    )
    path.write_text("".join(nemo.format(t // 10, t % 10, t) for t in range(20)))
    assert one(path).step.tolist() == list(range(20))
    blocks = "[epoch={}][batch={}/10]:\n\t Train time/batch: {}\n\t Train loss/train/total: 3\n"
    path.write_text("".join(blocks.format(t // 10, t % 10 + 1, t) for t in range(20)))
    assert one(path, schedule=given).step.tolist() == list(range(20))


TRAPEZE = """
class Hyperparameters:
    num_iterations : int = 100 # number of iterations to run
    learning_rate : float = 0.0036
    warmup_iters : int = 10
    warmdown_iters : int = 40
def get_lr(it):
    assert it <= args.num_iterations
    # 1) linear warmup for warmup_iters steps
    if it < args.warmup_iters:
        return (it+1) / args.warmup_iters
    # 2) constant lr for a while
    elif it < args.num_iterations - args.warmdown_iters:
        return 1.0
    # 3) linear warmdown
    else:
        decay_ratio = (args.num_iterations - it) / args.warmdown_iters
        return decay_ratio
"""
COOLDOWN = """
    num_iterations = 100
    cooldown_frac = 0.4
def get_lr(step: int):
    x = step / args.num_iterations # progress in training
    assert 0 <= x < 1
    if x < 1 - args.cooldown_frac:
        return 1.0
    else:
        w = (1 - x) / args.cooldown_frac
        return w * 1.0 + (1 - w) * 0.1
"""


def test_the_source_in_a_log_tells_the_schedule(tmp_path: Path) -> None:
    path, lines = tmp_path / "log.txt", text_of("modded-nanogpt")

    def trapeze(step: int) -> float:  # as the source has it, by hand
        return (step + 1) / 10 if step < 10 else 1.0 if step < 60 else (100 - step) / 40

    path.write_text(TRAPEZE + "=" * 100 + "\n" + lines)
    curve = one(path)
    expected = [0.0036 * trapeze(step) for step in range(100)]
    assert curve.schedule.lr.tolist() == pytest.approx(expected, rel=1e-12)
    assert curve.origin is not None
    assert any("learning_rate = 0.0036 in the log's source" in n for n in curve.origin.notes)
    path.write_text(COOLDOWN + lines)
    lr = one(path).schedule.lr
    assert lr[:60].tolist() == [1.0] * 60
    assert np.allclose(lr[60:], 1 - 0.9 * np.arange(40) / 40, rtol=0, atol=1e-12)
    # A source that is another, or sets a number twice, tells nothing.
    for other in (
        TRAPEZE.replace("return 1.0", "return 0.9"),
        TRAPEZE + "    num_iterations = 200\n",
        TRAPEZE.replace("= 40", "= forty"),
        COOLDOWN.replace("= 0.4", "= 4"),
    ):
        path.write_text(other + lines)
        with pytest.raises(DataError, match=r"\(modded-nanogpt\) logs no learning rate"):
            one(path)
