"""`python -m tests.study`: every law on both collections of real runs; the tables as markdown.

`python -m tests.study few`: what one, two or three runs foretell, into FEW_RUNS.md.
`python -m tests.study sizes`: the law over model sizes, into SIZES.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from mplfit.writers.files import write_file
from tests.study import cases
from tests.study.few_page import page as few_page
from tests.study.few_runs import all_few_runs
from tests.study.plan import LAWS, Plan
from tests.study.results import run_all
from tests.study.sizes import page as sizes_page
from tests.study.text import page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).with_name("README.md")
    parser.add_argument("what", nargs="?", choices=("laws", "few", "sizes"), default="laws")
    parser.add_argument("--out", type=Path, help="the markdown file to write")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--laws", help="only these, separated by commas")
    options = parser.parse_args()
    if not (cases.SHARED / "curves").is_dir():
        sys.exit(f"the public curves are not here: {cases.SHARED} (set MPLFIT_SHARED)")
    started = time.monotonic()
    if options.what == "few":
        out = options.out or default.with_name("FEW_RUNS.md")
        write_file(out, few_page(all_few_runs()).encode(), force=True)
        print(f"written to {out} after {time.monotonic() - started:.0f} s")
        return
    if options.what == "sizes":
        out = options.out or default.with_name("SIZES.md")
        text = sizes_page(lambda what: print(what, file=sys.stderr, flush=True))
        write_file(out, text.encode(), force=True)
        print(f"written to {out} after {time.monotonic() - started:.0f} s")
        return
    plan = Plan.of(options.laws.split(",") if options.laws else tuple(LAWS))

    def show(done: int, total: int, what: str) -> None:
        took = time.monotonic() - started
        print(f"{what} {done}/{total}, {took:.0f} s", file=sys.stderr, flush=True)

    with ProcessPoolExecutor(options.workers) if options.workers > 1 else nullcontext() as pool:
        results = run_all(plan.jobs, pool, show)
    out = options.out or default
    write_file(out, page(plan, results).encode(), force=True)
    print(f"written to {out} after {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
