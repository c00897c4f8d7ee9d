"""The cells that the checks look at, and the steps that they take."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple, cast

import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells.contract import Cell, CellError
from lstm_bench.cells.reals import as_reals, has_derivative
from lstm_bench.engine.double_precision import in_float64
from lstm_bench.engine.functional_cell import FunctionalCell
from lstm_bench.engine.generic import named_tensors
from lstm_bench.engine.global_generators import seeded_generators
from lstm_bench.engine.kernel import Parts
from lstm_bench.engine.model import MakeCell, drawn_cell

STEPS, BATCH = 3, 3
SEED, OTHER_SEED = 0, 1
DRAWS, OTHER_DRAWS = 2, 3
MODES = (True, False)  # training, then evaluation
RELATIVE, ABSOLUTE = 1e-5, 1e-7  # two runs of one step differ by rounding at most


class Step(NamedTuple):
    """One step: its tensors, input and state, and the output and next state that it returned."""

    tensors: Parts
    x: Tensor
    state: Parts
    output: Tensor
    next_state: Parts


class Subject:
    """Three cells of one class and its settings, two of them from one seed.

    Args:
        make_cell: makes a cell of the class.
        device: where the checks run.
        make_of_width: returns a function that makes a cell of another hidden size; None where there is no such setting.

    Attributes:
        first: the cell that most checks run, with `tensors` in place of its own.
        twin: another cell of the same seed.
        other: a cell of another seed.
        starts: parameters and buffers of the first and of its twin, as they were drawn.
    """

    def __init__(
        self, make_cell: MakeCell, device: torch.device, make_of_width: Callable[[int], MakeCell] | None = None
    ) -> None:
        self.make_cell, self.device, self.make_of_width = make_cell, device, make_of_width
        self.first, self.twin, self.other = (
            drawn_cell(make_cell, Generator().manual_seed(seed)) for seed in (SEED, SEED, OTHER_SEED)
        )
        self.starts = copied(named_tensors(self.first)), copied(named_tensors(self.twin))
        self._steps: dict[bool, list[Step]] = {}

    @cached_property
    def rivals(self) -> tuple[Cell, Cell]:
        """The twin and the other, after a step each, so that what a cell draws once and keeps differs from here on."""
        for cell in (self.twin, self.other):
            step_once(cell, OTHER_DRAWS)
        return self.twin, self.other

    @cached_property
    def tensors(self) -> Parts:
        """The parameters and buffers of the first, on the device."""
        return {name: tensor.detach().to(self.device) for name, tensor in named_tensors(self.first).items()}

    @cached_property
    def moved(self) -> Parts:
        """`tensors` with every parameter moved a little: an initial gain of 0 may hide the effect of another."""
        parameters = {name for name, _ in self.first.named_parameters()}
        return {
            name: 1.01 * tensor + 0.01 if name in parameters and has_derivative(tensor) else tensor
            for name, tensor in self.tensors.items()
        }

    @cached_property
    def wide(self) -> Cell:
        """The first in float64, in evaluation mode."""
        return in_float64(self.first, self.make_cell)

    def steps(self, training: bool) -> list[Step]:
        """Return STEPS steps of the first in a mode."""
        if training not in self._steps:
            self._steps[training] = steps_of(self.first, self.tensors, training)
        return self._steps[training]


def steps_of(cell: Cell, tensors: Parts, training: bool) -> list[Step]:
    """Return STEPS steps of a cell from its initial state; the generators are seeded before each."""
    functional, steps = FunctionalCell(cell), list[Step]()
    module(cell).train(training)
    tensors = copied(tensors)
    with torch.no_grad(), seeded_generators(DRAWS):
        state = functional.initial_state(tensors, BATCH)
    for x in inputs(cell, functional.dtype).to(device_of(tensors)):
        tensors_before, state_before = copied(tensors), copied(state)
        output, state = take(functional, tensors, x, state_before)
        steps.append(Step(tensors_before, x, state_before, output.clone(), copied(state)))
    return steps


def take(functional: FunctionalCell, tensors: Parts, x: Tensor, state: Parts) -> tuple[Tensor, Parts]:
    """Take a step from copies of an input and a state, with seeded generators."""
    with torch.no_grad(), seeded_generators(DRAWS):
        return functional.step(tensors, x.clone(), copied(state))


def takes_alike(cell: Cell, steps: Sequence[Step], training: bool) -> bool:
    """Return whether a cell returns the same values for these steps when it takes them in reverse order."""
    try:
        return all(alike(*tensors) for tensors in _taken_again(cell, steps, training))
    except CellError:  # it did not fail the first time
        return False


def _taken_again(cell: Cell, steps: Sequence[Step], training: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the tensors that each step and the initial state return now, paired with those of the first time."""
    functional = FunctionalCell(cell)
    module(cell).train(training)
    for step in reversed(steps):
        output, next_state = take(functional, copied(step.tensors), step.x, step.state)
        yield output, step.output
        yield from ((part, step.next_state[name]) for name, part in next_state.items())
    with torch.no_grad(), seeded_generators(DRAWS):
        start = functional.initial_state(copied(steps[0].tensors), BATCH)
    yield from ((part, steps[0].state[name]) for name, part in start.items())


def step_once(cell: Cell, draws: int) -> None:
    """Run one step of a cell with its own tensors."""
    functional, no_weights = FunctionalCell(cell), dict[str, Tensor]()
    with seeded_generators(draws), torch.no_grad():
        state = functional.call("initial_state", no_weights, BATCH)
        functional.call("step", no_weights, inputs(cell, functional.dtype)[0], state)


def inputs(cell: Cell, dtype: torch.dtype) -> Tensor:
    """Return inputs [T, B, D] within (-1, 1)."""
    return torch.arange(STEPS * BATCH * cell.input_size, dtype=dtype).sin().view(STEPS, BATCH, cell.input_size)


def alike(a: Tensor, b: Tensor) -> bool:
    """Return whether two tensors have one shape and type, and numbers that differ by rounding at most."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if not has_derivative(a):
        return torch.equal(a, b)
    return torch.allclose(as_reals(a), as_reals(b), RELATIVE, ABSOLUTE, equal_nan=True)


def copied(tensors: Parts) -> Parts:
    """Return copies of tensors by name."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def device_of(tensors: Parts) -> torch.device:
    """Return the device of some tensors."""
    return next(iter(tensors.values())).device


def module(cell: Cell) -> nn.Module:
    """Return a cell as the module that it is."""
    return cast(nn.Module, cell)


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, joined by commas, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
