"""A step whose numbers a person gives, in a yaml file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lstm_bench.analysis.yaml_input import YamlError, numbers, read_mapping
from lstm_bench.config.errors import ConfigError
from lstm_bench.probes.anatomy import GATES, AnatomyError, StepAnatomy, cell_from_numbers, dissect

VECTORS = ("x", "h", "c")
KEYS = (*VECTORS, *(f"W_{gate}" for gate in GATES), *(f"b_{gate}" for gate in GATES))


def given_step(path: Path) -> StepAnatomy:
    """Take the step of a yaml file apart: x, h, c, and of each gate W_f, W_i, W_g, W_o over [h, x] and b_f, ....

    Raises: ConfigError where the file cannot be read, a key is unknown or missing, sizes do not match, or a number is
        not finite.
    """
    try:
        content = read_mapping(path, "--numbers")
        _check_keys(content)
        vectors = {key: torch.tensor(numbers(key, content[key]), dtype=torch.float64) for key in VECTORS}
        weights = {gate: _rows(f"W_{gate}", content[f"W_{gate}"]) for gate in GATES}
        biases = {gate: numbers(f"b_{gate}", content[f"b_{gate}"]) for gate in GATES}
        cell = cell_from_numbers(weights, biases, len(vectors["x"]))
        return dissect(cell, *(vectors[key] for key in VECTORS))
    except (YamlError, AnatomyError) as error:
        raise ConfigError(str(error)) from error


def _check_keys(content: Mapping[str, Any]) -> None:
    missing = [key for key in KEYS if key not in content]
    unknown = [key for key in content if key not in KEYS]
    if missing or unknown:
        odd = f"{missing[0]}=" if missing else f"{unknown[0]}={content[unknown[0]]}"
        raise YamlError(f"{odd}: allowed: the keys {', '.join(KEYS)}, each once")


def _rows(key: str, matrix: Any) -> list[list[float]]:
    if not isinstance(matrix, list) or not all(isinstance(row, list) for row in matrix):
        raise YamlError(f"{key}={matrix}: allowed: a list of rows, each a list of numbers for [h, x]")
    return [numbers(key, row) for row in matrix]
