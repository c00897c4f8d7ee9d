"""The `Kernel` of a program that is generated from a cell's own step."""

import ctypes
import math
from collections.abc import Mapping

import torch
from torch import Tensor

from lstm_bench.cells.contract import Cell
from lstm_bench.engine.compiled.build import generated_library
from lstm_bench.engine.compiled.layout import PRECISION, dense
from lstm_bench.engine.generated.generating import generate
from lstm_bench.engine.generic import GenericKernel
from lstm_bench.engine.kernel import Parts

SLACK = 64  # numbers that the last vector of a row may reach beyond the end of a buffer


class GeneratedKernel:
    """Run the program of a cell's traced step, one member after another.

    A member's bits do not depend on how many run together. Autograd computes the initial state and its gradient.

    Args:
        cell: any cell; its parameters serve as an example only.
        training: the mode in which its step is traced.

    Raises: CannotGenerateError, CannotBuildError.
    """

    name = "generated BPTT"

    def __init__(self, cell: Cell, training: bool = True) -> None:
        generated = generate(cell, training)
        self._step, self._divided, self._program = generated.step, generated.divided, generated.program
        self._library = generated_library(self._program.source, PRECISION[self._step.dtype])
        self._start = GenericKernel(cell, batched=False, training=training)
        self._hidden_size = cell.hidden_size
        self._buffers = Parts()
        self._p = dict[str, Tensor | None]()  # the tensor in each buffer of the program

    def bytes_per_step(self, inputs: Tensor) -> int:
        """See `Kernel`."""
        of_batch, fixed = self._program.tape
        words = of_batch + self._program.state_words + self._hidden_size
        return (inputs.shape[2] * words + fixed) * inputs.element_size()

    def start(self, parameters: Mapping[str, Tensor], batch_size: int) -> Parts:
        """See `Kernel`."""
        with torch.enable_grad():
            state = self._start.start(parameters, batch_size)
        members = len(next(iter(parameters.values())))
        with torch.no_grad():
            prepared = [
                self._divided.prepare(*(parameters[name][m].detach() for name in self._step.weights))
                for m in range(members)
            ]
        count = len(self._divided.constants)
        self._finishing = [values[count:] for values in prepared]
        for k in range(count):
            constant = torch.stack([values[k].contiguous() for values in prepared])
            self._p[f"constant{k}"] = constant.to(self._step.dtype)
        self._sums = self._p["sums"] = self._buffer("sums", members, self._program.sums).zero_()
        return state

    @torch.no_grad()
    def forward(self, inputs: Tensor, state: Parts) -> tuple[Tensor, Parts]:
        """See `Kernel`."""
        x = dense(inputs.to(self._step.dtype), 2)
        T, M, B, _ = x.shape
        outputs = self._buffer("outputs", M, T, B, self._hidden_size)
        states = {part: self._buffer(f"{part} of all steps", M, T + 1, *state[part].shape[1:]) for part in state}
        for part, of_part in states.items():
            of_part[:, 0] = state[part]
        tape, scratch = self._program.tape, self._program.scratch
        self._p |= {
            "x": x,
            "y": outputs,
            "tape": self._buffer("tape", M * T * (tape[0] * B + tape[1])),
            "scratch": self._buffer("scratch", scratch[0] * B + scratch[1]),
            "panels": self._buffer("panels", self._program.panels),
            **{f"state{k}": of_part for k, of_part in enumerate(states.values())},
        }
        self._shape, self._x_strides = (M, T, B), (x.stride(1), x.stride(0))
        self._run("forward", 0, (0, 0))
        return outputs.transpose(0, 1), {part: of_part[:, T].clone() for part, of_part in states.items()}

    @torch.no_grad()
    def backward(self, d_outputs: Tensor, d_state: Parts | None, with_norms: bool) -> tuple[Parts, Parts]:
        """See `Kernel`."""
        M, T, B = self._shape
        shares = dense(d_outputs.to(self._step.dtype), 2)
        self._p |= {"d_y": shares, "zeros": shares.new_zeros(B, self._hidden_size)}
        d_entering, norms = Parts(), Parts()
        for k, part in enumerate(self._step.state):
            states = self._p[f"state{k}"]
            assert states is not None  # `forward` was called
            arriving = states.new_zeros(M, *states.shape[2:])
            if d_state is not None:
                arriving.copy_(d_state[part])
            d_entering[part] = self._p[f"d_state{k}"] = arriving
            for spare in ("d_next", "total"):
                self._p[f"{spare}{k}"] = self._buffer(f"{part} {spare}", *arriving.shape[1:])
            self._p[f"norms{k}"] = arriving.new_zeros(M, T, dtype=torch.float64) if with_norms else None
            if (norm := self._p[f"norms{k}"]) is not None:
                norms[part] = norm.T
        self._run("backward", len(shares), (shares.stride(1), shares.stride(0)))
        return d_entering, norms

    @torch.no_grad()
    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""
        with torch.enable_grad():
            gradients = self._start.gradients(d_start)
        for m, finishing in enumerate(self._finishing):
            sums = [
                self._sums.as_strided(axes.shape, axes.stride(), m * self._program.sums + offset).contiguous()
                for offset, axes in self._program.sums_at
            ]
            for name, gradient in zip(self._step.d_weights, self._divided.finish(*sums, *finishing), strict=True):
                gradients[name][m] += gradient
        return gradients

    def _buffer(self, name: str, *shape: int) -> Tensor:
        """Return memory that the next call with this name reuses: new pages cost more time than small steps."""
        count = math.prod(shape)
        if name not in self._buffers or len(self._buffers[name]) < count + SLACK:
            self._buffers[name] = torch.empty(count + SLACK, dtype=self._step.dtype)
        return self._buffers[name][:count].view(shape)

    def _run(self, function: str, last: int, d_strides: tuple[int, int]) -> None:
        tensors = [self._p.get(name) for name in self._program.pointers]
        pointers = (ctypes.c_void_p * len(tensors))(*(None if t is None else t.data_ptr() for t in tensors))
        strides = (ctypes.c_long * 4)(*self._x_strides, *d_strides)
        getattr(self._library, function)(*map(ctypes.c_long, (*self._shape, last)), pointers, strides)
