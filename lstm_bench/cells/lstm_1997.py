"""The long short-term memory as first published, with blocks of cells that share gates, and no forget gate."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from lstm_bench.checks import at_least

BOUND = 0.1  # largest absolute value of an initial weight
CANDIDATE_RANGE, OUTPUT_RANGE = 2.0, 1.0  # the candidate is within [-2, 2], the squashed state within [-1, 1]


class BlockState(NamedTuple):
    """The outputs h [B, H + 2J] of all hidden units: cells, input gates, output gates; and the inner state c [B, H]."""

    h: Tensor
    c: Tensor


class OriginalLSTMCell(nn.Module):
    """Advance the LSTM of 1997 by one time step: H cells in J blocks, each with one input and one output gate.

        g, i, o = split(W_ih x + W_hh h + b)                  # H, J and J rows
        c' = c + sigmoid(i) * (4 sigmoid(g) - 2)              # i and o of a block for each of its cells
        y = sigmoid(o) * (2 sigmoid(c') - 1)                  # the output
        h' = [y, sigmoid(i), sigmoid(o)]

    Every unit of the hidden layer, gates too, is connected to every other. There is no forget gate, so c never decays.

    Args:
        input_size: D, features per step.
        hidden_size: H, cells.
        block_size: cells that share their gates; the last block has the remainder.
        input_gate_bias: initial bias of the first block's input gate; the k-th block's is k times that, so that the
            blocks come into use one after another and c does not drift before.
        generator: source of the initial values.

    Shapes: x [B, D]; state (h [B, H + 2J], c [B, H]) -> output [B, H], state.
    Parameters: (H + 2J) (D + H + 2J + 1). With the read-out 93 for adding (D = 2, two blocks of 2), 156 and 308 for
        temporal order with two blocks and with three, as in the paper.
    Raises: ValueError for a size below 1.
    References: Hochreiter & Schmidhuber 1997, sections 4 and 5.4 to 5.6. There the output units are logistic, and
        gradients are cut where they would flow from later steps into gates and candidates; here they are complete.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        block_size: int = 2,
        input_gate_bias: float = -3.0,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        at_least(1, input_size=input_size, hidden_size=hidden_size, block_size=block_size)
        self.input_size, self.hidden_size, self.block_size = input_size, hidden_size, block_size
        self.blocks = -(-hidden_size // block_size)
        units = hidden_size + 2 * self.blocks
        self.weight_ih = nn.Parameter(torch.empty(units, input_size))
        self.weight_hh = nn.Parameter(torch.empty(units, units))
        self.bias = nn.Parameter(torch.empty(units))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -BOUND, BOUND, generator=generator)
        with torch.no_grad():
            input_gates = self.bias[hidden_size : hidden_size + self.blocks]
            # on the CPU even for a cell on the meta device, where a product makes torch import its compiler, 1 s
            input_gates.copy_(input_gate_bias * torch.arange(1, self.blocks + 1, device="cpu"))

    def initial_state(self, batch_size: int) -> BlockState:
        """Return zeros."""
        units, cells = (self.bias.new_zeros(batch_size, width) for width in (len(self.bias), self.hidden_size))
        return BlockState(h=units, c=cells)

    def gates(self, x: Tensor, state: BlockState) -> dict[str, Tensor]:
        """Return i and o of each cell at one step, [B, H]."""
        i, o = torch.sigmoid(self._before_squashing(x, state)[1]).chunk(2, dim=-1)
        return {"i": self._to_cells(i), "o": self._to_cells(o)}

    def _before_squashing(self, x: Tensor, state: BlockState) -> tuple[Tensor, Tensor]:
        pre = x @ self.weight_ih.T + state.h @ self.weight_hh.T + self.bias
        return pre[..., : self.hidden_size], pre[..., self.hidden_size :]

    def _to_cells(self, gate: Tensor) -> Tensor:
        return gate.repeat_interleave(self.block_size, dim=-1)[..., : self.hidden_size]

    def step(self, x: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """Return (y, (h', c'))."""
        g, pre = self._before_squashing(x, state)
        gates = torch.sigmoid(pre)
        i, o = (self._to_cells(gate) for gate in gates.chunk(2, dim=-1))
        c = state.c + i * _squashed(g, CANDIDATE_RANGE)
        h = torch.cat((o * _squashed(c, OUTPUT_RANGE), gates), dim=-1)
        return h[..., : self.hidden_size], BlockState(h=h, c=c)


def _squashed(x: Tensor, bound: float) -> Tensor:
    """Return the logistic function, scaled to [-bound, bound]."""
    return bound * (2 * torch.sigmoid(x) - 1)
