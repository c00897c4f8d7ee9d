"""A cell run step by step, each step with a graph of its own, so that gradients can be read between steps.

Everything here is in float64, or complex128: in float32 a gradient that shrinks by 0.57 a step underflows after 184
steps. Cells run in evaluation mode. A whole state is a row of real numbers, two for each complex one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lstm_bench.cells.contract import Cell, State, state_like, state_parts
from lstm_bench.cells.reals import as_reals, count_reals, from_reals, has_derivative
from lstm_bench.probes.contract import need, need_finite

Parts = dict[str, Tensor]  # parts of a state by name


class Step(NamedTuple):
    """One step: the parts of the state that entered it, as leaves, and the state and the output that left it."""

    entered: Parts
    left: Parts
    output: Tensor


def unroll(probe: str, cell: Cell, inputs: Tensor, start: State | None = None) -> list[Step]:
    """Run a float64 cell over inputs [T, B, D], from its initial state or another; `probe` is its name in errors.

    Each part of the state is a leaf where it enters a step: the derivative is with respect to the state as it enters,
    not through the computation of one part from another.

    Raises: ProbeError where a part of the state is no floating-point or complex number, or not finite.
    """
    steps, state = list[Step](), cell.initial_state(inputs.shape[1]) if start is None else start
    for t, x in enumerate(inputs):
        entered = {name: _leaf(probe, name, part, t) for name, part in state_parts(state).items()}
        output, state = cell.step(x, state_like(state, entered))
        steps.append(Step(entered, dict(state_parts(state)), output))
    need_finite(probe, **{f"part {name} of the last state": part for name, part in steps[-1].left.items()})
    return steps


def _leaf(probe: str, name: str, part: Tensor, t: int) -> Tensor:
    met = f"part {name} of the state at step {t} is {str(part.dtype).removeprefix('torch.')}"
    need(has_derivative(part), probe, met, "floating-point or complex numbers, which have a derivative")
    return part.detach().clone().requires_grad_()


@torch.no_grad()
def states(cell: Cell, inputs: Tensor, start: State | None = None) -> list[State]:
    """Return the state of a float64 cell after each step of inputs [T, B, D], from its initial state or another.

    There is no graph.
    """
    state, visited = cell.initial_state(inputs.shape[1]) if start is None else start, list[State]()
    for x in inputs:
        _, state = cell.step(x, state)
        visited.append(state)
    return visited


def pull_back(step: Step, d_left: Parts, d_output: Tensor | None = None) -> Parts:
    """Return the gradient at the state that entered a step from those at the state and the output that left it."""
    ends = {name: (part, d_left[name]) for name, part in step.left.items()}
    if d_output is not None:
        ends[""] = (step.output, d_output)
    pairs = [(end, gradient) for end, gradient in ends.values() if end.requires_grad]
    if not pairs:
        return {name: torch.zeros_like(part) for name, part in step.entered.items()}
    outputs, gradients = zip(*pairs, strict=True)
    d_entered = torch.autograd.grad(outputs, list(step.entered.values()), gradients,
                                allow_unused=True, materialize_grads=True)  # fmt: skip
    return dict(zip(step.entered, d_entered, strict=True))


def flat(parts: Parts) -> Tensor:
    """Return the whole state, all parts side by side as real numbers [B, S]."""
    return torch.cat([as_reals(part).flatten(1) for part in parts.values()], dim=1)


def split(whole: Tensor, like: Parts) -> Parts:
    """Return the parts of a whole state [B, S], in the form of `like`; the inverse of `flat`."""
    widths = [count_reals(part[0]) for part in like.values()]
    pieces: Sequence[Tensor] = whole.split(widths, dim=1)
    return {
        name: from_reals(piece.reshape(as_reals(part).shape), part)
        for (name, part), piece in zip(like.items(), pieces, strict=True)
    }
