"""Check that a cell is a function of its seed, its tensors and its state.

The engine runs all members of a cell through the first of them, with tensors of their own, cuts long sequences at
arbitrary steps, and builds a member again to probe it or to resume from a checkpoint. That is exact for a cell

- whose start is a function of its seed,
- whose step is a function of its parameters and buffers, of input, state and mode, and of what it draws from the global
  generators, and writes into none of them but its buffers.

Three cells, two of them from one seed, take the same steps one by one and in another order, with the tensors of the
first.
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from lstm_bench.cells.contract import Cell
from lstm_bench.cells.reals import as_reals, has_derivative
from lstm_bench.engine.attributes import attributes, differing, replaced_attribute
from lstm_bench.engine.conformance.finding import Finding, fault, ok, warning
from lstm_bench.engine.conformance.subject import (
    DRAWS,
    MODES,
    SEED,
    Step,
    Subject,
    alike,
    copied,
    listed,
    module,
    step_once,
    steps_of,
    takes_alike,
)
from lstm_bench.engine.functional_cell import FunctionalCell
from lstm_bench.engine.generic import named_tensors
from lstm_bench.engine.global_generators import GeneratorStates, seeded_generators

GENERATORS = "torch's, NumPy's or Python's global generator"


def start(subject: Subject) -> Finding:
    """Find out whether two cells of one seed have the same initial values."""
    first, twin = subject.starts
    names = [
        name for name in first | twin if name not in first or name not in twin or not alike(first[name], twin[name])
    ]
    if names:
        return fault(
            f"two cells of one seed start with different values of {listed(names)}",
            f"initial values drawn from the generator that the constructor is given, or from {GENERATORS}",
        )
    return ok("the seed determines every initial value")


def seeds(subject: Subject) -> Finding:
    """Find out whether two seeds start with different parameters."""
    first, other = dict(subject.first.named_parameters()), dict(subject.other.named_parameters())
    if first and all(torch.equal(tensor, other[name]) for name, tensor in first.items() if name in other):
        return warning(
            "two seeds start with the same parameters, so members differ in their data alone",
            "draw them from the generator that the constructor is given",
        )
    return ok("two seeds start with different parameters")


def generators(subject: Subject) -> Finding:
    """Find out whether the constructor uses its generator and no other."""
    with seeded_generators(DRAWS):
        before = GeneratorStates.now()
        subject.make_cell(Generator().manual_seed(SEED))
        used = GeneratorStates.now().differing(before)
    if used:
        return warning(
            f"the constructor draws from {listed(used)} global generator or seeds it; a study seeds it for each "
            "member, other programs do not",
            "draw from the generator that the constructor is given, as in nn.init.uniform_(w, generator=generator)",
        )
    return ok("the constructor leaves torch's, NumPy's and Python's global generators alone")


def nothing_in_place(subject: Subject) -> Finding:
    """Find out whether a step leaves the input and the state that it is given as they are."""
    for training in MODES:
        for step in subject.steps(training):
            x, state = step.x.clone(), copied(step.state)
            functional = FunctionalCell(subject.first)
            module(subject.first).train(training)
            with torch.no_grad(), seeded_generators(DRAWS):
                functional.step(copied(step.tensors), x, state)
            changed = [name for name, part in state.items() if not _equal(part, step.state[name])]
            if changed or not _equal(x, step.x):
                target = f"its state {listed(changed)}" if changed else "its input x"
                return fault(
                    f"step writes in place into {target}, which the backward pass and other members read afterwards",
                    "a new tensor, as in h = h * f in place of h *= f, or writing into h.clone()",
                )
    return ok("a step writes into neither its input nor its state")


def memory(subject: Subject) -> Finding:
    """Find out whether a step depends on the steps taken before."""
    cell = subject.first
    for training in MODES:
        steps = subject.steps(training)
        before = attributes(module(cell))
        if not takes_alike(cell, steps, training):
            names = differing(before, attributes(module(cell)))
            return fault(
                f"step answers the same input and state differently the second time{_naming(names, 'it changes')}",
                f"what a step remembers is in the state that it returns, and what it draws comes from {GENERATORS}",
            )
    return ok("what a step remembers is in its state alone")


def constants(subject: Subject) -> Finding:
    """Find out whether something that is neither parameter nor buffer differs from member to member."""
    first, (twin, other) = subject.first, subject.rivals
    for training in MODES:
        for rival in (twin, other):
            if not takes_alike(rival, subject.steps(training), training):
                return _differing_constant(first, rival, subject.steps(training), training)
    moved = steps_of(first, subject.moved, training=True)
    if not takes_alike(other, moved, training=True):
        return _differing_constant(first, other, moved, training=True)
    return ok("members differ in parameters and buffers alone")


def _differing_constant(first: Cell, rival: Cell, steps: Sequence[Step], training: bool) -> Finding:
    names = _deciding(first, rival, steps, training)
    return fault(
        f"two cells with the same parameters and buffers step differently{_naming(names, 'they differ in')}",
        "what a constructor draws, or computes from what it drew, is a parameter or a buffer (register it as a buffer: "
        "self.register_buffer)",
    )


def _deciding(first: Cell, rival: Cell, steps: Sequence[Step], training: bool) -> list[str]:
    """Return the one attribute that makes two cells step differently, or all that differ where no single one does."""
    names = differing(attributes(module(first)), attributes(module(rival)))
    for name in names:
        with replaced_attribute(name, module(first), module(rival)):
            if takes_alike(rival, steps, training):
                return [name]
    return names


def tensors_stay(subject: Subject) -> Finding:
    """Find out whether a cell keeps its own tensors, since the engine would not see new ones in their place."""
    cell = subject.rivals[0]
    before = _addresses(cell)
    for training in MODES:
        module(cell).train(training)
        step_once(cell, DRAWS)
        after = _addresses(cell)
        names = [name for name, address in before.items() if after.get(name) != address]
        if names:
            return fault(
                f"step replaces its {listed(names)} with a new tensor",
                f"writing into it, as in self.{names[0]}.copy_(...), or keeping it in the state",
            )
    return ok("a step replaces none of its parameters and buffers")


def _addresses(cell: Cell) -> dict[str, tuple[int, int]]:
    """Return the identity of each parameter and buffer, and the address of its data."""
    return {name: (id(tensor), tensor.data_ptr()) for name, tensor in named_tensors(cell).items()}


def _equal(a: Tensor, b: Tensor) -> bool:
    """Return whether two tensors are equal, nan being equal to nan."""
    return torch.equal(a, b) or (
        has_derivative(a) and torch.allclose(as_reals(a), as_reals(b), rtol=0, atol=0, equal_nan=True)
    )


def _naming(names: Sequence[str], verb: str) -> str:
    return f", and {verb} {listed(names)}" if names else ""
