"""Every log format in, the right updates out: made by the real writers where they are installed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mplfit import schedule as s
from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.readers.crc32c import crc32c, crc32c_of
from mplfit.readers.epfml import config_schedule
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves
from tests.shared_data import shared
from tests.support.logs import (
    MEGATRON,
    SILENT,
    epfml,
    events,
    said,
    scalar,
    state,
    wide,
)

pytestmark = pytest.mark.portable


def one(path: Path, **options: object) -> Curve:
    (curve,) = read_curves([path], ReadOptions(**{"from_step": 0, **options}))
    return curve


# --- JSON lines ---------------------------------------------------------------------------------


def test_json_lines_take_losses_and_rates_from_the_rows_that_have_them(tmp_path: Path) -> None:
    rows = [
        {"_step": 0, "train/loss": 3.5, "train/lr": 0.1, "_runtime": 1},
        {"_step": 1, "train/loss": 3.25, "train/lr": 0.1},
        {"_step": 1, "val/loss": 3.4},
        {"_step": 2, "train/loss": "NaN", "train/lr": 0.05},
        {"_step": 3, "train/loss": 3.0, "train/lr": 0.05, "weight_decay": 0.1},
        {"note": "no step"},
    ]
    path = tmp_path / "run.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + '\n{"_step": 4, "tra')
    curve = one(path)
    assert curve.step.tolist() == [0, 1, 3]
    assert curve.loss.tolist() == [3.5, 3.25, 3.0]
    assert curve.schedule.lr.tolist() == [0.1, 0.1, 0.05, 0.05]
    assert curve.weight_decay == 0.1
    assert "line 7, the last, is cut short" in said(curve)
    assert one(path, metric="val").loss.tolist() == [3.4]


def test_nanogpt_s_wandb_keys_use_iter_and_not_the_count_of_calls(tmp_path: Path) -> None:
    rows = [
        {"_step": i, "iter": 250 * i, "train/loss": 4 - i / 9, "val/loss": 5 - i / 9, "lr": 1e-3}
        for i in range(8)
    ]
    path = tmp_path / "nano.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    curve = one(path)
    assert curve.step[-1] == 1750
    assert "the step is iter" in said(curve)


def test_litgpt_s_csv_counts_micro_batches(tmp_path: Path) -> None:
    head = "epoch,iter,iter_time,learning_rate,loss,remaining_time,step,tokens,total_tokens"
    rows = [f"0,{4 * i},0.1,0.001,{5 - i / 99},9,{4 * i - 1},1,1" for i in range(1, 30)]
    path = tmp_path / "metrics.csv"
    path.write_text("\n".join([head, *rows]))
    assert one(path).step[:2].tolist() == [3, 7]
    curve = one(path, tokens_per_step=4)
    assert curve.step[:2].tolist() == [0, 1]
    assert "litgpt: steps are its count of micro-batches" in said(curve)
    assert "divided by 4" in said(curve)


def test_litgpt_s_rows_of_a_validation_loss_have_its_logger_s_step_alone(tmp_path: Path) -> None:
    head = "epoch,iter,iter_time,learning_rate,loss,step,val_loss"
    rows = [f"0,{4 * u},0.1,0.001,{5 - u / 99},{4 * u - 1}," for u in range(1, 30)]
    rows.insert(10, ",,,,,39,4.75")
    path = tmp_path / "metrics.csv"
    path.write_text("\n".join([head, *rows]))
    assert one(path, tokens_per_step=4).step.tolist() == list(range(29))
    val = one(path, tokens_per_step=4, metric="val")
    assert (val.step.tolist(), val.loss.tolist()) == ([9], [4.75])
    # In micro-batches the row is that of the count 40, the index 39; a division would hide it.
    assert one(path, metric="val").step.tolist() == [39]


def test_nanogpt_s_own_keys_are_evaluations_before_the_update(tmp_path: Path) -> None:
    rows = [
        {"_step": i, "iter": 250 * i, "train/loss": 4.0, "val/loss": 5.0, "lr": 1e-3, "mfu": 40}
        for i in range(5)
    ]
    path = tmp_path / "nano.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    curve = one(path)
    assert curve.step.tolist() == [249, 499, 749, 999]
    assert curve.schedule.steps == 1000
    assert "before the update of its iter" in said(curve)


def test_hugging_face_s_wandb_keys_count_updates(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    lines = [f"{i},{10 * i},{4 - i / 9},0.001,,1" for i in range(1, 9)]
    lines.insert(3, "99,30,,,3.5,1")
    head = "_step,train/global_step,train/loss,train/learning_rate,eval/loss,train/epoch"
    path.write_text("\n".join([head, *lines]))
    curve = one(path)
    assert (curve.step[0], curve.step[-1], curve.schedule.steps) == (9, 79, 80)
    assert "counts finished updates, as Hugging Face logs it" in said(curve)
    assert one(path, metric="val").step.tolist() == [29]
    assert one(path, steps_are="index").step[-1] == 80


def test_a_table_says_what_its_steps_are_where_that_is_not_plain(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text("step,lr,loss\n10,1e-3,3\n,1e-3,3\n20,1e-3,2\n")
    curve = one(path)
    assert curve.step.tolist() == [10, 20]
    assert "taken as 0-based indices (if they count updates: steps_are='count')" in said(curve)
    assert "1 row without a step dropped" in said(curve)
    path.write_text("_step,lr,loss\n0,1e-3,3\n1,1e-3,2\n")
    curve = one(path)
    assert curve.origin is not None
    assert "W&B's _step is taken for the update, but it counts calls" in curve.origin.warnings[0]
    assert not one(path, steps_are="index").origin.warnings


# --- charts -------------------------------------------------------------------------------------


def test_a_wandb_chart_holds_several_runs_and_the_rates_are_in_a_second_file(
    tmp_path: Path,
) -> None:
    runs = {"a - 1": [4.0, 3.5, 3.25], "b": [4.5, 4.0]}
    losses = wide(tmp_path / "loss.csv", "train/loss", runs)
    rates = wide(tmp_path / "lr.csv", "train/lr", {run: [1e-3] * len(v) for run, v in runs.items()})
    a, b = read_curves([losses, rates])
    assert (a.name, a.step.tolist(), a.loss.tolist()) == ("a - 1", [0, 10, 20], [4, 3.5, 3.25])
    assert (b.name, b.schedule.steps) == ("b", 11)
    assert "the rates are from lr.csv" in said(a)
    with pytest.raises(DataError, match="give the file exported from the chart of the rate too"):
        read_curves([losses])
    with pytest.raises(DataError, match="no loss that was asked for"):
        read_curves([rates])
    given = s.constant(100, 1e-3)
    assert read_curves([losses], ReadOptions(schedule=given))[0].schedule is given


def chart(path: Path, metric: str, step: list[int], value: list[float], axis: str = "Step") -> Path:
    head = f'"{axis}","r - {metric}","r - {metric}__MIN","r - {metric}__MAX"'
    body = [f'"{t}","{v!r}","{v!r}","{v!r}"' for t, v in zip(step, value, strict=True)]
    path.write_text("\n".join([head, *body]))
    return path


def hugging_face_charts(folder: Path) -> tuple[list[Path], Path]:
    """2,000 updates, a call each 10 and an evaluation's call each 100: 219 calls, of which Step."""
    calls, updates = [], []
    for update in range(10, 2001, 10):
        calls.append(len(calls) + len([u for u in updates if u % 100 == 0]))
        updates.append(update)
    lr = [1e-3 * (1 - (u - 1) / 2000) for u in updates]
    loss = chart(folder / "loss.csv", "train/loss", calls, [5 - u / 999 for u in updates])
    rate = chart(folder / "lr.csv", "train/learning_rate", calls, lr)
    step = chart(folder / "step.csv", "train/global_step", calls, [float(u) for u in updates])
    return [loss, rate], step


