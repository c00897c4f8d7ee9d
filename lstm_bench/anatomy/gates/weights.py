"""The recurrent layers in a state dict, found by the names that torch.nn gives their weights."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_bench.anatomy.gates.steps import BLOCKS, LayerWeights, Mode
from lstm_bench.config.errors import ConfigError, not_allowed

INPUT_WEIGHT = re.compile(r"(?P<prefix>.*?)weight_ih(?:_l(?P<layer>\d+))?(?P<reverse>_reverse)?", re.DOTALL)
WHAT_IS_SOUGHT = "weights of an nn.LSTM, nn.GRU or nn.RNN, or of one of their cells (weight_ih_l0, weight_ih, ...)"
MODES: Mapping[int, Mode] = {4: "LSTM", 3: "GRU", 1: "RNN_TANH"}  # by rows of W_hh over its columns


@dataclass(frozen=True, eq=False)
class Recurrent:
    """Recurrent layers in float64, from the input upwards, each with one direction or two (forward, reverse).

    `prefix` is the prefix of their names, "" for none; `dtype` the type in the file; `has_biases` says whether the file
    has biases, which are zeros otherwise.
    """

    mode: Mode
    layers: list[list[LayerWeights]]
    prefix: str
    dtype: torch.dtype
    has_biases: bool

    @property
    def input_size(self) -> int:
        """D, the numbers of one input."""
        return self.layers[0][0].input_size

    @property
    def hidden_size(self) -> int:
        """H, the units of a layer."""
        return self.layers[0][0].hidden_size

    @property
    def is_bidirectional(self) -> bool:
        """Whether each layer also reads the sequence from its end."""
        return len(self.layers[0]) > 1

    @property
    def projection(self) -> int | None:
        """P, the numbers of h, where h is a projection; else None."""
        first = self.layers[0][0]
        return None if first.hr is None else first.output_size


def find_recurrent(tensors: Mapping[str, Tensor], source: str, prefix: str | None, nonlinearity: str) -> Recurrent:
    """Return the recurrent layers of a state dict.

    Args:
        tensors: all tensors by name.
        source: what holds them, for errors.
        prefix: that of the names, with or without the last dot; None where there is only one.
        nonlinearity: tanh or relu, which a state dict does not state; for an RNN only.

    Raises: ConfigError where there is none, none with this prefix, several and no prefix, or weights make no layer.
    """
    prefixes = _prefixes(tensors)
    if not prefixes:
        first = f"{source}: {', '.join(list(tensors)[:3]) or 'no tensor'}{', ...' if len(tensors) > 3 else ''}"
        raise ConfigError(f"{first}: allowed: {WHAT_IS_SOUGHT}")
    names = {name.rstrip("."): name for name in prefixes}
    named = ", ".join(name or '"" (no prefix)' for name in names)
    if prefix is None and len(names) > 1:
        raise ConfigError(f"--prefix: {source} has {len(names)} recurrent modules: allowed: one of {named}")
    if prefix is not None and prefix.rstrip(".") not in names:
        raise not_allowed("--prefix", prefix, named)
    chosen = next(iter(names)) if prefix is None else prefix.rstrip(".")
    return _Reader(tensors, names[chosen], source).read(chosen, nonlinearity)


def _prefixes(tensors: Mapping[str, Tensor]) -> list[str]:
    matches = (INPUT_WEIGHT.fullmatch(name) for name in tensors)
    return list(dict.fromkeys(match["prefix"] for match in matches if match))


class _Reader:
    """Read the weights below a prefix, each checked against the others."""

    def __init__(self, tensors: Mapping[str, Tensor], prefix: str, source: str) -> None:
        self._tensors, self._prefix, self._source = tensors, prefix, source

    def read(self, shown_prefix: str, nonlinearity: str) -> Recurrent:
        suffixes = self._suffixes()
        first = self._matrix(f"weight_hh{suffixes[0][0]}")
        layers = list[list[LayerWeights]]()
        mode = self._mode(suffixes[0][0])
        for directions in suffixes:
            width = sum(weights.output_size for weights in layers[-1]) if layers else None
            layers.append([self._direction(suffix, mode, width) for suffix in directions])
            if layers[-1][0].hidden_size != layers[0][0].hidden_size:
                raise self._refused(f"weight_hh{directions[0]}", f"{layers[0][0].hidden_size} units in every layer")
        if mode == "RNN_TANH" and nonlinearity == "relu":
            mode = "RNN_RELU"
        has_biases = self._name(f"bias_hh{suffixes[0][0]}") in self._tensors
        return Recurrent(mode, layers, shown_prefix, first.dtype, has_biases)

    def _suffixes(self) -> list[list[str]]:
        """Return the suffixes of the names of each layer, one per direction; that of a cell is "".

        Raises: ConfigError where a layer or a direction is missing between others.
        """
        matches = [match for name in self._tensors if (match := INPUT_WEIGHT.fullmatch(name))]
        matches = [match for match in matches if match["prefix"] == self._prefix]
        if any(match["layer"] is None for match in matches):
            return [[""]]
        n_layers = 1 + max(int(match["layer"]) for match in matches)
        directions = ["", "_reverse"] if any(match["reverse"] for match in matches) else [""]
        suffixes = [[f"_l{layer}{direction}" for direction in directions] for layer in range(min(n_layers, 1000))]
        for suffix in (suffix for layer in suffixes for suffix in layer):
            if self._name(f"weight_ih{suffix}") not in self._tensors:
                raise self._missing(f"weight_ih{suffix}")
        return suffixes

    def _mode(self, suffix: str) -> Mode:
        if self._name(f"weight_hr{suffix}") in self._tensors:
            return "LSTM"  # the only one with a projection
        rows, columns = self._matrix(f"weight_hh{suffix}").shape
        blocks = rows // columns if columns and rows % columns == 0 else 0
        if blocks not in MODES:
            allowed = "4 H rows of H numbers (LSTM), 3 H (GRU) or H (RNN)"
            raise self._refused(f"weight_hh{suffix}", allowed)
        return MODES[blocks]

    def _direction(self, suffix: str, mode: Mode, width: int | None) -> LayerWeights:
        ih, hh = self._matrix(f"weight_ih{suffix}"), self._matrix(f"weight_hh{suffix}")
        hr = self._matrix(f"weight_hr{suffix}") if self._name(f"weight_hr{suffix}") in self._tensors else None
        hidden_size = hh.shape[1] if hr is None else hr.shape[1]
        rows = BLOCKS[mode] * hidden_size
        if hr is not None and hr.shape[0] != hh.shape[1]:
            raise self._refused(f"weight_hr{suffix}", f"{hh.shape[1]} rows, as weight_hh{suffix} has columns")
        for name, matrix in (("weight_hh", hh), ("weight_ih", ih)):
            if matrix.shape[0] != rows:
                raise self._refused(f"{name}{suffix}", f"{rows} rows, {BLOCKS[mode]} for each of {hidden_size} units")
        if width is not None and ih.shape[1] != width:
            raise self._refused(f"weight_ih{suffix}", f"{width} columns, the outputs of the layer below")
        b_ih, b_hh = (self._bias(f"{name}{suffix}", rows) for name in ("bias_ih", "bias_hh"))
        return LayerWeights(ih.double(), hh.double(), b_ih, b_hh, None if hr is None else hr.double())

    def _bias(self, name: str, size: int) -> Tensor:
        """Return a bias, zeros where there is none."""
        other = name.replace("_ih", "_hh") if "_ih" in name else name.replace("_hh", "_ih")
        if self._name(name) not in self._tensors:
            if self._name(other) in self._tensors:
                raise self._missing(name)
            return torch.zeros(size, dtype=torch.float64)
        bias = self._checked(name)
        if bias.shape != (size,):
            raise self._refused(name, f"{size} numbers")
        return bias.double()

    def _matrix(self, name: str) -> Tensor:
        matrix = self._checked(name)
        if matrix.dim() != 2 or 0 in matrix.shape:
            raise self._refused(name, "a matrix")
        return matrix

    def _checked(self, name: str) -> Tensor:
        if self._name(name) not in self._tensors:
            raise self._missing(name)
        tensor = self._tensors[self._name(name)]
        if not tensor.is_floating_point():
            raise ConfigError(f"{self._name(name)}={tensor.dtype}: allowed: floating-point numbers")
        not_finite = tensor[~tensor.isfinite()]
        if not_finite.numel():
            raise ConfigError(f"{self._name(name)}={float(not_finite.flatten()[0])}: allowed: finite numbers")
        return tensor

    def _name(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def _refused(self, name: str, allowed: str) -> ConfigError:
        shape = " x ".join(map(str, self._tensors[self._name(name)].shape))
        return ConfigError(f"{self._name(name)}={shape or 'one number'}: allowed: {allowed}")

    def _missing(self, name: str) -> ConfigError:
        return ConfigError(f"{self._name(name)}: missing in {self._source}: allowed: all weights of a layer")
