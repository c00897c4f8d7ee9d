"""The same cell in double precision, for quantities that float32 is too coarse to measure."""

import copy
from typing import cast

import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells.contract import Cell, State, state_like, state_parts
from lstm_bench.cells.reals import has_derivative, widened
from lstm_bench.engine.generic import named_tensors
from lstm_bench.engine.global_generators import seeded_generators
from lstm_bench.engine.model import MakeCell, Model, drawn_cell

SEED = 0  # of initial values that are overwritten


def wide_cell(model: Model) -> Cell:
    """Return the cell of a model in float64, see `in_float64`."""
    return in_float64(model.cell, model.make_cell)


def in_float64(cell: Cell, make_cell: MakeCell | None = None) -> Cell:
    """Return a cell in double precision and evaluation mode whose parameters need no gradient; `cell` stays as it is.

    It is a new cell with the parameters and buffers of this one, since many cells cannot be copied: those that keep a
    generator, a weight computed from others, or a function that refers to the cell. Without `make_cell` it is a copy,
    or `cell` itself where that is such a cell already.
    """
    if make_cell is None:
        with torch.no_grad():  # else TorchScript copies parameters as results of an operation
            return cell if _is_wide(cell) else _widened(copy.deepcopy(cell))
    wide = _widened(drawn_cell(make_cell, Generator().manual_seed(SEED)))
    if narrow_parts(
        wide.initial_state(1)
    ):  # a hook computes a weight before each step, as weight_norm of torch.nn does
        _step_once(wide)
    with torch.no_grad():
        for name, tensor in named_tensors(cell).items():
            named_tensors(wide)[name].copy_(tensor)
    return wide


def narrow_parts(state: State) -> dict[str, Tensor]:
    """Return the parts of a state, by name, that are floating-point or complex numbers of less than 64 bits."""
    return {name: part for name, part in state_parts(state).items() if part.dtype != _wide(part).dtype}


def _is_wide(cell: Cell) -> bool:
    are_wide = all(tensor.dtype == _wide(tensor).dtype for tensor in named_tensors(cell).values())
    is_trained = any(parameter.requires_grad for _, parameter in cell.named_parameters())
    return are_wide and not is_trained and not cast(nn.Module, cell).training


def _widened(cell: Cell) -> Cell:
    module = cast(nn.Module, cell)
    module._apply(_wide).eval()
    for parameter in module.parameters():  # one by one, as TorchScript does not support it of a whole module
        parameter.requires_grad_(False)
    return cell


def _wide(tensor: Tensor) -> Tensor:
    return widened(tensor) if has_derivative(tensor) else tensor


def _step_once(cell: Cell) -> None:
    state = cell.initial_state(1)
    wide = state_like(state, {name: _wide(part) for name, part in state_parts(state).items()})
    with seeded_generators(SEED):
        cell.step(torch.zeros(1, cell.input_size, dtype=torch.float64), wide)
