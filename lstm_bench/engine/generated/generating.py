"""Generate the program of a cell, once in a process for all cells that step alike."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from torch import nn

from lstm_bench.cells.contract import Cell
from lstm_bench.engine.attributes import attributes
from lstm_bench.engine.generated.partition import Partition, partition
from lstm_bench.engine.generated.program import Program, write_program
from lstm_bench.engine.generated.tracing import CannotGenerateError, StepGraph, trace_step

T = TypeVar("T")
KEPT = 64  # programs


@dataclass(frozen=True)
class Generated:
    """A traced step, its partition, and its program."""

    step: StepGraph
    divided: Partition
    program: Program


_known: OrderedDict[Hashable, Any] = OrderedDict()


def generate(cell: Cell, training: bool) -> Generated:
    """Return the program of a cell's step in a mode.

    Raises: CannotGenerateError.
    """
    return once_for_alike(generate, cell, training, lambda: _generate(cell, training))


def _generate(cell: Cell, training: bool) -> Generated:
    step = trace_step(cell, training)
    divided = partition(step)
    return Generated(step, divided, write_program(step, divided))


def once_for_alike(what: Hashable, cell: Cell, training: bool, make: Callable[[], T]) -> T:
    """Return the result of `make` or raise its error; either is kept for all cells of one class, settings and sizes."""
    key = (what, training, *_alike(cell))
    if key not in _known:
        try:
            _known[key] = make()
        except CannotGenerateError as error:
            _known[key] = CannotGenerateError(str(error))  # without its traceback, which holds the cell
        while len(_known) > KEPT:
            _known.popitem(last=False)
    if isinstance(_known[key], CannotGenerateError):
        raise CannotGenerateError(str(_known[key]))
    return cast(T, _known[key])


def _alike(cell: Cell) -> tuple[Hashable, ...]:
    """Return a key that cells that step alike share: classes, settings, hooks, and the forms of tensors."""
    module = cast(nn.Module, cell)
    tensors = (*module.named_parameters(), *module.named_buffers())
    return (
        *(getattr(type(cell), method, None) for method in ("step", "initial_state")),
        tuple(type(part) for part in module.modules()),
        tuple(
            hook
            for part in module.modules()
            for hook in (*part._forward_hooks.values(), *part._forward_pre_hooks.values())
        ),
        repr(attributes(module)),
        tuple((name, tuple(t.shape), t.dtype, t.device, t.requires_grad) for name, t in tensors),
    )
