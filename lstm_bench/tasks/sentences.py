"""What a task made of sentences offers beside the contract, so that the end of a sentence can be probed."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class HasSentences(Protocol):
    """A task of one-hot words in which nothing from before a boundary matters after it.

    Its `oracle` gives the right answers to any words, those with another boundary included.
    """

    boundary: int  # the place of the word that ends a sentence
    fillers: Sequence[int]  # the places of words that say nothing

    def content(self, inputs: Tensor) -> Tensor:
        """Return what the present sentence has said so far, as numbers [T, B, K], for inputs [T, B, D]."""
        ...

    def is_answer(self, targets: Tensor) -> Tensor:
        """Return at which steps the task asks something [T, B]; elsewhere it asks for silence."""
        ...
