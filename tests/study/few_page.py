"""The page of few runs: its tables, as markdown, and its words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from mplfit.assess.intervals import LEVELS
from mplfit.estimate.constants import INTERVALS
from tests.study.families import SUPERFAMILIES
from tests.study.few_runs import PROTOCOLS, Few, Held, of_superfamily

__all__ = ["elsewhere_table", "error_table", "finals_table", "measure_table", "page"]

SHOWN = ("csv_25", "csv_400", "124m_0.001", "124m_0.0005", "owt_10_8", "sl_12_10")
_LOW, _HIGH = LEVELS.values()


def error_table(results: Iterable[Few]) -> str:
    """The errors in thousandths: of some families, and the geometric mean over the families of each
    superfamily."""
    kinds = {one.family.name: one.family.superfamily for one in results}
    found = {(one.family.name, one.protocol): one.mean_error for one in results}
    rows = [["fitted to", *SHOWN, *SUPERFAMILIES]]
    for protocol in PROTOCOLS:
        own = {name: error for (name, of), error in found.items() if of == protocol}
        groups = [[own[name]] if name in own else [] for name in SHOWN]
        groups += [[own[n] for n in own if kinds[n] == kind] for kind in SUPERFAMILIES]
        rows.append([protocol, *map(_thousandths, groups)])
    return markdown(rows)


def measure_table(results: Sequence[Few]) -> str:
    """Means over superfamilies of what is measured in each."""
    columns: dict[str, tuple[Callable[[Sequence[Few]], Sequence[float]], str]] = {
        "error": (lambda some: [1e3 * np.mean([one.mean_error for one in some])], "{:.1f}"),
        "bias": (lambda some: [1e3 * np.mean(_errors(some))], "{:+.1f}"),
        "rank": (
            lambda some: _mean([rank for one in some for rank, _ in one.rankings()]),
            "{:.2f}",
        ),
        "regret": (
            lambda some: _mean([1e3 * regret for one in some for _, regret in one.rankings()]),
            "{:.1f}",
        ),
        "finals held": (lambda some: _shares([off[-1:] for off in _off(some)]), "{:.0f} / {:.0f}"),
        "rows held": (lambda some: _shares(_off(some)), "{:.0f} / {:.0f}"),
        "after branching": (lambda some: _shares(_off(some, fresh=True)), "{:.0f} / {:.0f}"),
        "half width": (lambda some: [np.mean(_widths(some))], "{:.1f}"),
        "of the least": (lambda some: [1 / _needed(some)], "{:.2f}"),
    }
    rows = [["fitted to", *columns]]
    for protocol in PROTOCOLS:
        groups = [some for some in of_superfamily(results, protocol).values() if some]
        row = [protocol]
        for name, (measure, form) in columns.items():
            found = [values for values in map(measure, groups) if len(values)]
            if name == "of the least" and found:
                found = [[1 / np.mean([1 / value for (value,) in found])]]
            row.append(form.format(*np.mean(found, axis=0)) if found else "–")
        rows.append(row)
    return markdown(rows)


def finals_table(results: Sequence[Few]) -> str:
    """How many of a superfamily's last losses the 80 and the 95 % intervals hold, in per cent, and
    the mean over superfamilies."""
    rows = [["fitted to", *SUPERFAMILIES, "mean"]]
    for protocol in PROTOCOLS:
        row, shares = [protocol], []
        for some in of_superfamily(results, protocol).values():
            off = [off[-1:] for off in _off(some)]
            shares += [_shares(off)] if off else []
            row.append(f"{_pair(shares[-1])} of {len(off)}" if off else "–")
        rows.append([*row, _pair(np.mean(shares, axis=0)) if shares else "–"])
    return markdown(rows)


def elsewhere_table(results: Sequence[Few]) -> str:
    """The same of last losses at other peak rates, by how far these are from the training ones."""
    rows = [["fitted to", "setting", "2 times or half", "4 times or a quarter", "8 times"]]
    for protocol in PROTOCOLS:
        for kind, some in of_superfamily(results, protocol).items():
            by_factor: dict[int, list[float]] = {2: [], 4: [], 8: []}
            for one in some:
                for run in one.held:
                    if run.elsewhere:
                        by_factor[_factor(one, run)].append(float(run.off(one.sizes)[-1]))
            if any(by_factor.values()):
                cells = [
                    f"{_pair(_shares([np.array(off)]))} of {len(off)}" if off else "–"
                    for off in by_factor.values()
                ]
                rows.append([protocol, kind, *cells])
    return markdown(rows)


def constants_table() -> str:
    """The intervals' constants, as they were chosen on all superfamilies and without each."""
    rows = [["chosen", "parameters a", "scatter b", "run", "horizon c", "peak d"]]
    names = ["on all (what commands use)", *(f"without {kind}" for kind in SUPERFAMILIES)]
    for name, one in zip(names, INTERVALS, strict=True):
        own = one.informed
        numbers = (own.parameters, own.scatter, own.run, own.horizon, own.peak)
        rows.append([name, *(f"{number:g}" for number in numbers)])
    return markdown(rows)


