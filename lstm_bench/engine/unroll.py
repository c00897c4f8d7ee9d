"""The loop over time, forwards and backwards: one contract, one implementation a cell, one for all others."""

from collections.abc import Callable, Mapping
from typing import Protocol

from torch import Tensor

from lstm_bench.cells.contract import Cell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.generic_unroll import GenericUnroll
from lstm_bench.engine.lstm_bptt import LSTMUnroll
from lstm_bench.engine.rnn_bptt import RNNUnroll


class Unroll(Protocol):
    """Run a population of one cell through time and back.

    Shapes: inputs [T, M, B, D]; outputs [T or S, M, B, H]; parameters by name, each with the members first; gradient
    norms [T, M].
    """

    name: str

    def forward(self, parameters: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        """Return all outputs and keep what backward needs. The result is overwritten by the next call."""
        ...

    def backward(self, d_outputs: Tensor, with_norms: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the gradient of each parameter and, if asked, ||dL/ds_t|| of each part of the state.

        `d_outputs` [S, M, B, H] is dL/d(output) at the last S steps; the loss reads no other. L is the member's own
        loss (a mean over its batch), and the norm is the Frobenius norm over [B, H] of the total derivative.
        """
        ...

    def last_outputs(self, parameters: Mapping[str, Tensor], inputs: Tensor, last: int) -> Tensor:
        """Return the outputs of the last steps [last, M, B, H], keeping nothing else."""
        ...


# By exact type: a subclass may step differently and goes the generic way.
FUSED: Mapping[type, Callable[..., Unroll]] = {RNNCell: RNNUnroll, LSTMCell: LSTMUnroll}


def unroll_of(cell: Cell) -> Unroll:
    """Return the fastest unroll that is exact for this cell."""
    return FUSED.get(type(cell), GenericUnroll)(cell)
