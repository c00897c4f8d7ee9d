"""The minimal GRU whose gate does not read its state."""

from typing import Literal, get_args

import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells import initialisation
from lstm_bench.cells.linear_scan import linear_scan
from lstm_bench.checks import at_least, one_of

Candidate = Literal["linear", "positive"]


def positive(x: Tensor) -> Tensor:
    """Return g(x) > 0: x + 0.5 where x >= 0, else sigmoid(x) (Feng et al. 2024, appendix B.3)."""
    return torch.where(x >= 0, x + 0.5, torch.sigmoid(x))


class MinGRUCell(nn.Module):
    """Advance a minGRU by one time step: gate and candidate read x alone, so the recurrence is linear in h.

        z = sigmoid(W_z x + b_z)                                # the order z, n, fixed here
        n = phi(W_n x + b_n),    phi = identity or g (`positive`)
        h' = (1 - z) * h + z * n

    Args:
        input_size: D, features per step.
        hidden_size: H, width of h.
        candidate: phi; `linear` is the paper's section 3.1, `positive` its form for log space.
        update_bias: initial b_z; None leaves it as torch.nn.Linear starts.
        generator: source of the initial values.

    Shapes: x [B, D]; state h [B, H] -> output [B, H], state.
    Parameters: 2 H (D + 1).
    Raises: ValueError for a size below 1 or an unknown candidate.
    References: Feng et al. 2024, "Were RNNs all we needed?"; weights start as in torch.nn.Linear.
    """

    retention = "keep"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        candidate: Candidate = "linear",
        update_bias: float | None = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        at_least(1, input_size=input_size, hidden_size=hidden_size)
        one_of(get_args(Candidate), candidate=candidate)
        self.input_size, self.hidden_size, self.candidate = input_size, hidden_size, candidate
        self.weight = nn.Parameter(torch.empty(2 * hidden_size, input_size))
        self.bias = nn.Parameter(torch.empty(2 * hidden_size))
        initialisation.uniform_([self.weight, self.bias], input_size, generator)
        if update_bias is not None:
            nn.init.constant_(self.bias[:hidden_size], update_bias)

    def initial_state(self, batch_size: int) -> Tensor:
        """Return h = 0."""
        return self.weight.new_zeros(batch_size, self.hidden_size)

    def gates(self, x: Tensor, state: Tensor) -> dict[str, Tensor]:
        """Return z, and keep = 1 - z, of one step, each [B, H]."""
        z, _ = self._gate_and_candidate(x)
        return {"z": z, "keep": 1 - z}

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return (h', h')."""
        z, n = self._gate_and_candidate(x)
        h = (1 - z) * state + z * n
        return h, h

    def scan(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs [T, B, H] of inputs [T, B, D] and the last state, as T steps do, in log2(T) rounds."""
        z, n = self._gate_and_candidate(x)
        states = linear_scan(1 - z, z * n, state)
        return states, states[-1]

    def _gate_and_candidate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, n = (x @ self.weight.T + self.bias).chunk(2, dim=-1)
        return torch.sigmoid(z), positive(n) if self.candidate == "positive" else n
