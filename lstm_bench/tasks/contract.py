"""The interface of a task, and what tasks share: declared losses, cue distances, and sequences of random length.

A task defines sampling, the loss and its mask, scores, memoryless baselines and an oracle.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from torch import Generator, Tensor

from lstm_bench.tasks.masking import last_step_targets, valid_mask

LossForm = Literal["cross entropy", "squared error"]
Loss = TypeVar("Loss", bound=Callable[..., Any])

MULTIPLES = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4)  # of a lag


class Batch(NamedTuple):
    """Sequences and their targets.

    All sequences begin at step 0. Sequences that end before T are padded with zeros, and targets of steps without an
    answer are marked as in masking.py.

    Shapes: inputs [T, B, D]; targets [S, B], one for each of the last S steps, the steps that the loss reads.
    """

    inputs: Tensor
    targets: Tensor

    @property
    def lengths(self) -> Tensor:
        """Steps of each sequence [B]: a sequence ends with its last step that has an answer."""
        steps = torch.arange(len(self.inputs) - len(self.targets), len(self.inputs), device=self.targets.device) + 1
        return torch.where(valid_mask(self.targets), steps.unsqueeze(1), 0).amax(dim=0)


class Task(Protocol):
    """A long-memory task at one lag.

    Functions that take predictions [S, ..., B, C] and targets [S, ..., B] average over steps and batch and keep
    the axes between them, so that one call serves a whole population.

    `distance` is the median, over sequences and their answers, of the number of steps over which a correct answer needs
    its farthest cue: from the step that shows the cue to the step whose prediction is the answer. An answer that the
    present input gives away does not count. Cues stand where a sequence draws them, not where `at_distance` puts them.

    A task of natural data may have only one lag, the number of steps of its sequences, and refuse any other. It has no
    `distance` where it is unknown which steps an answer needs.
    """

    lag: int
    input_size: int
    output_size: int
    length: int  # T, time steps of the longest sequence
    distance: float  # steps over which a cue is held, see above; left out where unknown
    predicted_steps: int  # S, the loss mask: the loss reads the last S steps and no other
    variant: str  # the dialect, as a column of the results
    description: str  # the task in a sentence, for the report
    solved_rule: str  # the rule of `solved`, in words
    solved_share: float  # the share of its baseline that the criterion may have for `solved`
    score: str  # the metric that the oracle brings to exactly 1
    criterion: str  # the loss that, over its baseline, distinguishes "learning" from "plateau"
    units: Mapping[str, str]  # of each metric
    baselines: Mapping[str, float]  # what the best memoryless predictor reaches in each metric

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw fresh sequences."""
        ...

    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Return the trained loss, [...]."""
        ...

    def metrics(self, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return every metric that has a baseline, `loss` among them, each [...]."""
        ...

    def oracle(self, inputs: Tensor) -> Tensor:
        """Return the predictions of a perfect memory, from the inputs alone."""
        ...

    @property
    def cue_distances(self) -> Sequence[int]:
        """The distances at which forgetting is measured: steps from a cue to its answer, ascending."""
        ...

    def at_lag(self, lag: int) -> "Task":
        """Return the same task at another lag.

        Raises: ValueError where the task has no such lag.
        """
        ...

    def at_distance(self, distance: int) -> "Task":
        """Return this task with its cue `distance` steps before the answer, and the same in every other respect.

        Raises: ValueError where the cue cannot stand there.
        """
        ...

    def recall(self, predictions: Tensor, batch: Batch) -> Tensor:
        """Return how much of each cue is in the answers [cues]: 1 is all of it, 0 what a memoryless model reaches.

        Shapes: predictions [S, B, C].
        """
        ...

    def solved(self, metrics: Mapping[str, float]) -> bool:
        """Return whether one evaluation counts as solved."""
        ...


@runtime_checkable
class Relaxable(Protocol):
    """What a task may offer in addition to `solved`: softer criteria, which every member that solves the task meets."""

    softer: Mapping[str, Sequence[float]]  # thresholds of metrics that rise as answers improve


