"""Back-propagation through time for the vanilla RNN, by hand, for all members at once.

    xh_t  = [x_t, h_{t-1}]                      one buffer holds inputs and states side by side,
    h_t   = phi(xh_t W^T + b)                   W = [W_ih, W_hh], b = b_ih + b_hh: one product a step
    dp_t  = phi'(h_t) * dL/dh_t                 phi' from h itself: 1 - h^2 for tanh, h > 0 for relu
    dL/dh_{t-1} = dp_t W_hh  (+ the loss's own share at t-1)
    dL/dW = sum_t dp_t^T xh_t,  dL/db = sum_t dp_t

Source: Werbos 1990; Pascanu, Mikolov & Bengio 2013 for the norms.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.kernel import Parts
from lstm_bench.engine.sequence_buffer import (
    CHUNK,
    BufferCache,
    WeightGradients,
    chunks_from_the_end,
    joint_weights,
    zero_state,
)


class _Tape:
    """xh[t] = [x_t, h_{t-1}]: h[0] is the state before the segment, h[T] the last output."""

    def __init__(self, inputs: Tensor, hidden_size: int) -> None:
        self.steps, members, batch, features = inputs.shape
        self.xh = inputs.new_empty(self.steps + 1, members, batch, features + hidden_size)
        self.h = self.xh[..., features:]
        self.views = list(zip(self.xh[:-1], self.h[1:], strict=True))
        self.d_pre = inputs.new_empty(CHUNK, members, batch, hidden_size)
        self.places = list(self.d_pre)


class RNNKernel:
    """The `Kernel` of `RNNCell` in torch operations."""

    name = "BPTT in torch operations"

    def __init__(self, cell: RNNCell) -> None:
        self.hidden_size, self.tanh = cell.hidden_size, cell.nonlinearity == "tanh"
        self._cache = BufferCache(lambda inputs: _Tape(inputs, self.hidden_size))

    def bytes_per_step(self, inputs: Tensor) -> int:
        """See `Kernel`."""
        return inputs.shape[2] * (inputs.shape[3] + self.hidden_size) * inputs.element_size()

    def start(self, parameters: Mapping[str, Tensor], batch_size: int) -> Parts:
        """See `Kernel`."""
        self._weight_hh = parameters["weight_hh"].detach()
        self._weight, self._bias = joint_weights(parameters)
        self._gradients = WeightGradients(self._weight, self._bias)
        return {"h": zero_state(parameters, batch_size)}

    def forward(self, inputs: Tensor, state: Parts) -> tuple[Tensor, Parts]:
        """See `Kernel`."""
        self._steps, tape = len(inputs), self._cache.tape_for(inputs)
        self._tape = tape
        tape.xh[: self._steps, ..., : inputs.shape[-1]] = inputs
        tape.h[0] = state["h"]
        pre = torch.empty_like(tape.places[0])
        for xh, h in tape.views[: self._steps]:
            torch.baddbmm(self._bias, xh, self._weight, out=pre)
            self._activate(pre, out=h)
        return tape.h[1 : self._steps + 1], {"h": tape.h[self._steps].clone()}

    def _activate(self, pre: Tensor, out: Tensor) -> None:
        if self.tanh:
            torch.tanh(pre, out=out)
        else:
            torch.clamp(pre, min=0, out=out)

    def backward(self, d_outputs: Tensor, d_state: Parts | None, with_norms: bool) -> tuple[Parts, Parts]:
        """See `Kernel`."""
        tape, first = self._tape, self._steps - len(d_outputs)
        dh = torch.zeros_like(tape.places[0]) if d_state is None else d_state["h"]
        norms = dh.new_zeros(self._steps, len(dh), dtype=torch.float64)
        for chunk in chunks_from_the_end(self._steps):
            for t in chunk:
                if t >= first:
                    dh += d_outputs[t - first]
                if with_norms:
                    norms[t] = torch.linalg.vector_norm(dh, dim=(1, 2), dtype=torch.float64)
                d_pre = tape.places[t - chunk[-1]]
                self._activate_backward(dh, tape.views[t][1], out=d_pre)
                torch.bmm(d_pre, self._weight_hh, out=dh)
            self._gradients.add(tape.d_pre[: len(chunk)], tape.xh[chunk[-1] : chunk[0] + 1])
        return {"h": dh}, {"h": norms} if with_norms else {}

    def _activate_backward(self, dh: Tensor, h: Tensor, out: Tensor) -> None:
        if self.tanh:
            torch.ops.aten.tanh_backward.grad_input(dh, h, grad_input=out)
        else:
            torch.ops.aten.threshold_backward.grad_input(dh, h, 0, grad_input=out)

    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""
        return self._gradients.by_name(self.hidden_size)
