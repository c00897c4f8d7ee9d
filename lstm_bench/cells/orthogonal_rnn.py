"""A recurrent network whose recurrent matrix stays orthogonal."""

import math
from typing import Literal, get_args

import torch
from torch import Generator, Tensor, nn

from lstm_bench.checks import at_least, one_of

Nonlinearity = Literal["modrelu", "tanh"]
LARGEST_BIAS = 0.01  # largest absolute value of an initial bias


class OrthogonalRNNCell(nn.Module):
    """Advance a network with an orthogonal recurrent matrix by one time step: the scaled Cayley transform.

        W = (I + A)^-1 (I - A) P,    A = -A^T, P = diag(-1, ..., -1, 1, ..., 1)
        h' = phi(W h + V x, b),    phi(z, b) = sign(z) relu(|z| + b) or tanh(z + b)

    W is orthogonal whatever A is, so that training needs no projection. A step solves one linear system in I + A, which
    takes a tenth of the time of torch.nn.utils.parametrizations.orthogonal: that works with functional calls just as
    well, but computes a matrix exponential at every step.

    Args:
        input_size: D, features per step.
        hidden_size: H, width of h.
        nonlinearity: phi; modReLU keeps the norm of h where b is 0.
        negative_share: share of P's entries that are -1; without them W has no eigenvalue -1.
        generator: source of the initial values.

    Shapes: x [B, D]; state h [B, H] -> output [B, H], state.
    Parameters: H (H - 1)/2 + H (D + 1).
    Raises: ValueError for a size below 1, a share outside 0 to 1 or an unknown nonlinearity.
    References: Helfrich, Willmott & Ye 2018, "Orthogonal recurrent neural networks with scaled Cayley transform": A
        starts with blocks of two units that W turns by an angle ~ U(0, pi/2), V Glorot uniform, b ~ U(-0.01, 0.01).
        There the first h is trained; here it is 0.
    """

    scaling: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        nonlinearity: Nonlinearity = "modrelu",
        negative_share: float = 0.5,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        at_least(1, input_size=input_size, hidden_size=hidden_size)
        one_of(get_args(Nonlinearity), nonlinearity=nonlinearity)
        if not 0 <= negative_share <= 1:
            raise ValueError(f"negative_share={negative_share}: allowed: a number from 0 to 1")
        self.input_size, self.hidden_size, self.nonlinearity = input_size, hidden_size, nonlinearity
        self.skew = nn.Parameter(torch.empty(hidden_size * (hidden_size - 1) // 2))
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.bias = nn.Parameter(torch.empty(hidden_size))
        nn.init.xavier_uniform_(self.weight_ih, generator=generator)
        nn.init.uniform_(self.bias, -LARGEST_BIAS, LARGEST_BIAS, generator=generator)
        with torch.no_grad(), torch.device("cpu"):  # values that are computed need storage
            pairs = torch.arange(0, hidden_size - 1, 2)
            angles = torch.rand(len(pairs), generator=generator) * math.pi / 2
            blocks = torch.zeros(hidden_size, hidden_size)
            blocks[pairs, pairs + 1] = torch.tan(angles / 2)
            self.skew.copy_(blocks[_above_the_diagonal(hidden_size, torch.device("cpu"))])
            scaling = torch.ones(hidden_size)
            scaling[: round(negative_share * hidden_size)] = -1.0
        self.register_buffer("scaling", scaling.to(self.skew.device))

    def initial_state(self, batch_size: int) -> Tensor:
        """Return h = 0."""
        return self.weight_ih.new_zeros(batch_size, self.hidden_size)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return (h', h')."""
        scaled = (self.scaling * state).T
        skew, identity = self._skew_matrix(), torch.eye(self.hidden_size, dtype=x.dtype, device=x.device)
        turned = torch.linalg.solve(identity + skew, scaled - skew @ scaled).T
        z = turned + x @ self.weight_ih.T
        h = (
            torch.tanh(z + self.bias)
            if self.nonlinearity == "tanh"
            else torch.sign(z) * torch.relu(z.abs() + self.bias)
        )
        return h, h

    def step_flops(self, batch_size: int) -> float:
        """Return the FLOPs of a training step at one time step: those of A h, of the linear system and of V x.

        A h and the system's right-hand sides take 2 H^2 a sequence forwards and twice that backwards, which solves with
        the same factors; the factors of I + A take 2/3 H^3, whatever the batch.
        """
        products = 2 * self.hidden_size**2 + self.hidden_size * self.input_size
        return 6.0 * batch_size * products + 2 / 3 * self.hidden_size**3

    def _skew_matrix(self) -> Tensor:
        """Return A [H, H]; `skew` holds its entries above the diagonal, row by row."""
        zeros = self.skew.new_zeros(self.hidden_size, self.hidden_size)
        upper = torch.index_put(zeros, _above_the_diagonal(self.hidden_size, zeros.device), self.skew)
        return upper - upper.T


def _above_the_diagonal(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the rows and columns of the entries above the diagonal, made anew: each member would copy a buffer."""
    rows, columns = torch.triu_indices(size, size, 1, device=device)
    return rows, columns
