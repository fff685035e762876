"""Measurements against other programs, side by side: `python -m benchmarks.run`."""
