"""Check that a gradient reaches every parameter, and that it is the derivative."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from lstm_bench.cells.contract import Cell
from lstm_bench.cells.reals import as_reals, count_reals, has_derivative
from lstm_bench.engine.conformance.finding import Finding, fault, not_tried, ok, warning
from lstm_bench.engine.conformance.subject import BATCH, DRAWS, STEPS, Subject, device_of, inputs, listed, module
from lstm_bench.engine.functional_cell import FunctionalCell
from lstm_bench.engine.generic import named_tensors
from lstm_bench.engine.global_generators import seeded_generators
from lstm_bench.engine.kernel import Parts

EPSILON = 1e-6  # of a step to either side, in float64: the error is of the order of its square
WITHIN = 1e-4  # of two derivatives, relative to the larger
NEGLIGIBLE = 1e-7  # derivatives below this count as 0
DIRECTION_SEED = 4
X = "x"


def reached(subject: Subject) -> Finding:
    """Find out whether an output or state of STEPS steps depends on each trained parameter."""
    cell, tensors = subject.first, subject.tensors
    trained = sorted(name for name, parameter in cell.named_parameters() if parameter.requires_grad)
    leaves = {name: tensor.clone().requires_grad_(name in trained) for name, tensor in tensors.items()}
    functional, returned = FunctionalCell(cell), list[Tensor]()
    module(cell).train()
    with seeded_generators(DRAWS), torch.enable_grad():
        state = functional.initial_state(leaves, BATCH)
        for x in inputs(cell, functional.dtype):
            output, state = functional.step(leaves, x.to(device_of(tensors)), state)
            returned += [output, *state.values()]
    sums = [as_reals(tensor).sum() for tensor in returned if tensor.requires_grad]
    trainable = [leaves[name] for name in trained]
    gradients = (
        torch.autograd.grad(sums, trainable, allow_unused=True) if sums and trainable else [None] * len(trainable)
    )
    unreached = [name for name, gradient in zip(trained, gradients, strict=True) if gradient is None]
    if unreached:
        size = sum(count_reals(tensors[name]) for name in unreached)
        return warning(
            f"no gradient reaches {listed(unreached)} in {STEPS} steps ({size:,} numbers, which "
            "still count as parameters)",
            "use it in step, without detach() or .data on the way, or remove it; requires_grad_(False) where it is not "
            "to be trained",
        )
    return ok(f"a gradient reaches every trained parameter within {STEPS} steps")


def derivatives(subject: Subject) -> Finding:
    """Compare autograd's gradient with finite differences, in float64 and evaluation mode.

    For one random direction v of each parameter, and of the inputs,

        <dL/dp, v> = (L(p + e v) - L(p - e v)) / 2e,     L = a weighted sum of all outputs and of the last state

    A point where the differences to either side disagree has no derivative, and is left out.
    """
    wide, draws = subject.wide, Generator().manual_seed(DIRECTION_SEED)
    tensors = {name: tensor.detach().clone() for name, tensor in named_tensors(wide).items()}
    tensors |= {name: subject.moved[name].to(tensors[name]) for name, _ in wide.named_parameters()}
    trained = [name for name, parameter in subject.first.named_parameters() if parameter.requires_grad]
    values = tensors | {X: inputs(wide, torch.float64)}
    loss = _loss(wide)
    leaves = {name: tensor.clone().requires_grad_(name in [*trained, X]) for name, tensor in values.items()}
    with torch.enable_grad():
        value = loss(leaves)
    names = [*trained, X]
    gradients = (
        torch.autograd.grad(value, [leaves[name] for name in names], allow_unused=True)
        if value.requires_grad
        else [None] * len(names)
    )
    if not value.isfinite():
        return not_tried("its outputs are not finite")
    wrong = list[str]()
    for name, gradient in zip(names, gradients, strict=True):
        direction = _direction(values[name], draws)
        exact = 0.0 if gradient is None else float((as_reals(gradient) * as_reals(direction)).sum())
        ahead, behind = (
            float(loss(values | {name: values[name] + sign * EPSILON * direction}) - value.detach()) / (sign * EPSILON)
            for sign in (1, -1)
        )
        numeric = (ahead + behind) / 2
        if _close(ahead, behind, 100 * WITHIN) and not _close(numeric, exact, WITHIN):
            wrong.append(f"{name} ({exact:.3g} in a direction where finite differences give {numeric:.3g})")
    if wrong:
        return fault(
            f"the gradient is not the derivative for {listed(wrong)}",
            "detach(), .data and rounding cut a gradient, and a custom backward must match its forward; leave it where "
            "this is intended, as in a straight-through estimator",
        )
    return ok("the gradients of all parameters and of the inputs agree with finite differences in float64")


def _loss(cell: Cell) -> Callable[[Parts], Tensor]:
    """Return a function of parameters, buffers and inputs: a weighted sum of the outputs and the last state."""
    functional = FunctionalCell(cell)

    def loss(values: Parts) -> Tensor:
        tensors = {name: tensor if tensor.requires_grad else tensor.clone() for name, tensor in values.items()}
        xs, total = tensors.pop(X), torch.zeros((), dtype=torch.float64)
        with seeded_generators(DRAWS):
            state = functional.initial_state(tensors, BATCH)
            for x in xs:
                output, state = functional.step(tensors, x, state)
                total = total + _weighted(output)
        return total + sum(_weighted(part) for part in state.values() if has_derivative(part))

    return loss


def _weighted(tensor: Tensor) -> Tensor:
    """Return a sum of all numbers, each with a weight of its own, so that no two errors cancel."""
    reals = as_reals(tensor).flatten()
    return (reals * torch.arange(1, len(reals) + 1, dtype=reals.dtype).cos()).sum()


def _direction(tensor: Tensor, draws: Generator) -> Tensor:
    return torch.randn(tensor.shape, dtype=tensor.dtype, generator=draws)


def _close(a: float, b: float, within: float) -> bool:
    return abs(a - b) <= max(within * max(abs(a), abs(b)), NEGLIGIBLE)
