"""Random streams: a function of who draws, what for and at which step, and of nothing else."""

from dataclasses import replace
from itertools import combinations
from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.model import make_model
from lstm_bench.engine.seeds import Member, Purpose, Role, generator
from lstm_bench.tasks.adding import AddingTask

BASE = Member("report", 1, 1e-3)
calls = st.tuples(
    st.integers(0, 30),
    st.builds(Member, st.sampled_from(get_args(Role)), st.integers(0, 30), st.just(1e-3)),
    st.sampled_from(get_args(Purpose)),
    st.integers(0, 200),
)


def drawn(study_seed: int, member: Member, purpose: Any, step: int = 0) -> list[float]:
    return torch.rand(4, generator=generator(study_seed, member, purpose, step)).tolist()


@given(call=calls)
def test_the_same_arguments_give_the_same_stream(call: Any) -> None:
    torch.manual_seed(call[3])
    assert drawn(*call) == drawn(*call)


@given(first=calls, second=calls)
def test_different_arguments_give_different_streams(first: Any, second: Any) -> None:
    assert (drawn(*first) == drawn(*second)) == (first == second)


def test_each_argument_counts() -> None:
    streams = [
        drawn(0, BASE, "training", 5),
        drawn(1, BASE, "training", 5),
        drawn(0, replace(BASE, role="tuning"), "training", 5),
        drawn(0, replace(BASE, seed=2), "training", 5),
        drawn(0, BASE, "evaluation", 5),
        drawn(0, BASE, "training", 6),
    ]
    assert all(a != b for a, b in combinations(streams, 2))


def test_digits_do_not_run_together() -> None:
    """Seed 1 at step 11 is not seed 11 at step 1, nor study 1 and seed 11 study 11 and seed 1."""
    assert drawn(0, replace(BASE, seed=1), "training", 11) != drawn(0, replace(BASE, seed=11), "training", 1)
    assert drawn(1, replace(BASE, seed=11), "training") != drawn(11, replace(BASE, seed=1), "training")


@pytest.mark.parametrize("rate", [1e-4, 0.5, 1e30])
def test_the_learning_rate_takes_no_part(rate: float) -> None:
    assert drawn(0, replace(BASE, learning_rate=rate), "training", 5) == drawn(0, BASE, "training", 5)


def test_thousands_of_streams_never_meet() -> None:
    starts = [generator(0, replace(BASE, seed=seed), "training", step) for seed in range(10) for step in range(300)]
    assert len({stream.initial_seed() for stream in starts}) == len(starts)


def test_each_call_returns_a_stream_at_its_start() -> None:
    stream = generator(0, BASE, "training")
    torch.rand(100, generator=stream)
    assert torch.rand(4, generator=generator(0, BASE, "training")).tolist() == drawn(0, BASE, "training")


def test_different_cells_at_one_seed_see_the_same_data() -> None:
    """What is drawn for the start of a cell takes nothing from the stream of its data."""
    task, batches = AddingTask(lag=5), []
    for cell_type in (RNNCell, LSTMCell):
        make_model(task, lambda g, t=cell_type: t(2, 4, generator=g), generator(0, BASE, "initialisation"))
        batches.append(task.sample(3, generator(0, BASE, "training", 7)))
    assert torch.equal(batches[0].inputs, batches[1].inputs)
