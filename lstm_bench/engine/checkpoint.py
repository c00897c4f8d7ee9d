"""Write the state of a training as bytes, and read it back."""

import io
import pickle
import warnings
from typing import Any

import torch

FORMAT = 1  # raised when the content of a state changes its meaning


class CheckpointError(Exception):
    """The bytes are not a checkpoint; the message says why."""


def to_bytes(state: dict[str, Any]) -> bytes:
    """Return a state of `Training` as the content of a file."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "state": state}, buffer)
    return buffer.getvalue()


def from_bytes(content: bytes) -> dict[str, Any]:
    """Return the state that a file holds. It loads tensors and plain containers only and executes nothing.

    Raises: CheckpointError where the content is anything else, or has another format.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # about foreign pickles, which are refused anyway
            content_read = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise CheckpointError(f"not tensors and plain containers alone ({type(error).__name__})") from error
    if not isinstance(content_read, dict) or content_read.get("format") != FORMAT:
        raise CheckpointError(f"not of format {FORMAT}")
    state: dict[str, Any] = content_read["state"]
    return state
