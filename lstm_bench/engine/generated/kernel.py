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
    """Run a program of a cell's traced step.

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
        self._ends = GenericKernel(cell, batched=False, training=training)  # the initial state and its gradient
        self._parts = list(self._step.state)
        self._hidden = cell.hidden_size
        self._buffers = Parts()

    def bytes_per_step(self, inputs: Tensor) -> int:
        """See `Kernel`."""
        states = sum(torch.Size(shape).numel() for shape in self._program.parts.values())
        of_batch, beside = self._program.tape
        return (inputs.shape[2] * (of_batch + states + self._hidden) + beside) * inputs.element_size()

    @torch.no_grad()
    def start(self, parameters: Mapping[str, Tensor], batch_size: int) -> Parts:
        """See `Kernel`."""
        with torch.enable_grad():
            state = self._ends.start(parameters, batch_size)
        members = len(next(iter(parameters.values())))
        named = [[parameters[name][m].detach() for name in self._step.weights] for m in range(members)]
        prepared = [self._divided.prepare(*weights) for weights in named]
        split = len(self._divided.constants)
        self._finishing = [values[split:] for values in prepared]
        columns = zip(*(values[:split] for values in prepared), strict=True)
        self._constants = [torch.stack([t.contiguous() for t in column]).to(self._step.dtype) for column in columns]
        self._sums = self._buffer("sums", members, self._program.sums).zero_()
        return {part: tensor.to(self._step.dtype) for part, tensor in state.items()}

    @torch.no_grad()
    def forward(self, inputs: Tensor, state: Parts) -> tuple[Tensor, Parts]:
        """See `Kernel`."""
        x = self._x = dense(inputs.to(self._step.dtype), 2)
        T, M, B, _ = x.shape
        self._states = []
        for part in self._parts:
            states = self._buffer(part, M, T + 1, *state[part].shape[1:])
            states[:, 0] = state[part]
            self._states.append(states)
        self._outputs = self._buffer("outputs", M, T, B, self._hidden)
        of_batch, beside = self._program.tape
        self._tape = self._buffer("tape", M * T * (of_batch * B + beside))
        of_batch, beside = self._program.scratch
        self._scratch = self._buffer("scratch", of_batch * B + beside)
        self._panels = self._buffer("panels", self._program.panels)
        self._call("forward", 0, x, x, [[None] * 4 for _ in self._parts])
        after = {part: states[:, T].clone() for part, states in zip(self._parts, self._states, strict=True)}
        return self._outputs.transpose(0, 1), after

    @torch.no_grad()
    def backward(self, d_outputs: Tensor, d_state: Parts | None, with_norms: bool) -> tuple[Parts, Parts]:
        """See `Kernel`."""
        T, M, _, _ = self._x.shape
        shares = dense(d_outputs.to(self._step.dtype), 2)
        d_entering, norms, pointers = {}, {}, []
        for part, states in zip(self._parts, self._states, strict=True):
            shape = states[:, 0].shape
            gradient = d_state[part].contiguous().clone() if d_state else states.new_zeros(shape)
            norm = states.new_zeros(M, T, dtype=torch.float64) if with_norms else None
            spares = [self._buffer(f"{part} {spare}", gradient[0].numel()) for spare in ("total", "next")]
            pointers.append([gradient, *spares, norm])
            d_entering[part] = gradient
            if norm is not None:
                norms[part] = norm.T
        self._call("backward", len(shares), shares, shares, pointers)
        return d_entering, norms

    @torch.no_grad()
    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""
        with torch.enable_grad():
            gradients = self._ends.gradients(d_start)
        trained = list(self._step.d_weights)
        for m, finishing in enumerate(self._finishing):
            sums = [
                self._sums.as_strided(axes.shape, axes.stride(), m * self._program.sums + offset)
                for offset, axes in self._program.sums_at
            ]
            for name, gradient in zip(trained, self._divided.finish(*sums, *finishing), strict=True):
                gradients[name][m] += gradient
        return gradients

    def _buffer(self, name: str, *shape: int) -> Tensor:
        """Return memory that the next call of this name has again: the pages of new memory cost as much as small steps."""
        count = math.prod(shape)
        if name not in self._buffers or len(self._buffers[name]) < count + SLACK:
            self._buffers[name] = torch.empty(count + SLACK, dtype=self._step.dtype)
        return self._buffers[name][:count].view(shape)

    def _call(
        self, function: str, last: int, d_outputs: Tensor, zeros_like: Tensor, parts: list[list[Tensor | None]]
    ) -> None:
        T, M, B, _ = self._x.shape
        zeros = self._x.new_zeros(B * self._hidden)
        tensors: list[Tensor | None] = [
            self._x, self._outputs, self._tape, self._scratch, self._panels, self._sums, d_outputs, zeros, None
        ]  # fmt: skip
        for states, of_part in zip(self._states, parts, strict=True):
            tensors += [states, *of_part, None]
        tensors += self._constants
        pointers = (ctypes.c_void_p * len(tensors))(*(None if t is None else t.data_ptr() for t in tensors))
        strides = (ctypes.c_long * 4)(self._x.stride(1), self._x.stride(0), d_outputs.stride(1), d_outputs.stride(0))
        getattr(self._library, function)(*map(ctypes.c_long, (M, T, B, last)), pointers, strides)