def test_a_wandb_chart_s_step_counts_calls_and_a_second_chart_has_the_updates(
    tmp_path: Path,
) -> None:
    charts, step = hugging_face_charts(tmp_path)
    (curve,) = read_curves(charts, ReadOptions(from_step=0))
    assert curve.step[-1] == 218
    assert curve.origin is not None
    (warning,) = curve.origin.warnings
    assert "counts calls of wandb.log" in warning
    assert "steps_per_row=" in warning
    (curve,) = read_curves([step, *charts], ReadOptions(from_step=0))
    assert curve.step.tolist() == list(range(9, 2000, 10))
    assert curve.loss[:2].tolist() == [5 - 10 / 999, 5 - 20 / 999]
    assert np.allclose(curve.schedule.lr[9:], 1e-3 * (1 - np.arange(9, 2000) / 2000), rtol=1e-9)
    assert curve.origin is not None
    assert not curve.origin.warnings
    assert "the steps are train/global_step, from step.csv" in said(curve)


def test_a_wandb_chart_over_the_trainer_s_count_has_its_steps(tmp_path: Path) -> None:
    path = chart(
        tmp_path / "a.csv", "train/loss", [10, 20, 30], [3.0, 2.5, 2.0], "train/global_step"
    )
    curve = one(path, schedule=s.constant(30, 1e-3), from_step=0)
    assert curve.step.tolist() == [9, 19, 29]
    assert not curve.origin.warnings


