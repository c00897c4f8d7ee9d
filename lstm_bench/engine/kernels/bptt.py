"""The common parts of kernels in torch operations: tape, loops over time, and the gradients of a joint product.

A kernel of a cell gives the equations of one step, forward and backward, as views into the tape, which are made once:
making them costs as much as a small step.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from lstm_bench.engine.kernel import Parts

CHUNK = 8  # steps a product: dW is summed while those steps are still in cache
KEPT_TAPES = 2  # members are divided into chunks of at most two sizes

sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input


class SizedCell(Protocol):
    """A cell with a hidden size."""

    hidden_size: int


class Tape:
    """xh[t] = [x_t, h_{t-1}], and the other parts of the state likewise: index 0 holds the state before the segment.

    A kernel adds what else it keeps of each step, and two lists of views: `steps` for t = 0 .. T-1, and `steps_back`
    for the steps of one chunk, whose gradients lie in `d_pre` [CHUNK, M, B, G*H] until they are summed.
    """

    steps: Sequence[Any]
    steps_back: Sequence[Any]

    def __init__(self, inputs: Tensor, hidden_size: int, parts: Sequence[str], gates: int) -> None:
        self.length, members, batch, features = inputs.shape
        self.xh = inputs.new_empty(self.length + 1, members, batch, features + hidden_size)
        self.state = {"h": self.xh[..., features:]}
        self.state |= {part: self.per_step(inputs, hidden_size, extra=1) for part in parts if part != "h"}
        self.d_pre = inputs.new_empty(CHUNK, members, batch, gates * hidden_size)

    def per_step(self, inputs: Tensor, width: int, extra: int = 0) -> Tensor:
        """Return an empty buffer [T + extra, M, B, width]."""
        return inputs.new_empty(self.length + extra, *inputs.shape[1:3], width)


class TorchKernel(ABC):
    """The common part of all kernels in torch operations; see `Kernel`."""

    name = "BPTT in torch operations"
    parts: ClassVar[tuple[str, ...]] = ("h",)
    widths_kept: ClassVar[int]  # multiples of H that the tape keeps of each step, besides the inputs

    def __init__(self, cell: SizedCell) -> None:
        self.hidden_size = cell.hidden_size
        self._tapes = dict[object, Tape]()

    def bytes_per_step(self, inputs: Tensor) -> int:
        """See `Kernel`."""
        return inputs.shape[2] * (inputs.shape[3] + self.widths_kept * self.hidden_size) * inputs.element_size()

    def start(self, parameters: Mapping[str, Tensor], batch_size: int) -> Parts:
        """See `Kernel`."""
        self._weight_hh = parameters["weight_hh"].detach()
        self._weight, self._bias = self._joint_weights(parameters)
        self._gradients = WeightGradients(self._weight, self._bias)
        shape = len(self._weight_hh), batch_size, self.hidden_size
        return {part: self._weight_hh.new_zeros(shape) for part in self.parts}

    def forward(self, inputs: Tensor, state: Parts) -> tuple[Tensor, Parts]:
        """See `Kernel`."""
        self._length, self._tape = len(inputs), self._tape_for(inputs)
        tape = self._tape
        self._load(inputs)
        for part, buffer in tape.state.items():
            buffer[0] = state[part]
        for step in tape.steps[: self._length]:
            self._advance(step)
        after = {part: buffer[self._length].clone() for part, buffer in tape.state.items()}
        return tape.state["h"][1 : self._length + 1], after

    def backward(self, d_outputs: Tensor, d_state: Parts | None, with_norms: bool) -> tuple[Parts, Parts]:
        """See `Kernel`."""
        tape, first = self._tape, self._length - len(d_outputs)
        d_state = d_state or {part: torch.zeros_like(buffer[0]) for part, buffer in tape.state.items()}
        members = len(d_state["h"])
        norms = {part: d.new_zeros(self._length, members, dtype=torch.float64) for part, d in d_state.items()}
        for chunk in chunks_from_the_end(self._length):
            for t in chunk:
                step, back = tape.steps[t], tape.steps_back[t - chunk[-1]]
                self._complete(step, back, d_state, d_outputs[t - first] if t >= first else None)
                if with_norms:
                    for part, norm in norms.items():
                        norm[t] = torch.linalg.vector_norm(d_state[part], dim=(1, 2), dtype=torch.float64)
                self._retreat(step, back, d_state)
            self._add_gradients(len(chunk), tape.xh[chunk[-1] : chunk[0] + 1])
        return d_state, norms if with_norms else {}

    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""
        return self._gradients.by_name(self.hidden_size)

    def _tape_for(self, inputs: Tensor) -> Tape:
        """Return a tape for inputs [T, M, B, D], which may be longer; the most recently used tapes are kept."""
        key = (inputs.shape[1:], inputs.dtype, inputs.device)
        tape = self._tapes.pop(key, None)
        if tape is None or tape.length < len(inputs):
            tape = self._new_tape(inputs)
        self._tapes[key] = tape
        while len(self._tapes) > KEPT_TAPES:
            del self._tapes[next(iter(self._tapes))]
        return tape

    def _joint_weights(self, parameters: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return W^T = [W_ih, W_hh]^T [M, D + H, G*H] and b = b_ih + b_hh [M, 1, G*H]."""
        weight = torch.cat((parameters["weight_ih"].detach(), parameters["weight_hh"].detach()), dim=2)
        bias = parameters["bias_ih"].detach() + parameters["bias_hh"].detach()
        return weight.transpose(1, 2).contiguous(), bias.unsqueeze(1)

    def _load(self, inputs: Tensor) -> None:
        """Put the inputs of a segment into the tape."""
        self._tape.xh[: len(inputs), ..., : inputs.shape[-1]] = inputs

    def _complete(self, step: Any, back: Any, d_state: Parts, d_output: Tensor | None) -> None:
        """Add the share of this step's own output to d_state, which comes from the step after."""
        if d_output is not None:
            d_state["h"] += d_output

    def _add_gradients(self, n: int, xh: Tensor) -> None:
        """Add the first n gradients of the chunk to those of the weights."""
        self._gradients.add(self._tape.d_pre[:n], xh)

    @abstractmethod
    def _new_tape(self, inputs: Tensor) -> Tape:
        """Return a tape for these inputs, with views of each step."""

    @abstractmethod
    def _advance(self, step: Any) -> None:
        """Compute one step forward."""

    @abstractmethod
    def _retreat(self, step: Any, back: Any, d_state: Parts) -> None:
        """Write d(pre-activations) of one step, and change d_state into that of the state before the step."""


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
