"""Draw the sequences of several members, each from a stream of its own."""

from collections.abc import Sequence

import torch

from lstm_bench.engine.seeds import Member, Purpose, generator
from lstm_bench.tasks.contract import Batch, DrawsTogether, Task


class Drawing:
    """The streams of members for one purpose at one step; members of one role and seed see the same sequences.

    Args:
        study_seed: the seed of the study.
        members: the members, in the order of their sequences.
        purpose: what the sequences are for.
        step: the step of training.
        device: where the sequences are placed.
    """

    def __init__(
        self, study_seed: int, members: Sequence[Member], purpose: Purpose, step: int, device: torch.device
    ) -> None:
        streams = {(member.role, member.seed): member for member in members}
        self._streams = [generator(study_seed, member, purpose, step) for member in streams.values()]
        places = {key: place for place, key in enumerate(streams)}
        self._places = [places[member.role, member.seed] for member in members]
        self._device = device

    def batch(self, task: Task, batch_size: int) -> Batch:
        """Draw fresh sequences: inputs [T, M, B, D], targets [S, M, B]."""
        if isinstance(task, DrawsTogether) and _same_class_defines(type(task), "sample", "sample_members"):
            drawn = task.sample_members(batch_size, self._streams)
        else:
            drawn = side_by_side([task.sample(batch_size, stream) for stream in self._streams])
        if len(self._streams) < len(self._places):
            drawn = Batch(drawn.inputs[:, self._places], drawn.targets[:, self._places])
        return Batch(drawn.inputs.to(self._device), drawn.targets.to(self._device))


def side_by_side(batches: Sequence[Batch]) -> Batch:
    """Put one batch a member side by side: inputs [T, M, B, D], targets [S, M, B]."""
    return Batch(*(torch.stack(tensors, dim=1) for tensors in zip(*batches, strict=True)))


def _same_class_defines(task: type, *names: str) -> bool:
    """Return whether no subclass overrides one of some methods without the others."""
    owners = {next((owner for owner in task.__mro__ if name in vars(owner)), None) for name in names}
    return len(owners) == 1
