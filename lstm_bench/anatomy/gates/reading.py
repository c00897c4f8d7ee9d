"""Run a model over one sequence, and collect the values for its page and tables."""

import math
from dataclasses import dataclass

import torch

from lstm_bench.anatomy.gates.gradient import Gradients, strengths
from lstm_bench.anatomy.gates.inputs import Sequence
from lstm_bench.anatomy.gates.time_constants import slowest_first, time_constants
from lstm_bench.anatomy.gates.trace import LayerTrace, difference_from_torch, trace
from lstm_bench.anatomy.gates.weights import Recurrent
from lstm_bench.config.errors import ConfigError

MOST_VALUES = 500_000  # of one quantity: a table of more rows takes minutes, and 100 MB
NARROW = (torch.float32, torch.float64)  # types in which torch.nn runs on every CPU


@dataclass(frozen=True, eq=False)
class Reading:
    """The forward direction of each layer over a sequence, in float64, and the gradient of the last output.

    `constants` are the time constants of each layer's units, `orders` its units with the longest first.
    `differences` has, for each dtype, the largest difference of the last layer's outputs from those of torch.nn.
    """

    recurrent: Recurrent
    sequence: Sequence
    layers: list[LayerTrace]
    gradients: Gradients
    constants: list[list[float]]
    orders: list[list[int]]
    differences: dict[str, float]

    @property
    def n_steps(self) -> int:
        """T, the number of steps."""
        return len(self.sequence.values)


def read_sequence(recurrent: Recurrent, sequence: Sequence) -> Reading:
    """Run a model over a sequence, and its gradient back through it.

    Raises: ConfigError where steps, units and layers are too many to be written as a table, or where a state or a
        gradient is not finite.
    """
    widest = max(recurrent.hidden_size * len(recurrent.layers), recurrent.input_size)
    if widest * len(sequence.values) > MOST_VALUES:
        fault = f"--input: {len(sequence.values)} steps of {widest} units or inputs"
        raise ConfigError(f"{fault}: allowed: {MOST_VALUES // widest} steps, for {MOST_VALUES:,} numbers of a quantity")
    traces = trace(recurrent, sequence.values)
    for depth, layer in enumerate(traces):
        if not all(values.isfinite().all() for direction in layer for values in direction.inside.values()):
            raise ConfigError(f"MODEL: state of layer {depth}=not finite: allowed: weights whose state stays finite")
    gradients = strengths(traces)
    for depth, flow in enumerate(gradient.flow for gradient in gradients.layers):
        steps_back = next((k for k, strength in enumerate(flow) if not math.isfinite(strength)), None)
        if steps_back is not None:
            fault = f"gradient at layer {depth}, {steps_back} steps back={flow[steps_back]}"
            raise ConfigError(f"--input: {fault}: allowed: a sequence over which it stays finite")
    layers = [layer[0] for layer in traces]
    constants = [time_constants(direction.mode, direction.inside) for direction in layers]
    dtypes = dict.fromkeys((torch.float64, recurrent.dtype))
    outputs = layers[-1].inside["h"]
    differences = {
        str(dtype).removeprefix("torch."): difference_from_torch(recurrent, sequence.values, outputs, dtype)
        for dtype in dtypes
        if dtype in NARROW
    }
    orders = [slowest_first(layer_constants) for layer_constants in constants]
    return Reading(recurrent, sequence, layers, gradients, constants, orders, differences)
