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
from lstm_bench.engine.kernels.bptt import Tape, TorchKernel, sigmoid_backward, tanh_backward
from lstm_bench.engine.kernels.lstm_ablated import kept_blocks, with_all_blocks


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


class _StepBack(NamedTuple):
    """Views of d(pre-activations) at one step, and room for one product."""

    pre: Tensor
    scratch: Tensor
    i_f: Tensor
    i: Tensor
    f: Tensor
    g: Tensor
    o: Tensor

    @classmethod
    def of(cls, pre: Tensor, scratch: Tensor) -> "_StepBack":
        width = pre.shape[-1] // 4
        return cls(pre, scratch, pre[..., : 2 * width], *pre.split(width, dim=-1))


class LSTMKernel(TorchKernel):
    """The `Kernel` of `LSTMCell` in torch operations; linear: without the tanh of the candidate."""

    parts = ("h", "c")
    widths_kept = 7

    def __init__(self, cell: LSTMCell | AblatedLSTMCell, linear: bool = False) -> None:
        super().__init__(cell)
        self._is_linear = linear

    def _new_tape(self, inputs: Tensor) -> Tape:
        tape = Tape(inputs, self.hidden_size, self.parts, gates=4)
        gates, tanh_c = (tape.per_step(inputs, width * self.hidden_size) for width in (4, 1))
        h, c = tape.state["h"], tape.state["c"]
        tape.steps = [_Step.of(*views) for views in zip(tape.xh[:-1], gates, c[:-1], c[1:], tanh_c, h[1:], strict=True)]
        scratch = torch.empty_like(c[0])
        tape.steps_back = [_StepBack.of(pre, scratch) for pre in tape.d_pre]
        return tape

    def _advance(self, step: _Step) -> None:
        torch.baddbmm(self._bias, step.xh, self._weight, out=step.gates)
        step.i_f.sigmoid_()
        if not self._is_linear:
            step.g.tanh_()
        step.o.sigmoid_()
        torch.mul(step.f, step.c, out=step.next_c)
        step.next_c.addcmul_(step.i, step.g)
        torch.tanh(step.next_c, out=step.tanh_c)
        torch.mul(step.o, step.tanh_c, out=step.next_h)

    def _complete(self, step: _Step, back: _StepBack, d_state: Parts, d_output: Tensor | None) -> None:
        super()._complete(step, back, d_state, d_output)
        torch.mul(d_state["h"], step.o, out=back.scratch)
        tanh_backward(back.scratch, step.tanh_c, grad_input=back.scratch)
        d_state["c"] += back.scratch

    def _retreat(self, step: _Step, back: _StepBack, d_state: Parts) -> None:
        dh, dc = d_state["h"], d_state["c"]
        torch.mul(dc, step.g, out=back.i)
        torch.mul(dc, step.c, out=back.f)
        torch.mul(dc, step.i, out=back.g)
        torch.mul(dh, step.tanh_c, out=back.o)
        sigmoid_backward(back.i_f, step.i_f, grad_input=back.i_f)
        if not self._is_linear:
            tanh_backward(back.g, step.g, grad_input=back.g)
        sigmoid_backward(back.o, step.o, grad_input=back.o)
        dc *= step.f
        torch.bmm(back.pre, self._weight_hh, out=dh)


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
