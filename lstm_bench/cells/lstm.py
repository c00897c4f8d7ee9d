"""The long short-term memory."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells import initialisation
from lstm_bench.cells.initialisation import RecurrentInit
from lstm_bench.checks import at_least


class LSTMState(NamedTuple):
    """Hidden state h and cell state c, both [B, H]."""

    h: Tensor
    c: Tensor


class LSTMCell(nn.Module):
    """Advance an LSTM by one time step.

        i, f, g, o = split(W_ih x + b_ih + W_hh h + b_hh)     # the order, fixed here
        c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h' = sigmoid(o) * tanh(c')

    The additive path through c lets dL/dc survive many steps while f stays near 1.

    Args:
        input_size: D, features per step.
        hidden_size: H, width of h and of c.
        init: initial values of each gate's block of W_hh; all others are as in PyTorch, U(-1/sqrt(H), 1/sqrt(H)).
        forget_bias: effective initial bias of f. 0 gives f = 0.5, which halves the memory at every step; None
            leaves PyTorch's two random bias vectors.
        chrono: longest lag expected; f starts with bias ln U(1, chrono - 1) and i with its negative. Excludes
            forget_bias.
        generator: source of the initial values.

    Shapes: x [B, D]; state (h [B, H], c [B, H]) -> output [B, H], state.
    Parameters: 4 (H^2 + H*D + 2H), named as in torch.nn.LSTM.
    Raises: ValueError for a size below 1, an unknown init, a chrono below 2, or forget_bias together with chrono.
    References: Hochreiter & Schmidhuber 1997; Gers et al. 2000 (forget gate); Jozefowicz et al. 2015 (bias 1);
        Tallec & Ollivier 2018 (chrono).
    """

    retention = "f"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        init: RecurrentInit = "pytorch",
        forget_bias: float | None = None,
        chrono: int | None = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        at_least(1, input_size=input_size, hidden_size=hidden_size)
        if forget_bias is not None and chrono is not None:
            raise ValueError(f"forget_bias={forget_bias} with chrono={chrono}: allowed: one of the two, the other null")
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(4 * hidden_size))
        self.bias_hh = nn.Parameter(torch.empty(4 * hidden_size))
        initialisation.uniform_(list(self.parameters()), hidden_size, generator)
        initialisation.recurrent_(self.weight_hh, init, generator)
        self._start_gates(forget_bias, chrono, generator)

    def _start_gates(self, forget_bias: float | None, chrono: int | None, generator: Generator | None) -> None:
        input_rows = slice(0, self.hidden_size)
        forget_rows = slice(self.hidden_size, 2 * self.hidden_size)
        if forget_bias is not None:
            initialisation.set_bias_(self.bias_ih, self.bias_hh, forget_rows, forget_bias)
        if chrono is not None:
            bias = initialisation.chrono_bias(self.hidden_size, chrono, generator)
            initialisation.set_bias_(self.bias_ih, self.bias_hh, forget_rows, bias)
            initialisation.set_bias_(self.bias_ih, self.bias_hh, input_rows, -bias)

    def initial_state(self, batch_size: int) -> LSTMState:
        """Return h = c = 0."""
        zeros = self.weight_hh.new_zeros(batch_size, self.hidden_size)
        return LSTMState(h=zeros, c=zeros.clone())

    def gates(self, x: Tensor, state: LSTMState) -> dict[str, Tensor]:
        """Return i, f and o of one step, each [B, H]."""
        i, f, _, o = self._before_gates(x, state).chunk(4, dim=-1)
        return {"i": torch.sigmoid(i), "f": torch.sigmoid(f), "o": torch.sigmoid(o)}

    def candidate(self, x: Tensor, state: LSTMState) -> Tensor:
        """Return tanh(g) of one step, [B, H], which the input gate scales before it is added to c."""
        return torch.tanh(self._before_gates(x, state).chunk(4, dim=-1)[2])

    def _before_gates(self, x: Tensor, state: LSTMState) -> Tensor:
        return x @ self.weight_ih.T + self.bias_ih + state.h @ self.weight_hh.T + self.bias_hh

    def step_with_gates(self, x: Tensor, state: LSTMState, held: Mapping[str, Tensor]) -> tuple[Tensor, LSTMState]:
        """Return `step` with some of the gates i, f and o held at other values, each broadcast to [B, H]."""
        gates = {**self.gates(x, state), **held}
        c = gates["f"] * state.c + gates["i"] * self.candidate(x, state)
        h = gates["o"] * torch.tanh(c)
        return h, LSTMState(h=h, c=c)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Return (h', (h', c'))."""
        i, f, g, o = self._before_gates(x, state).chunk(4, dim=-1)
        c = torch.sigmoid(f) * state.c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, LSTMState(h=h, c=c)
