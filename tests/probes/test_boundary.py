"""A boundary: an LSTM whose gates are set by hand, and one that does not care."""

import math

import pytest
import torch
from known_cells import by_key
from torch import Generator, nn

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.model import Model
from lstm_bench.probes.boundary import boundary
from lstm_bench.probes.contract import ProbeError
from lstm_bench.tasks.copy import CopyTask
from lstm_bench.tasks.segments import BOUNDARY, SYMBOLS, A, SegmentsTask

TASK, H = SegmentsTask(lag=4), 3


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def by_hand(at_boundary: float, elsewhere: float) -> Model:
    """Return an LSTM without W_hh whose forget gate has these pre-activations, and whose h is 0."""
    cell = LSTMCell(len(SYMBOLS), H)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.weight_ih[H : 2 * H] = elsewhere
        cell.weight_ih[H : 2 * H, BOUNDARY] = at_boundary
        cell.bias_ih[3 * H :] = -1000.0
    return Model(cell, nn.Linear(H, 2))


def test_the_gate_and_what_is_carried_over_are_those_set_by_hand():
    at_boundary = boundary(by_hand(-2.0, 3.0), TASK, generator())
    shut, open_ = logistic(-2.0), logistic(3.0)
    assert at_boundary.gate == pytest.approx(shut - open_, rel=1e-12)
    assert at_boundary.carry_over == pytest.approx([shut / open_] * 5, rel=1e-12)
    first = at_boundary.with_boundary[0] / shut  # the share of v that lies in c
    assert at_boundary.with_boundary == pytest.approx([first * shut * open_**k for k in range(5)], rel=1e-12)
    assert at_boundary.without_boundary == pytest.approx([first * open_ ** (k + 1) for k in range(5)], rel=1e-12)


def test_a_cell_to_which_a_boundary_is_a_word_like_others_carries_all_over():
    at_boundary = boundary(by_hand(1.5, 1.5), TASK, generator())
    assert at_boundary.carry_over == pytest.approx([1.0] * 5, rel=1e-12)
    assert at_boundary.gate == pytest.approx(0.0, abs=1e-15)


class LastLetter(nn.Module):
    """Shows the present word alone."""

    input_size, hidden_size = len(SYMBOLS), len(SYMBOLS)

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def initial_state(self, batch_size):
        return self.scale.new_zeros(batch_size, self.hidden_size)

    def step(self, x, state):
        return x * self.scale, x * self.scale + 0 * state


def test_accuracy_after_a_boundary_is_that_of_the_answers_there():
    """Who says yes at an "a" alone is right at the first letter, and right later unless an "a" came before."""
    readout = nn.Linear(len(SYMBOLS), 2)
    with torch.no_grad():
        readout.weight.zero_()
        readout.bias.copy_(torch.tensor([1.0, 0.0]))
        readout.weight[1, A] = 2.0
    at_boundary = boundary(Model(LastLetter(), readout), TASK, generator(), sequences=4000)
    p = 1 / 5
    expected = [p + (1 - p) * (1 - p) ** (k - 1) for k in range(1, 5)]
    assert at_boundary.accuracy[0] == 1
    assert at_boundary.accuracy == pytest.approx(expected, abs=0.02)
    assert at_boundary.gate is None
    assert "gates/boundary_difference" not in by_key(at_boundary)


def test_a_task_without_boundaries_is_left_out():
    assert boundary(Model(RNNCell(10, 4), nn.Linear(4, 9)), CopyTask(3), generator()) is None


def test_what_cannot_be_measured_is_named():
    model = Model(RNNCell(len(SYMBOLS), 4), nn.Linear(4, 2))
    with pytest.raises(ProbeError, match="boundary: after=99: allowed: at most 9"):
        boundary(model, TASK, generator(), after=99)
    with torch.no_grad():
        model.cell.weight_hh[0, 0] = torch.nan
    with pytest.raises(ProbeError, match=r"boundary: cell.weight_hh is not finite"):
        boundary(model, TASK, generator())
