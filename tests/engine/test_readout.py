"""The compiled read-out: losses and gradients are those of autograd through the task's own loss."""

import math

import pytest
import torch
from torch import Generator, Tensor

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.compiled.kernel import CompiledKernel
from lstm_bench.engine.compiled.readout import CompiledReadout
from lstm_bench.engine.drawing import side_by_side
from lstm_bench.engine.kernel_dispatch import MOST_CLASSES, kernel_of, readout_of, why_not_compiled
from lstm_bench.engine.readout import AutogradReadout, ReadoutBatch, ReadoutGradients
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.context import ContextTask
from lstm_bench.tasks.contract import Task, loss_form, mean_of
from lstm_bench.tasks.copy import CopyTask
from lstm_bench.tasks.marked_pairs import MarkedPairsTask
from lstm_bench.tasks.segments import SegmentsTask
from lstm_bench.tasks.temporal_order import TemporalOrderTask

pytestmark = pytest.mark.skipif(why_not_compiled() is not None, reason="no C compiler, so autograd does it")
CPU = torch.device("cpu")
TASKS = [
    CopyTask(4), CopyTask(3, dialect="s4"), CopyTask(3, dialect="bai"), AddingTask(6), ContextTask(5), SegmentsTask(6),
    MarkedPairsTask(20), TemporalOrderTask(8),
]  # fmt: skip


def drawn(
    task: Task, hidden: int, dtype: torch.dtype, members: int = 3, batch: int = 21
) -> tuple[Tensor, ReadoutBatch]:
    """Return outputs, as a view of rows that hold more, and what the read-out needs beside them."""
    targets = side_by_side([task.sample(batch, Generator().manual_seed(m)) for m in range(members)]).targets
    random = Generator().manual_seed(7)
    rows = torch.randn(members, len(targets) + 1, batch, hidden + 70, generator=random, dtype=dtype)
    weight = torch.randn(members, task.output_size, hidden, generator=random, dtype=dtype)
    bias = torch.randn(members, task.output_size, generator=random, dtype=dtype)
    return rows[:, 1:, :, :hidden].transpose(0, 1), ReadoutBatch(targets, weight, bias)


def compiled(task: Task, dtype: torch.dtype) -> CompiledReadout:
    readout = readout_of(task, dtype, CPU)
    assert isinstance(readout, CompiledReadout)
    return readout


def same(answer: ReadoutGradients, expected: ReadoutGradients, tolerance: float) -> None:
    for name, value, truth in zip(expected._fields, answer, expected, strict=True):
        torch.testing.assert_close(value, truth.to(value.dtype), rtol=tolerance, atol=tolerance, msg=name)


@pytest.mark.parametrize("hidden", [1, 7, 16, 33, 64, 131])
@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{type(task).__name__}-{task.variant}")
def test_losses_and_gradients_are_those_of_autograd(task: Task, hidden: int) -> None:
    exact = drawn(task, hidden, torch.float64)
    expected = AutogradReadout(task).gradients(*exact)
    same(compiled(task, torch.float64).gradients(*exact), expected, tolerance=1e-12)
    outputs, batch = exact
    rounded = ReadoutBatch(*(tensor.float() if tensor.is_floating_point() else tensor for tensor in batch))
    same(compiled(task, torch.float32).gradients(outputs.float(), rounded), expected, tolerance=3e-4)


def test_outputs_without_room_behind_them_are_read_alike() -> None:
    outputs, batch = drawn(CopyTask(4), 7, torch.float64)
    readout = compiled(CopyTask(4), torch.float64)
    expected = AutogradReadout(CopyTask(4)).gradients(outputs, batch)
    same(readout.gradients(outputs.contiguous(), batch), expected, 1e-12)


