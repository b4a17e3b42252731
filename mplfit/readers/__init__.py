"""Readers: one file a log format, each turning logs into curves; detection in `paths`."""
