"""The linear read-out of all members: predictions, and the gradients of the loss."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from lstm_bench.tasks.contract import Task


class ReadoutBatch(NamedTuple):
    """What the read-out needs in addition to outputs: targets [S, M, B], weight [M, C, H] and bias [M, C]."""

    targets: Tensor
    weight: Tensor
    bias: Tensor


class ReadoutGradients(NamedTuple):
    """Losses [M], maybe in float64, and the gradients of outputs [S, M, B, H], weight [M, C, H] and bias [M, C]."""

    losses: Tensor
    outputs: Tensor
    weight: Tensor
    bias: Tensor


class Readout(Protocol):
    """The interface of a read-out: from outputs to losses and back."""

    def gradients(self, outputs: Tensor, batch: ReadoutBatch) -> ReadoutGradients:
        """Return each member's loss and its gradients, from outputs [S, M, B, H]."""
        ...


class AutogradReadout:
    """The `Readout` of any task, through autograd.

    Args:
        task: gives the loss.
    """

    def __init__(self, task: Task) -> None:
        self._task = task

    def gradients(self, outputs: Tensor, batch: ReadoutBatch) -> ReadoutGradients:
        """See `Readout`."""
        leaves = [tensor.detach().requires_grad_() for tensor in (outputs, batch.weight, batch.bias)]
        losses = self._task.loss(read_out(*leaves), batch.targets)
        return ReadoutGradients(losses.detach(), *torch.autograd.grad(losses.sum(), leaves))


def read_out(outputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Map outputs [S, M, B, H] by weight [M, C, H] and bias [M, C] to predictions [S, M, B, C]."""
    steps, _, batch, _ = outputs.shape
    flat = outputs.transpose(0, 1).flatten(1, 2)
    predictions = torch.baddbmm(bias.unsqueeze(2), weight, flat.transpose(1, 2))  # classes before sequences: faster
    by_step: Tensor = predictions.unflatten(2, (steps, batch))
    return by_step.permute(2, 0, 3, 1)
