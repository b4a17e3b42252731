"""Logs as tables: columns under usual names, dirty rows, and where the schedule comes from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mplfit import schedule as s
from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.readers.csv_log import ReadOptions, read_csv, read_table
from mplfit.readers.paths import split
from mplfit.readers.released import NAMES, released_schedule
from mplfit.schedule import constant
from mplfit.schedule.spec import parse_schedule
from tests.shared_data import shared

pytestmark = pytest.mark.portable


def read(folder: Path, text: str | bytes, name: str = "run.csv", **options: object) -> Curve:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_csv(path, ReadOptions(**options))


def notes(curve: Curve) -> str:
    assert curve.origin is not None
    assert not [note for note in curve.origin.notes if "\n" in note]
    return " | ".join((*curve.origin.notes, *(f"warning: {one}" for one in curve.origin.warnings)))


def log(schedule: s.Schedule, step: np.ndarray, lr: np.ndarray | None = None) -> str:
    rates = schedule.lr[step] if lr is None else lr
    rows = zip(step.tolist(), rates.tolist(), (2 + 9 / (1 + step)).tolist(), strict=True)
    return "\n".join(["step,lr,loss", *(f"{t},{rate!r},{loss!r}" for t, rate, loss in rows)])


PLAIN = "step,lr,loss\n0,0.1,3.5\n1,0.1,3.25\n2,0.05,3\n"


def same(curve: Curve) -> None:
    assert curve.step.tolist() == [0, 1, 2]
    assert curve.loss.tolist() == [3.5, 3.25, 3]
    assert curve.schedule.lr.tolist() == [0.1, 0.1, 0.05]


def test_a_plain_log_with_its_origin(tmp_path: Path) -> None:
    curve = read(tmp_path, PLAIN, "my.run.csv")
    same(curve)
    assert curve.name == "my.run"
    assert curve.origin is not None
    assert curve.origin.path == str(tmp_path / "my.run.csv")
    assert curve.origin.sha256 == hashlib.sha256(PLAIN.encode()).hexdigest()
    assert curve.origin.notes == ()


@pytest.mark.parametrize(
    ("step", "lr", "loss"),
    [
        ("Step", "LR", "Loss"),
        ("_step", "train/lr", "train/loss"),
        ("iteration", "learning_rate", "train_loss"),
        ("iter", "learning rate", "lm loss"),
        ("Global Step", "optim.lr", "training-loss"),
        ("trainer/global_step", "train/learning_rate", "CE loss"),
        ("update", "Learning-Rate", "train/cross_entropy_loss"),
    ],
)
def test_usual_names_in_any_order(tmp_path: Path, step: str, lr: str, loss: str) -> None:
    rows = [("val", loss, lr, "epoch", step), (9, 3.5, 0.1, 0, 0), (9, 3.25, 0.1, 0, 1)]
    rows.append((9, 3, 0.05, 0, 2))
    if step == "trainer/global_step":
        same(read(tmp_path, "\n".join(",".join(map(str, row)) for row in rows), step_col=step))
    else:
        same(read(tmp_path, "\n".join(",".join(map(str, row)) for row in rows)))


def test_named_columns_go_before_usual_ones(tmp_path: Path) -> None:
    text = "step,n,lr,rate,loss,val\n9,0,9,0.1,9,3.5\n8,1,9,0.1,9,3.25\n7,2,9,0.05,9,3\n"
    same(read(tmp_path, text, step_col="n", lr_col="rate", loss_col="val"))


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (PLAIN, {"loss_col": "val"}, "has no column 'val', asked for with loss_col=: it has step"),
        ("a,a,lr,loss\n1,1,1,1", {"step_col": "a"}, "has 2 columns 'a', asked for with step_col="),
        ("a,lr,loss\n1,1,1", {}, r"no column for the step \(such as step, steps\): it has a, lr, "),
        ("step,lr,x\n1,1,1", {}, r"no column for the loss .*; name it with loss_col="),
        ("step,x,loss\n1,1,1", {}, r"no column for the learning rate .* or give schedule="),
        ("step,lr,LR,loss\n1,1,1,1", {}, r"2 columns that could hold the learning rate.*lr_col="),
        ("x" + ",x" * 9999 + "\n1", {}, "x, x, x, x, x, x, x, x and 9992 more"),
        ("step,lr,loss\n1.5,1,1", {}, r"row 1: the step must be a whole number .*, got 1.5 "),
        ("step,lr,loss\n0,1,1\n1234567.5,1,1", {}, "row 2: .* got 1234567.5 "),
        ("step,lr,loss\n-1,1,1", {}, "got -1.0 "),
        ("step,lr,loss\n,1,1", {}, "got nothing "),
        ("step,lr,loss\ninf,1,1", {}, "got inf "),
        ("step,lr,loss\n1e300,1,1", {}, r"got 1e\+300 "),
        ("step,lr,loss\n4000000000000,1,1", {}, "counted in tokens or samples.*step_col="),
        ("step,lr,loss\n1,1,nan\n2,1,inf", {}, "no finite loss in 2 rows"),
        ("step,lr,loss\n1,1,2\n5,1,0", {}, "step 5: the loss is 0, .* must be positive"),
        ("step,lr,loss\n1,1,-2", {}, "step 1: the loss is -2, .* must be positive"),
        ("step,lr,loss\n1,1,2\n3,-1,2", {}, "learning rate of step 3 is negative .*lr_col="),
        ("step,lr,loss\n1,,2\n3,nan,2", {}, "no row logs a learning rate: give the run's sched"),
        ("step,lr,loss\n1,0,2\n3,0,2", {}, "all 4 learning rates are 0"),
        (PLAIN, {"lr_col": "loss"}, "'loss' cannot be the learning rate and the loss too"),
        ("iter,lr,loss\n0,1,1", {"lr_col": "iter"}, "'iter' cannot be .* rate and the step too"),
        ("epoch,lr,loss\n0,1,2\n1,1,2", {}, "counts epochs, which are no updates"),
        ("epoch,epochs,lr,loss\n0,0,1,2", {}, "no column for the step"),
        (PLAIN, {"tokens_per_step": 8, "step_col": "tokens"}, "has no column 'tokens'"),
        ("step,tokens,lr,loss\n1,8,1,2", {"tokens_per_step": 8}, "has 'step' and 'tokens': name"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    tmp_path: Path, text: str, options: dict[str, str], said: str
) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read(tmp_path, text, **options)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "run.csv"))
    assert message.count(str(tmp_path)) == 1
    assert "\n" not in message


LITGPT = "iter,iter_time,step,lr,loss\n1,9,0,0.1,3\n2,9,1,0.1,2\n"
BATCHES = "litgpt: steps are its count of micro-batches, iter"
INDICES = "steps are taken as 0-based indices (if they count updates: steps_are='count')"


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (
            LITGPT,
            {},
            [f"{BATCHES}; with gradient accumulation give those of an update as tokens_per_step="],
        ),
        (LITGPT, {"tokens_per_step": 1}, [BATCHES]),
        (
            "iter,train/loss,val/loss,lr,mfu\n0,3,3,0.1,9\n1,2,2,0.1,9\n",
            {},
            ["nanoGPT evaluates before the update of its iter: losses are those of iter − 1"],
        ),
        (
            "train/global_step,loss,lr\n1,3,0.1\n2,2,0.1\n",
            {},
            [
                "train/global_step counts finished updates, as Hugging Face logs it (else: "
                "steps_are='index')"
            ],
        ),
        (PLAIN, {}, []),
        ("step,lr,loss\n1,0.1,3\n2,0.1,2\n", {}, [INDICES]),
        ("step,lr,loss\n1,0.1,3\n2,0.1,2\n", {"steps_are": "index"}, []),
        ("_step,lr,loss\n1,0.1,3\n2,0.1,2\n", {}, []),
        ("step,lr,loss\n0,0.1,3\n,0.1,3\n2,0.1,2\n", {}, ["1 row without a step dropped"]),
        (
            "step,lr,loss\n0,0.1,3\n,0.1,3\n,0.1,\n2,0.1,2\n",
            {},
            ["2 rows without a step dropped"],
        ),
        (
            "step,lr,loss,grad_norm\n0,0.1,3,high\n2,0.1,2,1\n",
            {},
            ["the gradient norms are not all numbers: left out"],
        ),
        *(
            (
                f"epoch,lr,loss\n{first},0.1,3\n{first + 1},0.1,2\n",
                {"steps_per_row": 50},
                [
                    f"steps are its epochs, from {first} on, of 50 updates each; each loss is the "
                    "mean over an epoch"
                ],
            )
            for first in (0, 1)
        ),
    ],
)
def test_what_is_said_of_the_steps(
    tmp_path: Path, text: str, options: dict[str, object], said: list[str]
) -> None:
    path = tmp_path / "run.csv"
    path.write_text(text)
    (log,) = read_table(path, ReadOptions(**options))
    assert [note for note in log.notes if "column" not in note] == said
    assert log.kind == ("litgpt csv" if text is LITGPT else "table")
    if text.startswith("epoch"):
        assert log.loss.step.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("cells", "decay"),
    [
        (("0.1", "0.1", "0.1"), 0.1),
        (("", "0.1", "nan"), 0.1),
        (("0", "0", "0"), 0.0),
        (("0.1", "0.1", "0.4"), 0.2),
        (("0.1", "-1", "0.4"), None),
        (("-1", "-1", "-1"), None),
        (("", "", ""), None),
    ],
)
def test_a_weight_decay_that_never_changes_is_the_run_s(
    tmp_path: Path, cells: tuple[str, ...], decay: float | None
) -> None:
    path = tmp_path / "run.csv"
    rows = [f"{t},0.1,3,{cell},1,2" for t, cell in enumerate(cells)]
    path.write_text("\n".join(["step,lr,loss,weight_decay,val_loss,eval/loss", *rows]))
    (log,) = read_table(path, ReadOptions())
    assert log.weight_decay == decay
    assert [text for text in log.warnings if "changes along the run (0.1 to 0.4)" in text] == list(
        log.warnings
    )
    assert len(log.warnings) == (decay == 0.2)
    assert log.also == ("val_loss", "eval/loss")
    assert log.columns == ("loss", "lr")


def test_a_weight_decay_that_changes_counts_by_the_learning_rate(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text("step,lr,loss,wd\n1,3e-3,3,0.1\n2,1e-3,2,0.5\n3,,2,0.9\n")
    (log,) = read_table(path, ReadOptions())
    assert log.weight_decay == 0.2  # (3 · 0.1 + 1 · 0.5) / 4
    assert "its mean, weighted by the learning rate, 0.2, is taken" in log.warnings[0]
    path.write_text("step,loss,wd\n1,3,0.1\n2,2,0.5\n")
    (log,) = read_table(path, ReadOptions(schedule="cosine:steps=3,peak=1e-3"))
    assert (log.weight_decay, "its mean, 0.3, is taken" in log.warnings[0]) == (0.3, True)


def test_calls_of_wandb_log_are_warned_of_unless_the_steps_are_told(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text("_step,lr,loss\n0,0.1,3\n1,0.1,2\n")

    def warnings(**options: object) -> int:
        (log,) = read_table(path, ReadOptions(**options))
        return len(log.warnings)

    assert warnings() == 1
    told = ({"step_col": "_step"}, {"steps_are": "index"}, {"steps_per_row": 2})
    assert [warnings(**one) for one in told] == [0, 0, 0]


def test_rows_without_a_finite_loss_are_dropped_and_said(tmp_path: Path) -> None:
    curve = read(tmp_path, PLAIN + "3,0.05,nan\n4,0.05,inf\n5,0.05,\n")
    assert curve.step.tolist() == [0, 1, 2]
    assert "3 of 6 rows without a finite loss dropped" in notes(curve)


def test_rates_of_rows_without_a_loss_still_make_the_schedule(tmp_path: Path) -> None:
    text = "step,lr,loss\n0,1,4\n1,0.5,\n2,0.25,\n3,,3\n4,0.125,\n"
    curve = read(tmp_path, text)
    assert curve.step.tolist() == [0, 3]
    assert curve.schedule.lr.tolist() == [1, 0.5, 0.25, 0.1875, 0.125]
    assert "1 of 5 rows log no learning rate" in notes(curve)


def test_of_a_repeated_step_the_last_row_counts(tmp_path: Path) -> None:
    text = "step,lr,loss\n0,0.1,9\n0,0.1,3.5\n1,7,7\n1,0.1,3.25\n2,0.05,3\n"
    curve = read(tmp_path, text)
    same(curve)
    assert "warning: 2 of 5 rows repeat a step: the last of each in the file is kept" in notes(
        curve
    )


def test_the_last_row_counts_however_often_a_long_log_repeats(tmp_path: Path) -> None:
    rows = [(row * 7 % 50, row + 1) for row in range(1000)]
    text = "step,lr,loss\n" + "\n".join(f"{step},1,{loss}" for step, loss in rows)
    assert read(tmp_path, text).loss.tolist() == [dict(rows)[step] for step in range(50)]


def test_unordered_rows_are_sorted_and_said(tmp_path: Path) -> None:
    curve = read(tmp_path, "step,lr,loss\n2,0.05,3\n0,0.1,3.5\n1,0.1,9\n1,0.1,3.25\n")
    same(curve)
    assert "not in the order of their steps: sorted" in notes(curve)
    assert "1 of 4 rows repeat a step" in notes(curve)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    folder = shuffled_folder()
    rng = np.random.default_rng(seed)
    step = np.unique(rng.integers(0, 500, 40))
    head, *rows = log(s.linear(501, 1e-3, warmup=10), step).split("\n")
    rng.shuffle(rows)
    plain = read(folder, "\n".join([head, *sorted(rows, key=lambda row: int(row.split(",")[0]))]))
    mixed = read(folder, "\n".join([head, *rows]))
    assert plain.step.tolist() == mixed.step.tolist()
    assert plain.loss.tolist() == mixed.loss.tolist()
    assert plain.schedule == mixed.schedule


_FOLDERS: list[Path] = []


@pytest.fixture(autouse=True, scope="module")
def _one_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    _FOLDERS[:] = [tmp_path_factory.mktemp("shuffled")]


def shuffled_folder() -> Path:
    return _FOLDERS[0]


def test_the_given_schedule_is_used_and_needs_no_rates(tmp_path: Path) -> None:
    given_ = s.constant(100, 1e-3, warmup=10)
    curve = read(tmp_path, "step,loss\n0,4\n5,3\n50,2\n", schedule=given_)
    assert curve.schedule is given_
    assert "warning" not in notes(read(tmp_path, "step,loss\n0,4\n66,2\n", schedule=given_))
    off = read(tmp_path, "step,lr,loss\n5,1e-3,3\n50,2e-3,2\n", schedule=given_)
    assert off.schedule is given_
    said = (
        "warning: the schedule given is used although logged rates differ from it by up to 1e+02 %"
    )
    assert f"{said} (step 50: 0.002 is logged, 0.001 given)" in notes(off)
    assert "warning: the schedule given goes on after the log: it has 100 updates" in notes(curve)


def test_steps_past_the_schedule(tmp_path: Path) -> None:
    rows = "\n".join(f"{t},{4 - t / 100}" for t in range(0, 101, 5))
    curve = read(tmp_path, f"step,loss\n{rows}\n", schedule=s.constant(100, 1e-3))
    assert curve.step[-1] == 95
    assert "1 row past the last update of the schedule (step 99) dropped" in notes(curve)
    with pytest.raises(DataError, match=r"10 of 21 rows lie past .* 55 steps \(the last .* 100\)"):
        read(tmp_path, f"step,loss\n{rows}\n", schedule=s.constant(55, 1e-3))
    with pytest.raises(DataError, match="1 of 1 rows lie past"):
        read(tmp_path, "step,lr,loss\n100,1,1\n", schedule=s.constant(100, 1e-3))


def test_an_unfinished_run_has_the_schedule_of_the_whole(tmp_path: Path) -> None:
    whole = s.wsdld(1000, 1e-3, decay=200, warmup=10)
    curve = read(tmp_path, log(whole, np.arange(10, 500, 10)), schedule=whole)
    assert (curve.schedule, curve.step[-1]) == (whole, 490)


def test_without_a_schedule_every_assumption_is_said(tmp_path: Path) -> None:
    jump = s.two_stage(400, 1e-3, 1e-4, switch=205, warmup=50)
    step = np.arange(60, 400, 10)
    curve = read(tmp_path, log(jump, step))
    assert curve.schedule.steps == 391
    assert curve.schedule.lr[60:].tolist() == [1e-3] * 150 + [1e-4] * 181
    said = notes(curve)
    assert "rebuilt from 34 logged rates (up to 10 steps apart)" in said
    assert "jump at step 210 (it happened somewhere after step 200)" in said
    assert "a linear warmup from 0 to 0.001 over the first 61 updates is assumed" in said
    told = read(tmp_path, log(jump, step), warmup=50)
    assert told.schedule.lr[:210].tolist() == jump.lr[:205].tolist() + [1e-3] * 5
    assert told.schedule.warmup == 50


@pytest.mark.parametrize("name", NAMES)
def test_a_released_name_whose_rates_agree_has_the_released_schedule(
    tmp_path: Path, name: str
) -> None:
    schedule = released_schedule(name)
    assert schedule is not None
    step = np.arange(2160, schedule.steps, 640)
    curve = read(tmp_path, log(schedule, step), f"{name}.csv")
    assert curve.schedule == schedule
    assert "released curve of this name (every logged rate agrees)" in notes(curve)
    # The row one past the end, which the release has, belongs to no update.
    more = np.append(step, schedule.steps)
    text = log(schedule, more, np.append(schedule.lr[step], 1.0))
    curve = read(tmp_path, text, f"{name}.csv")
    assert curve.schedule == schedule
    assert curve.step[-1] == step[-1]


@pytest.mark.parametrize(("error", "agrees"), [(5e-7, True), (2e-6, False)])
def test_a_released_name_whose_rates_disagree_is_said_and_not_used(
    tmp_path: Path, error: float, agrees: bool
) -> None:
    schedule = released_schedule("wsdld_20000_24000")
    assert schedule is not None
    step = np.arange(2160, 24000, 128)
    lr = schedule.lr[step].copy()
    lr[77] *= 1 + error
    curve = read(tmp_path, log(schedule, step, lr), "wsdld_20000_24000.csv")
    assert (curve.schedule == schedule) == agrees
    assert ("released curve, but the logged rates are not its schedule's" in notes(curve)) != agrees


def test_a_released_name_of_a_longer_run_is_not_used(tmp_path: Path) -> None:
    step = np.arange(2160, 48000, 128)
    longer = s.constant(48000, 3e-4, warmup=2160)
    curve = read(tmp_path, log(longer, step), "constant_24000.csv")
    assert len(curve) == step.size
    assert curve.schedule.steps == step[-1] + 1
    assert "the schedule is rebuilt" in notes(curve)


def test_a_warmup_that_is_told_goes_before_a_released_name(tmp_path: Path) -> None:
    schedule = released_schedule("constant_24000")
    assert schedule is not None
    text = log(schedule, np.arange(2176, 24000, 128))
    curve = read(tmp_path, text, "constant_24000.csv", warmup=100)
    assert curve.schedule.warmup == 100
    assert curve.schedule.lr[100] == 3e-4


@pytest.mark.parametrize("folder", ["csv_25", "csv_400"])
def test_the_rebuilt_schedule_is_near_the_released_one(tmp_path: Path, folder: str) -> None:
    """The same logs under other names: what interpolation between 128 steps costs."""
    for name in NAMES:
        exact = released_schedule(name)
        assert exact is not None
        text = shared("curves", folder, f"{name}.csv").read_bytes()
        rebuilt = read(tmp_path, text, "other.csv", warmup=2160).schedule
        apart = np.abs(rebuilt.lr - exact.lr[: rebuilt.steps])
        jump = np.zeros(rebuilt.steps, dtype=bool)
        if name.startswith("wsdcon"):
            jump[8000 - 128 : 8000 + 128] = True
        assert apart[~jump].max() < 0.03 * 3e-4, name  # a bend falls between two rows
        assert exact.steps - rebuilt.steps < 2000
        assert np.count_nonzero(apart[jump]) <= 128


def test_a_long_log_is_read(tmp_path: Path) -> None:
    rows = 200_000
    step = np.arange(rows)
    text = "step,lr,loss\n" + "\n".join(f"{t},0.001,{3 + 1 / (1 + t):.6f}" for t in step.tolist())
    curve = read(tmp_path, text)
    assert len(curve) == rows
    assert curve.schedule == s.constant(rows, 0.001)
    blank = read(tmp_path, text + f"\n{rows},,\n")
    assert len(blank) == rows


def test_a_schedule_in_the_first_line_is_used_where_the_rates_agree(tmp_path):
    path, spec = tmp_path / "run.csv", "cosine:steps=9,peak=1.0,warmup=3"
    lr = parse_schedule(spec).lr
    rows = "".join(f"{step},{float(lr[step])!r},2.5\n" for step in (4, 6, 8))
    path.write_text(f"# schedule: {spec}\nstep,lr,loss\n{rows}")
    assert read_csv(path).schedule == parse_schedule(spec)
    path.write_text(f"# schedule: constant:steps=9,peak=1.0\nstep,lr,loss\n{rows}")
    curve = read_csv(path)
    assert curve.schedule != parse_schedule("constant:steps=9,peak=1.0")
    assert any("is not used" in note for note in curve.origin.notes)
    path.write_text(f"# schedule: nonsense\nstep,lr,loss\n{rows}")
    assert any("first line is not used" in note for note in read_csv(path).origin.notes)


def test_the_lab_s_own_curves_are_split_as_in_its_loop():
    names = ("lab_constant", "lab_cosine", "lab_two_stage", "lab_linear")
    curves = [Curve(name, [1], [2.0], constant(3, 1.0)) for name in names]
    train, held, how = split(curves)
    assert [curve.name for curve in train] == list(names[:3])
    assert [curve.name for curve in held] == ["lab_linear"]
    assert "closed loop" in how
    assert split(curves[1:])[1] == []
