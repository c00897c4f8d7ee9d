"""The minimal LSTM whose gates do not read its state."""

from typing import get_args

import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells import initialisation
from lstm_bench.cells.linear_scan import linear_scan
from lstm_bench.cells.min_gru import Candidate, positive
from lstm_bench.checks import at_least, one_of


class MinLSTMCell(nn.Module):
    """Advance a minLSTM by one time step: gates and candidate read x alone, so the recurrence is linear in h.

        f = sigmoid(W_f x + b_f),    i = sigmoid(W_i x + b_i)   # the order f, i, n, fixed here
        n = phi(W_n x + b_n),    phi = identity or g (`min_gru.positive`)
        h' = f/(f + i) * h + i/(f + i) * n

    Args:
        input_size: D, features per step.
        hidden_size: H, width of h.
        candidate: phi; `linear` is the paper's section 3.2, `positive` its form for log space.
        forget_bias: initial b_f; None leaves it as torch.nn.Linear starts.
        generator: source of the initial values.

    Shapes: x [B, D]; state h [B, H] -> output [B, H], state.
    Parameters: 3 H (D + 1).
    Raises: ValueError for a size below 1 or an unknown candidate.
    References: Feng et al. 2024, "Were RNNs all we needed?", with the normalised gates; weights start as in
        torch.nn.Linear.
    """

    retention = "f"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        candidate: Candidate = "linear",
        forget_bias: float | None = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        at_least(1, input_size=input_size, hidden_size=hidden_size)
        one_of(get_args(Candidate), candidate=candidate)
        self.input_size, self.hidden_size, self.candidate = input_size, hidden_size, candidate
        self.weight = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.bias = nn.Parameter(torch.empty(3 * hidden_size))
        initialisation.uniform_([self.weight, self.bias], input_size, generator)
        if forget_bias is not None:
            nn.init.constant_(self.bias[:hidden_size], forget_bias)

    def initial_state(self, batch_size: int) -> Tensor:
        """Return h = 0."""
        return self.weight.new_zeros(batch_size, self.hidden_size)

    def gates(self, x: Tensor, state: Tensor) -> dict[str, Tensor]:
        """Return f/(f + i) as f and i/(f + i) as i of one step, each [B, H]."""
        f, i, _ = self._gates_and_candidate(x)
        return {"f": f, "i": i}

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return (h', h')."""
        f, i, n = self._gates_and_candidate(x)
        h = f * state + i * n
        return h, h

    def scan(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs [T, B, H] of inputs [T, B, D] and the last state, as T steps do, in log2(T) rounds."""
        f, i, n = self._gates_and_candidate(x)
        states = linear_scan(f, i * n, state)
        return states, states[-1]

    def _gates_and_candidate(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the normalised gates, which sum to 1, and the candidate."""
        f, i, n = (x @ self.weight.T + self.bias).chunk(3, dim=-1)
        # f/(f + i) from the logarithms of the gates: 0/0 cannot arise where both are nearly 0.
        keep = torch.sigmoid(nn.functional.logsigmoid(f) - nn.functional.logsigmoid(i))
        return keep, 1 - keep, positive(n) if self.candidate == "positive" else n
