"""Values as heatmaps of a page: colours, scales, and compactly packed numbers."""

import base64
import io
from typing import Literal, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap, to_hex
from matplotlib.image import imsave
from numpy.typing import NDArray

from lstm_bench.anatomy.numerals import short
from lstm_bench.report.document import Heatmap

Kind = Literal["gate", "signed", "gradient"]
COLOURS: dict[Kind, str] = {"gate": "viridis", "signed": "RdBu_r", "gradient": "magma"}
LARGEST, NONE = 65534, 65535
DEEPEST = 1e-6  # of the largest gradient: smaller ones have the lowest colour
STOPS = 9  # of the strip that shows the colours
Array = NDArray[np.float64]


class Scale(NamedTuple):
    """The values that the lowest and the highest colour stand for."""

    low: float
    high: float
    is_log: bool = False

    def shares(self, values: Array) -> Array:
        """Return the positions of values between low (0) and high (1); NaN stays NaN."""
        if self.is_log:
            floor = np.fmax(values, self.low)
            shares: Array = np.log(floor / self.low) / np.log(self.high / self.low)
            return np.where(np.isnan(values), np.nan, np.clip(shares, 0, 1))
        return np.clip((values - self.low) / (self.high - self.low), 0, 1)


def scale_of(kind: Kind, *values: Array) -> Scale:
    """Return a common scale for some values.

    A gate from 0 to 1; signed values about 0, up to the largest; gradients by their logarithm, over 6 decades at most.
    """
    if kind == "gate":
        return Scale(0.0, 1.0)
    sizes = np.abs(np.concatenate([array.ravel() for array in values]))
    sizes = sizes[sizes > 0]  # NaN is left out, too
    largest = float(sizes.max()) if len(sizes) else 1.0
    if kind == "signed":
        return Scale(-largest, largest)
    least = float(sizes.min()) if len(sizes) else 0.0
    return Scale(max(least if least < largest else largest / 10, largest * DEEPEST), largest, is_log=True)


def heatmap(name: str, title: str, values: Array, kind: Kind, scale: Scale) -> Heatmap:
    """Return values [rows, columns] as a heatmap."""
    shares, colours = scale.shares(values), colour_map(kind)
    packed = np.where(np.isnan(shares), NONE, np.rint(np.nan_to_num(shares) * LARGEST)).astype("<u2")
    buffer = io.BytesIO()
    imsave(buffer, colours(np.ma.masked_invalid(shares)), format="png")
    stops = tuple(to_hex(colours(stop)) for stop in np.linspace(0, 1, STOPS))
    image = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    numbers = base64.b64encode(packed.tobytes()).decode()
    return Heatmap(name, title, image, numbers, *scale, stops, _alt(name, title, values))


def colour_map(kind: Kind) -> Colormap:
    """Return the colours of a kind of values; NaN has none, as by default in matplotlib."""
    return mpl.colormaps[COLOURS[kind]]


def _alt(name: str, title: str, values: Array) -> str:
    known = values[~np.isnan(values)]
    if not len(known):
        return f"{name}, {title}: no value."
    low, middle, high = (short(float(value)) for value in np.quantile(known, (0, 0.5, 1)))
    size = f"{values.shape[0]} rows and {values.shape[1]} steps"
    return f"{name}, {title}: from {low} to {high}, median {middle}, over {size}."
