"""Run recurrent layers over one sequence, step by step, and keep all values inside each step."""

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lstm_bench.anatomy.gates.steps import STEPS, LayerWeights, Mode, State, initial_state
from lstm_bench.anatomy.gates.weights import Recurrent

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One direction of one layer over a sequence of T steps.

    `inputs` [T, D] in the order in which this direction reads them; `inside` by name, each [T, H] (h [T, P]); `entered`
    the state that entered each step.
    """

    mode: Mode
    weights: LayerWeights
    inputs: Tensor
    inside: dict[str, Tensor]
    entered: list[State]


@torch.no_grad()
def trace(recurrent: Recurrent, inputs: Tensor) -> list[list[LayerTrace]]:
    """Run layers over inputs [T, D] in float64, from a state of zeros.

    Returns each layer, from the input upwards, as one direction or two (forward, reverse). As in torch.nn, a layer
    reads the outputs of all directions below it, side by side; there is no dropout between layers.
    """
    traces, inputs = list[list[LayerTrace]](), inputs.double()
    for layer in recurrent.layers:
        directions = [inputs, inputs.flip(0)][: len(layer)]
        traces.append([_run(recurrent.mode, weights, x) for weights, x in zip(layer, directions, strict=True)])
        outputs = [direction.inside["h"] for direction in traces[-1]]
        inputs = torch.cat([outputs[0], *(reverse.flip(0) for reverse in outputs[1:])], dim=1)
    return traces


def _run(mode: Mode, weights: LayerWeights, inputs: Tensor) -> LayerTrace:
    state, entered, steps = initial_state(mode, weights), list[State](), list[dict[str, Tensor]]()
    for x in inputs:
        entered.append(state)
        inside, state = STEPS[mode](weights, x, state)
        steps.append(inside)
    return LayerTrace(mode, weights, inputs, {n: torch.stack([s[n] for s in steps]) for n in steps[0]}, entered)


@torch.no_grad()
def difference_from_torch(recurrent: Recurrent, inputs: Tensor, outputs: Tensor, dtype: torch.dtype) -> float:
    """Return the largest difference of outputs [T, P] from those of the layer of torch.nn in a dtype.

    Both are the outputs of the forward direction of the last layer.
    """
    layer = torch_layer(recurrent).to(dtype)
    with warnings.catch_warnings(action="ignore"):  # the warning that a projection is not accelerated
        torch_outputs: Tensor = layer(inputs.to(dtype).unsqueeze(1))[0]
    return float((torch_outputs[:, 0, : outputs.shape[1]].double() - outputs).abs().max())


@torch.no_grad()
def torch_layer(recurrent: Recurrent) -> nn.Module:
    """Return the layers as a module of torch.nn, in float64."""
    classes: dict[Mode, Any] = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN_TANH": nn.RNN, "RNN_RELU": nn.RNN}
    settings: dict[str, Any] = {"num_layers": len(recurrent.layers), "bidirectional": recurrent.is_bidirectional}
    if recurrent.mode == "RNN_RELU":
        settings["nonlinearity"] = "relu"
    if recurrent.projection is not None:
        settings["proj_size"] = recurrent.projection
    layer: nn.Module = classes[recurrent.mode](
        recurrent.input_size, recurrent.hidden_size, dtype=torch.float64, **settings
    )
    for depth, directions in enumerate(recurrent.layers):
        for suffix, weights in zip(("", "_reverse"), directions, strict=False):
            for name, tensor in zip(NAMES, weights, strict=True):
                if tensor is not None:
                    getattr(layer, f"{name}_l{depth}{suffix}").copy_(tensor)
    return layer.eval()
