"""The panels of a layer: which quantities are shown, in which order, and with which titles."""

from typing import NamedTuple

import numpy as np

from lstm_bench.anatomy.gates.heatmaps import Array, Kind, Scale, scale_of
from lstm_bench.anatomy.gates.reading import Reading
from lstm_bench.anatomy.gates.tables import at_state

TITLES: dict[str, tuple[str, Kind]] = {
    "f": ("forget gate", "gate"),
    "i": ("input gate", "gate"),
    "g": ("candidate", "signed"),
    "o": ("output gate", "gate"),
    "z": ("update gate, the share of h that is kept", "gate"),
    "r": ("reset gate", "gate"),
    "n": ("candidate", "signed"),
    "c": ("cell state", "signed"),
    "h": ("hidden state", "signed"),
}
GRADIENT = "how strongly {} acts on the last output"


class Panel(NamedTuple):
    """One quantity of a layer, values [rows, T], with a row per unit, output or input."""

    name: str
    title: str
    values: Array
    kind: Kind
    scale: Scale


def layer_panels(reading: Reading, depth: int, units: list[int]) -> list[Panel]:
    """Return panels of the values inside a layer and the gradients at its state, for these units in this order.

    h of a projection belongs to no unit and stands in `output_panels`.
    """
    return _panels(reading, depth, units, with_outputs=reading.recurrent.projection is None)


def output_panels(reading: Reading, depth: int, outputs: list[int]) -> list[Panel]:
    """Return panels of h of a projection and the gradient at it, for these outputs."""
    return [panel for panel in _panels(reading, depth, outputs, with_outputs=True) if panel.name in {"h", "grad h"}]


def _panels(reading: Reading, depth: int, rows: list[int], *, with_outputs: bool) -> list[Panel]:
    inside = {name: values.T.numpy()[rows] for name, values in reading.layers[depth].inside.items() if name != "h"}
    parts = {name: at_state(part).T.numpy() for name, part in reading.gradients.layers[depth].parts.items()}
    scale = scale_of("gradient", *parts.values())
    gradients = {name: part[rows] for name, part in parts.items() if name != "h"}
    if with_outputs:
        inside["h"] = reading.layers[depth].inside["h"].T.numpy()[rows]
        gradients["h"] = parts["h"][rows]
    panels = [Panel(n, TITLES[n][0], v, TITLES[n][1], scale_of(TITLES[n][1], v)) for n, v in inside.items()]
    return panels + [Panel(f"grad {n}", GRADIENT.format(n), v, "gradient", scale) for n, v in gradients.items()]


def input_panels(reading: Reading) -> list[Panel]:
    """Return panels of the inputs and the gradient at them, with a row per input."""
    x, gradient = reading.sequence.values.T.numpy(), reading.gradients.inputs.T.numpy()
    kind: Kind = "gate" if reading.sequence.labels else "signed"  # one-hot vectors are 0 and 1
    return [
        Panel("x", "input", x, kind, scale_of(kind, x)),
        Panel("grad x", GRADIENT.format("x"), gradient, "gradient", scale_of("gradient", gradient)),
    ]


def evenly(items: list[int], count: int) -> list[int]:
    """Return `count` items, or all where they are fewer, evenly spaced from the first to the last."""
    if count >= len(items):
        return items
    return [items[place] for place in np.linspace(0, len(items) - 1, count).round().astype(int)]
