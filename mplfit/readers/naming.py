"""What runs are called: by the part of their path that tells them from the others.

Of several, a file called `metrics.csv` or `train.log` is named after its folder. Where two runs
would have one name, both get the parts of their paths that differ.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mplfit.errors import DataError
from mplfit.readers.log import Log
from mplfit.readers.source import log_stem

__all__ = ["named"]

# Names that training codes and loggers give to every run's file or folder.
_USUAL = re.compile(
    r"(metrics?|logs?|loggers?|train(ing|er)?|history|progress|std(out|err)|output|out|console"
    r"|results?|run|runs|data|version_\d+|files|scalars?|events|tensorboard|tb|csv|csv_logs?|lightning_logs"
    r"|wandb|wandb-history|loss|main|rank_?\d+|slurm)([-_.]?(metrics?|logs?|history|logger|out))*",
    re.I,
)
_DEPTH = 3  # folders above a file that may name it


def named(logs: Sequence[Log]) -> list[Log]:
    """The logs, each with a name of its own.

    Raises
    ------
    DataError
        If a file is given twice.
    """
    logs = [replace(log, name=_own_name(log)) for log in logs] if len(logs) > 1 else list(logs)
    count = Counter(log.name for log in logs)
    logs = [
        replace(log, name=f"{log_stem(log.path)}:{log.name}")
        if log.part and count[log.name] > 1
        else log
        for log in logs
    ]
    for _ in range(2):  # a new name may be that of another run
        for name in [
            name for name, times in Counter(log.name for log in logs).items() if times > 1
        ]:
            places = [i for i, log in enumerate(logs) if log.name == name]
            _refuse_twice([logs[i] for i in places])
            for i, new in zip(places, _told_apart([logs[i] for i in places]), strict=True):
                note = f"{len(places)} runs would be called {name}: named by their paths"
                told = (*logs[i].notes, *[note] * (new != name and not _USUAL.fullmatch(name)))
                logs[i] = replace(logs[i], name=new, notes=told)
    twice, times = Counter(log.name for log in logs).most_common(1)[0] if logs else ("", 0)
    if times > 1:
        raise DataError(f"{times} runs are named {twice}: rename a folder, to tell them apart")
    return logs


def _own_name(log: Log) -> str:
    """The log's name; that of the nearest telling folder where every run's file is called so."""
    own = log_stem(log.path)
    if log.part or log.name != own or not _USUAL.fullmatch(own):
        return log.name
    above = Path(os.path.abspath(log.path)).parent.parts[1:][: -_DEPTH - 1 : -1]
    return next((part for part in above if not _USUAL.fullmatch(part)), own)


def _refuse_twice(logs: Sequence[Log]) -> None:
    (path, _), times = Counter((log.path.resolve(), log.part) for log in logs).most_common(1)[0]
    if times > 1:
        raise DataError(f"{path} is given twice: give each file once")


def _told_apart(logs: Sequence[Log]) -> list[str]:
    """The common name with a part of each path that differs, in the order of the path."""
    paths = [Path(os.path.abspath(log.path)) for log in logs]
    parts = [[*path.parent.parts, log_stem(path)] for path in paths]
    start, end = _alike(parts), _alike([some[::-1] for some in parts])
    inner = [some[start : max(start + 1, len(some) - end)] for some in parts]
    telling = [[part for part in some if not _USUAL.fullmatch(part)] or some for some in inner]
    for chosen in ([some[-1:] for some in telling], [some[:1] for some in telling], telling):
        if len(set(map(tuple, chosen))) == len(logs):
            break
    else:
        chosen = inner
    name = logs[0].name
    before = name in parts[0][:start]
    return ["/".join([name, *some] if before else [*some, name]) for some in chosen]


def _alike(parts: Sequence[Sequence[str]]) -> int:
    """How many parts all begin with."""
    shortest = min(map(len, parts))
    return next((k for k in range(shortest) if len({some[k] for some in parts}) > 1), shortest)