@runtime_checkable
class DrawsTogether(Protocol):
    """A task that also draws the sequences of several members in fewer calls, with the same bits as `sample`."""

    def sample_members(self, batch_size: int, generators: Sequence[Generator]) -> Batch:
        """Draw fresh sequences for each generator: inputs [T, M, B, D], targets [S, M, B]."""
        ...


@runtime_checkable
class HoldsOut(Protocol):
    """What a task on a fixed set of examples offers: members train on some of them, and are scored on the others."""

    def held_out(self) -> Task:
        """Return this task with the examples that no member trains on; the task itself where it has them already."""
        ...


def scored(task: Task) -> Task:
    """Return the task whose sequences members are scored on: the held-out one, or the task itself without one."""
    return task.held_out() if isinstance(task, HoldsOut) else task


class RandomLength(ABC):
    """The base of tasks whose sequences have `shortest` to `length` steps, each number equally likely, and one answer.

    The longest has a tenth more steps than the shortest, unless a task overrides `length`.
    """

    @property
    @abstractmethod
    def shortest(self) -> int:
        """T, steps of the shortest sequence."""

    @property
    def length(self) -> int:
        """T + T // 10, steps of the longest."""
        return self.shortest + self.shortest // 10

    @property
    def predicted_steps(self) -> int:
        """The number of steps that may be the last one."""
        return self.length - self.shortest + 1

    def _draw_lengths(self, batch_size: int, generator: Generator) -> Tensor:
        return torch.randint(self.shortest, self.length + 1, (batch_size,), generator=generator)

    def _ended(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Fill inputs [T, B, D] with zeros after the end of each sequence, in place, and return them."""
        inputs[torch.arange(self.length).unsqueeze(1) >= lengths] = 0.0
        return inputs

    def _batch(self, inputs: Tensor, answers: Tensor, lengths: Tensor) -> Batch:
        return Batch(inputs, last_step_targets(answers, lengths, self.length, self.predicted_steps))


def mean_of(form: LossForm) -> Callable[[Loss], Loss]:
    """Return a decorator which declares that a task's `loss` is the mean of `form` over the valid targets of a member.

    The engine then computes the gradient by hand, without autograd, which makes a training step faster. A class that
    overrides `loss` declares its own form, or none: then its gradient comes from autograd.
    """

    def declare(loss: Loss) -> Loss:
        loss.form = form  # type: ignore[attr-defined]
        return loss

    return declare


def loss_form(task: object) -> LossForm | None:
    """Return the form that a task declares for its loss; None where it declares none."""
    return getattr(getattr(type(task), "loss", None), "form", None)


def only_member(batch: Batch) -> Batch:
    """Return the sequences of one member without the axis of members."""
    return Batch(batch.inputs.squeeze(1), batch.targets.squeeze(1))


def log_spaced(longest: int, points: int) -> list[int]:
    """Return up to `points` integers from 1 to `longest`, evenly spread on a logarithmic scale."""
    return sorted({round(longest ** (k / (points - 1))) for k in range(points)}) if points > 1 else [longest]


def around(lag: int) -> list[int]:
    """Return integers from a quarter of a lag to four times it, at least 1."""
    return sorted({max(1, round(lag * multiple)) for multiple in MULTIPLES})


def median_of(counts: Mapping[int, int]) -> float:
    """Return the median of integers from the count of each: the middle one, or the mean of the two in the middle.

    Raises: ValueError where all counts are 0.
    """
    total = sum(counts.values())
    if total < 1:
        raise ValueError("the median of nothing")
    return (_smallest(counts, (total + 1) // 2) + _smallest(counts, total // 2 + 1)) / 2


def _smallest(counts: Mapping[int, int], k: int) -> int:
    """Return the k-th smallest of integers from the count of each; k starts at 1."""
    values = sorted(counts)
    return next(value for value, n in zip(values, accumulate(map(counts.__getitem__, values)), strict=True) if n >= k)
