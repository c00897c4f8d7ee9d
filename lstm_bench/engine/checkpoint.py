"""A training's state as bytes, and back."""

import io
import pickle
import warnings
from typing import Any

import torch

FORMAT = 1  # raised when the content of a state changes its meaning


class CheckpointError(Exception):
    """Bytes that are no checkpoint of ours, and why."""


def to_bytes(state: dict[str, Any]) -> bytes:
    """Return a state of `Training` as the content of a file."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "state": state}, buffer)
    return buffer.getvalue()


def from_bytes(content: bytes) -> dict[str, Any]:
    """Return the state that a file holds. Only tensors and plain containers are read: nothing in it is executed.

    Raises: CheckpointError where it is anything else, or of another format.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of pickles that others wrote: they are refused anyway
            found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise CheckpointError(f"not tensors and plain containers alone ({type(error).__name__})") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise CheckpointError(f"not of format {FORMAT}")
    state: dict[str, Any] = found["state"]
    return state
