import mmap
import sys

import pytest
import torch

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.kernel_dispatch import COMPILED
from lstm_bench.probes.peak_memory import peak_growth
from lstm_bench.probes.speed import engine_step, stock_step, time_in_turns, training_flops
from lstm_bench.tasks.adding import AddingTask


@pytest.mark.parametrize(("cell", "gates"), [(RNNCell(2, 8), 1), (GRUCell(2, 8), 3), (LSTMCell(2, 8), 4)])
def test_operations_are_six_a_weight_step_and_sequence(cell, gates):
    assert training_flops(cell, batch_size=3, length=7) == 6 * gates * (8 * 8 + 8 * 2) * 3 * 7


def test_contenders_take_turns_and_have_ordered_quartiles():
    task, called = AddingTask(5), []
    ours = engine_step(task, lambda g: LSTMCell(2, 4, generator=g), 3, "cpu", members=2, kernel="auto")
    stock = stock_step(task, torch.nn.LSTM(2, 4), 3, "cpu")
    steps = {"ours": lambda: (called.append("ours"), ours()), "stock": lambda: (called.append("stock"), stock())}
    timings = time_in_turns(steps, rounds=3, round_s=0.0, device="cpu")
    assert called[-6:] == ["ours", "stock"] * 3
    for timing in timings.values():
        assert 0 < timing.q25 <= timing.median <= timing.q75
        assert timing.rounds == 3


@pytest.mark.parametrize(("kernel", "own_steps"), [("torch", 0), ("autograd", 5)])
def test_a_step_trains_all_members_by_the_kernel_asked_for(monkeypatch, kernel, own_steps):
    """The compiled kernel would fail here; a kernel in torch operations never calls the cell's own step."""
    shapes, steps = [], []

    class Seen(AddingTask):
        def loss(self, predictions, targets):
            shapes.append(tuple(targets.shape))
            return super().loss(predictions, targets)

    stepped = LSTMCell.step
    monkeypatch.setitem(COMPILED, LSTMCell, None)
    step = engine_step(Seen(5), lambda g: LSTMCell(2, 4, generator=g), 3, "cpu", members=2, kernel=kernel)
    monkeypatch.setattr(LSTMCell, "step", lambda *given: steps.append(1) or stepped(*given))
    step()
    assert shapes == [(1, 2, 3)]
    assert min(len(steps), 5) == own_steps


def test_peak_memory_is_what_the_work_touched_where_the_system_can_tell():
    touched: list[int] = []

    def touch_fresh_pages() -> None:  # from the system, not from what malloc kept of earlier work
        with mmap.mmap(-1, 64 << 20) as pages:
            for start in range(0, len(pages), mmap.PAGESIZE):
                pages[start] = 1
        touched.append(64 << 20)

    growth = peak_growth(touch_fresh_pages, touch_fresh_pages)
    assert touched == []  # the work ran in a child, or not at all
    if sys.platform.startswith("linux"):
        assert growth == pytest.approx(64 << 20, rel=0.05)
    else:
        assert growth is None
