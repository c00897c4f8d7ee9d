"""Search for the hidden sizes that give a number of parameters, among those that a cell allows."""

from collections.abc import Callable
from itertools import chain

from lstm_bench.config.errors import ConfigError

MOST_TRIED = 2048  # hidden sizes that a cell refuses, in one gap between two that it allows


class Sizes:
    """The number of parameters of a cell by its hidden size, for the hidden sizes that its constructor allows.

    The number of parameters grows with the hidden size by at least one a unit, as that of the read-out does.

    Args:
        count: returns the number of parameters, and raises ConfigError for a hidden size that the cell refuses.
        configured: a hidden size that it allows.
    """

    def __init__(self, count: Callable[[int], int], configured: int) -> None:
        self._count, self._configured = count, configured
        self._known: dict[int, int] = {}
        self._refused: dict[int, ConfigError] = {}
        self.refusal: ConfigError | None = None

    def around(self, target: int) -> dict[int, int]:
        """Return the largest hidden size with fewer parameters than `target` and the smallest with as many or more.

        The keys are the hidden sizes, the values their numbers of parameters; a key is missing where the cell allows
        none on that side. Sets `refusal` to the cell's error for a hidden size between them, None without one.
        """
        low, high = self._ends(target)
        while (between := self._allowed_between(low, high)) is not None:
            low, high = (between, high) if self._parameters(between) < target else (low, between)
        self.refusal = next((self._refused[size] for size in sorted(self._refused) if low < size < high), None)
        sizes = {hidden_size: self._at(hidden_size) for hidden_size in (low, high) if hidden_size > 0}
        return {hidden_size: count for hidden_size, count in sizes.items() if count is not None}

    def _ends(self, target: int) -> tuple[int, int]:
        """Return two hidden sizes, one with fewer parameters than the target, or 0, and one with as many or more."""
        if self._parameters(self._configured) >= target:
            return 0, self._configured
        low = high = self._configured
        while high < target:
            high *= 2
            if (count := self._at(high)) is not None and count >= target:
                break
            low = low if count is None else high
        return low, high

    def _allowed_between(self, low: int, high: int) -> int | None:
        """Return the allowed hidden size nearest to the middle of two others, None where none is found."""
        middle = (low + high) // 2
        outwards = chain.from_iterable((middle + step, middle - step) for step in range(MOST_TRIED // 2))
        return next((size for size in outwards if low < size < high and self._at(size) is not None), None)

    def _at(self, hidden_size: int) -> int | None:
        """Return the number of parameters at a hidden size, None where the cell refuses it."""
        if hidden_size not in self._known and hidden_size not in self._refused:
            try:
                self._known[hidden_size] = self._count(hidden_size)
            except ConfigError as error:
                self._refused[hidden_size] = error
        return self._known.get(hidden_size)

    def _parameters(self, hidden_size: int) -> int:
        """Return the number of parameters at a hidden size that the cell allows."""
        count = self._at(hidden_size)
        assert count is not None
        return count
