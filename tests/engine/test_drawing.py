"""The sequences of several members: each member's own, to the bit, however they are drawn."""

from collections.abc import Sequence

import pytest
import torch
from torch import Generator

from lstm_bench.engine.drawing import Drawing
from lstm_bench.engine.seeds import Member, generator
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.context import ContextTask
from lstm_bench.tasks.contract import Batch, Task
from lstm_bench.tasks.copy import CopyTask

CPU = torch.device("cpu")
MEMBERS = [Member("report", 0, 0.1), Member("report", 2, 0.1), Member("tuning", 0, 0.1)]
TASKS = [
    *(CopyTask(7, 4, dialect) for dialect in ("arjovsky", "bai", "s4")),
    *(AddingTask(9, dialect, distance) for dialect in ("half", "anywhere") for distance in (None, 2, 8)),
    ContextTask(6),
]


def drawn(task: Task, members: Sequence[Member], sizes: Sequence[int] = (5,)) -> list[Batch]:
    drawing = Drawing(0, members, "training", 3, CPU)
    return [drawing.batch(task, size) for size in sizes]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{type(task).__name__}-{task.variant}")
def test_each_member_has_the_sequences_of_its_own_stream(task: Task) -> None:
    batches = drawn(task, MEMBERS, sizes=(5, 3))
    for m, member in enumerate(MEMBERS):
        stream = generator(0, member, "training", 3)
        for batch in batches:
            alone = task.sample(batch.inputs.shape[2], stream)
            assert torch.equal(batch.inputs[:, m], alone.inputs)
            assert torch.equal(batch.targets[:, m], alone.targets)
            assert batch.targets.dtype == alone.targets.dtype


def test_members_of_one_seed_see_the_same_sequences_at_every_learning_rate() -> None:
    members = [Member("tuning", seed, rate) for rate in (0.1, 0.2) for seed in (1, 0)]
    (batch,) = drawn(CopyTask(4), members)
    assert torch.equal(batch.inputs[:, :2], batch.inputs[:, 2:])
    assert torch.equal(batch.inputs[:, :2], drawn(CopyTask(4), members[:2])[0].inputs)
    assert not torch.equal(batch.inputs[:, 0], batch.inputs[:, 1])


class OnlyBlanks(CopyTask):
    """Overrides what draws for one member alone."""

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        batch = super().sample(batch_size, generator)
        return Batch(torch.zeros_like(batch.inputs), batch.targets)


def test_a_task_that_overrides_sample_alone_is_asked_by_it() -> None:
    (batch,) = drawn(OnlyBlanks(4), MEMBERS)
    assert not batch.inputs.any()
    assert torch.equal(batch.targets, drawn(CopyTask(4), MEMBERS)[0].targets)
