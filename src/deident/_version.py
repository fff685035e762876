"""The version of Deident, read by the build and by `deident --version`."""

__version__ = "0.1.0"
