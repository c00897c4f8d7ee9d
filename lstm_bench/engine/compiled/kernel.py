"""The compiled kernels as `Kernel`s: tensors in the layout of kernels.c, one call a population and direction.

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
from lstm_bench.engine.compiled.build import library
from lstm_bench.engine.compiled.layout import PRECISION, PopulationLayout, Series, dense, pointer, series, weights
from lstm_bench.engine.compiled.readout import CompiledReadout
from lstm_bench.engine.kernel import Parts
from lstm_bench.engine.kernels.lstm_ablated import kept_blocks, with_all_blocks
from lstm_bench.engine.readout import ReadoutBatch, ReadoutGradients


class CompiledKernel(ABC):
    """The common part of all compiled kernels: buffers, the state at both ends, and the order of calls.

    Buffers are member-major and as long as the longest segment so far. Width P is H rounded up to whole vectors, and a
    row holds [h, x, 1] and padding; see kernels.c.
    """

    name = "compiled BPTT"
    cell: ClassVar[str]  # the prefix of its functions in kernels.c
    parts: ClassVar[tuple[str, ...]] = ("h",)
    gates: ClassVar[int]  # G, blocks of units that have gradients
    tape_gates: ClassVar[int]  # blocks kept for every step

    def __init__(self, cell: RNNCell | GRUCell | LSTMCell | AblatedLSTMCell, variant: bool = False) -> None:
        self.input_size, self.hidden_size = cell.input_size, cell.hidden_size
        weight = cell.weight_hh
        self._library = library(PRECISION[weight.dtype])
        sizes = ctypes.c_long(self.hidden_size), ctypes.c_long(self.input_size)
        self._width, self._row = int(self._library.width(sizes[0])), int(self._library.row(*sizes))
        self._xh = weight.new_empty(0, 0, 0, 0)
        self._layout = PopulationLayout(hidden=self.hidden_size, inputs=self.input_size, variant=variant)

    def bytes_per_step(self, inputs: Tensor) -> int:
        """See `Kernel`."""
        states = 2 * self._width if "c" in self.parts else 0
        return inputs.shape[2] * (self._row + self.tape_gates * self._width + states) * inputs.element_size()

    def start(self, parameters: Mapping[str, Tensor], batch_size: int) -> Parts:
        """See `Kernel`."""
        self._parameters = {name: dense(tensor.detach(), 1) for name, tensor in parameters.items()}
        example = self._parameters["weight_hh"]
        members = len(example)
        self._dw = example.new_empty(members, self.gates, self._width, self._row)
        self._layout.dw, self._layout.adds = pointer(self._dw), 0
        for name, tensor in self._parameters.items():
            setattr(self._layout, name, weights(tensor))
        return {part: example.new_zeros(members, batch_size, self.hidden_size) for part in self.parts}

    def forward(self, inputs: Tensor, state: Parts) -> tuple[Tensor, Parts]:
        """See `Kernel`."""
        x = dense(inputs.to(self._xh.dtype), 3)
        outputs = self._enter(x, state)
        self._run("forward")
        return outputs, self._state(*outputs.shape[:2])

    def _enter(self, inputs: Tensor, state: Parts) -> Tensor:
        """Enter dense inputs and the state before them in the layout; return the view of the buffers for outputs."""
        steps, members, _, _ = inputs.shape
        self._fit_buffers(inputs)
        self._put(state, 0)
        self._layout.members, self._layout.steps, self._layout.x = members, steps, series(inputs)
        return self._xh[:members, 1 : steps + 1, :, : self.hidden_size].transpose(0, 1)

    def backward(self, d_outputs: Tensor, d_state: Parts | None, with_norms: bool) -> tuple[Parts, Parts]:
        """See `Kernel`."""
        shares = dense(d_outputs, 3)
        arriving, norms = self._arrive(shares, series(shares), d_state, with_norms)
        self._run("backward")
        self._layout.adds = 1
        before = {part: gradient[..., : self.hidden_size] for part, gradient in arriving.items()}
        return before, {part: norm.T for part, norm in norms.items()}

    def _arrive(
        self, d_outputs: Tensor, places: Series, d_state: Parts | None, with_norms: bool
    ) -> tuple[Parts, Parts]:
        """Enter arriving gradients in the layout; return the tensors for the gradients of the state and for the norms.

        Args:
            d_outputs: [S, M, B, H].
            places: their address and strides.
            d_state: the gradients of the state after the segment.
            with_norms: whether norms are wanted.
        """
        last, members, batch, _ = d_outputs.shape
        arriving = {part: d_outputs.new_zeros(members, batch, self._width) for part in self.parts}
        for part, gradient in (d_state or {}).items():
            arriving[part][..., : self.hidden_size] = gradient
        layout, wanted = self._layout, self.parts if with_norms else ()
        norms = {part: d_outputs.new_empty(members, layout.steps, dtype=torch.float64) for part in wanted}
        layout.last, layout.d_out = last, places
        for part in self.parts:
            setattr(layout, f"d{part}", pointer(arriving[part]))
            setattr(layout, f"norms_{part}", pointer(norms.get(part)))
        return arriving, norms

    def step(
        self,
        parameters: Mapping[str, Tensor],
        inputs: Tensor,
        readout: CompiledReadout,
        batch: ReadoutBatch,
        with_norms: bool,
    ) -> tuple[ReadoutGradients, Parts, Parts]:
        """Run whole sequences forward, through the read-out and back, member by member, in one call.

        Return the losses and gradients of the read-out, the gradient of each parameter, and norms [T, M] where they are
        wanted, as `forward`, `CompiledReadout.gradients`, `backward` and `gradients` do one after another.
        """
        x = dense(inputs.to(self._xh.dtype), 3)
        outputs = self._enter(x, self.start(parameters, x.shape[2]))
        back = readout.prepare(outputs[len(outputs) - len(batch.targets) :], batch, shared=True)
        _, norms = self._arrive(back.outputs, readout.place_of_d_outputs(), None, with_norms)
        self._run("step", readout.layout)
        return back, self.gradients({}), {part: norm.T for part, norm in norms.items()}

    @abstractmethod
    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""

    def _run(self, function: str, *layouts: ctypes.Structure) -> None:
        getattr(self._library, f"{self.cell}_{function}")(*map(ctypes.byref, (self._layout, *layouts)))

    def _fit_buffers(self, inputs: Tensor) -> None:
        steps, members, batch, features = inputs.shape
        had_members, had_steps, had_batch, _ = self._xh.shape
        if had_members >= members and had_steps > steps and had_batch == batch:
            return
        like, width = self._xh, self._width
        self._xh = like.new_zeros(members, steps + 1, batch, self._row)
        self._xh[..., self.hidden_size + features] = 1
        self._tape = like.new_empty(members, steps, batch, self.tape_gates * width)
        columns = self.tape_gates or 1
        self._d_pre = like.new_empty(self._library.chunk_steps(), batch, columns * width)
        self._panels = like.new_empty(max(self._row, width), columns * width)
        layout = self._layout
        layout.capacity, layout.batch = steps, batch
        layout.xh, layout.gates = pointer(self._xh), pointer(self._tape)
        layout.d_pre, layout.panels = pointer(self._d_pre), pointer(self._panels)
        if "c" in self.parts:
            self._c = like.new_zeros(members, steps + 1, batch, width)
            self._tanh_c = like.new_empty(members, steps, batch, width)
            layout.c, layout.tanh_c = pointer(self._c), pointer(self._tanh_c)

    def _states(self) -> dict[str, Tensor]:
        """Return the states for every step [M, T + 1, B, H], views of the buffers."""
        states = {"h": self._xh[..., : self.hidden_size]}
        return states | ({"c": self._c[..., : self.hidden_size]} if "c" in self.parts else {})

    def _put(self, state: Parts, t: int) -> None:
        for part, buffer in self._states().items():
            buffer[: len(state[part]), t] = state[part]

    def _state(self, t: int, members: int) -> Parts:
        return {part: buffer[:members, t].clone() for part, buffer in self._states().items()}

    def _blocks(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return views of the gradients: for h [M, G, H, H], for x [M, G, H, D] and of the bias [M, G, H]."""
        of_units, stop = self._dw[:, :, : self.hidden_size], self.hidden_size + self.input_size
        return of_units[..., : self.hidden_size], of_units[..., self.hidden_size : stop], of_units[..., stop]


