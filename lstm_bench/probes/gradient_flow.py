"""How much of a gradient is left k steps back."""

import copy
import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells.contract import Cell, state_like, state_parts

HORIZON = 1e-3


@dataclass(frozen=True)
class GradientFlow:
    """The gradient of the last output, step by step back in time.

    `norms` holds g_k for k = 0 .. T; `decay` is rho, the factor a step, from the least-squares slope of ln g_k over the
    k where g_k > 0 (1.0 where fewer than two are); `horizon` is the first k with g_k below 1e-3 g_0, None where the
    sequence ends before.
    """

    norms: list[float]
    decay: float
    horizon: int | None


def gradient_flow(cell: Cell, inputs: Tensor, generator: Generator) -> GradientFlow:
    """Measure g_k = exp(mean over the batch of ln ||d(v . h_T) / d s_{T-k}||), v a random unit vector.

    s is the whole state, for an LSTM the joint (h, c): through h alone the path along c would be missed. Each step
    gets a copy of the state as its input, so that the derivative is with respect to the state as it enters the step,
    not through the computation of one part from another. In float64, since float32 underflows within a few hundred
    steps. Costs one unroll of the cell's own `step` and its backward pass: 20 ms at T = 64, H = 64, B = 16 on one core.

    Args:
        cell: any cell; it is copied, not changed.
        inputs: [T, B, D].
        generator: draws v.

    Source: Pascanu, Mikolov & Bengio 2013.
    """
    cell = cast(Cell, copy.deepcopy(cast(nn.Module, cell)).double().requires_grad_(False))
    entered: list[tuple[Tensor, ...]] = []
    state, output = cell.initial_state(inputs.shape[1]), torch.empty(0)
    for x in inputs.double():
        parts = {name: part.clone().requires_grad_() for name, part in state_parts(state).items()}
        entered.append(tuple(parts.values()))
        output, state = cell.step(x, state_like(state, parts))
    v = torch.randn(output.shape[1], dtype=torch.float64, generator=generator)
    found = torch.autograd.grad((output @ (v / v.norm())).sum(), [p for parts in entered for p in parts],
                                allow_unused=True, materialize_grads=True)  # fmt: skip
    width = len(entered[0])
    joint = [_joint_norm(found[start : start + width]) for start in range(0, len(found), width)]
    norms = [1.0, *reversed(joint)]  # g_0 = ||v||
    return GradientFlow(norms, decay_per_step(norms), _horizon(norms))


def _joint_norm(gradients: tuple[Tensor, ...]) -> float:
    """Return exp(mean over the batch of ln ||.||), the norm over all parts of one example's state."""
    squared = torch.stack([gradient.flatten(1).square().sum(dim=1) for gradient in gradients]).sum(dim=0)
    return float((0.5 * squared.log()).mean().exp())


def decay_per_step(norms: list[float]) -> float:
    """Return exp of the least-squares slope of ln g_k over k, where g_k > 0."""
    points = [(k, math.log(norm)) for k, norm in enumerate(norms) if norm > 0]
    if len(points) < 2:
        return 1.0
    k, ln_g = torch.tensor(points, dtype=torch.float64).T
    k = k - k.mean()
    return math.exp(float((k * ln_g).sum() / (k * k).sum()))


def _horizon(norms: list[float]) -> int | None:
    return next((k for k, norm in enumerate(norms) if norm < HORIZON * norms[0]), None)
