"""Back-propagation through time for the LSTM, by hand, for all members at once.

    [i f g o]_t = [s s tanh s](xh_t W^T + b)          xh_t = [x_t, h_{t-1}], s the logistic function
    c_t = f c_{t-1} + i g,   h_t = o tanh(c_t)

    dL/dc_t += dL/dh_t * o * (1 - tanh(c_t)^2)        the total derivative, through h_t and through c_{t+1}
    d(pre)_t = [dc*g*s'(i), dc*c_{t-1}*s'(f), dc*i*(1 - g^2), dh*tanh(c_t)*s'(o)]
    dL/dc_{t-1} = dc * f,    dL/dh_{t-1} = d(pre)_t W_hh  (+ the loss's own share at t-1)

A linear candidate has g = its pre-activation, whose slope is 1 instead of 1 - g^2.

Source: Greff et al. 2017, appendix A, without peepholes.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.lstm_ablated import AblatedLSTMCell
from lstm_bench.engine.kernel import Parts
from lstm_bench.engine.kernels.lstm_ablated import kept_blocks, with_all_blocks
from lstm_bench.engine.sequence_buffer import (
    CHUNK,
    BufferCache,
    WeightGradients,
    chunks_from_the_end,
    joint_weights,
    zero_state,
)

sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input


class _Step(NamedTuple):
    """Views of everything that one step reads or writes, [M, B, ...]; c is c_{t-1}, next_c and next_h are c_t, h_t."""

    xh: Tensor
    gates: Tensor
    i_f: Tensor
    i: Tensor
    f: Tensor
    g: Tensor
    o: Tensor
    c: Tensor
    next_c: Tensor
    tanh_c: Tensor
    next_h: Tensor

    @classmethod
    def of(cls, xh: Tensor, gates: Tensor, c: Tensor, next_c: Tensor, tanh_c: Tensor, next_h: Tensor) -> "_Step":
        width = gates.shape[-1] // 4
        i, f, g, o = gates.split(width, dim=-1)
        return cls(xh, gates, gates[..., : 2 * width], i, f, g, o, c, next_c, tanh_c, next_h)

    def advance(self, weight: Tensor, bias: Tensor, linear: bool) -> None:
        torch.baddbmm(bias, self.xh, weight, out=self.gates)
        self.i_f.sigmoid_()
        if not linear:
            self.g.tanh_()
        self.o.sigmoid_()
        torch.mul(self.f, self.c, out=self.next_c)
        self.next_c.addcmul_(self.i, self.g)
        torch.tanh(self.next_c, out=self.tanh_c)
        torch.mul(self.o, self.tanh_c, out=self.next_h)


class _BackwardStep(NamedTuple):
    """Views of d(pre-activations) at one step."""

    pre: Tensor
    i_f: Tensor
    i: Tensor
    f: Tensor
    g: Tensor
    o: Tensor

    @classmethod
    def of(cls, pre: Tensor) -> "_BackwardStep":
        width = pre.shape[-1] // 4
        return cls(pre, pre[..., : 2 * width], *pre.split(width, dim=-1))

    def retreat(self, at: _Step, dh: Tensor, dc: Tensor, scratch: Tensor, linear: bool) -> None:
        """Complete dc at this step and write d(pre-activations)."""
        torch.mul(dh, at.o, out=scratch)
        tanh_backward(scratch, at.tanh_c, grad_input=scratch)
        dc += scratch
        torch.mul(dc, at.g, out=self.i)
        torch.mul(dc, at.c, out=self.f)
        torch.mul(dc, at.i, out=self.g)
        torch.mul(dh, at.tanh_c, out=self.o)
        sigmoid_backward(self.i_f, at.i_f, grad_input=self.i_f)
        if not linear:
            tanh_backward(self.g, at.g, grad_input=self.g)
        sigmoid_backward(self.o, at.o, grad_input=self.o)


class _Tape:
    """xh[t] = [x_t, h_{t-1}] and c[t] = c_{t-1}: index 0 holds the state before the segment."""

    def __init__(self, inputs: Tensor, hidden_size: int) -> None:
        self.steps, members, batch, features = inputs.shape
        self.xh = inputs.new_empty(self.steps + 1, members, batch, features + hidden_size)
        self.h = self.xh[..., features:]
        self.c = inputs.new_empty(self.steps + 1, members, batch, hidden_size)
        gates = inputs.new_empty(self.steps, members, batch, 4 * hidden_size)
        tanh_c = inputs.new_empty(self.steps, members, batch, hidden_size)
        per_step = zip(self.xh[:-1], gates, self.c[:-1], self.c[1:], tanh_c, self.h[1:], strict=True)
        self.views = [_Step.of(*views) for views in per_step]
        self.d_pre = inputs.new_empty(CHUNK, members, batch, 4 * hidden_size)
        self.backward_views = [_BackwardStep.of(pre) for pre in self.d_pre]


class LSTMKernel:
    """The `Kernel` of `LSTMCell` in torch operations; linear: without the tanh of the candidate."""

    name = "BPTT in torch operations"

    def __init__(self, cell: LSTMCell | AblatedLSTMCell, linear: bool = False) -> None:
        self.hidden_size, self._linear = cell.hidden_size, linear
        self._cache = BufferCache(lambda inputs: _Tape(inputs, self.hidden_size))

    def bytes_per_step(self, inputs: Tensor) -> int:
        """See `Kernel`."""
        return inputs.shape[2] * (inputs.shape[3] + 7 * self.hidden_size) * inputs.element_size()

    def start(self, parameters: Mapping[str, Tensor], batch_size: int) -> Parts:
        """See `Kernel`."""
        self._weight_hh = parameters["weight_hh"].detach()
        self._weight, self._bias = joint_weights(parameters)
        self._gradients = WeightGradients(self._weight, self._bias)
        return {part: zero_state(parameters, batch_size) for part in ("h", "c")}

    def forward(self, inputs: Tensor, state: Parts) -> tuple[Tensor, Parts]:
        """See `Kernel`."""
        self._steps, tape = len(inputs), self._cache.tape_for(inputs)
        self._tape = tape
        tape.xh[: self._steps, ..., : inputs.shape[-1]] = inputs
        tape.h[0], tape.c[0] = state["h"], state["c"]
        for step in tape.views[: self._steps]:
            step.advance(self._weight, self._bias, self._linear)
        after = {"h": tape.h[self._steps].clone(), "c": tape.c[self._steps].clone()}
        return tape.h[1 : self._steps + 1], after

    def backward(self, d_outputs: Tensor, d_state: Parts | None, with_norms: bool) -> tuple[Parts, Parts]:
        """See `Kernel`."""
        tape, first = self._tape, self._steps - len(d_outputs)
        scratch = torch.empty_like(tape.c[0])
        d_state = d_state or {part: torch.zeros_like(scratch) for part in ("h", "c")}
        dh, dc = d_state["h"], d_state["c"]
        norms = {part: dh.new_zeros(self._steps, len(dh), dtype=torch.float64) for part in ("h", "c")}
        for chunk in chunks_from_the_end(self._steps):
            for t in chunk:
                at, back = tape.views[t], tape.backward_views[t - chunk[-1]]
                if t >= first:
                    dh += d_outputs[t - first]
                back.retreat(at, dh, dc, scratch, self._linear)
                if with_norms:
                    norms["h"][t] = torch.linalg.vector_norm(dh, dim=(1, 2), dtype=torch.float64)
                    norms["c"][t] = torch.linalg.vector_norm(dc, dim=(1, 2), dtype=torch.float64)
                dc *= at.f
                torch.bmm(back.pre, self._weight_hh, out=dh)
            self._gradients.add(tape.d_pre[: len(chunk)], tape.xh[chunk[-1] : chunk[0] + 1])
        return {"h": dh, "c": dc}, norms if with_norms else {}

    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""
        return self._gradients.by_name(self.hidden_size)


class AblatedLSTMKernel(LSTMKernel):
    """The `Kernel` of `AblatedLSTMCell` in torch operations: the LSTM's, with weights as in lstm_ablated.py."""

    def __init__(self, cell: AblatedLSTMCell) -> None:
        super().__init__(cell, linear=cell.without == "candidate_tanh")
        self._without = cell.without

    def start(self, parameters: Mapping[str, Tensor], batch_size: int) -> Parts:
        """See `Kernel`."""
        return super().start(with_all_blocks(self._without, parameters), batch_size)

    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""
        return kept_blocks(self._without, super().gradients(d_start))
