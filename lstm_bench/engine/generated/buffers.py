"""The places of the values of a generated program: buffers in C, and views of them as sizes and strides.

A value is described by a meta tensor of the batch size of the trace, so torch itself computes what a view does to
sizes, strides and offset. Where a size is a multiple of that batch size, C has the same multiple of B. The batch is the
first axis of every buffer that has one, so no stride depends on it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_bench.engine.generated.tracing import CannotGenerateError

PAD = 16  # numbers: a row of a product ends at a multiple of every vector's width


@dataclass(frozen=True)
class Place:
    """The place of a value: a C expression of the address of a buffer, and its axes as a meta tensor."""

    base: str
    axes: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes at the batch size of the trace."""
        return tuple(self.axes.shape)

    def viewed(self, axes: Tensor) -> "Place":
        """Return another view of the same buffer."""
        return Place(self.base, axes)

    def strides_in(self, shape: Sequence[int]) -> list[int]:
        """Return the stride along each axis of a shape to which the value is broadcast."""
        missing = len(shape) - self.axes.dim()
        strides = [0 if size == 1 else stride for size, stride in zip(self.axes.shape, self.axes.stride(), strict=True)]
        return [0] * missing + strides

    def address(self, indices: Sequence[str], shape: Sequence[int]) -> str:
        """Return the address of an entry; an index that is empty is left out."""
        terms = [self.base] + ([str(self.axes.storage_offset())] if self.axes.storage_offset() else [])
        for index, stride in zip(indices, self.strides_in(shape), strict=True):
            if index and stride:
                terms.append(index if stride == 1 else f"{index} * {stride}")
        return " + ".join(terms)


class Sizes:
    """Sizes of a trace as expressions of C, in which the batch size is B."""

    def __init__(self, batch: int) -> None:
        self.batch = batch

    def expression(self, size: int) -> str:
        """Return a size as a C expression."""
        if size == 0 or size % self.batch:
            return str(size)
        times = size // self.batch
        return "B" if times == 1 else f"{times} * B"

    def has_batch(self, shape: Sequence[int]) -> bool:
        """Return whether a shape depends on the batch size."""
        return any(size and size % self.batch == 0 for size in shape)

    def words(self, shape: Sequence[int], padded: bool) -> tuple[int, int]:
        """Return how many numbers a buffer takes: for each sequence of the batch, and independent of the batch.

        Raises: CannotGenerateError where the batch is not its first axis.
        """
        sizes = [*shape[:-1], rounded(shape[-1])] if padded and shape else list(shape)
        if not self.has_batch(shape):
            return 0, rounded(math.prod(sizes))
        if self.has_batch(shape[1:]):
            raise CannotGenerateError("the batch is not the first axis of a value")
        return rounded(math.prod(sizes[1:]) * (sizes[0] // self.batch)), 0


class Arena:
    """A block of memory that is divided among buffers once.

    Buffers with a batch come first; the others follow, from B times the macro that has the arena's name.

    Attributes:
        words: numbers taken so far: for each sequence of the batch, and independent of the batch.
    """

    def __init__(self, name: str, sizes: Sizes) -> None:
        self.name, self.words, self._sizes = name, [0, 0], sizes

    @property
    def definition(self) -> str:
        """Return the macro."""
        return f"#define {self.name.upper()} {self.words[0]}"

    def place(self, shape: Sequence[int], padded: bool = False) -> Place:
        """Return a new buffer; the rows of a padded one begin at multiples of PAD."""
        of_batch, fixed = self._sizes.words(shape, padded)
        start = f"{self.words[0]} * B" if of_batch else f"{self.name.upper()} * B + {self.words[1]}"
        self.words[0] += of_batch
        self.words[1] += fixed
        return Place(f"{self.name} + {start}", axes(shape, padded))


def axes(shape: Sequence[int], padded: bool = False) -> Tensor:
    """Return the axes of a buffer as a meta tensor, dense except for padded rows."""
    if not padded or not shape:
        return torch.empty(tuple(shape), device="meta")
    strides, step = [1], rounded(shape[-1])
    for size in reversed(shape[1:-1]):
        strides.insert(0, step)
        step *= size
    if len(shape) > 1:
        strides.insert(0, step)
    return torch.empty_strided(tuple(shape), tuple(strides), device="meta")


def rounded(size: int) -> int:
    """Return a size rounded up to a multiple of PAD."""
    return -(-size // PAD) * PAD
