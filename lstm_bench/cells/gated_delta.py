"""A matrix memory that is written by the gated delta rule."""

import math

import torch
from torch import Generator, Tensor, nn

from lstm_bench.checks import at_least

EPSILON = 1e-6  # added to a squared norm
SMALL_GAIN = 2**-2.5  # of the Glorot initialisation of all projections
LARGEST_RATE = 16.0  # a ~ U(0, 16)
TIME_STEPS = 0.001, 0.1  # the softplus of the decay's bias is log-uniform between them


class GatedDeltaCell(nn.Module):
    """Advance J heads of a gated DeltaNet by one time step; all of its projections read x alone.

        q, k, v = W_q x, W_k x, W_v x                           # H/J numbers a head; q, k = l2-normalised silu of them
        beta = 2 sigmoid(W_beta x)                              # a number a head; without the 2 where `negative` is off
        alpha = exp(-exp(a) softplus(W_alpha x + b))            # a number a head, in (0, 1)
        S' = alpha S (I - beta k k^T) + beta v k^T
        y = S' q

    The transition has the eigenvalue alpha (1 - beta) in the direction of k and alpha in every other. With beta up to 2
    it lies in [-1, 1], so that one step can turn a sign, which parity needs; with beta up to 1 in [0, 1].

    Args:
        input_size: D, features per step.
        hidden_size: H, width of the output.
        heads: J, matrices of (H/J)^2 numbers; a divisor of H.
        negative: whether eigenvalues may be negative.
        generator: source of the initial values.

    Shapes: x [B, D]; state S [B, J, H/J, H/J] -> output [B, H], state.
    Parameters: 3 H D + 2 J (D + 1).
    Raises: ValueError for a size below 1 or heads that do not divide H.
    References: Grazzi et al. 2024, "Unlocking state-tracking in linear RNNs through negative eigenvalues"; Yang et al.
        2024, "Gated Delta Networks", whose initial values these are. Their block has a short convolution before the
        recurrence, a norm and an output gate after it; this cell has the recurrence alone.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        heads: int = 1,
        negative: bool = True,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        at_least(1, input_size=input_size, hidden_size=hidden_size, heads=heads)
        if hidden_size % heads:
            raise ValueError(f"hidden_size={hidden_size}: allowed: a multiple of heads={heads}")
        self.input_size, self.hidden_size, self.heads, self.negative = input_size, hidden_size, heads, negative
        self.weight_q, self.weight_k, self.weight_v = (
            nn.Parameter(torch.empty(hidden_size, input_size)) for _ in range(3)
        )
        self.weight_beta, self.weight_alpha = (nn.Parameter(torch.empty(heads, input_size)) for _ in range(2))
        self.a, self.b = (nn.Parameter(torch.empty(heads)) for _ in range(2))
        for weight in (self.weight_q, self.weight_k, self.weight_v, self.weight_beta, self.weight_alpha):
            nn.init.xavier_uniform_(weight, SMALL_GAIN, generator=generator)
        with torch.no_grad(), torch.device("cpu"):  # values that are computed need storage
            rates = LARGEST_RATE * (1 - torch.rand(heads, generator=generator))
            shortest, longest = map(math.log, TIME_STEPS)
            steps = torch.exp(shortest + (longest - shortest) * torch.rand(heads, generator=generator))
            self.a.copy_(rates.log())
            self.b.copy_(steps.expm1().log())  # the inverse of softplus

    def initial_state(self, batch_size: int) -> Tensor:
        """Return S = 0."""
        width = self.hidden_size // self.heads
        return self.weight_v.new_zeros(batch_size, self.heads, width, width)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return (y, S')."""
        q, k, v = (self._by_head(x @ weight.T) for weight in (self.weight_q, self.weight_k, self.weight_v))
        q, k = _unit(nn.functional.silu(q)), _unit(nn.functional.silu(k))
        beta = (2 if self.negative else 1) * torch.sigmoid(x @ self.weight_beta.T).unsqueeze(-1)
        alpha = torch.exp(-torch.exp(self.a) * nn.functional.softplus(x @ self.weight_alpha.T + self.b))
        kept = alpha[..., None, None] * state
        correction = beta * (v - _apply(kept, k))  # moves S' k from its kept value towards v
        state = kept + correction.unsqueeze(-1) * k.unsqueeze(-2)
        return _apply(state, q).flatten(1), state

    def step_flops(self, batch_size: int) -> float:
        """Return the FLOPs of a training step at one time step: those of the projections, and three products with S.

        S k, v k^T and S q take a multiply and an add for each of S's H^2/J entries forwards, and twice that backwards.
        """
        projections = (3 * self.hidden_size + 2 * self.heads) * self.input_size
        return 6.0 * batch_size * (projections + 3 * self.hidden_size**2 / self.heads)

    def _by_head(self, x: Tensor) -> Tensor:
        return x.view(len(x), self.heads, -1)


def _unit(x: Tensor) -> Tensor:
    """Return vectors of norm 1 along the last axis; 0 for 0."""
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + EPSILON)


def _apply(matrices: Tensor, vectors: Tensor) -> Tensor:
    return (matrices @ vectors.unsqueeze(-1)).squeeze(-1)
