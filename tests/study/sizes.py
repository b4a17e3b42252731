"""`python -m tests.study sizes`: how wrong the law over sizes has been, on real runs of many sizes.

Collections: the models of 33M to 354M parameters on SlimPajama (`sl`) and OpenWebText (`owt`), the
Gemstones up to 517M, data/lab_sizes, the released 25M and 400M curves, and OLMo's 190M, 370M and
760M. The prior of the shapes is everywhere the one learned without the collection's superfamily.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mplfit import Curve, Schedule, read_curves
from mplfit.assess.intervals import LEVELS
from mplfit.curve import RunSize
from mplfit.errors import FitError
from mplfit.estimate.fit import fit
from mplfit.estimate.prior import Prior
from mplfit.estimate.result import Fit
from mplfit.laws.learned import PRIORS
from mplfit.sizes.constants import check_held_out
from mplfit.sizes.fit import learn_from_siblings
from mplfit.sizes.groups import SizeRuns, group_sizes
from mplfit.sizes.rollout import Rollout, roll_out
from mplfit.sizes.sums import SHAPES
from mplfit.types import FloatArray
from tests.study.cases import ROOT, SHARED
from tests.study.families import families

__all__ = ["COLLECTIONS", "Task", "gemstones", "page", "task_table"]

WARMUP = 19  # updates of the Gemstones
VOCABULARY, HEAD = 50304, 64  # of the models on SlimPajama and OpenWebText
PRIOR = {
    "sl": "without epfml",
    "owt": "without epfml",
    "gemstones": "all",
    "lab": "without lab",
    "released": "without released",
    "olmo": "without olmo",
}
COLLECTIONS = tuple(PRIOR)
TRAINING = ("constant_24000", "cosine_24000", "wsdcon_9")  # the release's split


def shapes_of(collection: str) -> tuple[FloatArray, FloatArray]:
    """The prior of the shapes that a collection is measured with."""
    pairs = [PRIORS["effective"][PRIOR[collection]][name] for name in SHAPES]
    mean, sd = np.array(pairs).T
    return mean, sd


def is_held_out(collection: str) -> bool:
    """Whether no constant of the law over sizes was chosen on it."""
    try:
        check_held_out(collection)
    except FitError:
        return False
    return True


def runs_of(collection: str) -> list[Curve]:
    """The runs of a collection, each with its size in its name."""
    if collection == "gemstones":
        return gemstones()
    if collection == "lab":
        return read_curves([ROOT / "data" / "lab_sizes"])
    made = []
    for family in families():
        if family.name.startswith("csv_") and collection == "released":
            size = RunSize(parameters=float(family.name[4:]) * 1e6)
        elif family.name.startswith("olmo") and collection == "olmo":
            size = RunSize(parameters=float(family.name[4:-1]) * 1e6)
        elif family.name.startswith(f"{collection}_") and not family.name.endswith("_210"):
            layers, heads = map(int, family.name.split("_")[1:])
            width = HEAD * heads
            count = 12 * layers * width**2 + VOCABULARY * width
            size = RunSize(count, width, layers)
        else:
            continue
        made += [
            replace(
                run, name=f"{family.name}/{run.name}", size=size, weight_decay=family.weight_decay
            )
            for run in family.runs
        ]
    return made


def gemstones() -> list[Curve]:
    """The Gemstones with cooldowns: of each shape a constant run, one at half the rate, and ten
    cooldowns, of which the last row alone is its own. Their rates are not known: peak 1, λ = 1e-4.
    """
    rows: dict[tuple[int, int, int], dict[str, list[tuple[int, float]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    with (SHARED / "sizes" / "gemstones_small.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            shape = int(row["parameters"]), int(row["width"]), int(row["depth"])
            rows[shape][row["kind"]].append((int(row["step"]), float(row["loss"])))
    made = []
    for (count, width, depth), kinds in sorted(rows.items()):
        if "cooldown_end" not in kinds:
            continue
        size = RunSize(count, width, depth, tokens_per_update=4194304)
        parts = []
        for label, kind, peak in (
            ("constant", "constant", 1.0),
            ("half rate", "constant_half_rate", 0.5),
        ):
            pairs = [pair for pair in kinds[kind] if pair[0] >= 954]
            parts.append((label, pairs, _steady(pairs[-1][0], peak)))
        for (begin, _), end in zip(kinds["cooldown_begin"], kinds["cooldown_end"], strict=True):
            lr, length = _steady(end[0], 1.0), end[0] - begin
            lr[begin:] = 1 - (np.arange(length) + 0.5) / length
            parts.append((f"cooldown {begin}", [end], lr))
        for label, pairs, lr in parts:
            step, loss = map(np.array, zip(*pairs, strict=True))
            name, schedule = f"{width}x{depth}/{label}", Schedule(lr, WARMUP)
            made.append(Curve(name, step - 1, loss, schedule, size=size, weight_decay=1e-4))
    return made


def _steady(steps: int, peak: float) -> FloatArray:
    lr = np.full(steps, peak)
    lr[:WARMUP] = peak * (np.arange(WARMUP) + 1) / WARMUP
    return lr


@dataclass(frozen=True)
class Task:
    """Some runs of one size to fit, siblings, and the size's other runs to predict."""

    name: str
    own: tuple[Curve, ...]
    siblings: tuple[Curve, ...]
    held: tuple[Curve, ...]


