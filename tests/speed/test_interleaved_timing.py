"""Rounds of several implementations, and what one step of each does."""

import mmap
import os
import subprocess
import sys
from functools import partial

import pytest
from what_processes_do import end_by_a_signal, make_slow, make_writer, raise_what_cannot_be_sent, refuse

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.engine.kernel_dispatch import COMPILED
from lstm_bench.speed.implementation import Implementation, engine_step
from lstm_bench.speed.operations import training_flops
from lstm_bench.speed.peak_memory import peak_growth
from lstm_bench.speed.timing import InterleavedTimer
from lstm_bench.speed.worker_pool import WorkerLostError, WorkerPool
from lstm_bench.study.planning import plan_study
from lstm_bench.tasks.adding import AddingTask

SMALL = ("task=adding", "task.lag=5", "cell=lstm", "cell.hidden_size=4", "trainer.batch_size=3")


@pytest.fixture(scope="module")
def job():
    return compose_study(Invocation(SMALL)).jobs[0]


@pytest.mark.parametrize(("cell", "gates"), [(RNNCell(2, 8), 1), (GRUCell(2, 8), 3), (LSTMCell(2, 8), 4)])
def test_operations_are_six_a_weight_step_and_sequence(cell, gates):
    assert training_flops(cell, batch_size=3, length=7) == 6 * gates * (8 * 8 + 8 * 2) * 3 * 7


def test_implementations_take_rounds_one_after_another_in_all_of_their_processes(job, tmp_path):
    """And the steps of a round are those that fit in its time."""
    (plan,) = plan_study(compose_study(Invocation(SMALL)), []).jobs
    log = tmp_path / "log"
    implementations = [
        Implementation(job, plan, name, partial(make_writer, log, name), "none", processes=processes)
        for name, processes in (("a", 2), ("b", 1), ("c", 1))
    ]
    with InterleavedTimer() as timer:
        timings = timer.time(implementations, rounds=3, round_s=1e-9)
        (slow,) = timer.time([Implementation(job, plan, "slow", make_slow, "none")], rounds=1, round_s=0.2)
    assert [timing.steps for timing in timings] == [1, 1, 1]
    assert all(len(timing.seconds) == 3 and min(timing.seconds) > 0 for timing in timings)
    steps = [line.split() for line in log.read_text().splitlines()]
    assert [name for name, _ in steps[-12:]] == ["a", "a", "b", "c"] * 3
    processes = {name: {process for other, process in steps if other == name} for name in "abc"}
    assert len(processes["a"]) == 2
    assert processes["b"] == processes["c"]
    assert len(processes["b"]) == 1
    assert 1 <= slow.steps <= 10
    assert slow.seconds[0] >= 0.02 * slow.steps


@pytest.mark.parametrize(("kernel", "own_steps"), [("torch", 0), ("autograd", 5)])
def test_a_step_trains_all_members_by_the_kernel_asked_for(monkeypatch, job, kernel, own_steps):
    """The compiled kernel would fail here; a kernel in torch operations never calls the cell's own step."""
    shapes, steps, loss, stepped = [], [], AddingTask.loss, LSTMCell.step

    def noted_loss(task, predictions, targets):
        shapes.append(tuple(targets.shape))
        return loss(task, predictions, targets)

    monkeypatch.setattr(AddingTask, "loss", noted_loss)
    monkeypatch.setitem(COMPILED, LSTMCell, None)
    step = engine_step(job, 2, kernel=kernel)
    monkeypatch.setattr(LSTMCell, "step", lambda *arguments: steps.append(1) or stepped(*arguments))
    step()
    assert shapes == [(1, 2, 3)]
    assert min(len(steps), 5) == own_steps


@pytest.mark.parametrize(("computation_only", "drawn"), [(True, 1), (False, 3)])
def test_the_computation_alone_draws_its_batches_once(monkeypatch, job, computation_only, drawn):
    """Of both members at once: once before, or in each of three steps."""
    samples, sample = [], AddingTask.sample_members
    monkeypatch.setattr(AddingTask, "sample_members", lambda *arguments: samples.append(1) or sample(*arguments))
    step = engine_step(job, 2, computation_only=computation_only)
    for _ in range(3):
        step()
    assert len(samples) == drawn


def test_what_a_process_raises_is_raised_here_and_one_that_is_killed_is_told_by_its_exit_code():
    with WorkerPool(1, 1, prepared=True) as pool:
        with pytest.raises(KeyError, match="nobody"):
            pool.call_all(refuse)
        with pytest.raises(RuntimeError, match="ValueError: a lock"):
            pool.call_one(raise_what_cannot_be_sent)
        assert pool.call_one(print, "what a plug-in says") is None
        assert pool.call_one(os.getpid) != os.getpid()
        with pytest.raises(WorkerLostError, match="ended with exit code -9"):
            pool.call_one(end_by_a_signal)


UNGUARDED = """
import os
from lstm_bench.speed.worker_pool import WorkerPool

print("once")
with WorkerPool(1, 1, prepared=False) as pool:
    assert pool.call_one(os.getppid) == os.getpid()
"""


def test_a_script_without_a_guard_runs_once(tmp_path):
    script = tmp_path / "study.py"
    script.write_text(UNGUARDED)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "once\n", "")


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
