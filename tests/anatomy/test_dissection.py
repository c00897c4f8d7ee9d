"""One LSTM step taken apart: against torch's own cell, and against numbers by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.anatomy.dissection import AnatomyError, cell_from_numbers, dissect
from lstm_bench.cells.lstm import LSTMCell

SIZES = st.integers(1, 12)


def stock(cell: LSTMCell) -> torch.nn.LSTMCell:
    torch_cell = torch.nn.LSTMCell(cell.input_size, cell.hidden_size, dtype=torch.float64)
    torch_cell.load_state_dict({name: p.double() for name, p in cell.named_parameters()})
    return torch_cell


@given(SIZES, SIZES, st.integers(0, 2**32 - 1))
def test_a_step_is_that_of_torch(n_inputs: int, hidden_size: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    cell = LSTMCell(n_inputs, hidden_size, generator=generator)
    x, h, c = (torch.randn(n, generator=generator, dtype=torch.float64) for n in (n_inputs, hidden_size, hidden_size))
    step = dissect(cell, x, h, c)
    right_h, right_c = stock(cell)(x, (h, c))
    assert max(abs(a - b) for a, b in zip(step.h, right_h.tolist(), strict=True)) < 1e-12
    assert max(abs(a - b) for a, b in zip(step.c, right_c.tolist(), strict=True)) < 1e-12
    assert step.concatenated == [*step.h_before, *step.x]


@given(SIZES, SIZES, st.integers(0, 2**32 - 1))
def test_its_parts_make_the_whole(n_inputs: int, hidden_size: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    cell = LSTMCell(n_inputs, hidden_size, generator=generator)
    h = c = torch.zeros(hidden_size, dtype=torch.float64)
    for x in torch.randn(3, n_inputs, generator=generator):
        step = dissect(cell, x, h, c)
        h, c = (torch.tensor(values, dtype=torch.float64) for values in (step.h, step.c))
        for k in range(hidden_size):
            assert step.gates["f"][k] == pytest.approx(1 / (1 + math.exp(-step.pre["f"][k])), abs=1e-14)
            assert step.gates["g"][k] == pytest.approx(math.tanh(step.pre["g"][k]), abs=1e-14)
            assert step.c[k] == step.gates["f"][k] * step.c_before[k] + step.gates["i"][k] * step.gates["g"][k]
            assert step.h[k] == pytest.approx(step.gates["o"][k] * math.tanh(step.c[k]), abs=1e-14)


def test_given_numbers_by_hand() -> None:
    weights = {"f": [[1.0, 2.0]], "i": [[0.0, 0.0]], "g": [[-1.0, 0.5]], "o": [[0.5, -1.0]]}
    biases = {"f": [-1.0], "i": [0.0], "g": [0.25], "o": [0.0]}
    cell = cell_from_numbers(weights, biases, n_inputs=1)
    step = dissect(cell, torch.tensor([2.0]), torch.tensor([0.5]), torch.tensor([-1.0]))
    assert step.pre == {"f": [0.5 + 4 - 1], "i": [0.0], "g": [-0.5 + 1 + 0.25], "o": [0.25 - 2]}
    f, i, g, o = 0.970687769248644, 0.5, 0.635148952387287, 0.148047198031689  # of 3.5, 0, 0.75 and -1.75
    assert step.keep == pytest.approx([-f], abs=1e-12)
    assert step.written == pytest.approx([i * g], abs=1e-12)
    assert step.c == pytest.approx([i * g - f], abs=1e-12)
    assert step.h == pytest.approx([o * math.tanh(i * g - f)], abs=1e-12)


ZEROS = {gate: [[0.0, 0.0, 0.0]] for gate in "figo"}
NONE = {gate: [0.0] for gate in "figo"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"x": [1.0]}, "W_i=1 rows of 3 numbers: allowed: 1 rows of 2 numbers, for [h, x]"),
        ({"h": [1.0, 2.0]}, "h=2 numbers: allowed: 1 number, since that is the weights' size"),
        ({"c": [math.nan]}, "c=nan: allowed: finite numbers"),
        ({"weights": {**ZEROS, "g": [[0.0, math.inf, 0.0]]}}, "W_g=inf: allowed: finite numbers"),
        ({"weights": {"f": [[0.0] * 3]}}, "W_i=0 rows: allowed: 1 rows of 3 numbers, for [h, x]"),
        ({"weights": {**ZEROS, "o": [[0.0], [0.0, 1.0]]}}, "W_o=2 rows of 1 or 2 numbers: allowed: 1 rows of 3"),
        ({"biases": {**NONE, "o": []}}, "b_o=0 numbers: allowed: 1 number"),
        ({"biases": {}}, "x, b_f=0 numbers: allowed: at least one number each"),
    ],
)
def test_numbers_that_make_no_step_are_refused(change: dict, expected: str) -> None:
    content = {"x": [1.0, 2.0], "h": [0.0], "c": [0.0], "weights": ZEROS, "biases": NONE} | change
    with pytest.raises(AnatomyError) as error:
        cell = cell_from_numbers(content["weights"], content["biases"], len(content["x"]))
        dissect(cell, *(torch.tensor(content[name], dtype=torch.float64) for name in ("x", "h", "c")))
    assert str(error.value).startswith(expected)