def tasks(collection: str) -> list[Task]:
    """What is asked of siblings in a collection: the smaller sizes, of the released curves also
    the larger one.
    """
    groups = list(group_sizes(runs_of(collection)))
    made = []
    if collection == "released":
        for group, other in ((groups[1], groups[0]), (groups[0], groups[1])):
            runs = {curve.name.split("/")[1]: curve for curve in group.curves}
            held = tuple(curve for name, curve in runs.items() if name not in TRAINING)
            constant = runs["constant_24000"]
            for label, own in (
                ("half of one constant run", (_half(constant),)),
                ("one constant run", (constant,)),
                ("three runs", tuple(runs[name] for name in TRAINING)),
            ):
                made.append(Task(f"{group.label}: {label}", own, other.curves, held))
    elif collection == "olmo":
        big = groups[-1]
        own = tuple(curve for curve in big.curves if curve.name.endswith("0.5xC"))
        held = tuple(curve for curve in big.curves if not curve.name.endswith("0.5xC"))
        below = tuple(curve for group in groups[:-1] for curve in group.curves)
        made.append(Task("760M: 0.5xC", own, below, held))
        long = tuple(c for c in held if c.name.split("/")[1] in ("5xC", "10xC"))
        made.append(Task("760M: 0.5xC, at 5xC and 10xC", own, below, long))
    else:
        for i, group in enumerate(groups[1:], 1):
            below = tuple(curve for other in groups[:i] for curve in other.curves)
            made += _one_run_tasks(group, below)
    return made


def _one_run_tasks(group: SizeRuns, below: tuple[Curve, ...]) -> list[Task]:
    """The shortest cosine run, and the shortest constant one."""
    made = []
    for kind in ("cos", "const"):
        some = [curve for curve in group.curves if curve.name.split("/")[1].startswith(kind)]
        if not some:
            continue
        own = min(some, key=lambda curve: curve.schedule.steps)
        held = [
            curve
            for curve in group.curves
            if curve is not own and not curve.name.split("/")[1].startswith("const")
        ]
        label = f"{group.label}: {'cosine' if kind == 'cos' else 'constant'}"
        made.append(Task(label, (own,), below, tuple(held)))
    return made


def _half(curve: Curve) -> Curve:
    kept = curve.step < curve.schedule.steps // 2
    return replace(curve, step=curve.step[kept], loss=curve.loss[kept])


def _measures(made: Fit, held: Sequence[Curve]) -> FloatArray:
    """Means over curves of R2, MAE, RMSE, PredE, WorstE and the absolute final error."""
    found = []
    for curve in held:
        off = curve.loss - made.predict(curve.schedule, curve.step)
        spread = curve.loss - curve.loss.mean()
        r2 = 1 - float(off @ off) / float(spread @ spread) if len(curve) > 1 else np.nan
        size, relative, square = np.abs(off), np.abs(off) / curve.loss, off @ off / off.size
        means = [size.mean(), np.sqrt(square), relative.mean(), relative.max()]
        found.append([r2, *means, size[-1]])
    return np.array(np.mean(found, axis=0))


def task_rows(collection: str) -> list[tuple[str, FloatArray, FloatArray]]:
    """Of each task the measures with siblings and those of the runs alone."""
    shapes = shapes_of(collection)
    alone = Prior("learned", np.r_[0, 0, shapes[0]], np.diag(np.r_[0, 0, 1 / shapes[1]]))
    made = []
    for task in tasks(collection):
        known = learn_from_siblings(task.own, task.siblings, shapes=shapes)
        pair = [
            fit(
                task.own, "effective", prior=prior, constants=constants, quick=True, leave_out=False
            )
            for prior, constants in (
                (known.prior, known.constants),
                (alone, {**known.constants, "eta_ref": _peak(task.own)}),
            )
        ]
        made.append((task.name, *(_measures(one, task.held) for one in pair)))
    return made


