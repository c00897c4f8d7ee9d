"""Training taken up from a checkpoint ends with the bits of training that was never stopped."""

import io
import pickle
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import dropout, linear

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.checkpoint import CheckpointError, from_bytes, to_bytes
from lstm_bench.engine.model import MakeCell
from lstm_bench.engine.run import Run
from lstm_bench.engine.seeds import Member
from lstm_bench.engine.settings import TrainingSettings
from lstm_bench.engine.training import Training
from lstm_bench.tasks.adding import AddingTask

TASK = AddingTask(lag=5)
SETTINGS = TrainingSettings(batch_size=16, steps=80, eval_every=20, eval_size=100, confirm_size=200, clip=0.5)
MEMBERS = [Member("report", 0, 3e-2), Member("report", 1, 1e-2), Member("report", 2, 1e30)]
MEASURED = [f.name for f in fields(Run) if f.name not in ("train_s", "evaluate_s")]  # times are no result


class NoisyCell(nn.Module):
    """A plug-in that draws from torch's global generator in every step, and keeps a buffer."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = nn.Parameter(torch.empty(hidden_size, input_size).uniform_(-0.4, 0.4, generator=generator))
        self.recurrent = nn.Parameter(0.9 * torch.eye(hidden_size))
        self.register_buffer("scale", torch.rand(hidden_size, generator=generator))

    def initial_state(self, batch_size: int) -> Tensor:
        return self.weight.new_zeros(batch_size, self.hidden_size)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(linear(x, self.weight) + linear(dropout(state, 0.2), self.recurrent)) * self.scale
        return h, h


class QuietCell(NoisyCell):
    """A plug-in that draws nothing: members step in one call while there are many of them."""

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(linear(x, self.weight) + linear(state, self.recurrent)) * self.scale
        return h, h


CELLS = pytest.mark.parametrize("cell_type", [RNNCell, GRUCell, LSTMCell, NoisyCell, QuietCell])


def maker(cell_type: type) -> MakeCell:
    return lambda stream: cell_type(TASK.input_size, 8, generator=stream)


def to_the_end(training: Training) -> Iterator[Run]:
    while training.active:
        yield from training.advance()


def results(runs: list[Run]) -> dict[Member, dict[str, Any]]:
    return {run.member: {name: getattr(run, name) for name in MEASURED} for run in runs}


def assert_same(state: Any, expected: Any) -> None:
    if isinstance(expected, Tensor):
        assert state.dtype == expected.dtype
        assert state.numpy().tobytes() == expected.numpy().tobytes()
    elif isinstance(expected, dict):
        assert state.keys() == expected.keys()
        for name in expected:
            assert_same(state[name], expected[name])
    elif isinstance(expected, tuple | list):
        assert len(state) == len(expected)
        for one, other in zip(state, expected, strict=True):
            assert_same(one, other)
    else:
        assert repr(state) == repr(expected)  # in which NaN is NaN, and every float itself


@CELLS
def test_stopped_at_any_three_steps_the_end_is_the_same_to_the_bit(cell_type: type) -> None:
    torch.manual_seed(0)
    expected = results(list(to_the_end(Training(TASK, maker(cell_type), MEMBERS, SETTINGS))))
    assert {run["status"] for run in expected.values()} >= {"diverged"}
    torch.manual_seed(1)  # what else is drawn in the process is of no account
    training, ended = Training(TASK, maker(cell_type), MEMBERS, SETTINGS), list[Run]()
    for stop in (0, 1, 33, 60):
        while training.active and training.step < stop:
            ended += training.advance()
        training = Training.resumed(TASK, maker(cell_type), from_bytes(to_bytes(training.state())), SETTINGS)
        torch.rand(stop)
    ended += to_the_end(training)
    assert_same(results(ended), expected)


def test_a_state_is_not_changed_by_what_follows() -> None:
    training = Training(TASK, maker(RNNCell), MEMBERS[:2], SETTINGS)
    for _ in range(3):
        training.advance()
    state = training.state()
    before = to_bytes(state)
    for _ in range(30):
        training.advance()
    assert to_bytes(state) == before


def test_the_same_state_is_the_same_bytes() -> None:
    states = [Training(TASK, maker(LSTMCell), MEMBERS, SETTINGS).state() for _ in range(2)]
    assert to_bytes(states[0]) == to_bytes(states[1])


def test_time_goes_on_where_it_was() -> None:
    training = Training(TASK, maker(RNNCell), MEMBERS[:1], SETTINGS)
    for _ in range(3):
        training.advance()
    training.active[0].train_s = 100.0
    again = Training.resumed(TASK, maker(RNNCell), training.state(), SETTINGS)
    (run,) = to_the_end(again)
    assert 100 < run.train_s < 200


def test_a_state_of_another_cell_is_refused() -> None:
    state = Training(TASK, maker(LSTMCell), MEMBERS, SETTINGS).state()
    with pytest.raises(ValueError, match="weights"):
        Training.resumed(TASK, maker(RNNCell), state, SETTINGS)


class Malicious:
    """A pickle that runs a program of its own when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('the pickle was executed')",)


def file_of(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        file_of(Malicious()),
        file_of({"format": 1, "state": Malicious()}),
        pickle.dumps(Malicious()),
        b"",
        b"PK",
        file_of([1]),
    ],
    ids=["pickle in a zip", "pickle in a state", "bare pickle", "empty", "torn", "no state"],
)
def test_what_is_no_checkpoint_is_refused_and_never_executed(content: bytes) -> None:
    with pytest.raises(CheckpointError):
        from_bytes(content)


def test_a_checkpoint_of_another_format_is_refused() -> None:
    with pytest.raises(CheckpointError, match="format 1"):
        from_bytes(file_of({"format": 0, "state": {}}))