def page(results: Sequence[Few]) -> str:
    """The page, as markdown."""
    return TEXT.format(
        errors=error_table(results),
        measures=measure_table(results),
        finals=finals_table(results),
        elsewhere=elsewhere_table(results),
        constants=constants_table(),
    )


TEXT = """# What one, two or three runs foretell

Made by `python -m tests.study few` (in `make study`); change no number by hand. `effective` is
fitted to some runs of a family (one model, data set and peak rate) with the prior learned without
that family's superfamily. Fitted to: a cosine run; a decaying run (a WSD where there is one); that
and a constant one; these and a third; a constant run alone (released curves); and, since that is
what people have, cosines alone: two, three.

Mean error of the other runs' last losses, in thousandths; of a superfamily the geometric mean over
its families:

{errors}

Means over superfamilies. Errors, bias (predicted less observed), regret and half widths of the 80 %
interval are in thousandths; rank (Spearman) and regret (the loss of the run predicted best, less
the lowest) are over the other runs of one length, where there are three. Held: by the 80 / 95 %
intervals, in per cent, of last losses, of all rows of a run, and of those that no training run has.
"Of the least": how much wider the intervals of last losses are than those of the same shape that
hold 80 %: 1.28 over the 80 % quantile of |residual|/sd, that quantile being a mean over
superfamilies.

{measures}

Last losses held by the 80 / 95 % interval, by superfamily. The constants of the intervals were
chosen without the superfamily:

{finals}

Last losses of runs at other peak rates, held by the intervals of fits at one:

{elsewhere}

## How the intervals' constants were chosen

{constants}

Their meaning is in `mplfit/assess/intervals.py`; `python -m tests.study.choose` prints them and
says by what criterion. The *form* was chosen with all superfamilies in view, among some 150
variants (nine forms, with several of their constants fixed at some values), by the mean log density
of held-out last losses with the constants chosen on the other superfamilies:

- What stands for the law's own error: nothing; the residuals' scatter s; K, the error of left-out
  training runs, alone and in units of s (no better than without: 3.894 for 3.900).
- In horizon: ln of the number of updates, or of S, in units of s, of 1e-3, or times the parameters'
  error. ln S in units of s was best (4.047; updates 4.021), and is told by the others without any
  one superfamily.
- In peak: the same three units. In units of s it was best (3.900; of 1e-3 3.387; times the
  parameters' error 3.764).
- The parameters' covariance: that of the objective as it is; the rows' information divided by seven
  functions of the scatter; and by powers of 2 up to 16 beside. With the noise of a row taken as
  max(δ, s) the density rises from 4.002 to 4.019 and the lab's intervals need no constant of their
  own; more rows to an observation brought nothing.
- Normal, or Student-t with its degrees free, 8, 6 or 5: as likely, or less (4.055; 4.044 with 8).
- Rows of whole curves counted as much as last rows: the parameters' share rises from 0.78 to 0.91,
  the coverage of last losses from three runs falls to 75 %. The last rows alone were kept.
"""


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row is its head."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _errors(some: Sequence[Few]) -> list[float]:
    return [error for one in some for error in one.errors.values()]


def _off(some: Sequence[Few], fresh: bool = False) -> list[np.ndarray]:
    """Of every other run, how far its rows lie off; with `fresh` those of no training run."""
    found = [(run.off(one.sizes), run.fresh) for one in some for run in one.own]
    return [off[new] for off, new in found if new.any()] if fresh else [off for off, _ in found]


def _shares(off: Sequence[np.ndarray]) -> list[float]:
    """In per cent, the mean share of a run's rows within each level's interval."""
    return [100 * float(np.mean([np.mean(one <= z) for one in off])) for z in (_LOW, _HIGH)]


def _widths(some: Sequence[Few]) -> list[float]:
    """Half the width of the 80 % interval of last losses, in thousandths."""
    ends = [(run.predicted[-1], run.sd(one.sizes)[-1]) for one in some for run in one.own]
    return [1e3 * loss * float(np.sinh(_LOW * sd)) for loss, sd in ends]


def _needed(some: Sequence[Few]) -> float:
    """The factor on the standard deviations with which 80 % of last losses lie inside."""
    return float(np.quantile([off[-1] for off in _off(some)], 0.8)) / _LOW


def _factor(one: Few, run: Held) -> int:
    """By how much a run's peak rate differs from the training ones: 2, 4 or 8."""
    assert one.made.peaks is not None
    lowest, highest = one.made.peaks
    return 2 ** round(np.log2(max(run.peak / highest, lowest / run.peak)))


def _mean(values: Sequence[float]) -> list[float]:
    """Of what is known: runs that are predicted alike have no rank."""
    known = [value for value in values if np.isfinite(value)]
    return [float(np.mean(known))] if known else []


def _thousandths(errors: Sequence[float]) -> str:
    return f"{1e3 * float(np.exp(np.mean(np.log(errors)))):.1f}" if errors else "–"


def _pair(shares: Sequence[float]) -> str:
    return " / ".join(f"{share:.0f}" for share in shares)