class _SumOfGates(CompiledKernel):
    """The kernel of a cell whose gates each read x and h through one sum: one product, and one bias."""

    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""
        from_h, from_x, bias = (block.flatten(1, 2) for block in self._blocks())
        return {"weight_ih": from_x, "weight_hh": from_h, "bias_ih": bias, "bias_hh": bias}


class CompiledRNN(_SumOfGates):
    """The `Kernel` of `RNNCell`."""

    cell, gates, tape_gates = "rnn", 1, 0

    def __init__(self, cell: RNNCell) -> None:
        super().__init__(cell, variant=cell.nonlinearity == "relu")


class CompiledLSTM(_SumOfGates):
    """The `Kernel` of `LSTMCell`; linear: without the tanh of the candidate."""

    cell, gates, tape_gates = "lstm", 4, 4
    parts = ("h", "c")

    def __init__(self, cell: LSTMCell | AblatedLSTMCell, linear: bool = False) -> None:
        super().__init__(cell, variant=linear)


class CompiledAblatedLSTM(CompiledLSTM):
    """The `Kernel` of `AblatedLSTMCell`: the LSTM's, with weights as in kernels/lstm_ablated.py."""

    def __init__(self, cell: AblatedLSTMCell) -> None:
        super().__init__(cell, linear=cell.without == "candidate_tanh")
        self._without = cell.without

    def start(self, parameters: Mapping[str, Tensor], batch_size: int) -> Parts:
        """See `Kernel`."""
        return super().start(with_all_blocks(self._without, parameters), batch_size)

    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""
        return kept_blocks(self._without, super().gradients(d_start))


class CompiledGRU(CompiledKernel):
    """The `Kernel` of `GRUCell`: blocks r, z, m = W_hn h + b_hn, and W_in x + b_in."""

    cell, gates, tape_gates = "gru", 4, 4

    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""
        from_h, from_x, bias = self._blocks()
        r_z_n = [0, 1, 3]
        return {
            "weight_ih": from_x[:, r_z_n].flatten(1, 2),
            "weight_hh": from_h[:, :3].flatten(1, 2),
            "bias_ih": bias[:, r_z_n].flatten(1, 2),
            "bias_hh": bias[:, :3].flatten(1, 2),
        }
