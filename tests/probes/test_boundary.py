"""The end of a sentence: cells that erase it, that halve it, and that take no notice of it, all set by hand."""

import math

import pytest
import torch
from known_cells import LinearCell, by_key, generator, model_of
from torch import Tensor, nn

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.model import Model
from lstm_bench.probes.boundary import Boundary, boundary
from lstm_bench.probes.contract import ProbeError
from lstm_bench.tasks.context import CUES, WORDS, ContextTask
from lstm_bench.tasks.copy import CopyTask
from lstm_bench.tasks.segments import BOUNDARY, SYMBOLS, A, SegmentsTask

TASK = SegmentsTask(lag=4)
OPEN = 1000.0  # a pre-activation at which a gate is 1
IDLE = 2  # units of the LSTM below that carry nothing


def measured(model: Model, task=TASK, **settings) -> Boundary:
    reading = boundary(model, task, generator(), **settings)
    assert reading is not None
    return reading


def counting_lstm(forget_at_boundary: float) -> Model:
    """Return an LSTM whose first unit counts the "a"s of a segment, and whose others stay at 0.

    Its forget gate is open but for the boundary, where it has this pre-activation in the first unit and OPEN in the
    others. It answers yes where h = tanh(c) is above tanh(1/2).
    """
    cell = LSTMCell(len(SYMBOLS), 1 + IDLE)
    readout = nn.Linear(1 + IDLE, 2)
    i, f, g, o = range(0, 4 * (1 + IDLE), 1 + IDLE)
    with torch.no_grad():
        for parameter in (*cell.parameters(), *readout.parameters()):
            parameter.zero_()
        cell.weight_ih[i, A] = cell.weight_ih[g, A] = OPEN
        cell.bias_ih[f : f + 1 + IDLE] = cell.bias_ih[o] = OPEN
        cell.weight_ih[f, BOUNDARY] = forget_at_boundary - OPEN
        readout.weight[1, 0], readout.bias[1] = 1.0, -math.tanh(0.5)
    return Model(cell, readout)


class Wiped(LinearCell):
    """A linear cell whose state is multiplied by `left` at a boundary; it has no gates."""

    def __init__(self, W: Tensor, U: Tensor, left: float = 0.0) -> None:
        super().__init__(W, U)
        self.left = left

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return super().step(x, state * (1 - (1 - self.left) * x[:, BOUNDARY : BOUNDARY + 1]))


def delay_line(width: int, reach: int) -> LinearCell:
    """Return a cell that holds its last words, to which "." is a word like any other."""
    back = torch.diag(torch.ones((reach - 1) * width), -width)
    return LinearCell(back, torch.eye(reach * width, width))


def test_a_forget_gate_of_0_erases_and_keeps_nothing_of_the_unit_that_carries_the_content():
    """The other units, whose gate stays open, do not hide it, as a mean over all units would."""
    reading = measured(counting_lstm(-OPEN))
    cut, plain = reading.sides["boundary"], reading.sides["word"]
    assert max(abs(r2) for r2 in cut.content[:2]) < 0.01
    assert plain.content[0] > 0.9
    assert (cut.gate, plain.gate) == pytest.approx((0.0, 1.0), abs=1e-12)
    assert cut.all_right == 1


def test_a_gate_that_lets_a_third_pass_erases_nothing_though_it_is_low():
    """A third of a count is about as readable as the count: how far f falls does not say what is forgotten."""
    reading = measured(counting_lstm(math.log(1 / 2)))  # f = 1/3
    assert reading.sides["boundary"].gate == pytest.approx(1 / 3, rel=1e-4)  # the bias is in float32
    assert reading.sides["boundary"].content[1] > 0.9 * reading.sides["word"].content[1]


def test_content_in_a_third_of_its_size_has_a_ninth_of_its_variance():
    scaled = measured(model_of(Wiped(torch.eye(5), torch.eye(5), left=1 / 3).float(), outputs=2))
    cut, plain = scaled.sides["boundary"], scaled.sides["word"]
    assert cut.strength[0] / plain.strength[0] == pytest.approx(1 / 9, rel=1e-6)
    assert cut.strength[1] / plain.strength[1] == pytest.approx(1 / 9, rel=0.02)  # a filler was read since
    assert cut.content == pytest.approx(plain.content, abs=0.01)


