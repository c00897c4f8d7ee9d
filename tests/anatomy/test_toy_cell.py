"""The toy cell against the LSTM of the package and against chrono initialisation as that is drawn."""

import math

import pytest
import torch

from lstm_bench.anatomy.toy_cell import BIASES, STEPS, forget_gate, half_life, toy_section, unit_biases
from lstm_bench.cells.initialisation import chrono_bias
from lstm_bench.cells.lstm import LSTMCell, LSTMState
from lstm_bench.report.document import Table


@pytest.mark.parametrize("bias", [-2.0, 0.0, 1.0, 4.0, 7.0])
def test_an_lstm_without_weights_forgets_as_the_toy_cell_does(bias: float) -> None:
    cell = LSTMCell(1, 1).double()
    for parameter in cell.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        cell.bias_ih[1] = bias  # of i, f, g, o
    blank, cue = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    state = LSTMState(h=blank, c=cue)
    for _ in range(50):
        _, state = cell.step(blank, state)
    assert state.c.item() == pytest.approx(forget_gate(bias) ** 50, rel=1e-9)


@pytest.mark.parametrize("f", [0.1, 0.5, 0.9, 0.999])
def test_half_is_left_after_the_half_life(f: float) -> None:
    assert f ** half_life(f) == pytest.approx(0.5)


def test_biases_are_spread_as_chrono_initialisation_draws_them() -> None:
    longest = 101
    drawn = chrono_bias(100_000, longest, torch.Generator().manual_seed(0)).double()
    spread = unit_biases(math.log(longest - 1), 20)
    shares = torch.arange(1, 21, dtype=torch.float64) / 20
    assert spread[:-1] == pytest.approx(drawn.quantile(shares)[:-1].tolist(), abs=0.02)
    assert spread[-1] == pytest.approx(math.log(100))


@pytest.mark.parametrize("bias", [-2.0, 0.0, 3.0])
def test_one_unit_has_the_bias_itself(bias: float) -> None:
    assert unit_biases(bias, 1) == pytest.approx([bias])


def test_the_table_says_what_is_left() -> None:
    (table,) = (block for block in toy_section().blocks if isinstance(block, Table))
    by_bias = {row[0].sort: [entry.text for entry in row[1:]] for row in table.rows}
    assert (list(by_bias), STEPS) == (list(BIASES), (10, 100))
    assert by_bias[0.0] == ["0.5000", "1.0", "0.001", "8e−31"]
    assert by_bias[4.0] == ["0.9820", "38.2", "0.834", "0.163"]