def _peak(curves: Sequence[Curve]) -> float:
    return max(float(curve.schedule.lr[: curve.step[-1] + 1].max()) for curve in curves)


def task_table(rows: Sequence[tuple[str, FloatArray, FloatArray]]) -> str:
    """A row for each task, and their means."""
    lines = [
        "| runs of the target | R2 | MAE | RMSE | PredE | WorstE | final | alone: MAE | final |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    mean = ("mean", *(np.mean([row[k] for row in rows], axis=0) for k in (1, 2)))
    for name, with_siblings, alone in [*rows, *([mean] if len(rows) > 2 else [])]:
        shown = [f"{with_siblings[0]:.4f}", *(f"{one:.5f}" for one in with_siblings[1:5])]
        shown += [f"{with_siblings[5]:.4f}", f"{alone[1]:.5f}", f"{alone[5]:.4f}"]
        lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(lines)


def rollout_table(made: Rollout) -> str:
    """A row for each size, and the means over sizes of those that say something everywhere."""
    lines = [
        "| size | sizes below | times the largest | mean error | mean absolute error "
        "| Chinchilla | power laws | with a short run | that alone |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in made.rows:
        off = float((row.observed - row.predicted).mean())
        others = [row.error, row.chinchilla, row.power, row.with_short, row.alone]
        lines.append(
            f"| {row.size} | {row.trained} | {row.factor:.2f} | {off:+.4f} | "
            f"{' | '.join('–' if one is None else f'{one:.4f}' for one in others)} |"
        )
    return "\n".join(lines)


def rollout_summary(made: Rollout) -> str:
    """Medians over sizes, and how many last losses, and sizes, the intervals hold."""
    titles = {
        "error": "the law",
        "chinchilla": "Chinchilla",
        "power": "power laws",
        "with_short": "with a short run",
        "alone": "that alone",
    }
    medians = []
    for key, title in titles.items():
        known = [value for row in made.rows if (value := getattr(row, key)) is not None]
        if known:
            medians.append(f"{title} {np.median(known):.4f}")
    off = [float(np.mean(np.log(row.observed / row.predicted) / row.sd)) for row in made.rows]
    inside = []
    for (level, held), width in zip(made.inside.items(), LEVELS.values(), strict=True):
        sizes = sum(abs(one) <= width for one in off)
        inside.append(
            f"{sizes} of {len(off)} sizes ({held[0]} of {held[1]} runs) in the "
            f"{100 * float(level):.0f} %"
        )
    return (
        f"Median over sizes of the mean absolute error: {', '.join(medians)}. Mean errors lie "
        f"within: {', '.join(inside)}."
    )


_PAGE = """# The law over sizes on real runs

Made by `python -m tests.study sizes` (in `make study`); change no number by hand. Losses are
natural logarithms'; errors are of the last row of a run, observed less predicted. The prior of the
shapes is the one learned without the collection's superfamily (of the Gemstones, which are in none:
all). The constants of the law over sizes (`mplfit/sizes/constants.py`) were chosen on sl, owt,
gemstones and lab, some 53 variants of terms, priors and spreads having been tried there; no number
was fitted on released and olmo, but the trend of b and A in the prior of siblings were compared on
them, too: their figures are not strictly held out.

## Some runs of the target, and siblings

`mplfit fit TARGET --siblings OTHERS`; "alone" is the same fit with the prior learned on other
people's runs instead.

{tasks}

## Nothing of the target

`mplfit sizes --rollout`: fitted to the sizes below each in turn. Two sizes below the first ones do
not determine the law; shapes far from the usual ratio (768×3, 1792×7) do not lie on it.

{rollouts}
"""


def page(progress: Callable[[str], None] = lambda _: None) -> str:
    """The whole page."""
    siblings, rollouts = [], []
    for collection in ("released", "olmo", "sl", "owt"):
        progress(collection)
        held = (
            "no number fitted on it" if is_held_out(collection) else "constants were chosen on it"
        )
        siblings.append(f"**{collection}** ({held})\n\n{task_table(task_rows(collection))}")
    for collection in ("olmo", "gemstones", "sl", "owt", "lab"):
        progress(f"{collection}, rollout")
        held = (
            "no number fitted on it" if is_held_out(collection) else "constants were chosen on it"
        )
        made = roll_out(runs_of(collection), shapes=shapes_of(collection))
        parts = (f"**{collection}** ({held})", rollout_table(made), rollout_summary(made))
        rollouts.append("\n\n".join(parts))
    return _PAGE.format(tasks="\n\n".join(siblings), rollouts="\n\n".join(rollouts))
