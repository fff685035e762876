"""Measurements against other programs: see `run`."""
