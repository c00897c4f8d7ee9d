"""The vanilla recurrent network."""

from typing import Literal

import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells import initialisation
from lstm_bench.cells.initialisation import RecurrentInit
from lstm_bench.checks import at_least, one_of


class RNNCell(nn.Module):
    """Advance a vanilla (Elman) network by one time step.

        h' = phi(W_ih x + b_ih + W_hh h + b_hh),    phi = tanh or relu

    Args:
        input_size: D, features per step.
        hidden_size: H, width of h.
        nonlinearity: phi.
        init: initial values of W_hh; all others are as in PyTorch, U(-1/sqrt(H), 1/sqrt(H)). With `orthogonal` and
            `identity` the biases are 0, so that the first Jacobian is W_hh itself at small h.
        generator: source of the initial values.

    Shapes: x [B, D]; state h [B, H] -> output [B, H], state.
    Parameters: H^2 + H*D + 2H, named as in torch.nn.RNN.
    Raises: ValueError for a size below 1 or an unknown nonlinearity or init.
    References: Elman 1990; Le, Jaitly & Hinton 2015 (relu with identity).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        init: RecurrentInit = "pytorch",
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        at_least(1, input_size=input_size, hidden_size=hidden_size)
        one_of(("tanh", "relu"), nonlinearity=nonlinearity)
        self.input_size, self.hidden_size, self.nonlinearity = input_size, hidden_size, nonlinearity
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(hidden_size))
        self.bias_hh = nn.Parameter(torch.empty(hidden_size))
        initialisation.uniform_(list(self.parameters()), hidden_size, generator)
        initialisation.recurrent_(self.weight_hh, init, generator)
        if init != "pytorch":
            initialisation.set_bias_(self.bias_ih, self.bias_hh, slice(None), 0.0)

    def initial_state(self, batch_size: int) -> Tensor:
        """Return h = 0."""
        return self.weight_hh.new_zeros(batch_size, self.hidden_size)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return (h', h')."""
        pre = x @ self.weight_ih.T + self.bias_ih + state @ self.weight_hh.T + self.bias_hh
        h = torch.tanh(pre) if self.nonlinearity == "tanh" else torch.relu(pre)
        return h, h
