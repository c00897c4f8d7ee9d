"""The gated recurrent unit."""

import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells import initialisation
from lstm_bench.cells.initialisation import RecurrentInit
from lstm_bench.checks import at_least


class GRUCell(nn.Module):
    """Advance a GRU by one time step.

        r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)            # the order r, z, n, fixed here
        z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
        n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
        h' = (1 - z) * n + z * h

    The additive path through h lets dL/dh survive many steps while z stays near 1.

    Args:
        input_size: D, features per step.
        hidden_size: H, width of h.
        init: initial values of each gate's block of W_hh; all others are as in PyTorch, U(-1/sqrt(H), 1/sqrt(H)).
        update_bias: effective initial bias of z, the counterpart of the LSTM's forget bias. 0 gives z = 0.5, which
            halves the memory at every step; None leaves PyTorch's two random bias vectors.
        generator: source of the initial values.

    Shapes: x [B, D]; state h [B, H] -> output [B, H], state.
    Parameters: 3 (H^2 + H*D + 2H), named as in torch.nn.GRU.
    Raises: ValueError for a size below 1 or an unknown init.
    References: Cho et al. 2014; Chung et al. 2014, whose z is 1 - z here. Both publications apply r to h before the
        recurrent product; this is the variant of cuDNN and PyTorch, which applies r after it, to b_hn as well.
    """

    retention = "z"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        init: RecurrentInit = "pytorch",
        update_bias: float | None = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        at_least(1, input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_ih = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(3 * hidden_size))
        self.bias_hh = nn.Parameter(torch.empty(3 * hidden_size))
        initialisation.uniform_(list(self.parameters()), hidden_size, generator)
        initialisation.recurrent_(self.weight_hh, init, generator)
        if update_bias is not None:
            update_rows = slice(hidden_size, 2 * hidden_size)
            initialisation.set_bias_(self.bias_ih, self.bias_hh, update_rows, update_bias)

    def initial_state(self, batch_size: int) -> Tensor:
        """Return h = 0."""
        return self.weight_hh.new_zeros(batch_size, self.hidden_size)

    def gates(self, x: Tensor, state: Tensor) -> dict[str, Tensor]:
        """Return r and z of one step, each [B, H]."""
        r, z, _ = (x @ self.weight_ih.T + self.bias_ih).chunk(3, dim=-1)
        r_h, z_h, _ = (state @ self.weight_hh.T + self.bias_hh).chunk(3, dim=-1)
        return {"r": torch.sigmoid(r + r_h), "z": torch.sigmoid(z + z_h)}

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return (h', h')."""
        r_x, z_x, n_x = (x @ self.weight_ih.T + self.bias_ih).chunk(3, dim=-1)
        r_h, z_h, n_h = (state @ self.weight_hh.T + self.bias_hh).chunk(3, dim=-1)
        r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
        n = torch.tanh(n_x + r * n_h)
        h = (1 - z) * n + z * state
        return h, h
