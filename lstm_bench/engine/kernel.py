"""The interface of a kernel: it runs a population of one cell through a segment of time and back."""

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor

Parts = dict[str, Tensor]  # parts of a state by name, or a gradient or norm of each of them


class Kernel(Protocol):
    """Run M members of one cell through a segment of time, and back through the segment that was run last.

    One training step is `start`, `forward` segment after segment, then `backward` from the last segment to the first
    (each but the last run forward again before) and `gradients`. What `forward` keeps for `backward` is the tape.

    Shapes: parameters by name, each with the members first; inputs [T, M, B, D]; outputs [T, M, B, H]; parts of the
    state [M, B, ...]; norms [T, M].
    """

    name: str

    def bytes_per_step(self, inputs: Tensor) -> int:
        """Return the bytes that the tape of one step of one member takes."""
        ...

    def start(self, parameters: Mapping[str, Tensor], batch_size: int) -> Parts:
        """Load these weights, reset all gradients, and return the state before the first step."""
        ...

    def forward(self, inputs: Tensor, state: Parts) -> tuple[Tensor, Parts]:
        """Return the outputs, a view that the next call overwrites, and the state after the last step, a copy."""
        ...

    def backward(self, d_outputs: Tensor, d_state: Parts | None, with_norms: bool) -> tuple[Parts, Parts]:
        """Return dL/d(state before the segment) and, where `with_norms`, ||dL/ds_t|| of each part of the state.

        `d_outputs` [S, M, B, H] is the loss's own dL/d(output) at the last S steps (S may be 0), `d_state` the gradient
        of the state after the segment, None at the end of time. L is the member's own loss, and the norm is the
        Frobenius norm over [B, ...] of the total derivative, in float64: in float32 small squares would vanish.
        """
        ...

    def gradients(self, d_start: Parts) -> Parts:
        """Return the gradient of each parameter, given that of the state before the first step."""
        ...
