"""Measure how far back a recurrent cell remembers, why, and at what cost."""

__version__ = "0.1.0"
