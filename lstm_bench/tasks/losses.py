"""Losses whose gradient the engine computes by hand, which spares a training step the way through autograd."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

LossForm = Literal["cross entropy", "squared error"]
Loss = TypeVar("Loss", bound=Callable[..., Any])


def mean_of(form: LossForm) -> Callable[[Loss], Loss]:
    """Declare that the decorated `loss` of a task is the mean of this over the valid targets of a member.

    A class that overrides `loss` declares its own, or none: then its gradient comes from autograd.
    """

    def declare(loss: Loss) -> Loss:
        loss.form = form  # type: ignore[attr-defined]
        return loss

    return declare


def loss_form(task: object) -> LossForm | None:
    """Return what a task declares its loss to be the mean of; None where it declares nothing."""
    return getattr(getattr(type(task), "loss", None), "form", None)
