"""Measurements of a trained or untrained model: plain dataclass out, nothing logged."""
