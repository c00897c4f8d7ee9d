"""Express an ablated LSTM in the weights of a whole one, so that the LSTM's kernels run it.

    a missing gate    weights 0, bias OPEN: s(OPEN) = 1 and its slope y (1 - y) = 0, both to the last bit
    coupled gates     i = 1 - s(x) = s(-x): the weights of f with the other sign, and dL/dW_f - dL/dW_i for both

A linear candidate cannot be expressed in weights: for it the kernels omit a tanh. Padding a missing gate with rows that
do nothing costs a quarter of the products, and makes one layout serve every set of gates.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from lstm_bench.cells.lstm_ablated import BLOCKS, WHOLE, Part
from lstm_bench.engine.kernel import Parts

OPEN = 1000.0  # 1 + exp(-OPEN) is 1 in every precision


def with_all_blocks(without: Part, parameters: Mapping[str, Tensor]) -> Parts:
    """Return the parameters of the LSTM [M, 4H, ...] that does the same as an ablated one [M, G*H, ...]."""
    return {name: _whole(without, tensor, OPEN if name == "bias_ih" else 0.0) for name, tensor in parameters.items()}


def _whole(without: Part, tensor: Tensor, filler: float) -> Tensor:
    blocks = dict(zip(BLOCKS[without], tensor.detach().chunk(len(BLOCKS[without]), dim=1), strict=True))
    missing = -blocks["f"] if without == "independent_gates" else torch.full_like(blocks["g"], filler)
    return torch.cat([blocks.get(block, missing) for block in WHOLE], dim=1)


def kept_blocks(without: Part, gradients: Mapping[str, Tensor]) -> Parts:
    """Return the gradients of the ablated parameters [M, G*H, ...] from those of the whole LSTM's [M, 4H, ...]."""
    return {name: _kept(without, gradient) for name, gradient in gradients.items()}


def _kept(without: Part, gradient: Tensor) -> Tensor:
    blocks = dict(zip(WHOLE, gradient.chunk(4, dim=1), strict=True))
    if without == "independent_gates":
        blocks["f"] = blocks["f"] - blocks["i"]
    return torch.cat([blocks[block] for block in BLOCKS[without]], dim=1)
