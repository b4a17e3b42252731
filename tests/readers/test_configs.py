"""The weight decay that a configuration beside a log tells, 0 included."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mplfit.readers.configs import weight_decay_beside
from mplfit.readers.paths import read_curves
from tests.support.logs import epfml, said, state

LOG = "step,lr,loss\n0,1e-3,3\n1,1e-3,2.5\n2,1e-3,2\n"

# %s is the weight decay, as each code writes it.
CONFIGS = {
    "training_args.json": '{"learning_rate": 1e-3, "weight_decay": %s}',
    "config.json": '{"optimizer": {"name": "AdamW", "groups": [{"weight_decay": %s}]}}',
    "args.json": '{"weight_decay": {"desc": null, "value": %s}}',
    "config.yaml": "v: 1\nweight_decay:\n    desc: null\n    value: %s\nlr:\n  value: 1\n",
    "config.yml": "weight_decay:\n    value: %s\n",
    "hparams.yaml": "optimizer:\n  init_args:\n    lr: 1e-3\n    weight_decay: %s  # none\n",
    "hyperparameters.yaml": "optim:\n- wd: %s\n",
    "run.yaml": "weight-decay: %s\n",
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("decay", ["0", "0.0", "0.05", "5e-2"])
def test_a_configuration_beside_the_log_tells_the_weight_decay(
    tmp_path: Path, name: str, decay: str
) -> None:
    (tmp_path / "run.csv").write_text(LOG)
    (tmp_path / name).write_text(CONFIGS[name] % decay)
    (curve,) = read_curves([tmp_path / "run.csv"])
    assert curve.weight_decay == float(decay)
    assert f"the weight decay {float(decay):g} is that in {name} beside the log" in said(curve)


@pytest.mark.parametrize(
    "text",
    [
        '{"groups": [{"weight_decay": 0.1}, {"weight_decay": 0}]}',
        '{"weight_decay": -1}',
        '{"weight_decay": "0.1"}',
        '{"weight_decay": true}',
        "{",
        "[" * 100_000,
        "\udcff",
    ],
)
def test_a_configuration_that_does_not_tell_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.csv").write_text(LOG)
    (tmp_path / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert weight_decay_beside(tmp_path / "run.csv") is None
    assert read_curves([tmp_path / "run.csv"])[0].weight_decay is None


def test_a_trainer_s_checkpoint_looks_in_the_run_s_folder(tmp_path: Path) -> None:
    state(tmp_path / "run" / "checkpoint-200", ahead=0)
    (tmp_path / "run" / "training_args.json").write_text('{"weight_decay": 0.0}')
    assert read_curves([tmp_path / "run"])[0].weight_decay == 0


def test_what_the_log_says_goes_before_the_configuration_and_0_is_a_value(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"weight_decay": 0.3}')
    path = tmp_path / "run.csv"
    path.write_text("step,lr,loss,weight_decay\n0,1e-3,3,0\n1,1e-3,2,0\n")
    assert read_curves([path])[0].weight_decay == 0
    assert read_curves([epfml(tmp_path / "e.json", weight_decay=0)])[0].weight_decay == 0
    assert read_curves([epfml(tmp_path / "f.json", weight_decay=0.2)])[0].weight_decay == 0.2


def test_a_long_configuration_is_read_at_once(tmp_path: Path) -> None:
    (tmp_path / "run.csv").write_text(LOG)
    (tmp_path / "config.yaml").write_text("a " * 200_000 + "\n" + "  desc: x\n" * 50_000)
    start = time.process_time()
    assert weight_decay_beside(tmp_path / "run.csv") is None
    assert time.process_time() - start < 1
