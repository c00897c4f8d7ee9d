"""Whoever has the printed step and a calculator gets every printed number, and both forms of the weights agree."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from lstm_bench.anatomy.sigmoid_range import ONE_FROM, ZERO_TO
from lstm_bench.anatomy.step import MOST_COLUMNS, random_step, step_of_file, step_text

SIZES = [(3, 4), (1, 1), (2, 7)]
GATES = "figo"


def numbers(line: str) -> list[float]:
    return [float(word) for word in line.split()]


def printed(text: str) -> tuple[dict[str, np.ndarray], list[list[str]], list[list[str]]]:
    """Return the vectors by name, and the rows of both tables as words."""
    lines = text.splitlines()
    vectors = {
        name: np.array(numbers(line.removeprefix(name))) for line in lines for name in VECTORS if line.startswith(name)
    }
    blank = [place for place, line in enumerate(lines) if not line]
    weights, units = lines[blank[1] + 2 : blank[2]], lines[blank[3] + 2 : blank[4]]
    return vectors, [line.split() for line in weights], [line.split() for line in units]


VECTORS = ("x  ", "h before", "c before", "[h, x]")


def text_of(value: float) -> str:
    return f"{value + 0.0:.4f}".replace("-0.0000", "0.0000")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n_inputs", "hidden_size"), SIZES)
def test_every_printed_number_follows_from_the_printed_weights(n_inputs, hidden_size, seed):
    vectors, weight_rows, unit_rows = printed(step_text(random_step(n_inputs, hidden_size, seed)))
    x, h, c = (vectors[name] for name in ("x  ", "h before", "c before"))
    assert vectors["[h, x]"].tolist() == [*h, *x]
    table = np.array([numbers(" ".join(row[2:])) for row in weight_rows])
    W, b = table[:, : hidden_size + n_inputs], table[:, hidden_size + n_inputs]
    U, V = W[:, :hidden_size], W[:, hidden_size:]
    whole = W @ np.concatenate([h, x])
    np.testing.assert_allclose(whole, U @ h + V @ x, rtol=0, atol=1e-15)  # concatenated and split: but for rounding
    for row, *expected in zip(weight_rows, U @ h, V @ x, whole, strict=True):
        assert row[-3:] == [text_of(value) for value in expected]
    pre = dict(zip("figo", (whole + b).reshape(4, hidden_size), strict=True))
    gates = {gate: np.tanh(z) if gate == "g" else 1 / (1 + np.exp(-z)) for gate, z in pre.items()}
    keep, written = gates["f"] * c, gates["i"] * gates["g"]
    after = keep + written
    columns = [*pre.values(), *gates.values(), keep, written, after, np.tanh(after), gates["o"] * np.tanh(after)]
    for unit, row in enumerate(unit_rows):
        assert row == [str(unit + 1), *(text_of(column[unit]) for column in columns)]


def test_the_rows_stand_gate_by_gate_as_the_columns_of_the_second_table_do():
    _, weight_rows, _ = printed(step_text(random_step(2, 3, 0)))
    assert [row[:2] for row in weight_rows] == [[gate, str(unit)] for gate in GATES for unit in (1, 2, 3)]


def test_numbers_of_a_file_are_printed_with_all_of_their_places(tmp_path: Path):
    content = {"x": [0.123456789], "h": [1e-7], "c": [0.5]}
    content |= {f"W_{gate}": [[0.1 + 0.2, -2.0]] for gate in GATES} | {f"b_{gate}": [0.25] for gate in GATES}
    (tmp_path / "step.yaml").write_text(yaml.safe_dump(content))
    vectors, weight_rows, _ = printed(step_text(step_of_file(tmp_path / "step.yaml")))
    assert (vectors["x  "][0], vectors["h before"][0]) == (0.123456789, 1e-7)
    assert weight_rows[0][2:5] == ["0.3000", "-2.0000", "0.2500"]


def test_a_wide_step_says_that_its_weights_are_not_printed():
    assert f"W has {MOST_COLUMNS + 1} columns a gate" in step_text(random_step(MOST_COLUMNS, 1, 0))
    assert f"x{MOST_COLUMNS - 1}" in step_text(random_step(MOST_COLUMNS - 1, 1, 0))


@pytest.mark.parametrize(("x", "is_one", "is_zero"), [
    (ONE_FROM - 1e-5, False, False), (ONE_FROM + 1e-5, True, False),
    (ZERO_TO - 1e-4, False, True), (-87.3, False, False),
])  # fmt: skip
def test_a_sigmoid_of_float32_numbers_reaches_its_ends_there(x, is_one, is_zero):
    """From -87.34 down it is smaller than any normal number, which some processors take for 0."""
    with np.errstate(over="ignore"):
        sigmoid = np.float32(1) / (np.float32(1) + np.exp(-np.float32(x)))
    assert (sigmoid == 1, sigmoid == 0) == (is_one, is_zero)


def test_torch_reaches_one_there_too():
    """Within a thousandth: its exponential is another."""
    x = torch.tensor([ONE_FROM * 0.999, ONE_FROM * 1.001])
    assert (torch.sigmoid(x) == 1).tolist() == [False, True]
