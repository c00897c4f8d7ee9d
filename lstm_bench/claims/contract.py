"""The interface of a claim, and the measurements that decide it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.statistics import Interval
from lstm_bench.analysis.wording import significant, with_range


class Claimed(NamedTuple):
    """The range in which a claim puts a number, both ends included."""

    low: float = -math.inf
    high: float = math.inf

    @property
    def text(self) -> str:
        """The range in words: "at least 100", "at most 5", "3.5 to 4.5", "exactly 3"."""
        low, high = (f"{end:.3g}" for end in self)
        if self.low == self.high:
            return f"exactly {low}"
        if math.isinf(self.high):
            return f"at least {low}"
        return f"at most {high}" if math.isinf(self.low) else f"{low} to {high}"


ANYWHERE, NOWHERE = Claimed(), Claimed(math.inf, -math.inf)  # as ranges of what could have been found


@dataclass(frozen=True)
class Measurement:
    """One number in one setting, with the range that the claim puts it in.

    Args:
        place: the task and the study that it was measured in: "context in anatomy".
        cell: whose number it is.
        quantity: what was measured, such as "span of the RNN".
        interval: the number with its 95% interval; both ends equal it where it was counted. NaN ends are unknown.
        claimed: where the claim puts it; None for an additional number, which decides nothing.
        case: what else distinguishes it from others of its place and cell: "at the start", "lag 16".
        alone: whether the cell is a setting by itself, rather than with all cells of its place and case.
        unit: of the number, "" for a share, a factor or a count.
        wording: the number with its unit in words, made from `interval` if left out.
        reach: the least and the greatest that could have been found with the lags, members and budget of its study;
            what `interval` says beyond that is open. `NOWHERE` where they are too few for any number.
    """

    place: str
    cell: str
    quantity: str
    interval: Interval
    claimed: Claimed | None
    case: str = ""
    alone: bool = False
    unit: str = ""
    wording: str = ""
    reach: Claimed = ANYWHERE

    @property
    def setting(self) -> str:
        """The setting in which a claim holds or fails: it holds in one where all numbers agree."""
        return self.where if self.alone else _joined(self.case, self.place)

    @property
    def where(self) -> str:
        """The cell, the case and the place: "rnn, at the start, copy in starts"."""
        return _joined(self.cell, self.case, self.place)

    @property
    def text(self) -> str:
        """The number with its interval and unit."""
        if self.wording:
            return self.wording
        middle, low, high = self.interval
        number = significant(middle) if low == high else with_range(middle, low, high)
        return f"{number} {self.unit}".rstrip()

    @property
    def is_known(self) -> bool:
        """Whether the number has an interval: one member alone has none."""
        return not math.isnan(self.interval.low) and not math.isnan(self.interval.high)

    @property
    def decides(self) -> bool:
        """Whether the number can decide the claim.

        Something is claimed of it, its interval is known, and it could have come out either way: within the claimed
        range and outside. An interval that ends on neither side of the claim because its reach does decides nothing.
        """
        if self.claimed is None or not self.is_known or not self._could_be_either():
            return False
        is_open = self.interval.low < self.reach.low or self.interval.high > self.reach.high
        return self._lies_within() is not None or not is_open

    @property
    def agrees(self) -> bool | None:
        """Whether the whole interval lies where the claim puts it (True) or outside (False); None if part of it does.

        None as well where the number decides nothing.
        """
        return self._lies_within() if self.decides else None

    def _lies_within(self) -> bool | None:
        claimed = self.claimed or ANYWHERE
        if claimed.low <= self.interval.low and self.interval.high <= claimed.high:
            return True
        return False if self.interval.high < claimed.low or self.interval.low > claimed.high else None

    def _could_be_either(self) -> bool:
        claimed, reach = self.claimed or ANYWHERE, self.reach
        could_agree = reach.low <= claimed.high and reach.high >= claimed.low
        return could_agree and (reach.low < claimed.low or reach.high > claimed.high)


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))


class Claim(Protocol):
    """The module of a claim; `refined` and DECIDED_BY may be left out, and no quantity is then required."""

    TEXT: str  # the claim in its own words
    SOURCE: str  # where it is made
    RULE: str  # when it holds in a setting, in words
    NEEDS: Sequence[str]  # experiments, or studies by name, that measure it and whose reports rule on it
    DECIDED_BY: Sequence[str]  # quantities that must all be measured before it can be called supported

    def measure(self, studies: Sequence[StudyData]) -> list[Measurement]:
        """Return the numbers that decide it, from studies narrowed to one task each; [] where there are none."""
        ...

    def refined(self, numbers: Sequence[Measurement]) -> str:
        """Return what the numbers support instead of the claim, in a sentence or two."""
        ...
