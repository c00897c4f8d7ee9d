"""The walk through a sentence, against stepping by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import Generator, nn

from lstm_bench.anatomy.dissection import StepAnatomy, dissect
from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.model import Model, make_model
from lstm_bench.probes.learned_walk import learned_walk
from lstm_bench.tasks.context import SENTENCE, WORDS, ContextTask
from lstm_bench.tasks.copy import CopyTask

TASK = ContextTask(lag=1)
INPUTS = F.one_hot(torch.tensor([WORDS.index(word) for word in SENTENCE]), len(WORDS)).double()


def made(cell_type, seed: int = 0) -> Model:
    return make_model(TASK, lambda g: cell_type(len(WORDS), 5, generator=g), Generator().manual_seed(seed))


def steps_apart(cell: LSTMCell) -> list[StepAnatomy]:
    """Take every step of the sentence apart, from h = c = 0."""
    h = c = torch.zeros(cell.hidden_size, dtype=torch.float64)
    steps = list[StepAnatomy]()
    for x in INPUTS:
        steps.append(dissect(cell, x, h, c))
        h, c = (torch.tensor(values, dtype=torch.float64) for values in (steps[-1].h, steps[-1].c))
    return steps


def test_every_value_of_an_lstm_is_that_of_the_step_taken_apart():
    model = made(LSTMCell)
    walked = learned_walk(model, TASK, Generator())
    steps = steps_apart(model.cell.double())
    assert set(walked.values) == {"i", "f", "o", "g", "h", "c"}
    for name in ("i", "f", "o", "g"):
        assert walked.values[name] == [pytest.approx(step.gates[name], abs=1e-12) for step in steps]
    assert walked.values["c"] == [pytest.approx(step.c, abs=1e-12) for step in steps]
    assert walked.values["h"] == [pytest.approx(step.h, abs=1e-12) for step in steps]


@pytest.mark.parametrize(("cell_type", "names"), [(RNNCell, {"h"}), (GRUCell, {"r", "z", "h"})])
def test_other_cells_show_what_they_have(cell_type, names):
    walked = learned_walk(made(cell_type), TASK, Generator())
    assert set(walked.values) == names
    assert all(len(rows) == len(SENTENCE) and len(rows[0]) == 5 for rows in walked.values.values())


def test_the_answers_are_the_likeliest_classes():
    model = made(RNNCell)
    state, said = model.cell.initial_state(1), []
    with torch.no_grad():
        for x in INPUTS.float():
            output, state = model.cell.step(x.unsqueeze(0), state)
            said.append(int(model.readout(output).argmax()))
    assert learned_walk(model, TASK, Generator()).answers == said


def test_a_task_without_a_sentence_is_left_out():
    assert learned_walk(Model(RNNCell(10, 4), nn.Linear(4, 9)), CopyTask(3), Generator()) is None


def test_curves_name_value_and_unit():
    curves = learned_walk(made(RNNCell), TASK, Generator()).curves()
    assert set(curves) == {*(f"h {unit}" for unit in range(5)), "answer"}
    assert len(curves["h 3"].values) == len(SENTENCE)
