"""Tapes, joint weights and weight gradients, shared by the kernels in torch operations."""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

CHUNK = 8  # steps a product: dW is summed while those steps are still in cache
KEPT_TAPES = 2  # members are divided into chunks of at most two sizes


class Tape(Protocol):
    """Buffers of a segment, with the views of each step made once, as making them costs as much as a small step."""

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
    """Sums of d(pre)^T x over time, one large product for each chunk of steps, and sums of d(pre).

    So d(pre-activations) take the memory of one chunk, and are used while they are still in cache: at long lags a
    training step is bound by memory traffic, of which they would be a third.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight, self.bias = weight.new_zeros(weight.shape), bias.new_zeros(bias.shape)

    def add(self, d_pre: Tensor, x: Tensor) -> None:
        """Add some steps: d_pre [n, M, B, G*H], x [n, M, B, D]."""
        rows = d_pre.transpose(0, 1).flatten(1, 2)
        columns = x.transpose(0, 1).flatten(1, 2)
        self.weight.baddbmm_(columns.transpose(1, 2), rows)
        self.bias += rows.sum(dim=1, keepdim=True)

    def by_name(self, hidden_size: int) -> dict[str, Tensor]:
        """Return the four gradients of a joint product; both biases have the gradient of their sum."""
        weight, bias = self.weight.transpose(1, 2), self.bias.squeeze(1)
        return {
            "weight_ih": weight[..., :-hidden_size],
            "weight_hh": weight[..., -hidden_size:],
            "bias_ih": bias,
            "bias_hh": bias,
        }
