"""`python -m tests.fuzz [FORMAT ...]`: damaged logs of each format, by thousands.

Every input is refused in a sentence, or read as a second, plainer parse reads it: see
tests/support/damaged.py; tests/readers/test_fuzz.py tries fewer. Without a format, all of them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

from tests.support.damaged import FORMATS, run


def main(words: list[str] | None = None) -> int:
    """The number of formats with an input that is read wrongly, or not refused in a sentence."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument("--count", type=int, default=10_000, help="inputs of each format")
    parser.add_argument("--seed", type=int, default=4)
    asked = parser.parse_args(words)
    if unknown := set(asked.formats) - set(FORMATS):
        parser.error(f"no format {unknown.pop()!r}: there are {', '.join(FORMATS)}")
    warnings.simplefilter("error")  # as in the tests
    wrong = 0
    for name in asked.formats or FORMATS:
        start, quick = time.process_time(), "/dev/shm"
        place = quick if os.access(quick, os.W_OK) else None
        with tempfile.TemporaryDirectory(dir=place) as folder:
            try:
                said = f"{run(name, Path(folder), asked.count, asked.seed)} read, others refused"
            except Exception as error:  # whatever it is, it is what is looked for
                wrong += 1
                said = f"WRONG: {type(error).__name__}: {error}"
        seconds = time.process_time() - start
        print(f"{name:20s} {asked.count} inputs, {seconds:.1f} s of CPU: {said}", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(min(main(), 1))