def test_answers_of_a_cell_that_resets_are_wrong_without_the_boundary_until_the_next_a():
    """They are wrong where the sentence before had its "a" and this one has had none yet."""
    reading = measured(counting_lstm(-OPEN), sequences=8000)
    p, had_one = 1 / 5, 0.0
    for _ in range(1, TASK.length // 2):  # from the boundary at step 0 to the last step before the middle
        had_one = (1 - p) * (p + (1 - p) * had_one)
    none_yet = 1 - p * (1 - p)  # a step: where a later boundary was drawn there is a filler
    assert reading.sides["boundary"].right == dict.fromkeys(range(1, 10), 1.0)
    expected = {k: 1 - had_one * none_yet**k for k in range(1, 10)}
    assert reading.sides["word"].right == pytest.approx(expected, abs=5 * 0.5 / 8000**0.5)


def test_a_state_multiplied_by_0_at_the_boundary_has_nothing_left_of_the_sentence_before():
    size = len(SYMBOLS)
    reading = measured(model_of(Wiped(0.9 * torch.eye(size), torch.eye(size)).float(), outputs=2))
    assert max(abs(r2) for r2 in reading.sides["boundary"].content) < 0.01
    assert reading.sides["word"].content[0] > 0.5
    assert reading.sides["boundary"].gate is None
    assert "gates/content_kept_at_boundary" not in by_key(reading)


def test_a_delay_line_that_takes_no_notice_of_the_boundary_does_not_erase():
    """It holds the cue of the clause before until this has left it, beside a boundary as beside a word."""
    task = ContextTask(lag=3)
    model = model_of(delay_line(len(WORDS), task.clause_length + 3).float(), outputs=6)
    with torch.no_grad():
        model.readout.weight.view(6, -1, len(WORDS))[..., len(CUES) :] = 0.0  # it shows cues alone
    reading = measured(model, task)
    cut, plain = reading.sides["boundary"], reading.sides["word"]
    assert reading.distances[:4] == [0, 1, 2, 3]
    assert cut.content[:3] == pytest.approx([1.0] * 3, abs=1e-6)
    assert cut.content == pytest.approx(plain.content, abs=1e-6)
    assert cut.content[-1] < 0.9  # k = clause_length: of three places of a cue, the line holds the last two
    assert cut.right == plain.right


def test_noise_that_carries_nothing_is_read_as_nothing():
    reading = measured(model_of(LinearCell(torch.zeros(5, 5), torch.eye(5)).float(), outputs=2))
    assert [side.content for side in reading.sides.values()] == [
        pytest.approx([0.0] * len(reading.distances), abs=0.02)
    ] * 2


@pytest.mark.parametrize("lag", [1, 2, 16])
def test_content_is_read_right_behind_the_boundary_at_every_lag(lag):
    for task in (SegmentsTask(lag), ContextTask(lag)):
        reading = measured(model_of(RNNCell(task.input_size, 4), task.output_size), task, sequences=40)
        assert reading.distances[:2] == [0, 1]
        assert reading.distances[-1] == task.length - 1 - task.length // 2
        assert set(by_key(reading)) == {
            f"memory/{name}_after_{word}"
            for name in ("content", "content_variance", "right_answers")
            for word in ("boundary", "word")
        }


def test_a_task_without_boundaries_is_left_out():
    assert boundary(Model(RNNCell(10, 4), nn.Linear(4, 9)), CopyTask(3), generator()) is None


def test_what_cannot_be_measured_is_named():
    model = Model(RNNCell(len(SYMBOLS), 4), nn.Linear(4, 2))
    with pytest.raises(ProbeError, match="boundary: sequences=39: allowed: at least 40"):
        boundary(model, TASK, generator(), sequences=39)
    with torch.no_grad():
        model.cell.weight_hh[0, 0] = torch.nan
    with pytest.raises(ProbeError, match=r"boundary: cell.weight_hh is not finite"):
        boundary(model, TASK, generator())