def test_nanogpt_s_charts_over_calls_with_its_iter(tmp_path: Path) -> None:
    calls, iters = [0, 1, 2, 3], [0.0, 250.0, 500.0, 750.0]
    loss = chart(tmp_path / "l.csv", "val/loss", calls, [9.0, 4.0, 3.5, 3.25])
    rate = chart(tmp_path / "r.csv", "lr", calls, [0.0, 1e-3, 1e-3, 1e-3])
    step = chart(tmp_path / "i.csv", "iter", calls, iters)
    options = ReadOptions(metric="val", from_step=0)
    (curve,) = read_curves([loss, rate, step], options)
    assert curve.step.tolist() == [249, 499, 749]
    assert curve.schedule.lr[[0, 125, 250]].tolist() == [0.0, 5e-4, 1e-3]


def test_rows_of_so_many_updates_are_told(tmp_path: Path) -> None:
    path = chart(tmp_path / "a.csv", "train/loss", [0, 1, 3], [3.0, 2.5, 2.0])
    given = s.constant(80, 1e-3)
    curve = one(path, schedule=given, steps_per_row=20, from_step=0)
    assert curve.step.tolist() == [19, 39, 79]
    assert not curve.origin.warnings
    index = one(path, schedule=given, steps_per_row=20, steps_are="index", from_step=0)
    assert index.step.tolist() == [0, 20, 60]
    for bad in ({"steps_per_row": 0}, {"steps_per_row": 2, "tokens_per_step": 9}):
        with pytest.raises(DataError, match="steps_per_row"):
            ReadOptions(**bad)


def test_nanogpt_s_rate_is_that_of_the_update_of_its_iter_and_its_loss_of_the_one_before(
    tmp_path: Path,
) -> None:
    rows = [
        {
            "iter": i,
            "train/loss": 4 - i / 99,
            "val/loss": 4.0,
            "lr": 1e-3 * (1 - i / 100),
            "mfu": 40,
        }
        for i in range(0, 100, 10)
    ]
    path = tmp_path / "nano.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    curve = one(path, from_step=0)
    assert curve.step.tolist() == list(range(9, 90, 10))
    assert curve.loss[0] == 4 - 10 / 99
    assert np.allclose(curve.schedule.lr[:90], 1e-3 * (1 - np.arange(90) / 100), rtol=1e-9)


def test_tensorboard_s_downloaded_csv(tmp_path: Path) -> None:
    for tag, values in (("train_loss", [4, 3]), ("lr", [0.1, 0.1])):
        rows = [f"{17e8 + i},{i},{value}" for i, value in enumerate(values)]
        text = "\n".join(["Wall time,Step,Value", *rows])
        (tmp_path / f"run-big_one-tag-{tag}.csv").write_text(text)
    curve = one(tmp_path)
    assert (curve.name, curve.loss.tolist()) == ("big_one", [4, 3])


# --- TensorBoard --------------------------------------------------------------------------------


def test_event_files_are_read_both_kinds_of_scalar(tmp_path: Path) -> None:
    rows = []
    for i in range(300):
        rows.append(scalar(i, "train/loss", 3 + 1 / (1 + i), tensor=i % 2 == 0))
        rows.append(scalar(i, "train/lr", 0.5))
        rows.append(scalar(i, "val/loss", 4.0))
    path = events(tmp_path / "run7" / "events.out.tfevents.1.host.2.0", rows)
    for where in (path, path.parent, tmp_path):
        curve = one(where)
        assert (curve.name, len(curve)) == ("run7", 300)
        expected = np.float32(3 + 1 / (1 + np.arange(300)))
        assert np.array_equal(curve.loss, expected.astype(np.float64))
    assert one(path, metric="val").loss.max() == 4
    with pytest.raises(DataError, match="no column 'acc', asked for with metric="):
        one(path, metric="acc")
    assert "taken as 0-based indices" in said(curve)
    with pytest.raises(DataError, match="step 0: the loss is 0"):
        one(events(tmp_path / "z" / "a.tfevents.1", [scalar(0, "loss", 0.0)]), lr_col=None)


def test_a_resumed_run_has_several_event_files_and_the_later_wins(tmp_path: Path) -> None:
    first = [scalar(i, "loss", 4.0) for i in range(8)]
    again = [scalar(i, "loss", 3.0) for i in range(5, 12)]
    events(tmp_path / "r" / "events.out.tfevents.1.h", first)
    events(tmp_path / "r" / "events.out.tfevents.2.h", again)
    curve = one(tmp_path, schedule=s.constant(12, 1e-3))
    assert curve.loss.tolist() == [4.0] * 5 + [3.0] * 7
    assert "2 event files read as one run" in said(curve)
    assert "3 of 15 rows repeat a step" in said(curve)


