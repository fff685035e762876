"""Runs over many instances: worker processes, time limits, progress."""
