"""Benchmarks, against the least that could do the same: `python -m bench --help`."""