def test_a_damaged_event_file_is_refused_and_a_cut_one_is_read(tmp_path: Path) -> None:
    rows = [scalar(i, "loss", 4.0) + scalar(i, "lr", 0.5) for i in range(20)]
    path = events(tmp_path / "r" / "events.out.tfevents.1.h", rows)
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    curve = one(path)
    assert len(curve) == 20
    assert "cut short" in said(curve)
    for at in (9, 20, 60, 400, len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(DataError, match=r"wrong checksum|without a whole record"):
            one(path)


def test_the_real_writer_s_files_are_read(tmp_path: Path) -> None:
    tensorboard = pytest.importorskip(
        "torch.utils.tensorboard", reason="torch and tensorboard are not installed (frameworks)"
    )
    writer = tensorboard.SummaryWriter(str(tmp_path / "run"))
    for i in range(50):
        writer.add_scalar("train/loss", 3 + 1 / (1 + i), 10 * i)
        writer.add_scalar("train/lr", 1e-3, 10 * i, new_style=True)
        writer.add_histogram("weights", np.arange(200.0), i)
    writer.add_text("config", "x" * 5000)
    writer.close()
    curve = one(tmp_path)
    assert curve.step.tolist() == list(range(0, 500, 10))
    assert np.allclose(curve.loss, 3 + 1 / (1 + np.arange(50)), rtol=1e-7)
    assert np.allclose(curve.schedule.lr, 1e-3, rtol=1e-7)


def test_crc32c_of_lengths_around_every_border() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # the published check value
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert crc32c(bytes(range(32))) == 0x46DD794E
    known: dict[bytes, int] = {}
    rng = np.random.default_rng(0)
    for size in (*range(70), 127, 128, 129, 1023, 1024, 1025, 3000, 4096, 4097, 9999):
        data, crc = rng.bytes(size), 0xFFFFFFFF
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        assert crc32c(data) == crc ^ 0xFFFFFFFF, size
        known[data] = crc ^ 0xFFFFFFFF
    # All at once, which goes another way than a few bytes do.
    length = np.array([len(data) for data in known])
    whole = np.frombuffer(b"".join(known), np.uint8)
    assert crc32c_of(whole, np.cumsum(length) - length, length).tolist() == [*known.values()]


# --- Hugging Face -------------------------------------------------------------------------------


@pytest.mark.parametrize(("ahead", "how"), [(0, "that of the last update"), (1, "of the next")])
def test_a_trainer_state_of_old_and_new_trainers(tmp_path: Path, ahead: int, how: str) -> None:
    curve = one(state(tmp_path / "my-run" / "checkpoint-200", ahead=ahead))
    assert curve.name == "my-run"
    assert curve.step[[0, -1]].tolist() == [9, 199]
    exact = 1e-3 * np.minimum(np.arange(200) / 50, (200 - np.arange(200)) / 150)
    assert np.allclose(curve.schedule.lr[9:], exact[9:], rtol=0, atol=3e-5)
    known = slice(9 + ahead, 190, 10)
    assert np.allclose(curve.schedule.lr[known], exact[known], rtol=1e-9)
    notes = said(curve)
    assert how in notes
    assert "mean over the updates since the row before it" in notes
    assert "rounded to 4 decimals" in notes
    assert "2 rows without loss (evaluations, the summary) kept apart" in notes
    folder = one(tmp_path / "my-run")
    assert folder.loss.tolist() == curve.loss.tolist()
    assert one(tmp_path / "my-run", metric="val").step.tolist() == [49]


def sparse_state(folder: Path, *, warmup: int, ahead: int) -> Path:
    """5,490 updates with the rate 2e-5, linear to 0, logged each 500 (the Trainer's default)."""
    at = np.arange(500, 5490, 500)
    update = at - 1 + ahead
    lr = 2e-5 * (5490 - update) / (5490 - warmup)
    rows: list[dict[str, float]] = [
        {"loss": 2 - c / 9999, "learning_rate": float(rate), "step": int(c)}
        for c, rate in zip(at, lr, strict=True)
    ]
    rows.append({"train_loss": 1.8, "train_runtime": 99.0, "step": 5490})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "trainer_state.json"
    path.write_text(json.dumps({"log_history": rows, "max_steps": 5490, "global_step": 5490}))
    return path


@pytest.mark.parametrize("warmup", [0, 165])
@pytest.mark.parametrize("ahead", [0, 1])
def test_a_trainer_state_whose_first_row_is_at_step_500(
    tmp_path: Path, warmup: int, ahead: int
) -> None:
    curve = one(sparse_state(tmp_path / "run", warmup=warmup, ahead=ahead))
    t = np.arange(5490)
    exact = 2e-5 * np.where(t < warmup, t / max(warmup, 1), (5490 - t) / (5490 - warmup))
    assert curve.step.tolist() == list(range(499, 5000, 500))
    assert curve.schedule.steps == 5490
    assert np.abs(curve.schedule.lr - exact).max() < 1e-9 * 2e-5
    assert f"that of the {'next' if ahead else 'last'} update (by its decay's end)" in said(curve)


def trainer_folder(folder: Path, *, level: float = 5.0, until: int = 200) -> Path:
    """As the Trainer leaves it with its default of report_to: checkpoints, and runs/DATE_host."""
    path = state(folder / "checkpoint-200", ahead=0)
    values = json.loads(path.read_text())
    rows = values["log_history"]
    for row in rows:
        if "loss" in row:
            row["loss"] = round(level - row["step"] / 99, 4)
    path.write_text(json.dumps(values))
    half = {**values, "log_history": rows[:10], "global_step": 100}
    (folder / "checkpoint-100").mkdir()
    (folder / "checkpoint-100" / "trainer_state.json").write_text(json.dumps(half))
    made = []
    for row in rows:
        if row["step"] <= until:
            made += [
                scalar(int(row["step"]), f"train/{key}", row[key])
                for key in ("loss", "learning_rate", "epoch", "train_loss")
                if key in row
            ]
    events(folder / "runs" / "Nov24_10-00-00_host" / "events.out.tfevents.17.host.1.0", made)
    hparams = [scalar(0, "hparam/loss", 3.0)]
    events(folder / "runs" / "Nov24_10-00-00_host" / "17.1" / "events.out.tfevents.17.h", hparams)
    return folder


def test_a_trainer_s_folder_with_tensorboard_s_log_is_one_run(tmp_path: Path) -> None:
    for number in range(3):
        trainer_folder(tmp_path / f"run{number}", level=5.0 + number / 10)
    for paths in ([tmp_path], [tmp_path / f"run{number}" for number in range(3)]):
        curves = read_curves(paths, ReadOptions(from_step=0))
        assert [curve.name for curve in curves] == ["run0", "run1", "run2"]
        for number, curve in enumerate(curves):
            assert curve.step.tolist() == list(range(9, 200, 10))
            assert curve.loss[0] == round(5.0 + number / 10 - 10 / 99, 4)
            assert "(TensorBoard events): read once" in said(curve)
    # Each format given by itself.
    run = tmp_path / "run0"
    files = [run / "checkpoint-200" / "trainer_state.json", run / "runs" / "Nov24_10-00-00_host"]
    for order in (files, files[::-1]):
        (curve,) = read_curves(order, ReadOptions(from_step=0))
        assert (curve.name, curve.step[0]) == ("run0", 9)


def test_rows_that_only_one_format_of_a_run_has_are_kept(tmp_path: Path) -> None:
    run = trainer_folder(tmp_path / "run", until=120)
    assert len(one(run, from_step=0)) == 20
    (run / "checkpoint-200" / "trainer_state.json").unlink()
    (run / "checkpoint-200").rmdir()
    assert one(run, from_step=0).step.tolist() == list(range(9, 120, 10))


def test_another_run_s_events_in_a_trainer_s_folder_are_left_out_with_a_warning(
    tmp_path: Path,
) -> None:
    run = trainer_folder(tmp_path / "run")
    rows = [scalar(c, "train/loss", 7 - c / 50) for c in range(10, 200, 10)]
    events(run / "runs" / "other" / "events.out.tfevents.1.h", rows)
    curve = one(run, from_step=0)
    assert curve.loss[0] == round(5 - 10 / 99, 4)
    assert curve.origin is not None
    (warning,) = curve.origin.warnings
    assert "lies in the run's folder, but holds other losses: left out" in warning


def test_runs_of_one_format_that_share_rows_are_two(tmp_path: Path) -> None:
    for name in ("a", "b"):
        rows = [scalar(i, "loss", 4 - i / 99) + scalar(i, "lr", 1e-3) for i in range(50)]
        events(tmp_path / name / "events.out.tfevents.1.h", rows)
    assert len(read_curves([tmp_path])) == 2


def test_no_warmup_is_invented_for_a_run_whose_beginning_is_in_another_log(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text("step,lr,loss\n" + "".join(f"{i},1e-3,3\n" for i in range(4000, 5000, 50)))
    with pytest.raises(DataError, match=r"its first rate at step 4,000 of 4,951: what came before"):
        one(path)
    curve = one(path, warmup=100)
    assert (curve.schedule.lr[100], curve.schedule.warmup) == (1e-3, 100)


def test_the_real_trainer_s_state_is_read(tmp_path: Path) -> None:
    """Serialised by transformers itself."""
    transformers = pytest.importorskip(
        "transformers", reason="transformers is not installed (frameworks)"
    )
    made = json.loads(state(tmp_path / "x", ahead=0).read_text())
    real = transformers.TrainerState(
        log_history=made["log_history"], max_steps=200, global_step=200
    )
    path = tmp_path / "y" / "trainer_state.json"
    path.parent.mkdir()
    real.save_to_json(str(path))
    assert one(path).loss.tolist() == one(tmp_path / "x").loss.tolist()


# --- fabian-sp/lr-scheduling --------------------------------------------------------------------


def test_the_published_124m_runs() -> None:
    folder = shared("curves", "epfml_124m")
    curves = {curve.name: curve for curve in read_curves([folder], ReadOptions(from_step=0))}
    assert len(curves) == 28
    for name, curve in curves.items():
        notes = said(curve)
        values = json.loads((folder / f"{name}.json").read_text())
        total = values["config"]["iterations"]
        assert "configuration (every logged rate agrees)" in notes, name
        assert (curve.schedule.steps, curve.weight_decay) == (total, 0.1)
        assert curve.step[[0, -1]].tolist() == [49, total - 1], name
        train = values["history"]["train"]
        at = np.array(train["iter"])
        inside = at < total
        rates = np.array(train["train_lr"])[inside]
        assert np.allclose(curve.schedule.lr[at[inside]], rates, rtol=1e-12, atol=0), name
        if len(set(train["iter"])) < len(train["iter"]):
            assert "logged more than once" in notes
        if name.startswith("ann") and "decay_linear_0.9" not in name:
            assert "earlier rows are those of stable-124m" in notes
    stable = next(c for n, c in curves.items() if n.startswith("stable") and "lr0.001_" in n)
    cool = next(c for n, c in curves.items() if "linear_0.2_iter25000" in n and "lr0.001_" in n)
    past = stable.step < 20000
    assert np.array_equal(cool.loss[: past.sum()], stable.loss[past])


def test_a_124m_cooldown_alone_and_its_validation_losses() -> None:
    folder = shared("curves", "epfml_124m")
    path = next(folder.glob("ann124-0.2*lr0.001*linear*iter25000*"))
    curve = one(path)
    assert (curve.step[0], len(curve)) == (20049, 100)
    assert "that is not given: its past is known by its schedule only" in said(curve)
    validation = one(path, metric="val")
    assert validation.step[:2].tolist() == [19999, 20199]
    assert one(path, metric="val_acc").loss.max() < 1
    with pytest.raises(DataError, match="has no 'x' in its history"):
        one(path, metric="x")


def test_repeated_counts_are_averaged_and_count_0_belongs_to_no_update(tmp_path: Path) -> None:
    path = epfml(tmp_path / "run.json")
    curve = one(path, metric="val")
    assert (curve.step.tolist(), curve.loss.tolist()) == ([99, 199], [4.5, 3.0])
    assert "1 counts of val_loss are logged more than once (100–100): averaged" in said(curve)
    assert "1 row at count 0, before any update, dropped" in said(curve)
    assert one(path).step[-1] == 399


def test_a_configuration_that_the_rates_contradict_is_not_used(tmp_path: Path) -> None:
    path = epfml(tmp_path / "run.json")
    path.write_text(path.read_text().replace('"wsd_fract_decay": 0.25', '"wsd_fract_decay": 0.5'))
    curve = one(path)
    assert "configuration is not used: logged rates differ from it by up to" in said(curve)
    assert curve.schedule.lr[299] == pytest.approx(1e-3)


def branch(
    path: Path, start: int, lr: np.ndarray[tuple[int], np.dtype[np.float64]], **changes: object
) -> Path:
    """A run that logs from its checkpoint on, each 10 updates."""
    epfml(path)
    values = json.loads(path.read_text())
    source = f"/exps/{changes.pop('of', 'base')}/ckpts/{start}"
    values["config"] |= {"resume_from": source, "iterations": lr.size, **changes}
    at = list(range(start + 10, lr.size + 1, 10))
    values["history"]["train"] = {
        "iter": at,
        "train_loss": [9 / (1 + c) + 2 for c in at],
        "train_lr": [lr[c] if c < lr.size else 0 for c in at],
    }
    values["history"]["val"] = {"iter": at, "val_loss": [3.0] * len(at)}
    path.write_text(json.dumps(values))
    return path


def two_stage(total: int, switch: int, low: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The base run's rates up to `switch`, then a lower one, and a last quarter that falls."""
    lr = config_schedule({
        "scheduler": "wsd", "lr": 1e-3, "iterations": total, "warmup_steps": 40,
        "wsd_fract_decay": 0.25, "decay_type": "linear",
    }).lr.copy()  # fmt: skip
    lr[switch:] *= low
    return lr


def test_runs_that_extend_another_have_its_past_whatever_they_are_called(tmp_path: Path) -> None:
    epfml(tmp_path / "base.json", seed=0, device="cuda:0")
    epfml(tmp_path / "other.json", seed=1)
    long = two_stage(800, 0, 1.0)
    branch(tmp_path / "same.json", 300, long, seed=0, device="cuda:7")
    low = two_stage(800, 300, 0.7)
    branch(tmp_path / "low.json", 300, low, scheduler="wsd_twostage", seed=0)
    lower = two_stage(1600, 300, 0.7)
    lower[600:] *= 0.5
    branch(
        tmp_path / "lower.json", 600, lower, scheduler="wsd_twostage", seed=0,
        of="low",
    )  # fmt: skip
    curves = {c.name: c for c in read_curves([tmp_path], ReadOptions(from_step=0))}
    for name, exact in (("same", long), ("low", low), ("lower", lower)):
        curve = curves[name]
        assert curve.step.tolist() == list(range(9, exact.size, 10)), name
        assert np.allclose(curve.schedule.lr, exact, rtol=0, atol=2e-5), name
        assert "no rate is logged" not in said(curve)
        assert "earlier rows are those of " in said(curve)
    assert np.allclose(curves["lower"].schedule.lr[:600], lower[:600], rtol=1e-9)
    assert curves["lower"].schedule.lr[[599, 600]].tolist() == pytest.approx([7e-4, 3.5e-4])
    assert "30 earlier rows are those of base, from whose checkpoint 300" in said(curves["low"])


def test_a_branch_without_its_base_says_so_and_has_no_invented_warmup(tmp_path: Path) -> None:
    epfml(tmp_path / "other.json", seed=1)
    epfml(tmp_path / "slow.json", seed=0, lr=5e-4)
    epfml(tmp_path / "cosine.json", seed=0, scheduler="cos")
    low = two_stage(800, 300, 0.7)
    branch(tmp_path / "low.json", 300, low, scheduler="wsd_twostage", seed=0)
    read = read_curves([tmp_path], ReadOptions(from_step=0))
    curve = next(curve for curve in read if curve.name == "low")
    assert curve.step[0] == 309
    assert np.allclose(curve.schedule.lr, low, rtol=0, atol=2e-5)
    assert curve.schedule.warmup <= 41
    notes = said(curve)
    assert "starts from checkpoint 300 of a stable run that is not given" in notes
    assert "the rates of the first 300 updates are not logged: those of the configuration" in notes


def test_an_older_log_lacks_its_decay_type_and_its_checkpoint(tmp_path: Path) -> None:
    epfml(tmp_path / "base.json", wsd_fract_decay=0)
    path = branch(tmp_path / "cool.json", 300, two_stage(400, 0, 1.0))
    values = json.loads(path.read_text())
    del values["config"]["decay_type"], values["config"]["resume_from"]
    path.write_text(json.dumps(values))
    read = read_curves([tmp_path], ReadOptions(from_step=0))
    curve = next(curve for curve in read if curve.name == "cool")
    assert np.array_equal(curve.schedule.lr, two_stage(400, 0, 1.0))
    assert curve.step.tolist() == list(range(9, 400, 10))
    assert "names no decay_type: taken as linear" in said(curve)
    assert "(every logged rate agrees)" in said(curve)


def test_the_124m_runs_under_other_names_and_without_keys_are_the_same(tmp_path: Path) -> None:
    folder = shared("curves", "epfml_124m")
    paths = [p for p in sorted(folder.glob("*")) if p.name.startswith(("ann", "stable"))]
    exact = {curve.name: curve for curve in read_curves(paths)}
    for number, path in enumerate(paths):
        values = json.loads(path.read_text())
        for key in ("resume_from", "world_size", "wandb_run_prefix", "n_embd"):
            if number % 2 or key == "resume_from":
                del values["config"][key]
        if values["config"]["decay_type"] == "linear":
            del values["config"]["decay_type"]
        (tmp_path / f"run{number}.json").write_text(json.dumps(values))
    read = {curve.name: curve for curve in read_curves([tmp_path])}
    for number, path in enumerate(paths):
        curve, wanted = read[f"run{number}"], exact[path.stem]
        assert curve.schedule == wanted.schedule, path.stem
        assert curve.step.tolist() == wanted.step.tolist(), path.stem
        assert curve.loss.tolist() == wanted.loss.tolist(), path.stem


# --- text logs ----------------------------------------------------------------------------------


def test_megatron_logs_count_and_print_the_next_rate(tmp_path: Path) -> None:
    warm = s.linear(1000, 1e-3, warmup=100, endpoint=True)
    lines = [
        MEGATRON.format(c=c, n=256 * c, lr=warm.lr[min(c, 999)], loss=9 / c**0.3)
        for c in range(10, 1001, 10)
    ]
    lines.append(
        " validation loss at iteration 500 | lm loss value: 3.1E+00 | lm loss PPL: 2E+01 |"
    )
    path = tmp_path / "train.log"
    path.write_text("\n".join(lines))
    curve = one(path)
    assert curve.step[[0, -1]].tolist() == [9, 999]
    assert curve.loss[0] == pytest.approx(9 / 10**0.3, rel=1e-6)
    at = np.arange(10, 1000, 10)
    assert np.allclose(curve.schedule.lr[at], warm.lr[at], rtol=1e-6)
    assert one(path, metric="val").step.tolist() == [499]


def test_olmo_core_logs(tmp_path: Path) -> None:
    lines = ["2025-01-01 10:00:00\thost:0\tolmo_core:1\tINFO\tstarting"]
    for c in range(1, 40):
        lines += [
            f"\x1b[32m2025-01-01 10:00:0{c % 10}\x1b[0m\thost:0\tconsole_logger:9\tINFO\t"
            f"[step={c}/1,000,epoch=1,eta=1h]".replace("1,000", "1000"),
            f"    optim/LR (group 0)={1e-4 * c:.6f}",
            f"    train/CE loss={11 - c / 20:.3f}",
            "    throughput/total tokens=4,194,304",
        ]
    path = tmp_path / "olmo.out"
    path.write_text("\n".join(lines))
    curve = one(path)
    assert curve.step[[0, -1]].tolist() == [0, 38]
    assert curve.loss[0] == pytest.approx(10.95)
    assert curve.schedule.lr[0] == 1e-4


@pytest.mark.parametrize("name", SILENT)
def test_logs_without_rates_need_a_schedule(tmp_path: Path, name: str) -> None:
    rows = [SILENT[name].format(c=i + 1, i=i, m=4 * i + 4, loss=9 - i / 10) for i in range(30)]
    path = tmp_path / "train.log"
    path.write_text("compiling the model...\n" + "\n".join(rows))
    with pytest.raises(DataError, match=f"{name}.*give the run's schedule="):
        one(path)
    curve = one(path, schedule=s.constant(30, 1e-3))
    assert curve.step.tolist() == list(range(30))
    assert curve.loss[0] == 9


BAD = ["x.yz", "3,14", "4.2.1", "", "8.3e", "1_0"]


@pytest.mark.parametrize("name", [*SILENT, "Megatron-LM", "OLMo-core"])
@pytest.mark.parametrize("bad", BAD)
def test_a_report_without_a_readable_loss_is_said(tmp_path: Path, name: str, bad: str) -> None:
    olmo = "2025\th:0\tINFO\t[step={c}/90,epoch=1]\n    train/CE loss={loss:.4f}\n    t=1,024"
    form = {**SILENT, "Megatron-LM": MEGATRON, "OLMo-core": olmo}[name]
    rows = [form.format(c=i + 1, i=i, n=9, m=4, lr=1e-3, loss=9 - i / 10) for i in range(30)]
    for shown in ("8.300000E+00", "8.3000", "8.300"):
        rows[7] = rows[7].replace(shown, bad)
    path = tmp_path / "train.log"
    path.write_text("\n".join(rows))
    curve = one(path, schedule=s.constant(90, 1e-3))
    assert curve.step.tolist() == [i for i in range(30) if i != 7]
    assert "1 of 30 reports have no " in said(curve)
    assert "that can be read: dropped (the first: " in said(curve)


def test_nanogpt_s_evaluations_are_of_the_weights_after_so_many_updates(tmp_path: Path) -> None:
    path = tmp_path / "nano.txt"
    lines = [f"step {i}: train loss {4 - i / 999:.4f}, val loss 4.5" for i in (0, 250, 500)]
    path.write_text("\n".join(lines))
    curve = one(path, metric="val", schedule=s.constant(500, 1e-3))
    assert curve.step.tolist() == [249, 499]


def test_a_validation_loss_that_litgpt_repeats_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "lit.txt"
    vals = ["n/a", "n/a", "3.5", "3.5", "3.25", "3.25"]
    lines = [
        f"Epoch 1 | iter {i} step {i} | loss train: 4.000, val: {v} | iter time: 1 ms"
        for i, v in enumerate(vals, 1)
    ]
    path.write_text("\n".join(lines))
    curve = one(path, metric="val", schedule=s.constant(6, 1e-3))
    assert (curve.step.tolist(), curve.loss.tolist()) == ([2, 4], [3.5, 3.25])


# --- detection ----------------------------------------------------------------------------------


def test_what_is_no_log_is_refused_in_a_sentence(tmp_path: Path) -> None:
    for name, data, expected in (
        ("a.json", b'{"x": 1}', "is JSON, but no log"),
        ("b.json", b"{oops", "is not JSON"),
        ("c.log", b"hello\nworld", "no log that mplfit knows"),
        ("d.jsonl", b"[1]\n", "expected a JSON object in every row"),
        ("e.bin", b"\0\1\2", "is not a text file"),
        ("f.json", b"", "is not JSON"),
        ("events.out.tfevents.9", b"", "no scalar"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=expected):
            one(tmp_path / name)
    with pytest.raises(DataError, match="does not exist"):
        one(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no log that mplfit knows"):
        one(tmp_path / "empty")


def test_a_folder_may_hold_files_that_are_no_logs(tmp_path: Path) -> None:
    state(tmp_path, ahead=0)
    for name in ("config.json", "other.json"):
        (tmp_path / name).write_text('{"model": 1}')
    (tmp_path / "model.bin").write_bytes(b"\0")
    curve = one(tmp_path)
    assert "1 other file holds no log that mplfit knows (other.json)" in said(curve)
