"""The benchmarks are no tests; that their measure of memory can be wrong, and is not, is one."""

from __future__ import annotations

import sys

import pytest

from tests.benchmarks.timing import peak_growth


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc/self/status")
def test_the_memory_of_this_process_hides_none_of_the_measured_one():
    here = bytearray(200_000_000)
    here[::4096] = b"1" * len(here[::4096])  # touched, so that it counts
    grown = peak_growth("import json", "x = bytearray(int(sys.argv[3]))", "50000000")
    assert 50_000_000 <= grown < 55_000_000
    assert peak_growth("import json", "pass") < 2_000_000
