"""Settings of every test."""

from __future__ import annotations

import os

from hypothesis import settings

# Commands work alone, unless a test says more: a process beside each would cost more than it gains.
os.environ["MPLFIT_WORKERS"] = "1"

# No deadline: the machines that run this are slow and shared. Fewer examples than usual: the whole
# set stays short; raise them with --hypothesis-profile=thorough.
settings.register_profile("mplfit", deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile("mplfit")
