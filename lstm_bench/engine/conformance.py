"""Try a plug-in cell before training, and refuse what would make its numbers wrong without an error.

The engine runs all members of a cell through the first of them, with tensors of their own, cuts long sequences at
arbitrary steps, and builds a member again to probe it or to resume from a checkpoint. That is exact for a cell

- whose start is a function of its seed,
- whose step is a function of its parameters and buffers, of input, state and mode, and of what it draws from the global
  generators.

The trial builds three cells, two of them from one seed. The first takes a few steps; then all of them take the same
steps again, one by one and in another order, with the tensors of the first.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells.contract import Cell, CellError, cell_error, cell_name
from lstm_bench.cells.reals import as_reals, count_reals, has_derivative
from lstm_bench.engine.attributes import attributes, differing, replaced_attribute
from lstm_bench.engine.double_precision import in_float64, narrow_parts
from lstm_bench.engine.functional_cell import FunctionalCell
from lstm_bench.engine.generic import named_tensors
from lstm_bench.engine.global_generators import GeneratorStates, seeded_generators
from lstm_bench.engine.kernel import Parts
from lstm_bench.engine.model import MakeCell, drawn_cell

STEPS, BATCH = 3, 3
SEED, OTHER_SEED = 0, 1
DRAWS, OTHER_DRAWS = 2, 3
NAMED = 3  # attributes or parameters in a message
RELATIVE, ABSOLUTE = 1e-5, 1e-7  # two runs of one step differ by rounding at most
GENERATORS = "torch's, NumPy's or Python's global generator"


class Step(NamedTuple):
    """One step: its tensors, input and state, and the output and next state that it returned."""

    tensors: Parts
    x: Tensor
    state: Parts
    output: Tensor
    next_state: Parts


def check_cell(make_cell: MakeCell, device: torch.device) -> list[str]:
    """Return warnings about a class of cells that can be trained, one sentence each.

    Raises: CellError for a class that fails, or whose numbers would be wrong; it names the fault and what is allowed.
    """
    first, second, other = (drawn_cell(make_cell, Generator().manual_seed(s)) for s in (SEED, SEED, OTHER_SEED))
    _check_start(first, second)
    _step_once(second, OTHER_DRAWS)  # what a cell draws once and keeps differs between the cells after this
    _step_once(other, OTHER_DRAWS)
    tensors = {name: tensor.detach().to(device) for name, tensor in named_tensors(first).items()}
    for training in (True, False):
        steps = _steps(first, tensors, training)
        _check_memory(first, steps, training)
        _check_constants(first, second, steps, training)
        _check_constants(first, other, steps, training)
    _check_constants(first, other, _steps(first, _moved(first, tensors), training=True), training=True)
    _check_tensors_stay(second)
    wide = in_float64(first, make_cell)
    _check_precision(wide)
    return [
        *_starting_alike(first, other),
        *_untrained(first, tensors),
        *_drawing_in_evaluation(first, tensors),
        *_failing_in_float64(wide),
    ]


def _check_start(first: Cell, second: Cell) -> None:
    """Refuse a cell whose initial values differ between two cells of one seed."""
    tensors, second_tensors = named_tensors(first), named_tensors(second)
    names = [
        name
        for name in tensors | second_tensors
        if name not in tensors or name not in second_tensors or not _alike(tensors[name], second_tensors[name])
    ]
    if names:
        raise cell_error(
            type(first),
            f"two cells of one seed start with different values of {_listed(names)}: allowed: a start that is drawn "
            f"from the generator that the constructor is given, or from {GENERATORS}",
        )


def _check_memory(cell: Cell, steps: Sequence[Step], training: bool) -> None:
    """Refuse a cell whose step depends on the steps taken before."""
    before = attributes(_module(cell))
    if not _takes_alike(cell, steps, training):
        names = differing(before, attributes(_module(cell)))
        raise cell_error(
            type(cell),
            f"step answers the same input and state differently the second time{_naming(names, 'it changes')}: "
            f"allowed: what a step remembers is in the state that it returns, and what it draws comes from "
            f"{GENERATORS}",
        )


def _check_constants(first: Cell, rival: Cell, steps: Sequence[Step], training: bool) -> None:
    """Refuse a cell in which something that is neither parameter nor buffer differs from member to member."""
    if not _takes_alike(rival, steps, training):
        names = _deciding(first, rival, steps, training)
        raise cell_error(
            type(first),
            f"two cells with the same parameters and buffers step differently{_naming(names, 'they differ in')}: "
            "allowed: what a constructor draws, or computes from what it drew, is a parameter or a buffer (register it "
            "as a buffer: self.register_buffer)",
        )


def _deciding(first: Cell, rival: Cell, steps: Sequence[Step], training: bool) -> list[str]:
    """Return the one attribute that makes two cells step differently, or all that differ where no single one does."""
    names = differing(attributes(_module(first)), attributes(_module(rival)))
    for name in names:
        with replaced_attribute(name, _module(first), _module(rival)):
            if _takes_alike(rival, steps, training):
                return [name]
    return names


def _check_tensors_stay(cell: Cell) -> None:
    """Refuse a cell that replaces its own tensors, since the engine would not see the new ones."""
    before = _addresses(cell)
    for training in (True, False):
        _module(cell).train(training)
        _step_once(cell, DRAWS)
        after = _addresses(cell)
        names = [name for name, address in before.items() if after.get(name) != address]
        if names:
            raise cell_error(
                type(cell),
                f"step puts a new tensor in the place of its {_listed(names)}: allowed: writing into it, as in "
                f"self.{names[0]}.copy_(...), or keeping it in the state",
            )


def _check_precision(wide: Cell) -> None:
    """Refuse a cell whose state starts in float32 whatever its parameters are, since probes run it in float64."""
    narrow = narrow_parts(wide.initial_state(BATCH))
    if narrow:
        name, part = next(iter(narrow.items()))
        raise cell_error(
            type(wide),
            f"initial_state returned state {name} of {part.dtype} when the parameters were of torch.float64, in which "
            "probes run a cell: allowed: the dtype and device of the parameters, as in "
            "next(self.parameters()).new_zeros(batch_size, self.hidden_size)",
        )


def _addresses(cell: Cell) -> dict[str, tuple[int, int]]:
    """Return the identity of each parameter and buffer, and the address of its data."""
    return {name: (id(tensor), tensor.data_ptr()) for name, tensor in named_tensors(cell).items()}


def _step_once(cell: Cell, draws: int) -> None:
    """Run one step of a cell with its own tensors."""
    functional, no_weights = FunctionalCell(cell), dict[str, Tensor]()
    with seeded_generators(draws), torch.no_grad():
        state = functional.call("initial_state", no_weights, BATCH)
        functional.call("step", no_weights, _inputs(cell, functional.dtype)[0], state)


def _starting_alike(first: Cell, other: Cell) -> Iterator[str]:
    """Yield a sentence where two seeds start with the same parameters."""
    parameters, other_parameters = dict(first.named_parameters()), dict(other.named_parameters())
    if parameters and all(torch.equal(tensor, other_parameters[name]) for name, tensor in parameters.items()):
        yield (
            f"{cell_name(type(first))}: two seeds start with the same parameters, so members differ in their data alone"
        )


def _untrained(cell: Cell, tensors: Parts) -> Iterator[str]:
    """Yield a sentence where no output or state of STEPS steps depends on a trained parameter."""
    trained = sorted(name for name, parameter in cell.named_parameters() if parameter.requires_grad)
    leaves = {name: tensor.clone().requires_grad_(name in trained) for name, tensor in tensors.items()}
    functional, returned = FunctionalCell(cell), list[Tensor]()
    _module(cell).train()
    with seeded_generators(DRAWS), torch.enable_grad():
        state = functional.initial_state(leaves, BATCH)
        for x in _inputs(cell, functional.dtype):
            output, state = functional.step(leaves, x.to(_device(tensors)), state)
            returned += [output, *state.values()]
    sums = [as_reals(tensor).sum() for tensor in returned if tensor.requires_grad]
    trainable = [leaves[name] for name in trained]
    gradients = (
        torch.autograd.grad(sums, trainable, allow_unused=True) if sums and trainable else [None] * len(trainable)
    )
    unreached = [name for name, gradient in zip(trained, gradients, strict=True) if gradient is None]
    if unreached:
        size = sum(count_reals(tensors[name]) for name in unreached)
        yield (
            f"{cell_name(type(cell))}: no gradient reaches {_listed(unreached)} in {STEPS} steps ({size:,} numbers, "
            "which count as parameters all the same)"
        )


def _drawing_in_evaluation(cell: Cell, tensors: Parts) -> Iterator[str]:
    """Yield a sentence where a step draws in evaluation mode, as `dropout(h, p)` of torch.nn.functional does."""
    functional, tensors = FunctionalCell(cell), _copied(tensors)
    _module(cell).eval()
    with torch.no_grad(), seeded_generators(DRAWS):
        before = GeneratorStates.now()
        state = functional.initial_state(tensors, BATCH)
        functional.step(tensors, _inputs(cell, functional.dtype)[0].to(_device(tensors)), state)
        draws = not before.equal(GeneratorStates.now())
    if draws:
        yield (
            f"{cell_name(type(cell))}: a step draws random numbers in evaluation mode, too, so scores and probes are "
            "those of a noisy cell (dropout is off only where it depends on `self.training`)"
        )


def _failing_in_float64(wide: Cell) -> Iterator[str]:
    """Yield a sentence where a cell that trains in float32 cannot take a step in float64."""
    try:
        _step_once(wide, DRAWS)
    except CellError as error:
        yield f"{error} (in float64, in which probes run a cell: they will fail; a constant tensor must be a buffer)"


def _steps(cell: Cell, tensors: Parts, training: bool) -> list[Step]:
    """Return STEPS steps of a cell from its initial state; the generators are seeded before each."""
    functional, steps = FunctionalCell(cell), list[Step]()
    _module(cell).train(training)
    tensors = _copied(tensors)
    with torch.no_grad(), seeded_generators(DRAWS):
        state = functional.initial_state(tensors, BATCH)
    for x in _inputs(cell, functional.dtype).to(_device(tensors)):
        tensors_before, state_before = _copied(tensors), _copied(state)
        output, state = _take(functional, tensors, x, state_before)
        steps.append(Step(tensors_before, x, state_before, output.clone(), _copied(state)))
    return steps


def _take(functional: FunctionalCell, tensors: Parts, x: Tensor, state: Parts) -> tuple[Tensor, Parts]:
    with torch.no_grad(), seeded_generators(DRAWS):
        return functional.step(tensors, x, _copied(state))


def _takes_alike(cell: Cell, steps: Sequence[Step], training: bool) -> bool:
    """Return whether a cell returns the same values for these steps when it takes them in reverse order."""
    try:
        return all(_alike(*tensors) for tensors in _taken_again(cell, steps, training))
    except CellError:  # it did not fail the first time
        return False


def _taken_again(cell: Cell, steps: Sequence[Step], training: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the tensors that each step and the initial state return now, paired with those of the first time."""
    functional = FunctionalCell(cell)
    _module(cell).train(training)
    for step in reversed(steps):
        output, next_state = _take(functional, _copied(step.tensors), step.x, step.state)
        yield output, step.output
        yield from ((part, step.next_state[name]) for name, part in next_state.items())
    with torch.no_grad(), seeded_generators(DRAWS):
        start = functional.initial_state(_copied(steps[0].tensors), BATCH)
    yield from ((part, steps[0].state[name]) for name, part in start.items())


def _inputs(cell: Cell, dtype: torch.dtype) -> Tensor:
    """Return inputs [T, B, D] within (-1, 1)."""
    return torch.arange(STEPS * BATCH * cell.input_size, dtype=dtype).sin().view(STEPS, BATCH, cell.input_size)


def _moved(cell: Cell, tensors: Parts) -> Parts:
    """Return tensors with every parameter moved a little: an initial gain of 0 may hide the effect of another."""
    parameters = {name for name, _ in cell.named_parameters()}
    return {name: 1.01 * t + 0.01 if name in parameters and has_derivative(t) else t for name, t in tensors.items()}


def _alike(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if not has_derivative(a):
        return torch.equal(a, b)
    return torch.allclose(as_reals(a), as_reals(b), RELATIVE, ABSOLUTE, equal_nan=True)


def _copied(tensors: Parts) -> Parts:
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _device(tensors: Parts) -> torch.device:
    return next(iter(tensors.values())).device


def _module(cell: Cell) -> nn.Module:
    return cast(nn.Module, cell)


def _naming(names: Sequence[str], verb: str) -> str:
    return f", and {verb} {_listed(names)}" if names else ""


def _listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + rest
