"""Members are dealt into chunks that fit, and nothing that is computed depends on the deal."""

from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator, Tensor

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.memory_plan import CPU_CHUNK, CPU_TAPE, MemoryPlan, plan_for
from lstm_bench.engine.model import make_model
from lstm_bench.engine.population import Population
from lstm_bench.engine.settings import KernelChoice
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.contract import Batch

ALL = 2**60
MEMBERS = 5
TASK = AddingTask(lag=21)
CELLS = pytest.mark.parametrize("cell_type", [RNNCell, GRUCell, LSTMCell])
CHOICES = pytest.mark.parametrize("kernel", get_args(KernelChoice))


@given(members=st.integers(1, 300), member_bytes=st.integers(1, 1000), chunk_bytes=st.integers(0, 5000))
def test_chunks_cover_each_member_once_evenly_and_within_the_memory(
    members: int, member_bytes: int, chunk_bytes: int
) -> None:
    chunks = MemoryPlan(chunk_bytes, ALL).chunks(members, member_bytes)
    assert [m for chunk in chunks for m in range(members)[chunk]] == list(range(members))
    sizes = [chunk.stop - chunk.start for chunk in chunks]
    assert max(sizes) - min(sizes) <= 1
    most = max(1, chunk_bytes // member_bytes)
    assert max(sizes) <= most
    assert len(chunks) == -(-members // most)


def test_a_cpu_has_a_plan_that_does_not_depend_on_the_machine() -> None:
    assert plan_for(torch.device("cpu")) == MemoryPlan(CPU_CHUNK, CPU_TAPE)


def batch() -> Batch:
    draws = [TASK.sample(6, Generator().manual_seed(m)) for m in range(MEMBERS)]
    return Batch(torch.stack([b.inputs for b in draws], dim=1), torch.stack([b.targets for b in draws], dim=1))


def gradients(cell_type: type, kernel: KernelChoice, plan: MemoryPlan) -> tuple[Population, Tensor, dict[str, Tensor]]:
    def make_cell(stream: Generator) -> Any:
        return cell_type(2, 7, generator=stream)

    models = [make_model(TASK, make_cell, Generator().manual_seed(m)) for m in range(MEMBERS)]
    population = Population(TASK, models, [1e-3] * MEMBERS, torch.device("cpu"), kernel, plan)
    return population, *population.compute_gradients(batch(), with_norms=True)


@CELLS
@CHOICES
@pytest.mark.parametrize("members", [1, 2, 3])
def test_gradients_losses_and_norms_do_not_depend_on_the_chunks(
    cell_type: type, kernel: KernelChoice, members: int
) -> None:
    """Of 5 members, 1, 2 or 3 at a time; compiled code runs each alone anyway, so not a bit differs."""
    whole, loss, norms = gradients(cell_type, kernel, MemoryPlan(ALL, ALL))
    member_bytes = whole._training.kernel.bytes_per_step(batch().inputs) * TASK.length
    dealt, dealt_loss, dealt_norms = gradients(cell_type, kernel, MemoryPlan(members * member_bytes, ALL))
    torch.testing.assert_close(dealt_loss, loss, rtol=1e-6, atol=0)
    torch.testing.assert_close(dealt.gradients, whole.gradients, rtol=1e-4, atol=1e-7)
    exact = {"rtol": 0, "atol": 0} if whole._training.kernel.name == "compiled BPTT" else {"rtol": 1e-4, "atol": 1e-9}
    for part, values in norms.items():
        assert values.shape == (TASK.length, MEMBERS)
        torch.testing.assert_close(dealt_norms[part], values, **exact)
    for name, gradient in whole._named_gradients.items():
        if name.startswith("cell."):
            torch.testing.assert_close(dealt._named_gradients[name], gradient, **exact)


@CELLS
@CHOICES
def test_gradients_losses_and_norms_do_not_depend_on_segments(cell_type: type, kernel: KernelChoice) -> None:
    whole, loss, norms = gradients(cell_type, kernel, MemoryPlan(ALL, ALL))
    step_bytes = whole._training.kernel.bytes_per_step(batch().inputs)
    cut, cut_loss, cut_norms = gradients(cell_type, kernel, MemoryPlan(ALL, 8 * MEMBERS * step_bytes))
    torch.testing.assert_close(cut_loss, loss, rtol=0, atol=0)
    exact = {"rtol": 0, "atol": 0} if whole._training.kernel.name == "compiled BPTT" else {"rtol": 1e-4, "atol": 1e-7}
    torch.testing.assert_close(cut.gradients, whole.gradients, **exact)
    for part, values in norms.items():
        torch.testing.assert_close(cut_norms[part], values, **exact)
