"""The claim that little of the cell state changes without need."""

from collections.abc import Iterator, Sequence

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gates import change_ratio, state_change, state_kept
from lstm_bench.claims.cells import lstms, place_of
from lstm_bench.claims.contract import Claimed, Measurement

TEXT = "The cell state is a conveyor belt: little of it changes without need."
SOURCE = "The explainer, the cell state as a conveyor belt."
LITTLE = 0.1
RULE = (
    f"Holds for a trained LSTM whose c, at blanks (which need no change), changes by at most {LITTLE:.0%} of its norm "
    f"a step, is at least {1 - LITTLE:.0%} due to keeping, and changes less than at cues; by whole 95% intervals, over "
    f"the members that solved the task, at the longest lag that most solved. The limit is {LITTLE:.0%} because at more "
    "than that ten blanks may replace all of c."
)
NEEDS = ("initialisation", "copy_task", "adding_task")
CHANGE, KEPT = "change of c at a blank, over its norm", "share of c due to keeping at a blank"
RATIO, AT_CUE = "change of c at a blank, over that at a cue", "change of c at a cue, over its norm"
DECIDED_BY = (CHANGE, KEPT, RATIO)
BLANK, CUE = "blank", "cue"


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return how much of c changes at blanks and at cues, and how much of it is kept, in every trained LSTM."""
    return [number for study in studies for cell in lstms(study) for number in _of_cell(study, cell)]


def _of_cell(study: StudyData, cell: str) -> Iterator[Measurement]:
    for quantity, interval, claimed in (
        (CHANGE, state_change(study, cell, BLANK), Claimed(high=LITTLE)),
        (KEPT, state_kept(study, cell, BLANK), Claimed(low=1 - LITTLE)),
        (RATIO, change_ratio(study, cell, BLANK, CUE), Claimed(high=1)),
        (AT_CUE, state_change(study, cell, CUE), None),
    ):
        if interval.middle == interval.middle:  # not NaN: it was measured
            yield Measurement(place_of(study), cell, quantity, interval, claimed, alone=True)


def refined(numbers: Sequence[Measurement]) -> str:
    """Return the least and the most of each quantity."""
    ranges = [_range(quantity, numbers) for quantity in (*DECIDED_BY, AT_CUE)]
    return f"In LSTMs that solved their task: {'; '.join(filter(None, ranges))}."


def _range(quantity: str, numbers: Sequence[Measurement]) -> str:
    chosen = [number for number in numbers if number.quantity == quantity]
    if not chosen:
        return ""
    low, high = (choose(chosen, key=lambda number: number.interval.middle) for choose in (min, max))
    ends = dict.fromkeys(f"{number.text} ({number.where})" for number in (low, high))
    return f"{quantity} {' to '.join(ends)}"
