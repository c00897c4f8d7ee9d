"""One LSTM step of drawn or given numbers, and its table as plain text."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from lstm_bench.anatomy.dissection import GATES, AnatomyError, StepAnatomy, cell_from_numbers, dissect
from lstm_bench.anatomy.numerals import fixed
from lstm_bench.anatomy.yaml_input import YamlError, numbers, read_mapping
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.config.errors import ConfigError
from lstm_bench.report.text_table import text_table

VECTORS = ("x", "h", "c")
KEYS = (*VECTORS, *(f"W_{gate}" for gate in GATES), *(f"b_{gate}" for gate in GATES))
PLACES = 4


def drawn_step(input_size: int, hidden_size: int, seed: int) -> StepAnatomy:
    """Take a step of a fresh LSTM apart: weights as the cell starts, x and c from N(0, 1), h = tanh of N(0, 1)."""
    generator = torch.Generator().manual_seed(seed)
    cell = LSTMCell(input_size, hidden_size, generator=generator)
    x, h, c = (torch.randn(size, generator=generator) for size in (input_size, hidden_size, hidden_size))
    return dissect(cell, x, h.tanh(), c)


def given_step(path: Path) -> StepAnatomy:
    """Take the step of a yaml file apart: x, h, c, and for each gate W_f, W_i, W_g, W_o over [h, x] and b_f, ....

    Raises: ConfigError where the file cannot be read, a key is unknown or missing, sizes do not match, or a number is
        not finite.
    """
    try:
        content = read_mapping(path, "--numbers")
        _check_keys(content)
        vectors = {key: torch.tensor(numbers(key, content[key]), dtype=torch.float64) for key in VECTORS}
        weights = {gate: _matrix(f"W_{gate}", content[f"W_{gate}"]) for gate in GATES}
        biases = {gate: numbers(f"b_{gate}", content[f"b_{gate}"]) for gate in GATES}
        cell = cell_from_numbers(weights, biases, len(vectors["x"]))
        return dissect(cell, *(vectors[key] for key in VECTORS))
    except (YamlError, AnatomyError) as error:
        raise ConfigError(str(error)) from error


def _check_keys(content: Mapping[str, Any]) -> None:
    missing = [key for key in KEYS if key not in content]
    unknown = [key for key in content if key not in KEYS]
    if missing or unknown:
        wrong = f"{missing[0]}=" if missing else f"{unknown[0]}={content[unknown[0]]}"
        raise YamlError(f"{wrong}: allowed: the keys {', '.join(KEYS)}, each once")


def _matrix(key: str, content: Any) -> list[list[float]]:
    if not isinstance(content, list) or not all(isinstance(row, list) for row in content):
        raise YamlError(f"{key}={content}: allowed: a list of rows, each a list of numbers for [h, x]")
    return [numbers(key, row) for row in content]


def wires(step: StepAnatomy) -> dict[str, list[float] | str]:
    """Return the numbers on each wire of the cell diagram."""
    before = {"x": step.x, "h_before": step.h_before, "c_before": step.c_before}
    after = {"keep": step.keep, "written": step.written, "c": step.c, "tanh_c": step.tanh_c, "h": step.h}
    return {**before, **step.gates, **after}


def step_text(step: StepAnatomy) -> str:
    """Return the inputs of a step, its equations, and a table with a row a unit."""
    columns = [
        ("unit", [str(unit) for unit in range(1, len(step.h) + 1)]),
        *((f"pre {gate}", _texts(step.pre[gate])) for gate in GATES),
        *((gate, _texts(step.gates[gate])) for gate in GATES),
        ("keep", _texts(step.keep)),
        ("write", _texts(step.written)),
        ("c", _texts(step.c)),
        ("tanh c", _texts(step.tanh_c)),
        ("h", _texts(step.h)),
    ]
    lines = [
        f"x         {_in_a_line(step.x)}",
        f"h before  {_in_a_line(step.h_before)}",
        f"c before  {_in_a_line(step.c_before)}",
        f"[h, x]    {_in_a_line(step.concatenated)}",
        "",
        "pre = W [h, x] + b; f, i, o = sigmoid(pre); g = tanh(pre); keep = f c before; write = i g; c = keep + write; "
        "h = o tanh(c)",
        "",
        text_table(columns),
    ]
    return "\n".join(lines) + "\n"


def _texts(values: Sequence[float]) -> list[str]:
    return [fixed(value, PLACES) for value in values]


def _in_a_line(values: Sequence[float]) -> str:
    return "  ".join(_texts(values))
