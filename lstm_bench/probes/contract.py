"""The interface of a probe: a pure function of (model, task, generator) that returns a frozen dataclass and never logs.

    def probe(model: Model, task: Task, generator: Generator, **settings) -> Reading | None

The settings have defaults and can be set in conf/probe/. A probe that does not apply to a cell (gates of a cell
without gates) returns None; one that cannot measure what it should raises a ProbeError.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from lstm_bench.engine.model import Model
from lstm_bench.metrics import Metric


class ProbeError(ValueError):
    """The reason why a probe cannot measure, in one line: the probe, the value, and the allowed values."""


class Curve(NamedTuple):
    """Values against a quantity: steps back, delay, distance, time step, unit."""

    at: Sequence[float]
    values: Sequence[float]


class Reading(Protocol):
    """The measurement of a probe, ready to be recorded."""

    def metrics(self) -> Mapping[Metric, float]:
        """Return the numbers by their declarations; unknown numbers are left out.

        The caller of the probe adds the moment. A plug-in may return a key `<group>/<name>` in place of a declaration.
        """
        ...

    def curves(self) -> Mapping[str, Curve]:
        """Return the curves by the quantity they show."""
        ...


Probe = Callable[..., Reading | None]


def need(condition: bool, probe: str, met: str, allowed: str) -> None:
    """Raise a ProbeError, with the value that was `met` and what is `allowed`, unless the condition holds."""
    if not condition:
        raise ProbeError(f"{probe}: {met}: allowed: {allowed}")


def need_finite(probe: str, **tensors: Tensor) -> None:
    """Raise a ProbeError that names the first tensor with a NaN or an infinity."""
    for name, tensor in tensors.items():
        need(bool(tensor.isfinite().all()), probe, f"{name} is not finite", "finite numbers")


def need_finite_weights(probe: str, model: Model) -> None:
    """Raise a ProbeError that names the first weight that is not finite, as those of a diverged member."""
    cell = {f"cell.{name}": parameter for name, parameter in model.cell.named_parameters()}
    readout = {f"readout.{name}": parameter for name, parameter in model.readout.named_parameters()}
    need_finite(probe, **cell, **readout)
