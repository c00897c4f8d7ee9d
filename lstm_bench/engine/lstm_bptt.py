"""Back-propagation through time for the LSTM, by hand, for all members at once.

    [i f g o]_t = [s s tanh s](xh_t W^T + b)          xh_t = [x_t, h_{t-1}], s the logistic function
    c_t = f c_{t-1} + i g,   h_t = o tanh(c_t)

    dL/dc_t += dL/dh_t * o * (1 - tanh(c_t)^2)        the total derivative, through h_t and through c_{t+1}
    d(pre)_t = [dc*g*s'(i), dc*c_{t-1}*s'(f), dc*i*(1 - g^2), dh*tanh(c_t)*s'(o)]
    dL/dc_{t-1} = dc * f,    dL/dh_{t-1} = d(pre)_t W_hh  (+ the loss's own share at t-1)

Buffers and the views of each step are kept from one call to the next, as in `rnn_bptt`.

Source: Greff et al. 2017, appendix A, without peepholes.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.engine.sequence_buffer import (
    CHUNK,
    WeightGradients,
    chunks_from_the_end,
    fits,
    joint_weights,
    last_states,
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

    def advance(self, weight: Tensor, bias: Tensor) -> None:
        torch.baddbmm(bias, self.xh, weight, out=self.gates)
        self.i_f.sigmoid_()
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

    def retreat(self, at: _Step, dh: Tensor, dc: Tensor, scratch: Tensor) -> None:
        """Complete dc at this step and write d(pre-activations)."""
        torch.mul(dh, at.o, out=scratch)
        tanh_backward(scratch, at.tanh_c, grad_input=scratch)
        dc += scratch
        torch.mul(dc, at.g, out=self.i)
        torch.mul(dc, at.c, out=self.f)
        torch.mul(dc, at.i, out=self.g)
        torch.mul(dh, at.tanh_c, out=self.o)
        sigmoid_backward(self.i_f, at.i_f, grad_input=self.i_f)
        tanh_backward(self.g, at.g, grad_input=self.g)
        sigmoid_backward(self.o, at.o, grad_input=self.o)


class LSTMUnroll:
    """The `Unroll` of `LSTMCell`."""

    name = "fused BPTT"

    def __init__(self, cell: LSTMCell) -> None:
        self.hidden_size = cell.hidden_size
        self._xh = torch.empty(0)

    def _fit_buffers(self, inputs: Tensor) -> None:
        steps, members, batch, features = inputs.shape
        shape = (steps + 1, members, batch, features + self.hidden_size)
        if fits(self._xh, inputs, *shape):
            return
        self._xh = inputs.new_zeros(shape)
        self._h = self._xh[..., features:]
        self._d_pre = inputs.new_empty(CHUNK, members, batch, 4 * self.hidden_size)
        gates = inputs.new_empty(steps, members, batch, 4 * self.hidden_size)
        tanh_c = inputs.new_empty(steps, members, batch, self.hidden_size)
        c = inputs.new_zeros(steps + 1, members, batch, self.hidden_size)
        per_step = zip(self._xh[:-1], gates, c[:-1], c[1:], tanh_c, self._h[1:], strict=True)
        self._steps = [_Step.of(*views) for views in per_step]
        self._backward_steps = [_BackwardStep.of(pre) for pre in self._d_pre]

    def forward(self, parameters: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        """See `Unroll.forward`."""
        self._fit_buffers(inputs)
        self._xh[:-1, ..., : inputs.shape[-1]] = inputs
        self._weight_hh = parameters["weight_hh"].detach()
        weight, bias = joint_weights(parameters)
        for step in self._steps:
            step.advance(weight, bias)
        return self._h[1:]

    def backward(self, d_outputs: Tensor, with_norms: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """See `Unroll.backward`."""
        steps, first = len(self._steps), len(self._steps) - len(d_outputs)
        dh, dc, scratch = self._xh.new_zeros(3, *self._steps[0].c.shape)
        norms = {part: dh.new_zeros(steps, len(dh)) for part in ("h", "c")}
        gradients = WeightGradients(self._d_pre, self._xh)
        for chunk in chunks_from_the_end(steps):
            for t in chunk:
                at, back = self._steps[t], self._backward_steps[t - chunk[-1]]
                if t >= first:
                    dh += d_outputs[t - first]
                back.retreat(at, dh, dc, scratch)
                if with_norms:
                    norms["h"][t] = torch.linalg.vector_norm(dh, dim=(1, 2))
                    norms["c"][t] = torch.linalg.vector_norm(dc, dim=(1, 2))
                dc *= at.f
                torch.bmm(back.pre, self._weight_hh, out=dh)
            gradients.add(self._d_pre[: len(chunk)], self._xh[chunk[-1] : chunk[0] + 1])
        return gradients.by_name(self.hidden_size), norms if with_norms else {}

    def last_outputs(self, parameters: Mapping[str, Tensor], inputs: Tensor, last: int) -> Tensor:
        """See `Unroll.last_outputs`."""
        weight, bias = joint_weights(parameters)
        _, members, batch, features = inputs.shape
        xh = inputs.new_zeros(members, batch, features + self.hidden_size)
        c, tanh_c = inputs.new_zeros(2, members, batch, self.hidden_size)
        gates = inputs.new_empty(members, batch, 4 * self.hidden_size)
        step = _Step.of(xh, gates, c, c, tanh_c, xh[..., features:])  # each state overwrites the last
        return last_states(inputs, xh, last, lambda: step.advance(weight, bias))
