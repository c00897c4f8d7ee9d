"""How strongly each input and each unit's state, at each step, acts on the last output."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_bench.anatomy.gates.steps import STEPS
from lstm_bench.anatomy.gates.trace import LayerTrace

ROOM = 2**23  # numbers of a gradient over all steps: 64 MiB
LEAST_VECTORS, MOST_VECTORS = 8, 256
HORIZON_SHARE = 1e-3


@dataclass(frozen=True, eq=False)
class LayerGradient:
    """The gradient of the last output at the forward state of one layer, as it enters each step.

    `parts` has a tensor [T, units] for h and (LSTM) c: row t is of the state after t steps, row 0 of the initial one.
    """

    parts: dict[str, Tensor]

    @property
    def flow(self) -> list[float]:
        """g_k for k = 0 .. T steps back, over all parts and units together; g_0 = 1."""
        squares = torch.stack([part.square().sum(dim=1) for part in self.parts.values()]).sum(dim=0)
        return [1.0, *squares.sqrt().flip(0).tolist()]

    @property
    def horizon(self) -> int | None:
        """The first k with g_k below 1e-3 of g_0; None where the sequence ends before."""
        return next((k for k, strength in enumerate(self.flow) if strength < HORIZON_SHARE), None)


@dataclass(frozen=True, eq=False)
class Gradients:
    """Gradients of the last output at the state of each layer and at the inputs [T, D].

    They come from `n_vectors` unit vectors, and are `exact` where these span all outputs.
    """

    layers: list[LayerGradient]
    inputs: Tensor
    n_vectors: int
    exact: bool


def strengths(traces: list[list[LayerTrace]]) -> Gradients:
    """Return how strongly the state of each unit, and each input, acts on the last output h_T of the last layer.

        a(s) = sqrt(mean over unit vectors v of (d (v . h_T) / d s)^2) = ||d h_T / d s|| / sqrt(P)

    for one number s, and for a whole state sqrt(sum of a^2), which is ||d h_T / d s||_F / sqrt(P): the gradient flow of
    a study, with the mean over all v in place of one random v. The state of a layer is a leaf where it enters a step:
    its effect on the layer above at the step before does not count again. Where P of the last layer is large, fewer
    than P vectors v are drawn, orthogonal and with a seed, and a is an estimate.
    """
    top = traces[-1][0]
    n_steps, n_outputs = top.inside["h"].shape
    widest = max(trace.inputs.shape[1] for layer in traces for trace in layer)
    room = max(LEAST_VECTORS, min(MOST_VECTORS, ROOM // (n_steps * max(widest, n_outputs))))
    vectors = _unit_vectors(n_outputs, min(n_outputs, room))
    d_inputs, layers = torch.zeros(n_steps, len(vectors), 0), list[LayerGradient]()
    for depth, layer in reversed(list(enumerate(traces))):
        widths = [trace.weights.output_size for trace in layer]
        if depth == len(traces) - 1:
            d_inputs = torch.zeros(n_steps, len(vectors), sum(widths), dtype=torch.float64)
            d_inputs[-1, :, :n_outputs] = vectors
        d_outputs, d_inputs = d_inputs.split(widths, dim=2), torch.zeros(1)
        for is_reverse, trace, d_output in zip((False, True), layer, d_outputs, strict=False):
            parts, d_x = _through_time(trace, d_output.flip(0) if is_reverse else d_output)
            d_inputs = d_inputs + (d_x.flip(0) if is_reverse else d_x)
            if not is_reverse:
                layers.insert(0, LayerGradient(parts))
    return Gradients(layers, _root_mean_square(d_inputs), len(vectors), len(vectors) == n_outputs)


def _unit_vectors(size: int, count: int) -> Tensor:
    if count == size:
        return torch.eye(size, dtype=torch.float64)
    drawn = torch.randn(size, count, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    orthogonal: Tensor = torch.linalg.qr(drawn).Q
    return orthogonal.T


def _through_time(trace: LayerTrace, d_outputs: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Carry gradients [T, vectors, P] at the outputs of a direction back through its steps.

    Returns the strength of each part of the state that entered each step, [T, units], and the gradients at its inputs
    [T, vectors, D].
    """
    names = ("h", "c")[: len(trace.entered[0])]
    d_state = [torch.zeros(d_outputs.shape[1], len(part), dtype=torch.float64) for part in trace.entered[0]]
    entered, d_inputs = list[list[Tensor]](), list[Tensor]()
    for x, state, d_output in zip(reversed(trace.inputs), reversed(trace.entered), d_outputs.flip(0), strict=True):
        leaves = [part.repeat(len(d_output), 1).requires_grad_() for part in (x, *state)]  # one row per vector
        after = STEPS[trace.mode](trace.weights, leaves[0], tuple(leaves[1:])).state
        gradients = [d_state[0] + d_output, *d_state[1:]]
        d_x, *d_state = torch.autograd.grad(after, leaves, gradients)
        entered.append([_root_mean_square(part) for part in d_state])
        d_inputs.append(d_x)
    parts = {name: torch.stack([step[place] for step in reversed(entered)]) for place, name in enumerate(names)}
    return parts, torch.stack(d_inputs[::-1])


def _root_mean_square(gradients: Tensor) -> Tensor:
    """Return sqrt(mean of squares) over the vectors, the dimension before the last."""
    return gradients.square().mean(dim=-2).sqrt()
