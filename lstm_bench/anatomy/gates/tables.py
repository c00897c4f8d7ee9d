"""The numbers of a reading as tables for CSV files."""

import numpy as np
import pandas as pd
from torch import Tensor

from lstm_bench.anatomy.gates.reading import Reading

FLOAT_FORMAT = "%.10g"


def csv_files(reading: Reading) -> dict[str, str]:
    """Return the text of each CSV file by its path from the page's folder.

    tables/gates.csv    layer, unit, step, the values inside the step, gradient at its state
    tables/outputs.csv  layer, output, step, h, gradient_h: only of a projection, whose h belongs to no unit
    tables/units.csv    layer, unit, rank, time_constant_steps, the mean of each gate and candidate over the steps
    tables/flow.csv     layer, steps_back, gradient
    tables/inputs.csv   step, input, x, gradient

    Layers, units and inputs are counted from 0, as in PyTorch, steps from 1. A gradient at a state stands in the row of
    the step that left it, and is empty in the last one.
    """
    tables = {"gates": gates_table(reading), "units": units_table(reading), "flow": flow_table(reading)}
    tables["inputs"] = inputs_table(reading)
    if reading.recurrent.projection is not None:
        tables["outputs"] = outputs_table(reading)
    return {
        f"tables/{name}.csv": table.to_csv(index=False, lineterminator="\n", float_format=FLOAT_FORMAT)
        for name, table in tables.items()
    }


def gates_table(reading: Reading) -> pd.DataFrame:
    """Return every gate, candidate and state of every unit at every step, and the gradient at its state."""
    is_projected = reading.recurrent.projection is not None
    tables = []
    for depth, (layer, gradient) in enumerate(zip(reading.layers, reading.gradients.layers, strict=True)):
        columns = layer.inside | {f"gradient_{name}": at_state(part) for name, part in gradient.parts.items()}
        kept = {name: values for name, values in columns.items() if not (is_projected and name.endswith("h"))}
        tables.append(_long(kept, "unit").assign(layer=depth))
    return _layer_first(tables)


def outputs_table(reading: Reading) -> pd.DataFrame:
    """Return h and the gradient at it, where h is a projection."""
    layers = zip(reading.layers, reading.gradients.layers, strict=True)
    columns = [{"h": layer.inside["h"], "gradient_h": at_state(grad.parts["h"])} for layer, grad in layers]
    return _layer_first([_long(values, "output").assign(layer=depth) for depth, values in enumerate(columns)])


def units_table(reading: Reading) -> pd.DataFrame:
    """Return each unit's time constant, its rank by it, and the mean of each gate and candidate; slowest first."""
    tables = []
    for depth, (layer, constants, order) in enumerate(
        zip(reading.layers, reading.constants, reading.orders, strict=True)
    ):
        means = {f"mean_{n}": v.mean(dim=0).numpy()[order] for n, v in layer.inside.items() if n not in {"c", "h"}}
        first = {"layer": depth, "unit": order, "rank": range(1, len(order) + 1)}
        tables.append(pd.DataFrame(first | {"time_constant_steps": [constants[unit] for unit in order]} | means))
    return pd.concat(tables)


def flow_table(reading: Reading) -> pd.DataFrame:
    """Return g_k, the strength with which the whole state of a layer k steps back acts on the last output."""
    flows = [gradient.flow for gradient in reading.gradients.layers]
    tables = [pd.DataFrame({"layer": n, "steps_back": range(len(g)), "gradient": g}) for n, g in enumerate(flows)]
    return pd.concat(tables)


def inputs_table(reading: Reading) -> pd.DataFrame:
    """Return each input and the gradient at it."""
    return _long({"x": reading.sequence.values, "gradient": reading.gradients.inputs}, "input")


def at_state(part: Tensor) -> Tensor:
    """Return the gradient at the states after steps 1 .. T, from that at the states before them; NaN for the last.

    The state before the first step is left out.
    """
    return part.roll(-1, dims=0).index_fill(0, part.new_tensor([len(part) - 1]).long(), float("nan"))


def _long(values: dict[str, Tensor], row_name: str) -> pd.DataFrame:
    """Return values [T, N] as a frame with a row for each n and step, sorted by n."""
    n_steps, width = next(iter(values.values())).shape
    places = {row_name: np.repeat(np.arange(width), n_steps), "step": np.tile(np.arange(1, n_steps + 1), width)}
    return pd.DataFrame(places | {name: tensor.T.flatten().numpy() for name, tensor in values.items()})


def _layer_first(tables: list[pd.DataFrame]) -> pd.DataFrame:
    table = pd.concat(tables)
    return table[["layer", *table.columns.drop("layer")]]
