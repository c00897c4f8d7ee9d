"""The change of a cell state, and what of it was kept, in closed form."""

import math

import pytest
import torch
from known_cells import by_key, generator, model_of, silent

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.probes.conveyor_belt import conveyor_belt
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.copy import BLANK, N_LETTERS, CopyTask

TASK = CopyTask(lag=5, n_symbols=2)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@torch.no_grad()
def keeper(forget: float, candidate: float = 0.0) -> LSTMCell:
    """Return one unit with f = sigmoid(forget) and i = 1/2; g is 1 at letters and tanh(candidate) at blanks."""
    cell = silent(LSTMCell(TASK.input_size, 1))
    cell.bias_ih[1] = forget
    cell.weight_ih[2, :N_LETTERS] = 40.0
    cell.weight_ih[2, BLANK] = candidate
    return cell


def test_where_nothing_is_written_c_changes_by_what_is_forgotten():
    """At a blank c' = f c: it changes by 1 - f and all of it was kept; at the second letter 1/2 becomes f/2 + 1/2."""
    f = sigmoid(3.0)
    metrics = by_key(conveyor_belt(model_of(keeper(3.0), TASK.output_size), TASK, generator()))
    assert metrics["gates/state_change_blank"] == pytest.approx(1 - f, rel=1e-12)
    assert metrics["gates/state_kept_blank"] == pytest.approx(1.0)
    assert metrics["gates/state_change_cue"] == pytest.approx(f, rel=1e-12)
    assert metrics["gates/state_kept_cue"] == pytest.approx(f / (f + 1), rel=1e-12)


def test_the_curves_follow_c_step_by_step():
    f, g = sigmoid(2.0), math.tanh(-0.3)
    reading = conveyor_belt(model_of(keeper(2.0, -0.3), TASK.output_size), TASK, generator())
    c, changes, kept = 0.5, [], []
    for t in range(1, TASK.length):
        written = 0.5 * (1.0 if t < 2 else g if t != 6 else 0.0)  # the marker, at step 6, writes nothing
        after = f * c + written
        changes.append(abs(after - c) / abs(c))
        kept.append(f * abs(c) / (f * abs(c) + abs(written)))
        c = after
    assert reading.curves()["change of c"].values == pytest.approx(changes, rel=1e-9)
    assert reading.curves()["share kept"].values == pytest.approx(kept, rel=1e-9)
    assert list(reading.curves()["share kept"].at) == list(range(1, TASK.length))


def test_a_c_that_stays_0_has_no_relative_change():
    cell = silent(LSTMCell(2, 3))
    assert by_key(conveyor_belt(model_of(cell), AddingTask(6), generator())) == {}


def test_a_cell_without_gates_to_hold_has_no_conveyor_belt():
    assert conveyor_belt(model_of(RNNCell(2, 3, generator=generator())), AddingTask(6), generator()) is None
