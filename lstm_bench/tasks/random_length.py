"""Sequences of random length with one answer at their end."""

from abc import ABC, abstractmethod

import torch
from torch import Generator, Tensor

from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.masking import last_step_targets


class RandomLength(ABC):
    """The common part of tasks whose sequences have T to T + T // 10 steps, each number equally likely."""

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
        """T // 10 + 1, the number of steps that may be the last one."""
        return self.length - self.shortest + 1

    def _draw_lengths(self, batch_size: int, generator: Generator) -> Tensor:
        return torch.randint(self.shortest, self.length + 1, (batch_size,), generator=generator)

    def _ended(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Fill inputs [T, B, D] with zeros after the end of each sequence, in place, and return them."""
        inputs[torch.arange(self.length).unsqueeze(1) >= lengths] = 0.0
        return inputs

    def _batch(self, inputs: Tensor, answers: Tensor, lengths: Tensor) -> Batch:
        return Batch(inputs, last_step_targets(answers, lengths, self.length, self.predicted_steps))
