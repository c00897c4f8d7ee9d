"""Back-propagation through time for the vanilla RNN, by hand, for all members at once.

    xh_t  = [x_t, h_{t-1}]                      one buffer holds inputs and states side by side,
    h_t   = phi(xh_t W^T + b)                   W = [W_ih, W_hh], b = b_ih + b_hh: one product a step
    dp_t  = phi'(h_t) * dL/dh_t                 phi' from h itself: 1 - h^2 for tanh, h > 0 for relu
    dL/dh_{t-1} = dp_t W_hh  (+ the loss's own share at t-1)
    dL/dW = sum_t dp_t^T xh_t,  dL/db = sum_t dp_t

Source: Werbos 1990; Pascanu, Mikolov & Bengio 2013 for the norms.
"""

import torch
from torch import Tensor

from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.kernel import Parts
from lstm_bench.engine.kernels.bptt import Tape, TorchKernel, tanh_backward

threshold_backward = torch.ops.aten.threshold_backward.grad_input
Step = tuple[Tensor, Tensor, Tensor]  # xh_t, h_t, and room for the pre-activation, [M, B, ...]


class RNNKernel(TorchKernel):
    """The `Kernel` of `RNNCell` in torch operations."""

    widths_kept = 1

    def __init__(self, cell: RNNCell) -> None:
        super().__init__(cell)
        self._is_tanh = cell.nonlinearity == "tanh"

    def _new_tape(self, inputs: Tensor) -> Tape:
        tape = Tape(inputs, self.hidden_size, self.parts, gates=1)
        pre = torch.empty_like(tape.d_pre[0])
        tape.steps = [(xh, h, pre) for xh, h in zip(tape.xh[:-1], tape.state["h"][1:], strict=True)]
        tape.steps_back = list(tape.d_pre)
        return tape

    def _advance(self, step: Step) -> None:
        xh, h, pre = step
        torch.baddbmm(self._bias, xh, self._weight, out=pre)
        if self._is_tanh:
            torch.tanh(pre, out=h)
        else:
            torch.clamp(pre, min=0, out=h)

    def _retreat(self, step: Step, back: Tensor, d_state: Parts) -> None:
        _, h, _ = step
        dh = d_state["h"]
        if self._is_tanh:
            tanh_backward(dh, h, grad_input=back)
        else:
            threshold_backward(dh, h, 0, grad_input=back)
        torch.bmm(back, self._weight_hh, out=dh)
