"""What the steps of a sequence are for: a cue to be written, a blank to be waited through, an answer to be recalled."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from lstm_bench.tasks.contract import Batch, Task

ROLES = ("cue", "blank", "recall", "reset", "elsewhere")


@runtime_checkable
class HasRoles(Protocol):
    """What a task may offer: which steps have which role."""

    def roles(self, batch: Batch) -> dict[str, Tensor]:
        """Return the steps of each role of ROLES that the task has, [T, B], true where a step has it."""
        ...


def roles_of(task: Task, batch: Batch) -> dict[str, Tensor]:
    """Return the roles of the steps of a batch that its task names, [T, B] each.

    A task without the method `roles` that has a `boundary`, the class of the symbol behind which nothing from before
    counts, has "reset" at its boundaries and "elsewhere"; any other has none. Steps behind the end of a sequence have
    no role.
    """
    is_read = torch.arange(len(batch.inputs)).unsqueeze(1) < batch.lengths
    if isinstance(task, HasRoles):
        roles = task.roles(batch)
    elif (boundary := getattr(task, "boundary", None)) is not None:
        is_reset = batch.inputs[..., boundary] == 1
        roles = {"reset": is_reset, "elsewhere": ~is_reset}
    else:
        roles = {}
    return {role: is_of_role & is_read for role, is_of_role in roles.items()}
