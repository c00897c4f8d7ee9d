"""The linear recurrent unit."""

import math
from typing import Literal, get_args

import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells.linear_scan import linear_scan
from lstm_bench.checks import at_least, one_of

Output = Literal["linear", "gelu"]


class LRUCell(nn.Module):
    """Advance a linear recurrent unit by one time step: H complex numbers, each with a decay and a rotation of its own.

        lambda = exp(-exp(nu) + i exp(theta))                   # |lambda| < 1 whatever nu is
        s' = lambda * s + exp(gamma) * (B x)
        y = phi(Re(C s') + E x),    phi = identity or gelu

    Args:
        input_size: D, features per step.
        hidden_size: H, width of s and of y.
        r_min: least |lambda| at the start.
        r_max: largest |lambda| at the start; lambda is uniform on the ring between both.
        max_phase: largest rotation a step at the start, in radians.
        output: phi; the paper's layer is linear, and its block has a nonlinearity after it.
        generator: source of the initial values.

    Shapes: x [B, D]; state s [B, H], complex -> output [B, H], real, and state.
    Parameters: H (2H + 3D + 3), a complex number counted as two.
    Raises: ValueError for a size below 1, a ring outside 0 <= r_min < r_max <= 1, a phase outside
        (0, 2 pi], or an unknown output.
    References: Orvieto et al. 2023, "Resurrecting recurrent neural networks for long sequences", equation 8 and
        appendix A: B ~ N(0, 1/(2D)), C ~ N(0, 1/H), gamma = ln sqrt(1 - |lambda|^2). There E is diagonal, since a
        layer is as wide as its input; here it is a matrix ~ N(0, 1/D).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * math.pi,
        output: Output = "linear",
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        at_least(1, input_size=input_size, hidden_size=hidden_size)
        one_of(get_args(Output), output=output)
        if not 0 <= r_min < r_max <= 1:
            raise ValueError(f"r_min={r_min}: allowed: a number from 0 to below r_max={r_max}, which is at most 1")
        if not 0 < max_phase <= 2 * math.pi:
            raise ValueError(f"max_phase={max_phase}: allowed: a number above 0 and up to 2 pi")
        self.input_size, self.hidden_size, self.output = input_size, hidden_size, output
        self.nu, self.theta, self.gamma = (nn.Parameter(torch.empty(hidden_size)) for _ in range(3))
        self.b_real, self.b_imaginary = (nn.Parameter(torch.empty(hidden_size, input_size)) for _ in range(2))
        self.c_real, self.c_imaginary = (nn.Parameter(torch.empty(hidden_size, hidden_size)) for _ in range(2))
        self.e = nn.Parameter(torch.empty(hidden_size, input_size))
        with torch.no_grad(), torch.device("cpu"):  # values that are computed need storage
            for matrix, inverse_variance in self._matrices():
                matrix.copy_(torch.randn(matrix.shape, generator=generator) * inverse_variance**-0.5)
            square = r_min**2 + (r_max**2 - r_min**2) * torch.rand(hidden_size, generator=generator)
            square.clamp_(1e-6, 1 - 1e-6)  # 0 would forget everything at once, and 1 nothing ever
            self.nu.copy_((-0.5 * square.log()).log())
            self.theta.copy_((max_phase * (1 - torch.rand(hidden_size, generator=generator))).log())
            self.gamma.copy_(0.5 * (1 - square).log())

    def _matrices(self) -> list[tuple[Tensor, int]]:
        """Return each weight matrix with the inverse of the variance of its initial values."""
        inward = [(matrix, 2 * self.input_size) for matrix in (self.b_real, self.b_imaginary)]
        outward = [(matrix, self.hidden_size) for matrix in (self.c_real, self.c_imaginary)]
        return [*inward, *outward, (self.e, self.input_size)]

    def initial_state(self, batch_size: int) -> Tensor:
        """Return s = 0."""
        return self.nu.new_zeros(batch_size, self.hidden_size, dtype=self.nu.dtype.to_complex())

    def decay(self) -> Tensor:
        """Return lambda [H]."""
        return torch.polar(torch.exp(-torch.exp(self.nu)), torch.exp(self.theta))

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return (y, s')."""
        state = self.decay() * state + self._drive(x)
        return self._read(x, state), state

    def scan(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs [T, B, H] of inputs [T, B, D] and the last state, as T steps do, in log2(T) rounds."""
        drive = self._drive(x)
        states = linear_scan(self.decay().expand_as(drive), drive, state)
        return self._read(x, states), states[-1]

    def _drive(self, x: Tensor) -> Tensor:
        scale = torch.exp(self.gamma)
        return torch.complex(scale * (x @ self.b_real.T), scale * (x @ self.b_imaginary.T))

    def _read(self, x: Tensor, state: Tensor) -> Tensor:
        y = state.real @ self.c_real.T - state.imag @ self.c_imaginary.T + x @ self.e.T
        return nn.functional.gelu(y) if self.output == "gelu" else y
