"""The global generators from which a plug-in may draw: torch's, NumPy's and Python's.

A cell written for another harness often takes no generator: stock layers, SciPy's distributions and dropout draw from
the global ones. They are seeded before a plug-in may draw and restored afterwards, so every draw is a function of the
member and the step, and the rest of the process is not affected.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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

    @classmethod
    def seeded(cls, seed: int) -> "GeneratorStates":
        """Return the states after seeding each generator with one seed; the present states are kept."""
        with seeded_generators(seed):
            return cls.now()

    def equal(self, other: "GeneratorStates") -> bool:
        """Return whether both states are equal, that is, nothing was drawn in between."""
        tensors = zip((self.cpu, *self.cuda), (other.cpu, *other.cuda), strict=True)
        numpys = repr(self.numpy[2:]) == repr(other.numpy[2:]) and bool((self.numpy[1] == other.numpy[1]).all())
        return all(torch.equal(*pair) for pair in tensors) and numpys and self.python == other.python

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


def seed_generators(seed: int) -> None:
    """Seed torch's, NumPy's and Python's global generator."""
    torch.manual_seed(seed)
    np.random.seed(seed % NUMPY_SEEDS)
    random.seed(seed)
