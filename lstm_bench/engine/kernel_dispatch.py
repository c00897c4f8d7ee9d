"""Choose the kernel that runs a cell, and the read-out of a task."""

import functools
from collections.abc import Mapping
from typing import Any, Protocol

import torch

from lstm_bench.cells.contract import Cell
from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.lstm_1997 import OriginalLSTMCell
from lstm_bench.cells.lstm_ablated import AblatedLSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.compiled.build import CannotBuildError, library
from lstm_bench.engine.compiled.kernel import CompiledAblatedLSTM, CompiledGRU, CompiledLSTM, CompiledRNN
from lstm_bench.engine.compiled.layout import PRECISION
from lstm_bench.engine.compiled.readout import CompiledReadout
from lstm_bench.engine.generated.kernel import GeneratedKernel
from lstm_bench.engine.generated.trial import why_not_generated
from lstm_bench.engine.generic import BATCHED_FROM, GenericKernel, named_tensors
from lstm_bench.engine.kernel import Kernel
from lstm_bench.engine.kernels.gru import GRUKernel
from lstm_bench.engine.kernels.lstm import AblatedLSTMKernel, LSTMKernel
from lstm_bench.engine.kernels.lstm_1997 import CompiledOriginalLSTM, OriginalLSTMKernel
from lstm_bench.engine.kernels.rnn import RNNKernel
from lstm_bench.engine.readout import AutogradReadout, Readout
from lstm_bench.engine.settings import KernelChoice
from lstm_bench.tasks.contract import Task, loss_form

MOST_CLASSES = 4096  # of a compiled read-out, which keeps those of a few sequences on the stack


class KernelType(Protocol):
    """A callable that makes the kernel of a cell, with the name of that kernel."""

    name: str

    def __call__(self, cell: Any) -> Kernel:
        """Make the kernel."""
        ...


# By exact type: a subclass may step differently, so it has the generic kernel.
COMPILED: Mapping[type, KernelType] = {
    RNNCell: CompiledRNN,
    GRUCell: CompiledGRU,
    LSTMCell: CompiledLSTM,
    AblatedLSTMCell: CompiledAblatedLSTM,
    OriginalLSTMCell: CompiledOriginalLSTM,
}
TORCH: Mapping[type, KernelType] = {
    RNNCell: RNNKernel,
    GRUCell: GRUKernel,
    LSTMCell: LSTMKernel,
    AblatedLSTMCell: AblatedLSTMKernel,
    OriginalLSTMCell: OriginalLSTMKernel,
}


def kernel_of(
    cell: Cell,
    device: torch.device,
    choice: KernelChoice = "auto",
    training: bool = True,
    members: int = BATCHED_FROM,
) -> Kernel:
    """Return the fastest kernel that is exact for this cell on this device; see `kernel_type`.

    `training` is the mode in which a plug-in's step runs, `members` the number of its members; a hand-written kernel
    depends on neither.
    """
    kernel = kernel_type(cell, device, choice)
    if kernel is not GenericKernel:
        return kernel(cell)
    if _is_generated(cell, device, choice, training):
        return GeneratedKernel(cell, training)
    return GenericKernel(cell, None, training, members)


def kernel_name(cell: Cell, device: torch.device, choice: KernelChoice = "auto") -> str:
    """Return the name of the kernel that trains a cell; the cell may be on the meta device."""
    kernel = kernel_type(cell, device, choice)
    is_generated = kernel is GenericKernel and _is_generated(cell, device, choice, training=True)
    return GeneratedKernel.name if is_generated else kernel.name


def _is_generated(cell: Cell, device: torch.device, choice: KernelChoice, training: bool) -> bool:
    return choice == "auto" and device.type == "cpu" and why_not_generated(cell, training) is None


def kernel_type(cell: Cell, device: torch.device, choice: KernelChoice = "auto") -> KernelType:
    """Return the type of the kernel that runs a cell; the cell may be on the meta device.

    `auto` chooses the compiled kernel where it can be built (CPU, float32 or float64), `torch` the one in torch
    operations, `autograd` the generic one. A cell without a kernel of its own has the generic one; with `auto`,
    `kernel_of` runs a generated one in its place where it can.
    """
    if choice == "autograd":
        return GenericKernel
    example = next((t for t in named_tensors(cell).values() if t.is_floating_point()), torch.empty(0))
    if choice == "auto" and device.type == "cpu" and type(cell) in COMPILED and _can_compile(example.dtype):
        return COMPILED[type(cell)]
    return TORCH.get(type(cell), GenericKernel)


def readout_of(task: Task, dtype: torch.dtype, device: torch.device, choice: KernelChoice = "auto") -> Readout:
    """Return the fastest read-out that is exact for the loss of a task: compiled for the forms of `tasks.contract`."""
    form = loss_form(task)
    is_small = task.output_size <= MOST_CLASSES
    if form is not None and is_small and choice == "auto" and device.type == "cpu" and _can_compile(dtype):
        return CompiledReadout(form, dtype)
    return AutogradReadout(task)


def _can_compile(dtype: torch.dtype) -> bool:
    return dtype in PRECISION and why_not_compiled(dtype) is None


@functools.cache
def why_not_compiled(dtype: torch.dtype = torch.float32) -> str | None:
    """Return why the compiled kernels cannot be built here; None if they can."""
    try:
        library(PRECISION[dtype])
    except CannotBuildError as error:
        return str(error)
    return None
