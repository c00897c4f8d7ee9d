"""Back-propagation through time for the GRU, by hand, for all members at once.

    [r z]_t = s(x W_i[rz]^T + h_{t-1} W_h[rz]^T + b)        s the logistic function
    m_t = h_{t-1} W_hn^T + b_hn,   n_t = tanh(x_t W_in^T + b_in + r m_t)
    h_t = (1 - z) n_t + z h_{t-1}

    d(pre n)_t = dh * (1 - z) * (1 - n^2)                   r, z and m come from one product of xh_t = [x_t, h_{t-1}],
    dm_t = d(pre n)_t * r                                   in which m has no weights for x
    d(pre r)_t = d(pre n)_t * m * s'(r),   d(pre z)_t = dh * (h_{t-1} - n) * s'(z)
    dL/dh_{t-1} = dh * z + [d(pre r), d(pre z), dm]_t W_hh  (+ the loss's own share at t-1)

Source: Cho et al. 2014, with the reset gate after the recurrent product, as in cuDNN and PyTorch.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from lstm_bench.engine.kernel import Parts
from lstm_bench.engine.kernels.bptt import Tape, TorchKernel, WeightGradients, sigmoid_backward, tanh_backward


class _Step(NamedTuple):
    """Views of everything that one step reads or writes, [M, B, ...]; h is h_{t-1}, next_h is h_t."""

    xh: Tensor
    rzm: Tensor
    r_z: Tensor
    r: Tensor
    z: Tensor
    m: Tensor
    n: Tensor
    h: Tensor
    next_h: Tensor

    @classmethod
    def of(cls, xh: Tensor, rzm: Tensor, n: Tensor, h: Tensor, next_h: Tensor) -> "_Step":
        width = n.shape[-1]
        r, z, m = rzm.split(width, dim=-1)
        return cls(xh, rzm, rzm[..., : 2 * width], r, z, m, n, h, next_h)


class _StepBack(NamedTuple):
    """Views of the gradients of r, z, m and n before their nonlinearities, at one step."""

    rzm: Tensor
    r_z: Tensor
    r: Tensor
    z: Tensor
    m: Tensor
    n: Tensor

    @classmethod
    def of(cls, rzm: Tensor, n: Tensor) -> "_StepBack":
        width = n.shape[-1]
        r, z, m = rzm.split(width, dim=-1)
        return cls(rzm, rzm[..., : 2 * width], r, z, m, n)


class _GRUTape(Tape):
    """A tape that also holds n_t, and the gradients of n_t before its tanh."""

    def __init__(self, inputs: Tensor, hidden_size: int, parts: tuple[str, ...]) -> None:
        super().__init__(inputs, hidden_size, parts, gates=3)
        rzm, self.n = (self.per_step(inputs, width * hidden_size) for width in (3, 1))
        self.d_n = self.d_pre.new_empty(*self.d_pre.shape[:-1], hidden_size)
        h = self.state["h"]
        self.steps = [_Step.of(*views) for views in zip(self.xh[:-1], rzm, self.n, h[:-1], h[1:], strict=True)]
        self.steps_back = [_StepBack.of(*views) for views in zip(self.d_pre, self.d_n, strict=True)]


class GRUKernel(TorchKernel):
    """The `Kernel` of `GRUCell` in torch operations."""

    widths_kept = 5
    _tape: _GRUTape

    def start(self, parameters: Mapping[str, Tensor], batch_size: int) -> Parts:
        """See `Kernel`."""
        split = 2 * self.hidden_size
        self._weight_n = parameters["weight_ih"].detach()[:, split:].transpose(1, 2).contiguous()
        self._bias_n = parameters["bias_ih"].detach()[:, split:].unsqueeze(1)
        self._gradients_n = WeightGradients(self._weight_n, self._bias_n)
        return super().start(parameters, batch_size)

    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""
        joint, split = super().gradients(d_start), 2 * self.hidden_size
        weight_n, bias_n = self._gradients_n.weight.transpose(1, 2), self._gradients_n.bias.squeeze(1)
        return joint | {
            "weight_ih": torch.cat((joint["weight_ih"][:, :split], weight_n), dim=1),
            "bias_ih": torch.cat((joint["bias_ih"][:, :split], bias_n), dim=1),
        }

    def _joint_weights(self, parameters: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the weights and biases of r, z and m; m has none for x."""
        split = 2 * self.hidden_size
        weight_ih, bias_ih, bias_hh = (parameters[name].detach() for name in ("weight_ih", "bias_ih", "bias_hh"))
        from_x = torch.cat((weight_ih[:, :split], torch.zeros_like(weight_ih[:, split:])), dim=1)
        weight = torch.cat((from_x, self._weight_hh), dim=2)
        bias = torch.cat((bias_ih[:, :split] + bias_hh[:, :split], bias_hh[:, split:]), dim=1)
        return weight.transpose(1, 2).contiguous(), bias.unsqueeze(1)

    def _new_tape(self, inputs: Tensor) -> _GRUTape:
        return _GRUTape(inputs, self.hidden_size, self.parts)

    def _load(self, inputs: Tensor) -> None:
        """Put the inputs into the tape, and x W_in^T + b_in into n."""
        super()._load(inputs)
        torch.add(torch.matmul(inputs, self._weight_n), self._bias_n, out=self._tape.n[: len(inputs)])

    def _advance(self, step: _Step) -> None:
        torch.baddbmm(self._bias, step.xh, self._weight, out=step.rzm)
        step.r_z.sigmoid_()
        step.n.addcmul_(step.r, step.m).tanh_()
        torch.lerp(step.n, step.h, step.z, out=step.next_h)

    def _retreat(self, step: _Step, back: _StepBack, d_state: Parts) -> None:
        dh = d_state["h"]
        torch.sub(step.h, step.n, out=back.z)
        back.z.mul_(dh)
        torch.addcmul(dh, dh, step.z, value=-1, out=back.n)
        tanh_backward(back.n, step.n, grad_input=back.n)
        torch.mul(back.n, step.r, out=back.m)
        torch.mul(back.n, step.m, out=back.r)
        sigmoid_backward(back.r_z, step.r_z, grad_input=back.r_z)
        dh.mul_(step.z).baddbmm_(back.rzm, self._weight_hh)

    def _add_gradients(self, n: int, xh: Tensor) -> None:
        super()._add_gradients(n, xh)
        self._gradients_n.add(self._tape.d_n[:n], xh[..., : -self.hidden_size])
