"""What the kernels in torch operations share: tapes, one joint product a step, weight gradients in large products."""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

CHUNK = 8  # steps a product: dW is summed while those steps are still in cache
KEPT_TAPES = 2  # members are dealt out in chunks of at most two sizes


class Tape(Protocol):
    """Buffers of a segment, with the views of each step made once: making them anew costs as much as small steps."""

    steps: int


TapeT = TypeVar("TapeT", bound=Tape)


class BufferCache(Generic[TapeT]):
    """The tapes used last, by the shape of the inputs that they serve."""

    def __init__(self, make: Callable[[Tensor], TapeT]) -> None:
        self._make, self._tapes = make, dict[object, TapeT]()

    def tape_for(self, inputs: Tensor) -> TapeT:
        """Return a tape for inputs [T, M, B, D]; it may be longer."""
        key = (inputs.shape[1:], inputs.dtype, inputs.device)
        tape = self._tapes.pop(key, None)
        if tape is None or tape.steps < len(inputs):
            tape = self._make(inputs)
        self._tapes[key] = tape
        while len(self._tapes) > KEPT_TAPES:
            del self._tapes[next(iter(self._tapes))]
        return tape


def joint_weights(parameters: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return W^T = [W_ih, W_hh]^T [M, D + H, G*H] and b = b_ih + b_hh [M, 1, G*H]."""
    weight = torch.cat((parameters["weight_ih"].detach(), parameters["weight_hh"].detach()), dim=2)
    bias = parameters["bias_ih"].detach() + parameters["bias_hh"].detach()
    return weight.transpose(1, 2).contiguous(), bias.unsqueeze(1)


def zero_state(parameters: Mapping[str, Tensor], batch_size: int) -> Tensor:
    """Return zeros [M, B, H]."""
    weight = parameters["weight_hh"]
    return weight.new_zeros(len(weight), batch_size, weight.shape[-1])


def chunks_from_the_end(steps: int) -> Iterator[range]:
    """Yield the steps in runs of CHUNK, last run first, each run descending: the order of a backward pass."""
    for stop in range(steps, 0, -CHUNK):
        yield range(stop - 1, max(stop - CHUNK, 0) - 1, -1)


class WeightGradients:
    """Sums of d(pre)^T x over time, taken chunk by chunk in one large product each, and sums of d(pre).

    So d(pre-activations) need room for one chunk alone, and are used while they are still in cache: at long lags a
    training step is bound by memory traffic, and theirs would be a third of it.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight, self.bias = weight.new_zeros(weight.shape), bias.new_zeros(bias.shape)

    def add(self, d_pre: Tensor, x: Tensor) -> None:
        """Add some steps: d_pre [n, M, B, G*H], x [n, M, B, D]."""
        left = d_pre.transpose(0, 1).flatten(1, 2)
        right = x.transpose(0, 1).flatten(1, 2)
        self.weight.baddbmm_(right.transpose(1, 2), left)
        self.bias += left.sum(dim=1, keepdim=True)

    def by_name(self, hidden_size: int) -> dict[str, Tensor]:
        """Return the four gradients of a joint product; both biases enter as their sum, so they share theirs."""
        weight, bias = self.weight.transpose(1, 2), self.bias.squeeze(1)
        return {
            "weight_ih": weight[..., :-hidden_size],
            "weight_hh": weight[..., -hidden_size:],
            "bias_ih": bias,
            "bias_hh": bias,
        }
