"""What the fused kernels share: one joint product a step, and weight gradients in large products."""

from collections.abc import Mapping

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


def weight_gradients(d_pre: Tensor, xh: Tensor, hidden_size: int) -> dict[str, Tensor]:
    """Return the four gradients from d(pre-activations) [T, M, B, G*H] and xh [T + 1, M, B, D + H]."""
    steps, members, _, rows = d_pre.shape
    d_weight = d_pre.new_zeros(members, rows, xh.shape[-1])
    for start in range(0, steps, CHUNK):
        stop = min(start + CHUNK, steps)
        left = d_pre[start:stop].transpose(0, 1).flatten(1, 2)
        right = xh[start:stop].transpose(0, 1).flatten(1, 2)
        d_weight.baddbmm_(left.transpose(1, 2), right)
    d_bias = d_pre.sum(dim=(0, 2))
    return {
        "weight_ih": d_weight[..., :-hidden_size],
        "weight_hh": d_weight[..., -hidden_size:],
        "bias_ih": d_bias,
        "bias_hh": d_bias,
    }
