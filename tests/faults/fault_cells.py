"""Plug-in cells: one that draws noise of its own, and one that fails as it is told to."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Generator, Tensor, nn

CURED = Path("cured")  # a file in the working folder; where it is, no cell fails
FAILS_AT = 40  # steps of the recurrence that go well in a process: planning is over by then, training is not


def _drawn(rows: int, columns: int, generator: Generator | None) -> nn.Parameter:
    """Return uniform numbers, drawn in place: a sum or a product without storage makes torch import its compiler."""
    bound = (3 / columns) ** 0.5
    return nn.Parameter(nn.init.uniform_(torch.empty(rows, columns), -bound, bound, generator=generator))


class PlainCell(nn.Module):
    """h' = tanh(W x + U h)."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = _drawn(hidden_size, input_size, generator)
        self.recurrent = _drawn(hidden_size, hidden_size, generator)

    def initial_state(self, batch_size: int) -> Tensor:
        return self.weight.new_zeros(batch_size, self.hidden_size)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        following = torch.tanh(x @ self.weight.T + state @ self.recurrent.T)
        return following, following


class NoisyCell(PlainCell):
    """Drops out units by torch's global generator."""

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        output, following = super().step(x, state)
        return nn.functional.dropout(output, 0.1), following


class MoodyCell(PlainCell):
    """Does, once training has begun, what its mood says."""

    calls = 0

    def __init__(self, input_size: int, hidden_size: int, mood: str, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        self.mood = mood

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        output, following = super().step(x, state)
        if self.training:
            torch.rand(())  # no kernel is generated from a step that draws, so each step is Python's
        MoodyCell.calls += 1
        if MoodyCell.calls > FAILS_AT and self.mood in MOODS and not CURED.exists():
            return MOODS[self.mood](output, following)
        return output, following


def _exits(*_: Tensor) -> Any:
    sys.exit(3)


def _vanishes(*_: Tensor) -> Any:
    os._exit(3)


def _breaks(*_: Tensor) -> Any:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return ctypes.string_at(0)


def _hangs(*_: Tensor) -> Any:
    time.sleep(3600)


def _starves(*_: Tensor) -> Any:
    held = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (held + 2**26, resource.RLIM_INFINITY))
    return torch.ones(2**28)


def _raises(*_: Tensor) -> Any:
    raise RuntimeError("in a bad mood")


def _misshapes(output: Tensor, following: Tensor) -> tuple[Tensor, Tensor]:
    return output[:, :-1], following


def _mistypes(output: Tensor, following: Tensor) -> tuple[Tensor, Tensor]:
    return output.double(), following


def _spoils(output: Tensor, following: Tensor) -> tuple[Tensor, Tensor]:
    return output * float("nan"), following


MOODS = {
    "exits": _exits,
    "vanishes": _vanishes,
    "breaks": _breaks,
    "hangs": _hangs,
    "starves": _starves,
    "raises": _raises,
    "misshapes": _misshapes,
    "mistypes": _mistypes,
    "spoils": _spoils,
}
