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

from lstm_bench.cells.gru import GRUCell
from lstm_bench.engine.kernel import Parts
from lstm_bench.engine.sequence_buffer import CHUNK, BufferCache, WeightGradients, chunks_from_the_end, zero_state

sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input


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

    def advance(self, weight: Tensor, bias: Tensor) -> None:
        """Complete the step; n holds x W_in^T + b_in on entry."""
        torch.baddbmm(bias, self.xh, weight, out=self.rzm)
        self.r_z.sigmoid_()
        self.n.addcmul_(self.r, self.m).tanh_()
        torch.lerp(self.n, self.h, self.z, out=self.next_h)


class _BackwardStep(NamedTuple):
    """Views of the gradients of r, z, m and n before their nonlinearities, at one step."""

    rzm: Tensor
    r_z: Tensor
    r: Tensor
    z: Tensor
    m: Tensor
    n: Tensor

    @classmethod
    def of(cls, rzm: Tensor, n: Tensor) -> "_BackwardStep":
        width = n.shape[-1]
        r, z, m = rzm.split(width, dim=-1)
        return cls(rzm, rzm[..., : 2 * width], r, z, m, n)

    def retreat(self, at: _Step, dh: Tensor) -> None:
        """Write the gradients before the nonlinearities, and leave dh * z in dh."""
        torch.sub(at.h, at.n, out=self.z)
        self.z.mul_(dh)
        torch.addcmul(dh, dh, at.z, value=-1, out=self.n)
        tanh_backward(self.n, at.n, grad_input=self.n)
        torch.mul(self.n, at.r, out=self.m)
        torch.mul(self.n, at.m, out=self.r)
        sigmoid_backward(self.r_z, at.r_z, grad_input=self.r_z)
        dh.mul_(at.z)


class _Tape:
    """xh[t] = [x_t, h_{t-1}]: h[0] is the state before the segment, h[T] the last output."""

    def __init__(self, inputs: Tensor, hidden_size: int) -> None:
        self.steps, members, batch, features = inputs.shape
        self.xh = inputs.new_empty(self.steps + 1, members, batch, features + hidden_size)
        self.h = self.xh[..., features:]
        rzm = inputs.new_empty(self.steps, members, batch, 3 * hidden_size)
        self.n = inputs.new_empty(self.steps, members, batch, hidden_size)
        self.views = [_Step.of(*v) for v in zip(self.xh[:-1], rzm, self.n, self.h[:-1], self.h[1:], strict=True)]
        self.d_rzm = inputs.new_empty(CHUNK, members, batch, 3 * hidden_size)
        self.d_n = inputs.new_empty(CHUNK, members, batch, hidden_size)
        self.backward_views = [_BackwardStep.of(*v) for v in zip(self.d_rzm, self.d_n, strict=True)]


class GRUKernel:
    """The `Kernel` of `GRUCell` in torch operations."""

    name = "BPTT in torch operations"

    def __init__(self, cell: GRUCell) -> None:
        self.hidden_size = cell.hidden_size
        self._cache = BufferCache(lambda inputs: _Tape(inputs, self.hidden_size))

    def bytes_per_step(self, inputs: Tensor) -> int:
        """See `Kernel`."""
        return inputs.shape[2] * (inputs.shape[3] + 5 * self.hidden_size) * inputs.element_size()

    def start(self, parameters: Mapping[str, Tensor], batch_size: int) -> Parts:
        """See `Kernel`."""
        split = 2 * self.hidden_size
        weight_ih, weight_hh = parameters["weight_ih"].detach(), parameters["weight_hh"].detach()
        bias_ih, bias_hh = parameters["bias_ih"].detach(), parameters["bias_hh"].detach()
        self._weight_hh = weight_hh
        from_x = torch.cat((weight_ih[:, :split], torch.zeros_like(weight_ih[:, split:])), dim=1)
        self._weight = torch.cat((from_x, weight_hh), dim=2).transpose(1, 2).contiguous()
        self._bias = torch.cat((bias_ih[:, :split] + bias_hh[:, :split], bias_hh[:, split:]), dim=1).unsqueeze(1)
        self._weight_n = weight_ih[:, split:].transpose(1, 2).contiguous()
        self._bias_n = bias_ih[:, split:].unsqueeze(1)
        self._gradients = WeightGradients(self._weight, self._bias)
        self._gradients_n = WeightGradients(self._weight_n, self._bias_n)
        return {"h": zero_state(parameters, batch_size)}

    def forward(self, inputs: Tensor, state: Parts) -> tuple[Tensor, Parts]:
        """See `Kernel`."""
        self._steps, tape = len(inputs), self._cache.tape_for(inputs)
        self._tape = tape
        tape.xh[: self._steps, ..., : inputs.shape[-1]] = inputs
        tape.h[0] = state["h"]
        torch.add(torch.matmul(inputs, self._weight_n), self._bias_n, out=tape.n[: self._steps])
        for step in tape.views[: self._steps]:
            step.advance(self._weight, self._bias)
        return tape.h[1 : self._steps + 1], {"h": tape.h[self._steps].clone()}

    def backward(self, d_outputs: Tensor, d_state: Parts | None, with_norms: bool) -> tuple[Parts, Parts]:
        """See `Kernel`."""
        tape, first = self._tape, self._steps - len(d_outputs)
        dh = torch.zeros_like(tape.d_n[0]) if d_state is None else d_state["h"]
        norms = dh.new_zeros(self._steps, len(dh), dtype=torch.float64)
        for chunk in chunks_from_the_end(self._steps):
            for t in chunk:
                back = tape.backward_views[t - chunk[-1]]
                if t >= first:
                    dh += d_outputs[t - first]
                if with_norms:
                    norms[t] = torch.linalg.vector_norm(dh, dim=(1, 2), dtype=torch.float64)
                back.retreat(tape.views[t], dh)
                dh.baddbmm_(back.rzm, self._weight_hh)
            xh = tape.xh[chunk[-1] : chunk[0] + 1]
            self._gradients.add(tape.d_rzm[: len(chunk)], xh)
            self._gradients_n.add(tape.d_n[: len(chunk)], xh[..., : -self.hidden_size])
        return {"h": dh}, {"h": norms} if with_norms else {}

    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""
        joint, split = self._gradients.by_name(self.hidden_size), 2 * self.hidden_size
        weight_n, bias_n = self._gradients_n.weight.transpose(1, 2), self._gradients_n.bias.squeeze(1)
        return joint | {
            "weight_ih": torch.cat((joint["weight_ih"][:, :split], weight_n), dim=1),
            "bias_ih": torch.cat((joint["bias_ih"][:, :split], bias_n), dim=1),
        }
