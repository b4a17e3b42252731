"""Showing results: figures (`plot`, the only importer of matplotlib)."""
