"""Where nothing is asked: targets that the loss and the scores leave out.

Sequences of one batch may end at different steps. They begin together, and after the end of each the batch is filled
with zeros: what comes after an answer can change neither it nor its gradient. The answers then stand at different steps
of the batch, and the targets of all other steps are marked as not asked.
"""

from typing import Final

import torch
from torch import Tensor

NO_NUMBER: Final = float("nan")  # the target of a step at which no number is asked
NO_CLASS: Final = -1  # the same where the answers are classes


def asked(targets: Tensor) -> Tensor:
    """Tell at which steps and of which sequences something is asked, [S, ..., B]."""
    return ~targets.isnan() if targets.is_floating_point() else targets != NO_CLASS


def mean_asked(values: Tensor, targets: Tensor) -> Tensor:
    """Return the mean of the values [S, ..., B] over the steps and sequences of which something is asked, [...]."""
    is_asked = asked(targets)
    return torch.where(is_asked, values, 0.0).sum(dim=(0, -1)) / is_asked.sum(dim=(0, -1))


def at_the_end(answers: Tensor, lengths: Tensor, length: int, predicted_steps: int) -> Tensor:
    """Return targets [S, B] that ask for one answer [B], at the last step of each sequence.

    Args:
        answers: of each sequence.
        lengths: steps of each sequence [B], more than length - predicted_steps and at most length.
        length: T, steps of the batch.
        predicted_steps: S, of which the targets are.
    """
    nothing = NO_NUMBER if answers.is_floating_point() else NO_CLASS
    targets = torch.full((predicted_steps, len(answers)), nothing, dtype=answers.dtype)
    last = lengths - 1 - (length - predicted_steps)
    return targets.scatter_(0, last.unsqueeze(0), answers.unsqueeze(0))


def answered(predictions: Tensor, targets: Tensor) -> Tensor:
    """Return the prediction [B, C] of each sequence at the one step [S, B] at which something is asked of it."""
    step = asked(targets).int().argmax(dim=0)
    return predictions[step, torch.arange(len(step), device=step.device)]
