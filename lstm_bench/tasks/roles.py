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
        """Return a mask of steps [T, B] for each role of ROLES that the task has."""
        ...


@runtime_checkable
class HasSentences(Protocol):
    """A task of one-hot words in which nothing from before a boundary matters after it.

    Its `oracle` gives the right answers to any words, those with another boundary included.
    """

    boundary: int  # the class of the word that ends a sentence
    fillers: Sequence[int]  # the classes of words without content

    def content(self, inputs: Tensor) -> Tensor:
        """Return the content of the present sentence so far, as numbers [T, B, K], for inputs [T, B, D]."""
        ...

    def is_answer(self, targets: Tensor) -> Tensor:
        """Return a mask of the steps [T, B] at which the task asks for an answer; elsewhere it asks for silence."""
        ...


def roles_of(task: Task, batch: Batch) -> dict[str, Tensor]:
    """Return a mask of the steps of a batch [T, B] for each role that the task has.

    A task without the method `roles` but with a `boundary`, the class of the symbol after which nothing earlier counts,
    has the roles "reset", at its boundaries, and "elsewhere"; any other has none. Steps after the end of a sequence
    have no role.
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
