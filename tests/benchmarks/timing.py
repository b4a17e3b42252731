"""How every benchmark measures."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

__all__ = ["best", "peak_growth"]

# Not ru_maxrss: a process takes that over from the one that started it, whose own peak hides all
# that is below it. VmHWM begins anew.
_GROWTH = """
import sys
def peak():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
exec(sys.argv[1])
before = peak()
exec(sys.argv[2])
print(1024 * (peak() - before))
"""


def best(function: Callable[[], object], times: int, *, warm: bool = True) -> float:
    """Seconds of the fastest of some calls, after one to warm up."""
    if warm:
        function()
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def peak_growth(before: str, code: str, *arguments: str) -> int:
    """Bytes by which `code` raises the largest memory of a fresh process (Linux).

    before : what the process runs first (imports), which does not count.
    arguments : are sys.argv[3:].
    """
    command = [sys.executable, "-c", _GROWTH, before, code, *arguments]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