@pytest.mark.parametrize("with_norms", [False, True])
@pytest.mark.parametrize("cell_type", [RNNCell, GRUCell, LSTMCell])
def test_a_step_in_one_call_is_that_of_one_pass_after_another_to_the_bit(cell_type: type, with_norms: bool) -> None:
    task, members = CopyTask(6), range(3)
    cells = [cell_type(task.input_size, 19, generator=Generator().manual_seed(m)) for m in members]
    parameters = {name: torch.stack([c.state_dict()[name] for c in cells]) for name in cells[0].state_dict()}
    inputs = side_by_side([task.sample(5, Generator().manual_seed(m)) for m in members]).inputs
    _, batch = drawn(task, 19, torch.float32, batch=5)
    whole, parts = (kernel_of(cells[0], CPU) for _ in range(2))
    assert isinstance(whole, CompiledKernel)
    back, gradients, norms = whole.step(parameters, inputs, compiled(task, torch.float32), batch, with_norms)
    outputs, _ = parts.forward(inputs, parts.start(parameters, 5))
    expected = compiled(task, torch.float32).gradients(outputs, batch)
    d_start, expected_norms = parts.backward(expected.outputs, None, with_norms)
    for name, truth in parts.gradients(d_start).items():
        assert torch.equal(gradients[name], truth), name
    for one, truth in ((back.losses, expected.losses), (back.weight, expected.weight), (back.bias, expected.bias)):
        assert torch.equal(one, truth)
    assert norms.keys() == expected_norms.keys()
    assert all(torch.equal(norms[part], expected_norms[part]) for part in norms)


def test_scores_far_apart_neither_overflow_nor_lose_the_loss() -> None:
    """A loss of 2,000 nats, of certain answers of the wrong class."""
    outputs, batch = drawn(CopyTask(4), 8, torch.float32)
    bias = torch.zeros_like(batch.bias)
    bias[:, 0] = 2000.0
    ones = ReadoutBatch(torch.ones_like(batch.targets), batch.weight, bias)
    answer = compiled(CopyTask(4), torch.float32).gradients(torch.zeros_like(outputs), ones)
    assert answer.losses.tolist() == [2000.0] * 3
    assert answer.bias[0].tolist() == pytest.approx([1, -1, *[0] * 7], abs=1e-5)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_number_that_is_not_finite_reaches_the_loss_of_its_member_alone(bad: float) -> None:
    outputs, batch = drawn(CopyTask(4), 8, torch.float32)
    outputs[2, 1, 5, 3] = bad
    losses = compiled(CopyTask(4), torch.float32).gradients(outputs, batch).losses
    assert losses.isfinite().tolist() == [True, False, True]


def test_a_target_that_is_no_class_is_refused() -> None:
    outputs, batch = drawn(CopyTask(4), 8, torch.float32)
    batch.targets[3, 1, 2] = 9
    with pytest.raises(IndexError, match="target 9: allowed: a class, 0 to 8"):
        compiled(CopyTask(4), torch.float32).gradients(outputs, batch)


class ManyClasses(CopyTask):
    """Predicts one of more classes than a compiled read-out has room for."""

    output_size = MOST_CLASSES + 1


def test_a_read_out_of_very_many_classes_goes_through_autograd() -> None:
    assert isinstance(readout_of(ManyClasses(4), torch.float32, CPU), AutogradReadout)


class TwiceTheLoss(CopyTask):
    """Overrides the loss, and declares nothing of its own."""

    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        return 2 * super().loss(predictions, targets)


def test_a_loss_that_is_overridden_goes_through_autograd() -> None:
    task = TwiceTheLoss(4)
    assert loss_form(task) is None
    readout = readout_of(task, torch.float64, CPU)
    assert isinstance(readout, AutogradReadout)
    problem = drawn(task, 8, torch.float64)
    expected = compiled(CopyTask(4), torch.float64).gradients(*problem)
    torch.testing.assert_close(readout.gradients(*problem).weight, 2 * expected.weight)


def test_the_choice_of_a_kernel_holds_for_the_read_out() -> None:
    assert isinstance(readout_of(CopyTask(4), torch.float32, CPU, "torch"), AutogradReadout)
    assert isinstance(readout_of(CopyTask(4), torch.bfloat16, CPU), AutogradReadout)


def test_a_form_is_declared_beside_the_loss() -> None:
    class Mine:
        @mean_of("squared error")
        def loss(self) -> None: ...

    assert loss_form(Mine()) == "squared error"
    assert {loss_form(task) for task in TASKS} == {"cross entropy", "squared error"}
