"""One LSTM step of random numbers or of the numbers of a file, and its table as plain text."""

import math
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field

from lstm_bench.anatomy.dissection import GATES, AnatomyError, StepAnatomy, cell_from_numbers, dissect
from lstm_bench.anatomy.numerals import fixed
from lstm_bench.anatomy.sigmoid_range import sigmoid_range_text
from lstm_bench.anatomy.yaml_input import YamlError, read_yaml
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.config.errors import ConfigError
from lstm_bench.report.text_table import text_table

PLACES, MOST_PLACES = 4, 12
MOST_COLUMNS = 16  # of W: more have no room side by side
VECTOR = Field(description="a list of numbers")
MATRIX = Field(description="a list of rows, each a list of numbers for [h, x]")


class _StepFile(BaseModel):
    """The content of a step's yaml file."""

    model_config = ConfigDict(strict=True, extra="forbid")

    x: list[float] = VECTOR
    h: list[float] = VECTOR
    c: list[float] = VECTOR
    W_f: list[list[float]] = MATRIX
    W_i: list[list[float]] = MATRIX
    W_g: list[list[float]] = MATRIX
    W_o: list[list[float]] = MATRIX
    b_f: list[float] = VECTOR
    b_i: list[float] = VECTOR
    b_g: list[float] = VECTOR
    b_o: list[float] = VECTOR


def random_step(input_size: int, hidden_size: int, seed: int) -> StepAnatomy:
    """Take a step of a fresh LSTM apart: weights as the cell starts, x and c from N(0, 1), h = tanh of N(0, 1).

    All of these are rounded to 4 places first, so that the step is computed from the numbers that are printed.
    """
    generator = torch.Generator().manual_seed(seed)
    cell = LSTMCell(input_size, hidden_size, generator=generator).double()
    x, h, c = (torch.randn(size, generator=generator) for size in (input_size, hidden_size, hidden_size))
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.copy_(parameter.round(decimals=PLACES))
    return dissect(cell, *(values.double().round(decimals=PLACES) for values in (x, h.tanh(), c)))


def step_of_file(path: Path) -> StepAnatomy:
    """Take the step of a yaml file apart, with x, h, c, and W_f ... W_o over [h, x] and b_f ... b_o of the gates.

    Raises: ConfigError where the file cannot be read, a key is unknown or missing, sizes do not match, or a number is
        not finite.
    """
    try:
        content = read_yaml(path, "--numbers", _StepFile)
        weights = {gate: getattr(content, f"W_{gate}") for gate in GATES}
        biases = {gate: getattr(content, f"b_{gate}") for gate in GATES}
        cell = cell_from_numbers(weights, biases, len(content.x))
        return dissect(
            cell, *(torch.tensor(values, dtype=torch.float64) for values in (content.x, content.h, content.c))
        )
    except (YamlError, AnatomyError) as error:
        raise ConfigError(str(error)) from error


def wires(step: StepAnatomy) -> dict[str, list[float] | str]:
    """Return the numbers on each wire of the cell diagram."""
    before = {"x": step.x, "h_before": step.h_before, "c_before": step.c_before}
    after = {"keep": step.keep, "written": step.written, "c": step.c, "tanh_c": step.tanh_c, "h": step.h}
    return {**before, **step.gates, **after}


def step_text(step: StepAnatomy) -> str:
    """Return the inputs of a step, its weights, its equations, and a table with a row per unit.

    Every row follows from the numbers printed above it: x, h, c, W and b are printed in full, to 12 places at most,
    and the results to 4.
    """
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
        *_weights_text(step),
        "",
        "pre = W [h, x] + b; f, i, o = sigmoid(pre); g = tanh(pre); keep = f c before; write = i g; c = keep + write; "
        "h = o tanh(c)",
        "",
        text_table(columns),
        "",
        sigmoid_range_text(),
    ]
    return "\n".join(lines) + "\n"


def _texts(values: Sequence[float]) -> list[str]:
    return [fixed(value, PLACES) for value in values]


def _in_a_line(values: Sequence[float]) -> str:
    return "  ".join(_in_full(values))


def _in_full(values: Sequence[float]) -> list[str]:
    """Return numbers with all of their places, 4 at least and 12 at most."""
    used = [-int(Decimal(repr(round(value, MOST_PLACES))).normalize().as_tuple().exponent) for value in values]
    places = max([PLACES, *used])
    return [f"{round(value, MOST_PLACES) + 0.0:.{places}f}" for value in values]


def _weights_text(step: StepAnatomy) -> list[str]:
    """Return W and b of each gate, a row per unit, with the sums over h, over x, and over both; a note for a wide W."""
    n_hidden, n_inputs = len(step.h), len(step.x)
    if n_hidden + n_inputs > MOST_COLUMNS:
        return [f"W has {n_hidden + n_inputs} columns a gate; it is printed up to {MOST_COLUMNS} columns."]
    rows = [(gate, unit) for gate in GATES for unit in range(n_hidden)]
    matrix = [step.weights[gate][unit] for gate, unit in rows]
    headings = [*(f"h{k + 1}" for k in range(n_hidden)), *(f"x{k + 1}" for k in range(n_inputs))]
    over_h, over_x = ([step.split[gate][part][unit] for gate, unit in rows] for part in (0, 1))
    columns = [
        ("gate", [gate for gate, _ in rows]),
        ("unit", [str(unit + 1) for _, unit in rows]),
        *((heading, _in_full([row[k] for row in matrix])) for k, heading in enumerate(headings)),
        ("b", _in_full([step.biases[gate][unit] for gate, unit in rows])),
        ("U h", _texts(over_h)),
        ("V x", _texts(over_x)),
        ("W [h, x]", _texts([_dot(row, step.concatenated) for row in matrix])),
    ]
    return [
        "W over [h, x], and b; split by columns W = [U, V], U over h and V over x: W [h, x] = U h + V x",
        "",
        text_table(columns),
    ]


def _dot(row: Sequence[float], vector: Sequence[float]) -> float:
    return math.fsum(w * v for w, v in zip(row, vector, strict=True))
