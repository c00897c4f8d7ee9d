"""A model: one cell with its linear read-out."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells.contract import Cell
from lstm_bench.engine.generic import named_tensors
from lstm_bench.engine.global_generators import kept_generators, seeded_generators
from lstm_bench.engine.kernel_dispatch import kernel_of
from lstm_bench.engine.memory_plan import plan_for
from lstm_bench.engine.seeds import DRAWN
from lstm_bench.engine.settings import KernelChoice
from lstm_bench.engine.unroll import Unroll
from lstm_bench.tasks.contract import Task

MakeCell = Callable[[Generator], Cell]
PIECE = 250  # sequences run at once


class Model(NamedTuple):
    """A cell, the linear map from its output to predictions, and a function that makes another cell of its settings."""

    cell: Cell
    readout: nn.Linear
    make_cell: MakeCell | None = None


def make_model(task: Task, make_cell: MakeCell, generator: Generator) -> Model:
    """Return a cell and its linear read-out, both drawn from the generator."""
    cell = drawn_cell(make_cell, generator)
    with kept_generators():
        readout = nn.Linear(cell.hidden_size, task.output_size)
    bound = cell.hidden_size**-0.5
    for parameter in readout.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=generator)
    return Model(cell, readout, make_cell)


def drawn_cell(make_cell: MakeCell, generator: Generator) -> Cell:
    """Return a cell that is drawn from the generator.

    A plug-in may draw from torch's, NumPy's or Python's global generator, as stock layers do: these are seeded from
    `generator` for the call and restored afterwards.
    """
    with seeded_generators(int(torch.randint(DRAWN, (), generator=generator))):
        return make_cell(generator)


def model_tensors(model: Model) -> dict[str, Tensor]:
    """Return all parameters and buffers of a model by name, `cell.*` and `readout.*`."""
    named: dict[str, Tensor] = {f"cell.{name}": tensor for name, tensor in named_tensors(model.cell).items()}
    return named | {f"readout.{name}": parameter for name, parameter in model.readout.named_parameters()}


@torch.no_grad()
def load_weights(model: Model, weights: Mapping[str, Tensor]) -> None:
    """Copy these parameters and buffers, named as by `model_tensors`, into a model."""
    for name, tensor in model_tensors(model).items():
        tensor.copy_(weights[name])


@torch.no_grad()
def predict(model: Model, inputs: Tensor, predicted_steps: int, kernel: KernelChoice = "auto") -> Tensor:
    """Return predictions [S, B, C] at the last S steps of inputs [T, B, D], in evaluation mode."""
    device = inputs.device
    unroll = Unroll(kernel_of(model.cell, device, kernel, training=False, members=1), plan_for(device).tape_bytes)
    weights = {name: tensor.detach().clone().unsqueeze(0) for name, tensor in named_tensors(model.cell).items()}
    predictions = [
        model.readout(unroll.last_outputs(weights, piece.unsqueeze(1), predicted_steps).squeeze(1))
        for piece in inputs.split(PIECE, dim=1)
    ]
    return torch.cat(predictions, dim=1)
