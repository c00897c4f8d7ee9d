"""Back-propagation through time for the vanilla RNN, by hand, for all members at once.

    xh_t  = [x_t, h_{t-1}]                      one buffer holds inputs and states side by side,
    h_t   = phi(xh_t W^T + b)                   W = [W_ih, W_hh], b = b_ih + b_hh: one product a step
    dp_t  = phi'(h_t) * dL/dh_t                 phi' from h itself: 1 - h^2 for tanh, h > 0 for relu
    dL/dh_{t-1} = dp_t W_hh  (+ the loss's own share at t-1)
    dL/dW = sum_t dp_t^T xh_t,  dL/db = sum_t dp_t

Buffers are kept from one call to the next, and so are the views of each step: making them anew would cost as much
as the arithmetic at small sizes.

Source: Werbos 1990; Pascanu, Mikolov & Bengio 2013 for the norms.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.sequence_buffer import (
    CHUNK,
    WeightGradients,
    chunks_from_the_end,
    fits,
    joint_weights,
    last_states,
)


class RNNUnroll:
    """The `Unroll` of `RNNCell`."""

    name = "fused BPTT"

    def __init__(self, cell: RNNCell) -> None:
        self.hidden_size, self.tanh = cell.hidden_size, cell.nonlinearity == "tanh"
        self._xh = torch.empty(0)

    def _fit_buffers(self, inputs: Tensor) -> None:
        steps, members, batch, features = inputs.shape
        shape = (steps + 1, members, batch, features + self.hidden_size)
        if fits(self._xh, inputs, *shape):
            return
        self._xh = inputs.new_zeros(shape)  # xh[t] = [x_t, h_{t-1}], so h[0] = 0 and h[T] is the last output
        self._d_pre = inputs.new_empty(CHUNK, members, batch, self.hidden_size)
        self._h = self._xh[..., features:]
        self._views = list(zip(self._xh[:-1], self._h[1:], strict=True))

    def forward(self, parameters: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        """See `Unroll.forward`."""
        self._fit_buffers(inputs)
        self._xh[:-1, ..., : inputs.shape[-1]] = inputs
        self._weight_hh = parameters["weight_hh"].detach()
        weight, bias = joint_weights(parameters)
        pre = torch.empty_like(self._d_pre[0])
        for xh, h in self._views:
            torch.baddbmm(bias, xh, weight, out=pre)
            self._activate(pre, out=h)
        return self._h[1:]

    def _activate(self, pre: Tensor, out: Tensor) -> None:
        if self.tanh:
            torch.tanh(pre, out=out)
        else:
            torch.clamp(pre, min=0, out=out)

    def backward(self, d_outputs: Tensor, with_norms: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """See `Unroll.backward`."""
        steps, first = len(self._views), len(self._views) - len(d_outputs)
        dh = torch.zeros_like(self._d_pre[0])
        norms = dh.new_zeros(steps, len(dh))
        gradients, places = WeightGradients(self._d_pre, self._xh), list(self._d_pre)
        for chunk in chunks_from_the_end(steps):
            for t in chunk:
                if t >= first:
                    dh += d_outputs[t - first]
                if with_norms:
                    norms[t] = torch.linalg.vector_norm(dh, dim=(1, 2))
                d_pre = places[t - chunk[-1]]
                self._activate_backward(dh, self._views[t][1], out=d_pre)
                torch.bmm(d_pre, self._weight_hh, out=dh)
            gradients.add(self._d_pre[: len(chunk)], self._xh[chunk[-1] : chunk[0] + 1])
        return gradients.by_name(self.hidden_size), {"h": norms} if with_norms else {}

    def _activate_backward(self, dh: Tensor, h: Tensor, out: Tensor) -> None:
        if self.tanh:
            torch.ops.aten.tanh_backward.grad_input(dh, h, grad_input=out)
        else:
            torch.ops.aten.threshold_backward.grad_input(dh, h, 0, grad_input=out)

    def last_outputs(self, parameters: Mapping[str, Tensor], inputs: Tensor, last: int) -> Tensor:
        """See `Unroll.last_outputs`."""
        weight, bias = joint_weights(parameters)
        _, members, batch, features = inputs.shape
        xh = inputs.new_zeros(members, batch, features + self.hidden_size)
        h, pre = xh[..., features:], inputs.new_empty(members, batch, self.hidden_size)

        def advance() -> None:
            torch.baddbmm(bias, xh, weight, out=pre)
            self._activate(pre, out=h)

        return last_states(inputs, xh, last, advance)
