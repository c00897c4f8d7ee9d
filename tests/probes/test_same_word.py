"""The same word after contexts that differ: cells whose memory has a known end."""

import math

import pytest
import torch
from known_cells import by_key, echo, shift_register
from torch import Generator, nn

from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.model import Model
from lstm_bench.probes.contract import ProbeError
from lstm_bench.probes.same_word import _divergence, is_one_hot, same_word
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.context import WORDS, ContextTask

TASK = ContextTask(lag=3)


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def register(reach: int) -> Model:
    """Return a model that holds its last words, all entries of each, and shows all it holds."""
    width = len(WORDS)
    cell = shift_register(reach * width)
    with torch.no_grad():
        cell.recurrent.copy_(torch.diag(torch.ones((reach - 1) * width), -width))
        cell.inward = nn.Parameter(torch.eye(reach * width, width, dtype=torch.float64))
    cell.input_size = width
    readout = nn.Linear(reach * width, 6).double()
    with torch.no_grad():
        readout.weight.copy_(torch.randn(readout.weight.shape, generator=generator(3)))
    return Model(cell.float(), readout.float())


@pytest.mark.parametrize("reach", [1, 2, 4])
def test_a_register_answers_alike_exactly_when_the_other_word_has_left_it(reach):
    likeness = same_word(register(reach), TASK, generator())
    assert len(likeness.divergences) == TASK.length - 1
    assert all(divergence > 1e-3 for divergence in likeness.divergences[: reach - 1])
    assert likeness.divergences[reach - 1 :] == [0.0] * (TASK.length - reach)


def test_a_cell_without_memory_gives_the_same_output():
    model = Model(echo(len(WORDS)).float(), nn.Linear(len(WORDS), 6))
    likeness = same_word(model, TASK, generator())
    assert by_key(likeness) == {"memory/divergence_next": 0, "memory/divergence_furthest": 0}


def test_a_plain_rnn_does_not_answer_alike():
    """No unsaturated RNN does, so that the last bit is no place to look: a claim needs a threshold."""
    cell = RNNCell(len(WORDS), 16, generator=generator(1))
    divergences = same_word(Model(cell, nn.Linear(16, 6)), TASK, generator()).divergences
    assert 0 < divergences[0] < 0.01


def test_the_divergence_is_a_bit_between_certain_answers_that_differ_and_worked_by_hand_between():
    certain = 1000 * torch.eye(2)
    assert float(_divergence(certain[:1, None], certain[1:, None])) == pytest.approx(1.0)
    p, q = torch.tensor([0.9, 0.1]), torch.tensor([0.5, 0.5])
    middle = (p + q) / 2
    expected = sum(0.5 * float((x * (x / middle).log()).sum()) for x in (p, q)) / math.log(2)
    assert float(_divergence(p.log()[None, None], q.log()[None, None])) == pytest.approx(expected, rel=1e-6)


def test_tasks_that_are_not_made_of_words_are_left_out():
    assert same_word(Model(RNNCell(2, 4), nn.Linear(4, 1)), AddingTask(6), generator()) is None
    assert not is_one_hot(torch.full((2, 1, 2), 0.5))


def test_what_cannot_be_measured_is_named():
    model = Model(RNNCell(len(WORDS), 4), nn.Linear(4, 6))
    with pytest.raises(ProbeError, match="same_word: sequences=0: allowed: at least 1"):
        same_word(model, TASK, generator(), sequences=0)
    with torch.no_grad():
        model.cell.weight_hh[0, 0] = torch.nan
    with pytest.raises(ProbeError, match=r"same_word: cell.weight_hh is not finite"):
        same_word(model, TASK, generator())
