"""What the fused kernels share: one joint product a step, and weight gradients in large products."""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

CHUNK = 8  # steps a product: dW is summed while those steps are still in cache


def fits(buffer: Tensor, inputs: Tensor, *shape: int) -> bool:
    """Tell whether a buffer of that shape can serve these inputs."""
    return buffer.shape == shape and buffer.dtype == inputs.dtype and buffer.device == inputs.device


def joint_weights(parameters: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return W^T = [W_ih, W_hh]^T [M, D + H, G*H] and b = b_ih + b_hh [M, 1, G*H]."""
    weight = torch.cat((parameters["weight_ih"].detach(), parameters["weight_hh"].detach()), dim=2)
    bias = parameters["bias_ih"].detach() + parameters["bias_hh"].detach()
    return weight.transpose(1, 2).contiguous(), bias.unsqueeze(1)


def last_states(inputs: Tensor, xh: Tensor, last: int, advance: Callable[[], None]) -> Tensor:
    """Return h after each of the last steps [last, M, B, H]; `advance` steps xh = [x, h] [M, B, D + H] in place."""
    features = inputs.shape[-1]
    x, h = xh[..., :features], xh[..., features:]
    first = len(inputs) - last
    kept = inputs.new_empty(last, *h.shape)
    for t, x_t in enumerate(inputs):
        x.copy_(x_t)
        advance()
        if t >= first:
            kept[t - first] = h
    return kept


def chunks_from_the_end(steps: int) -> Iterator[range]:
    """Yield the steps in runs of CHUNK, last run first, each run descending: the order of a backward pass."""
    for stop in range(steps, 0, -CHUNK):
        yield range(stop - 1, max(stop - CHUNK, 0) - 1, -1)


class WeightGradients:
    """Sums of d(pre)^T xh over time, taken chunk by chunk in one large product each.

    So d(pre-activations) need room for one chunk alone, and are used while they are still in cache: at long lags a
    training step is bound by memory traffic, and theirs would be a third of it.
    """

    def __init__(self, d_pre: Tensor, xh: Tensor) -> None:
        members, rows = d_pre.shape[1], d_pre.shape[-1]
        self._weight = d_pre.new_zeros(members, rows, xh.shape[-1])
        self._bias = d_pre.new_zeros(members, rows)

    def add(self, d_pre: Tensor, xh: Tensor) -> None:
        """Add some steps: d_pre [n, M, B, G*H], xh [n, M, B, D + H]."""
        left = d_pre.transpose(0, 1).flatten(1, 2)
        right = xh.transpose(0, 1).flatten(1, 2)
        self._weight.baddbmm_(left.transpose(1, 2), right)
        self._bias += left.sum(dim=1)

    def by_name(self, hidden_size: int) -> dict[str, Tensor]:
        """Return the four gradients; both biases enter as their sum, so they share theirs."""
        return {
            "weight_ih": self._weight[..., :-hidden_size],
            "weight_hh": self._weight[..., -hidden_size:],
            "bias_ih": self._bias,
            "bias_hh": self._bias,
        }
