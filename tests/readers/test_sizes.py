"""The size of a run's model: from names, columns, configurations and --size."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from click.testing import CliRunner

from mplfit.cli.main import main
from mplfit.curve import Curve, RunSize
from mplfit.errors import DataError
from mplfit.estimate.fit import fit
from mplfit.readers.again import read_again
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves
from mplfit.readers.sizes import parse_size, size_in, size_in_text
from mplfit.schedule import constant
from tests.support.logs import epfml, said

ROWS = [f"{step},1e-3,{3 - step / 100}" for step in range(0, 60, 2)]
LOG = "\n".join(["step,lr,loss", *ROWS])


@pytest.mark.parametrize(
    ("name", "parameters", "width", "depth"),
    [
        ("olmo_190M_cosine", 190e6, None, None),
        ("190M", 190e6, None, None),
        ("llama-1.3b-wsd", 1.3e9, None, None),
        ("olmo190M-1xC", 190e6, None, None),
        ("d1024-l24", None, 1024, 24),
        ("wsd_w512d8_lr3e-4", None, 512, 8),
        ("124m_10b-tokens", 124e6, None, None),
        ("124m_tokens=10B", 124e6, None, None),
        ("mup_d256_l4_4M", 4e6, 256, 4),
        ("cosine_24000", None, None, None),
        ("bs50x2_3e-4_seed1", None, None, None),
        ("step10M", None, None, None),
        ("12mb", None, None, None),
        ("10b_tokens", None, None, None),
    ],
)
def test_a_name_tells_the_size(
    name: str, parameters: float | None, width: float | None, depth: float | None
) -> None:
    size, odd = size_in(name)
    assert (size.parameters, size.width, size.depth) == (parameters, width, depth)
    assert not odd


def test_a_name_with_two_sizes_tells_none_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "distil_7b_to_1b.csv").write_text(LOG)
    (curve,) = read_curves([tmp_path])
    assert curve.size == RunSize()
    assert "several numbers that may be the model's size (set size=)" in said(curve)


def test_layers_stand_for_parameters_that_are_not_known() -> None:
    assert RunSize(width=768, depth=12).count == 12 * 12 * 768**2
    assert RunSize(parameters=124e6, width=768, depth=12).count == 124e6
    assert RunSize(width=768).count is None


def test_columns_of_one_value_tell_the_size(tmp_path: Path) -> None:
    rows = [
        f"{row},{n},{w},{d},4096" for n, w, d in ((48e6, 256, 23), (9e6, 128, 8)) for row in ROWS
    ]
    header = "step,lr,loss,parameters,width,n_layers,tokens_per_step"
    (tmp_path / "all.csv").write_text("\n".join([header, *rows]))
    one, two = read_curves([tmp_path], ReadOptions(run_col="parameters"))
    assert one.size == RunSize(48e6, 256, 23, 4096)
    assert two.size == RunSize(9e6, 128, 8, 4096)
    assert one.size.told_by == "the columns"


# As each code writes it, and what it tells: width, depth, tokens in an update, batch.
CONFIGS = {
    "config.json": (
        {"model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 16},
        (2048, 16, None, None),
    ),
    "args.json": (  # Megatron-LM
        {"hidden_size": 1024, "num_layers": 24, "seq_length": 2048, "global_batch_size": 512},
        (1024, 24, 2048 * 512, 512),
    ),
    "run_config.json": (  # OLMo-core, whose batch is of tokens
        {"model": {"d_model": 768, "n_layers": 12}, "dataset": {"sequence_length": 4096},
         "data_loader": {"global_batch_size": 1048576}},
        (768, 12, 1048576, 256),
    ),
    "hyperparameters.json": (  # litgpt
        {"n_embd": 2048, "n_layer": 22, "block_size": 2048, "train": {"global_batch_size": 512}},
        (2048, 22, 2048 * 512, 512),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_beside_the_log_tells_the_size(tmp_path: Path, name: str) -> None:
    values, expected = CONFIGS[name]
    (tmp_path / "run.csv").write_text(LOG)
    (tmp_path / name).write_text(json.dumps(values))
    (curve,) = read_curves([tmp_path / "run.csv"])
    size = curve.size
    assert (size.width, size.depth, size.tokens_per_update, size.batch) == expected
    assert size.told_by == name


def test_two_widths_in_a_configuration_tell_none(tmp_path: Path) -> None:
    (tmp_path / "run.csv").write_text(LOG)
    (tmp_path / "config.json").write_text('{"text": {"hidden_size": 8}, "eye": {"hidden_size": 4}}')
    assert read_curves([tmp_path / "run.csv"])[0].size == RunSize()


def test_the_json_of_lr_scheduling_has_width_depth_and_batch(tmp_path: Path) -> None:
    config = {"n_embd": 768, "n_layer": 12, "sequence_length": 512}
    config |= {"batch_size": 50, "acc_steps": 2, "world_size": 2}
    (curve,) = read_curves([epfml(tmp_path / "cos-10-124m_a.json", **config)])
    assert curve.size == RunSize(124e6, 768, 12, 102400, 200)


MEGATRON = "\n".join(
    [
        "------------------------ arguments ------------------------",
        "  global_batch_size ............................... 256",
        "  hidden_size ..................................... 1024",
        "  num_layers ...................................... 24",
        "  seq_length ...................................... 2048",
    ]
)


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (MEGATRON, RunSize(None, 1024, 24, 2048 * 256, 256)),
        ("number of parameters: 123.59M", RunSize(123.59e6)),
        ("Number of trainable parameters: 162,322,944", RunSize(162322944)),
        ("Model llama3 8B size: 8,030,261,248 total parameters", RunSize(8030261248)),
        (
            "tokens per iteration will be: 491,520\nnumber of parameters: 123.59M",
            RunSize(123.59e6, tokens_per_update=491520),
        ),
        (
            "Number of parameters: 560,988,160\nTotal batch size 524,288 => gradient steps: 1",
            RunSize(560988160, tokens_per_update=524288),
        ),
        (
            "Training starts at step 1, with local batch size 8, global batch size 64, sequence "
            "length 8192, total steps 1000 (warmup 200).",
            RunSize(tokens_per_update=524288, batch=64),
        ),
        (
            "  Total train batch size (w. parallel, distributed & accumulation) = 64\n"
            "  Number of trainable parameters = 124,439,808",
            RunSize(124439808, batch=64),
        ),
        (
            "| total batch size      | 524288           |\n| sequence length T     | 1024      |\n"
            "| num_parameters        | 124475904        |",
            RunSize(124475904, tokens_per_update=524288, batch=512),
        ),
        ("number of parameters: 1.5B\nnumber of parameters: 7B", RunSize()),
        ("chunk size: 64\n hidden_size ... 8\n hidden_size ... 4", RunSize()),
    ],
)
def test_the_first_lines_of_a_text_log_tell_the_size(
    tmp_path: Path, head: str, size: RunSize
) -> None:
    assert size_in_text(head) == size
    rows = [f"iter {k}: loss {4 - k / 1000:.4f}, time 9.00ms, mfu 9.00%" for k in range(0, 300, 10)]
    (tmp_path / "nano.log").write_text("\n".join([head, "weight_decay ..... 0.125", *rows]))
    options = ReadOptions(schedule="constant:steps=300,peak=1e-3")
    (curve,) = read_curves([tmp_path / "nano.log"], options)
    assert (curve.size, curve.weight_decay) == (size, 0.125)


def test_the_folder_tells_where_the_run_s_name_does_not(tmp_path: Path) -> None:
    (tmp_path / "1.3B").mkdir()
    (tmp_path / "1.3B" / "cosine.csv").write_text(LOG)
    (curve,) = read_curves([tmp_path / "1.3B"])
    assert (curve.size.parameters, curve.size.told_by) == (1.3e9, "the folder's name")


def test_what_is_given_goes_first_by_run_and_stays_with_the_fit(tmp_path: Path) -> None:
    for name in ("a_190M", "b"):
        (tmp_path / f"{name}.csv").write_text(LOG)
    options = ReadOptions(size="70M")
    a, b = read_curves([tmp_path], options, sizes={"a_190M": "d64-l4"})
    assert (a.size.width, a.size.count, b.size.count) == (64, 12 * 4 * 64**2, 70e6)
    made = fit([a, b], "onepower", leave_out=False)
    assert [curve.size for curve in read_again(made)] == [a.size, b.size]
    again = type(made).from_dict(made.to_dict())
    assert [record.size for record in again.data] == [a.size, b.size]
    with pytest.raises(DataError, match=r"sizes= names 'c', but the runs are a_190M, b"):
        read_curves([tmp_path], sizes={"c": "1M"})


def test_a_size_may_be_told_with_its_shape() -> None:
    assert parse_size("1.9B,d2048-l40") == RunSize(1.9e9, 2048, 40)


@pytest.mark.parametrize("text", ["big", "", "-3M", "0", "nan", "M", "1e30", "d-l"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="a model's size must be its number of parameters"):
        parse_size(text)


def test_read_shows_sizes(tmp_path: Path) -> None:
    (tmp_path / "a_190M.csv").write_text(LOG)
    (tmp_path / "d64-l4.csv").write_text(LOG)
    words = ["read", str(tmp_path), "--size", "d64-l4=0.2M"]
    shown = CliRunner().invoke(main, [*words, "--wide"])
    assert shown.exit_code == 0, shown.stderr
    for text in ("190M", "200k", "as given"):
        assert text in shown.stdout
    told = json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)
    assert [run["size"]["parameters"] for run in told["runs"]] == [190e6, 0.2e6]
    wrong = CliRunner().invoke(main, ["read", str(tmp_path), "--size", "huge"])
    assert wrong.exit_code == 1
    assert "a model's size must be" in wrong.stderr


def test_curves_of_other_sizes_are_not_equal_and_copies_keep_it() -> None:
    one = Curve("a", [1, 2], [2.0, 1.9], constant(3, 1e-3), size=RunSize(parameters=1e6))
    assert one != Curve("a", [1, 2], [2.0, 1.9], constant(3, 1e-3))
    assert pickle.loads(pickle.dumps(one)).size.parameters == 1e6
    with pytest.raises(DataError, match="width of a run must be positive and finite, got -1"):
        RunSize(width=-1)
