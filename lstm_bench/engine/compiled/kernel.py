"""The compiled kernels as `Kernel`s: tensors in the layout of kernels.c, one call a member and direction.

Members run one after another, so results do not depend on how many are trained together, and the cache holds one
member's numbers. A number that is not finite reaches all units of its sequence within two steps, since padding
multiplies it by 0; the member has diverged either way.
"""

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.lstm_ablated import AblatedLSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.compiled.build import Precision, library
from lstm_bench.engine.kernel import Parts
from lstm_bench.engine.kernels.lstm_ablated import kept_blocks, with_all_blocks

PRECISION: dict[torch.dtype, Precision] = {torch.float32: "float", torch.float64: "double"}
ALIGNMENT = 16  # numbers: rows start at a multiple of the widest vector


def pointer(tensor: Tensor | None) -> ctypes.c_void_p:
    """Return the address of a contiguous tensor's data; null for None."""
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())


def round_up(number: int, multiple: int) -> int:
    """Return the smallest multiple that is no less than the number."""
    return -(-number // multiple) * multiple


class CompiledKernel(ABC):
    """The common part of all compiled kernels: buffers, the state at both ends, and the order of calls.

    Buffers are member-major and as long as the longest segment so far; width P is H rounded up (see kernels.c).
    """

    name = "compiled BPTT"
    parts: ClassVar[tuple[str, ...]] = ("h",)
    gates: ClassVar[int]  # G, blocks of columns of W^T
    tape_gates: ClassVar[int]  # blocks kept for every step

    def __init__(self, cell: RNNCell | GRUCell | LSTMCell | AblatedLSTMCell) -> None:
        self.input_size, self.hidden_size = cell.input_size, cell.hidden_size
        weight = cell.weight_hh
        self._library = library(PRECISION[weight.dtype])
        self._width = round_up(self.hidden_size, self._library.panel_columns())
        self._row = round_up(self._width + self.input_size + 1, ALIGNMENT)
        self._rows = self._width + self.input_size + 1
        self._xh = weight.new_empty(0, 0, 0, 0)

    def bytes_per_step(self, inputs: Tensor) -> int:
        """See `Kernel`."""
        states = 2 * self._width if "c" in self.parts else 0
        return inputs.shape[2] * (self._row + self.tape_gates * self._width + states) * inputs.element_size()

    def start(self, parameters: Mapping[str, Tensor], batch_size: int) -> Parts:
        """See `Kernel`."""
        weights = {name: tensor.detach() for name, tensor in parameters.items()}
        example = weights["weight_hh"]
        self._w = example.new_zeros(len(example), self._rows, self.gates, self._width)
        self._dw = torch.zeros_like(self._w)
        self._panels = torch.empty_like(self._w[0])
        self._place_weights(weights, self._w)
        return {part: example.new_zeros(len(example), batch_size, self.hidden_size) for part in self.parts}

    def forward(self, inputs: Tensor, state: Parts) -> tuple[Tensor, Parts]:
        """See `Kernel`."""
        self._steps, members, _, features = inputs.shape
        self._fit_buffers(inputs)
        steps, x = self._steps, slice(self._width, self._width + features)
        self._xh[:members, :steps, :, x] = inputs.transpose(0, 1)
        self._put(state, 0)
        for m in range(members):
            self._run_forward(m)
        outputs = self._xh[:members, 1 : steps + 1, :, : self.hidden_size].transpose(0, 1)
        return outputs, self._state(steps, members)

    def backward(self, d_outputs: Tensor, d_state: Parts | None, with_norms: bool) -> tuple[Parts, Parts]:
        """See `Kernel`."""
        last, members, batch, width = d_outputs.shape
        shares = d_outputs.new_zeros(members, last, batch, self._width)
        shares[..., :width] = d_outputs.transpose(0, 1)
        arriving = {part: d_outputs.new_zeros(members, batch, self._width) for part in self.parts}
        for part, gradient in (d_state or {}).items():
            arriving[part][..., :width] = gradient
        norms = {p: d_outputs.new_empty(members, self._steps, dtype=torch.float64) for p in self.parts}
        for m in range(members):
            member_norms = {part: norms[part][m] if with_norms else None for part in self.parts}
            self._run_backward(m, shares[m], {part: arriving[part][m] for part in self.parts}, member_norms)
        before = {part: gradient[..., :width] for part, gradient in arriving.items()}
        return before, {part: norm.T for part, norm in norms.items()} if with_norms else {}

    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""
        return self._named_gradients(self._dw)

    def _fit_buffers(self, inputs: Tensor) -> None:
        steps, members, batch, _ = inputs.shape
        had_members, had_steps, had_batch, _ = self._xh.shape
        if had_members >= members and had_steps > steps and had_batch == batch:
            return
        like, width = self._w, self._width
        self._xh = like.new_zeros(members, steps + 1, batch, self._row)
        self._xh[..., self._rows - 1] = 1
        self._tape = like.new_empty(members, steps, batch, self.tape_gates * width)
        self._d_pre = like.new_empty(self._library.chunk_steps(), batch, self.gates * width)
        if "c" in self.parts:
            self._c = like.new_zeros(members, steps + 1, batch, width)
            self._tanh_c = like.new_empty(members, steps, batch, width)

    def _states(self) -> dict[str, Tensor]:
        """Return the states for every step [M, T + 1, B, H], views of the buffers."""
        states = {"h": self._xh[..., : self.hidden_size]}
        return states | ({"c": self._c[..., : self.hidden_size]} if "c" in self.parts else {})

    def _put(self, state: Parts, t: int) -> None:
        for part, buffer in self._states().items():
            buffer[: len(state[part]), t] = state[part]

    def _state(self, t: int, members: int) -> Parts:
        return {part: buffer[:members, t].clone() for part, buffer in self._states().items()}

    def _sizes(self) -> list[ctypes.c_long]:
        """Return T, B, P, D, ldx."""
        sizes = (self._steps, self._xh.shape[2], self._width, self.input_size, self._row)
        return [ctypes.c_long(size) for size in sizes]

    @abstractmethod
    def _place_weights(self, weights: Mapping[str, Tensor], w: Tensor) -> None:
        """Copy the parameters into W^T [M, K, G, P]."""

    @abstractmethod
    def _named_gradients(self, dw: Tensor) -> Parts:
        """Return the parameters' gradients from those of W^T [M, K, G, P]."""

    @abstractmethod
    def _run_forward(self, m: int) -> None:
        """Run one member through the segment."""

    @abstractmethod
    def _run_backward(self, m: int, shares: Tensor, arriving: Parts, norms: Mapping[str, Tensor | None]) -> None:
        """Run one member backward through the segment."""

    def _blocks(self, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return views of W^T by its rows: for h [M, G, H, H], x [M, G, H, D] and the bias [M, G, H]."""
        by_gate = w.permute(0, 2, 3, 1)[:, :, : self.hidden_size]
        return by_gate[..., : self.hidden_size], by_gate[..., self._width : -1], by_gate[..., -1]


class _SumOfGates(CompiledKernel):
    """A cell whose gates each see x and h through one sum: one product, and one bias."""

    def _place_weights(self, weights: Mapping[str, Tensor], w: Tensor) -> None:
        from_h, from_x, bias = self._blocks(w)
        gates = (self.gates, self.hidden_size)
        from_h.copy_(weights["weight_hh"].unflatten(1, gates))
        from_x.copy_(weights["weight_ih"].unflatten(1, gates))
        bias.copy_((weights["bias_ih"] + weights["bias_hh"]).unflatten(1, gates))

    def _named_gradients(self, dw: Tensor) -> Parts:
        from_h, from_x, bias = (block.flatten(1, 2) for block in self._blocks(dw))
        return {"weight_ih": from_x, "weight_hh": from_h, "bias_ih": bias, "bias_hh": bias}


class CompiledRNN(_SumOfGates):
    """The `Kernel` of `RNNCell`."""

    gates, tape_gates = 1, 0

    def __init__(self, cell: RNNCell) -> None:
        super().__init__(cell)
        self._relu = ctypes.c_long(cell.nonlinearity == "relu")

    def _run_forward(self, m: int) -> None:
        self._library.rnn_forward(*self._sizes(), self._relu, *map(pointer, (self._w[m], self._panels, self._xh[m])))

    def _run_backward(self, m: int, shares: Tensor, arriving: Parts, norms: Mapping[str, Tensor | None]) -> None:
        inputs = (self._w[m], self._panels, self._xh[m])
        written = (shares, arriving["h"], self._d_pre, self._dw[m], norms["h"])
        last = ctypes.c_long(len(shares))
        self._library.rnn_backward(*self._sizes(), self._relu, *map(pointer, inputs), last, *map(pointer, written))


class CompiledLSTM(_SumOfGates):
    """The `Kernel` of `LSTMCell`; linear: without the tanh of the candidate."""

    parts = ("h", "c")
    gates, tape_gates = 4, 4

    def __init__(self, cell: LSTMCell | AblatedLSTMCell, linear: bool = False) -> None:
        super().__init__(cell)
        self._linear = ctypes.c_long(linear)

    def _buffers_of(self, m: int) -> tuple[Tensor, ...]:
        return self._w[m], self._panels, self._xh[m], self._tape[m], self._c[m], self._tanh_c[m]

    def _run_forward(self, m: int) -> None:
        self._library.lstm_forward(*self._sizes(), self._linear, *map(pointer, self._buffers_of(m)))

    def _run_backward(self, m: int, shares: Tensor, arriving: Parts, norms: Mapping[str, Tensor | None]) -> None:
        written = (shares, arriving["h"], arriving["c"], self._d_pre, self._dw[m], norms["h"], norms["c"])
        inputs, last = map(pointer, self._buffers_of(m)), ctypes.c_long(len(shares))
        self._library.lstm_backward(*self._sizes(), self._linear, *inputs, last, *map(pointer, written))


class CompiledAblatedLSTM(CompiledLSTM):
    """The `Kernel` of `AblatedLSTMCell`: the LSTM's, with weights as in kernels/lstm_ablated.py."""

    def __init__(self, cell: AblatedLSTMCell) -> None:
        super().__init__(cell, linear=cell.without == "candidate_tanh")
        self._without = cell.without

    def _place_weights(self, weights: Mapping[str, Tensor], w: Tensor) -> None:
        super()._place_weights(with_all_blocks(self._without, weights), w)

    def _named_gradients(self, dw: Tensor) -> Parts:
        return kept_blocks(self._without, super()._named_gradients(dw))


class CompiledGRU(CompiledKernel):
    """The `Kernel` of `GRUCell`: columns r, z, m = W_hn h + b_hn, and W_in x + b_in."""

    gates, tape_gates = 4, 4

    def _place_weights(self, weights: Mapping[str, Tensor], w: Tensor) -> None:
        from_h, from_x, bias = self._blocks(w)
        gates = (3, self.hidden_size)
        by_gate = {name: tensor.unflatten(1, gates) for name, tensor in weights.items()}
        from_h[:, :3] = by_gate["weight_hh"]
        from_x[:, :2], from_x[:, 3] = by_gate["weight_ih"][:, :2], by_gate["weight_ih"][:, 2]
        bias[:, :2] = by_gate["bias_ih"][:, :2] + by_gate["bias_hh"][:, :2]
        bias[:, 2], bias[:, 3] = by_gate["bias_hh"][:, 2], by_gate["bias_ih"][:, 2]

    def _named_gradients(self, dw: Tensor) -> Parts:
        from_h, from_x, bias = self._blocks(dw)
        r_z_n = [0, 1, 3]
        return {
            "weight_ih": from_x[:, r_z_n].flatten(1, 2),
            "weight_hh": from_h[:, :3].flatten(1, 2),
            "bias_ih": bias[:, r_z_n].flatten(1, 2),
            "bias_hh": bias[:, :3].flatten(1, 2),
        }

    def _buffers_of(self, m: int) -> tuple[Tensor, ...]:
        return self._w[m], self._panels, self._xh[m], self._tape[m]

    def _run_forward(self, m: int) -> None:
        self._library.gru_forward(*self._sizes(), *map(pointer, self._buffers_of(m)))

    def _run_backward(self, m: int, shares: Tensor, arriving: Parts, norms: Mapping[str, Tensor | None]) -> None:
        written = (shares, arriving["h"], self._d_pre, self._dw[m], norms["h"])
        last = ctypes.c_long(len(shares))
        self._library.gru_backward(*self._sizes(), *map(pointer, self._buffers_of(m)), last, *map(pointer, written))
