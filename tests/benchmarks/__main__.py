"""`make bench`: one table of timings, from every bench_*.py of this folder.

Each file has a function rows() that yields (what was measured, figure) pairs. Timings are the best
of several runs in one process; machines are noisy, so compare ratios.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from mplfit.show.table import Column, Table, text


def main() -> None:
    """Run the files whose names contain one of the arguments, or all."""
    table = []
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        if len(sys.argv) > 1 and not any(word in path.stem for word in sys.argv[1:]):
            continue
        for label, figure in import_module(f"tests.benchmarks.{path.stem}").rows():
            print(f"{label}: {figure}", file=sys.stderr, flush=True)
            table.append([label, figure])
    rows = tuple((str(name), str(value)) for name, value in table)
    print(text(Table("", (Column("measured"), Column("figure")), rows)))


if __name__ == "__main__":
    main()
