"""What a task may offer to probes: the roles of its steps (cue, blank, recall, reset), and sentences with an end."""

from collections.abc import Sequence
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


@runtime_checkable
class HasSentences(Protocol):
    """A task of one-hot words in which nothing from before a boundary matters after it.

    Its `oracle` gives the right answers to any words, those with another boundary included.
    """

    boundary: int  # the place of the word that ends a sentence
    fillers: Sequence[int]  # the places of words that say nothing

    def content(self, inputs: Tensor) -> Tensor:
        """Return what the present sentence has said so far, as numbers [T, B, K], for inputs [T, B, D]."""
        ...

    def is_answer(self, targets: Tensor) -> Tensor:
        """Return at which steps the task asks something [T, B]; elsewhere it asks for silence."""
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
