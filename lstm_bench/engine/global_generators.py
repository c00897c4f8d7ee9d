"""The global generators from which a plug-in may draw: torch's, NumPy's and Python's.

A cell written for another harness often takes no generator: stock layers, SciPy's distributions and dropout draw from
the global ones. They are seeded before a plug-in may draw and restored afterwards, so every draw is a function of the
member and the step, and the rest of the process is not affected.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

NUMPY_SEEDS = 2**32


@dataclass(frozen=True)
class GeneratorStates:
    """The states of all global generators at one moment."""

    cpu: Tensor
    cuda: list[Tensor]
    numpy: Any
    python: Any

    @classmethod
    def now(cls) -> "GeneratorStates":
        """Return the present states."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
        return cls(torch.get_rng_state(), cuda, np.random.get_state(), random.getstate())

    def equal(self, other: "GeneratorStates") -> bool:
        """Return whether both states are equal, that is, nothing was drawn in between."""
        return not self.differing(other)

    def differing(self, other: "GeneratorStates") -> list[str]:
        """Return whose generators are in different states: torch's, NumPy's, Python's."""
        tensors = zip((self.cpu, *self.cuda), (other.cpu, *other.cuda), strict=True)
        numpys = repr(self.numpy[2:]) == repr(other.numpy[2:]) and bool((self.numpy[1] == other.numpy[1]).all())
        are_equal = {
            "torch's": all(torch.equal(*pair) for pair in tensors),
            "NumPy's": numpys,
            "Python's": self.python == other.python,
        }
        return [name for name, is_equal in are_equal.items() if not is_equal]

    def restore(self) -> None:
        """Put every generator into these states."""
        torch.set_rng_state(self.cpu)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)
        np.random.set_state(self.numpy)
        random.setstate(self.python)


@contextmanager
def kept_generators() -> Iterator[None]:
    """Restore all global generators at the end of the block to their states at its start."""
    before = GeneratorStates.now()
    try:
        yield
    finally:
        before.restore()


@contextmanager
def seeded_generators(seed: int) -> Iterator[None]:
    """Seed all global generators for the block, and restore them afterwards."""
    with kept_generators():
        seed_generators(seed)
        yield


def continue_from(stream: int | GeneratorStates) -> None:
    """Put all global generators at the start of a stream, which is its seed, or into the states where it was left."""
    if isinstance(stream, int):
        seed_generators(stream)
    else:
        stream.restore()


def seed_generators(seed: int) -> None:
    """Seed torch's, NumPy's and Python's global generators, each to the state that its own seeding function gives."""
    if _has_accelerator():
        torch.manual_seed(seed)
    else:  # `torch.manual_seed` records its caller for missing devices, slowly
        torch.default_generator.manual_seed(seed)
    np.random.seed(seed % NUMPY_SEEDS)
    random.seed(seed)


@cache
def _has_accelerator() -> bool:
    """Return whether torch has a device other than the CPU, which may draw from a generator of its own."""
    return torch.cuda.is_available() or torch.accelerator.is_available()
