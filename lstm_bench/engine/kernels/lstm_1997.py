"""Express the LSTM of 1997 in the weights of a modern LSTM, so that the kernels of `LSTMCell` run it exactly.

Its U = H + 2J hidden units become the units of an LSTM. With s the logistic function, 4 s(g) - 2 = 2 tanh(g/2) and
2 s(c) - 1 = tanh(c/2), so with half the cell state, c/2:

    a cell         i and o are those of its block, f = 1, half of g:  c/2 += i tanh(g/2),  y = o tanh(c/2)
    a gate unit    i = 0, f = 1 and c = OPEN from the start, whose tanh is 1 with a slope of 0: its output is its o

Each row of the LSTM's four blocks is a row of the original's weights, times 1 or 1/2, or a constant bias; its gradient
is that of the row, times the same factor. s(OPEN) = 1, s(-OPEN) = 0 and tanh(OPEN) = 1 to the last bit.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.lstm_1997 import OriginalLSTMCell
from lstm_bench.engine.compiled.kernel import CompiledLSTM
from lstm_bench.engine.kernel import Kernel, Parts
from lstm_bench.engine.kernels.lstm import LSTMKernel
from lstm_bench.engine.kernels.lstm_ablated import OPEN

HALF = 0.5


class _BlocksKernel:
    """The `Kernel` of `OriginalLSTMCell`, which runs a kernel of `LSTMCell`."""

    def __init__(self, cell: OriginalLSTMCell, kernel: Callable[[LSTMCell], Kernel]) -> None:
        self._cells, units = cell.hidden_size, cell.hidden_size + 2 * cell.blocks
        whole = LSTMCell(cell.input_size, units, generator=Generator()).to(cell.bias.dtype)
        self._kernel = kernel(whole)
        self._rows, self._constant = _rows_of(cell)

    def bytes_per_step(self, inputs: Tensor) -> int:
        """See `Kernel`."""
        return self._kernel.bytes_per_step(inputs)

    def start(self, parameters: Mapping[str, Tensor], batch_size: int) -> Parts:
        """See `Kernel`."""
        weights = {name: tensor.detach() for name, tensor in parameters.items()}
        self._rows, self._constant = (t.to(weights["bias"]) for t in (self._rows, self._constant))
        bias = weights["bias"] @ self._rows.T + self._constant
        whole = {name: self._rows @ weights[name] for name in ("weight_ih", "weight_hh")}
        start = self._kernel.start(whole | {"bias_ih": bias, "bias_hh": torch.zeros_like(bias)}, batch_size)
        return {"h": start["h"], "c": start["c"][..., : self._cells]}

    def forward(self, inputs: Tensor, state: Parts) -> tuple[Tensor, Parts]:
        """See `Kernel`."""
        c = self._padded(HALF * state["c"], state["h"].shape[-1], OPEN)
        outputs, after = self._kernel.forward(inputs, {"h": state["h"], "c": c})
        return outputs[..., : self._cells], {"h": after["h"], "c": after["c"][..., : self._cells] / HALF}

    def backward(self, d_outputs: Tensor, d_state: Parts | None, with_norms: bool) -> tuple[Parts, Parts]:
        """See `Kernel`."""
        units = len(self._rows.T)
        if d_state is not None:
            d_state = {"h": d_state["h"], "c": self._padded(d_state["c"] / HALF, units)}
        before, norms = self._kernel.backward(self._padded(d_outputs, units), d_state, with_norms)
        d_before = {"h": before["h"], "c": HALF * before["c"][..., : self._cells]}
        return d_before, norms | ({"c": HALF * norms["c"]} if norms else {})

    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""
        whole = self._kernel.gradients(d_start)
        by_name = {name: self._rows.T @ whole[name] for name in ("weight_ih", "weight_hh")}
        return by_name | {"bias": whole["bias_ih"] @ self._rows}

    def _padded(self, of_cells: Tensor, units: int, value: float = 0.0) -> Tensor:
        return F.pad(of_cells, (0, units - self._cells), value=value)


def _rows_of(cell: OriginalLSTMCell) -> tuple[Tensor, Tensor]:
    """Return the matrix [4U, U] from the original's rows to those of the LSTM's blocks i, f, g, o, and biases [4U].

    The original's rows are cells, input gates, output gates.
    """
    cells, blocks = cell.hidden_size, cell.blocks
    units = cells + 2 * blocks
    block_of = torch.arange(cells) // cell.block_size
    identity = torch.eye(units)
    zeros = torch.zeros(2 * blocks, units)
    i = torch.cat((identity[cells + block_of], zeros))
    g = torch.cat((HALF * identity[:cells], zeros))
    o = torch.cat((identity[cells + blocks + block_of], identity[cells:]))
    closed = torch.cat((torch.zeros(cells), torch.full((2 * blocks,), -OPEN)))
    constant = torch.cat((closed, torch.full((units,), OPEN), torch.zeros(2 * units)))
    return torch.cat((i, torch.zeros(units, units), g, o)), constant


class CompiledOriginalLSTM(_BlocksKernel):
    """The `Kernel` of `OriginalLSTMCell`, compiled."""

    name = CompiledLSTM.name

    def __init__(self, cell: OriginalLSTMCell) -> None:
        super().__init__(cell, CompiledLSTM)


class OriginalLSTMKernel(_BlocksKernel):
    """The `Kernel` of `OriginalLSTMCell` in torch operations."""

    name = LSTMKernel.name

    def __init__(self, cell: OriginalLSTMCell) -> None:
        super().__init__(cell, LSTMKernel)
