"""The segments task: what a boundary wipes out."""

import torch
import torch.nn.functional as F
from torch import Generator

from lstm_bench.tasks.segments import BOUNDARY, SYMBOLS, A, SegmentsTask

TASK = SegmentsTask(lag=4)


def test_a_stream_worked_by_hand():
    symbols = [SYMBOLS.index(symbol) for symbol in "|bdac|cb|ad"]
    inputs = F.one_hot(torch.tensor(symbols), len(SYMBOLS)).unsqueeze(1).float()
    assert TASK.oracle(inputs)[:, 0].argmax(dim=-1).tolist() == [0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1]


def test_segments_have_the_lags_mean_length_and_begin_with_a_boundary():
    symbols = TASK.sample(20_000, Generator().manual_seed(0)).inputs.argmax(dim=-1)
    assert (symbols[0] == BOUNDARY).all()
    later = symbols[1:]
    assert abs(float((later == BOUNDARY).double().mean()) - 1 / 5) < 5 * (4 / 25 / later.numel()) ** 0.5
    letters = later[later != BOUNDARY]
    assert abs(float((letters == A).double().mean()) - 1 / 5) < 5 * (4 / 25 / len(letters)) ** 0.5


def test_a_delayed_cue_alone_decides_the_last_answer():
    for distance in TASK.cue_distances:
        batch = TASK.at_distance(distance).sample(500, Generator().manual_seed(distance))
        symbols, cue = batch.inputs.argmax(dim=-1), TASK.length - 1 - distance
        assert (symbols[cue - 1] == BOUNDARY).all()
        assert not ((symbols[cue + 1 :] == A) | (symbols[cue + 1 :] == BOUNDARY)).any()
        assert torch.equal(batch.targets[-1] == 1, symbols[cue] == A)
        assert 0.4 < float((symbols[cue] == A).double().mean()) < 0.6


def test_a_flag_that_no_boundary_lowers_is_often_wrong():
    batch = TASK.sample(4000, Generator().manual_seed(3))
    symbols = batch.inputs.argmax(dim=-1)
    never_lowered = (symbols == A).cummax(dim=0).values.long()
    accuracy = TASK.metrics(F.one_hot(never_lowered, 2).float(), batch.targets)["accuracy"]
    assert float(accuracy) < TASK.baselines["accuracy"]


def test_the_content_of_a_segment_is_what_its_answers_say():
    symbols = [SYMBOLS.index(symbol) for symbol in "|bdac|cb|ad"]
    inputs = F.one_hot(torch.tensor(symbols), len(SYMBOLS)).unsqueeze(1).float()
    assert TASK.content(inputs)[:, 0, 0].tolist() == [0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1]
    assert [SYMBOLS[filler] for filler in TASK.fillers] == ["b", "c", "d"]
