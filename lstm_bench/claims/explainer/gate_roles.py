"""The claim about what each gate does, and whether that matters."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gates import clamp_fall, role_ratio
from lstm_bench.analysis.statistics import Interval
from lstm_bench.analysis.wording import listed
from lstm_bench.claims.cells import lstms, place_of
from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.claims.explainer.gates import is_needed_on

TEXT = "The input gate opens at what is to be kept, the output gate when asked; the forget gate shuts at a reset."
SOURCE = "The explainer, what each gate is for."
LEAST_FALL = 0.1
RULE = (
    "Holds for a gate of a trained LSTM that does what is claimed (i at a cue over i at a blank above 1, o at the "
    "recall over o at a blank above 1, f at a reset over f elsewhere below 1), where that matters: with the gate held "
    "at its own mean, unit by unit, at every step, at least a tenth of what was learned is lost, the same tenth that "
    "counts in a span. By whole 95% intervals, over the members that solved the task, at the longest lag that most "
    "solved. i and o are decided on copy, f on segments and continual Reber grammar; other tasks decide nothing."
)
NEEDS = ("initialisation", "copy_task", "anatomy")


class Role(NamedTuple):
    """What a gate is claimed to do: its value at `role` over that at `other` lies in `claimed`."""

    role: str
    other: str
    claimed: Claimed
    part: str  # the gate's name in `gates.NEEDED_BY`, which lists the tasks that need it


ROLES: Mapping[str, Role] = {
    "i": Role("cue", "blank", Claimed(low=1), "input_gate"),
    "o": Role("recall", "blank", Claimed(low=1), "output_gate"),
    "f": Role("reset", "elsewhere", Claimed(high=1), "forget_gate"),
}
RATIOS = {
    "i": "i at a cue over i at a blank",
    "o": "o at recall over o at a blank",
    "f": "f at a reset over f elsewhere",
}
FALLS = {gate: f"share of the score lost with {gate} held at its mean" for gate in ROLES}
DECIDED_BY = (*RATIOS.values(), *FALLS.values())
BESIDE = " (decides nothing)"


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return for each gate of each trained LSTM its ratio between two roles, and the score that clamping it costs."""
    return [
        number
        for study in studies
        for cell in lstms(study)
        for gate, role in ROLES.items()
        for number in _of_gate(study, cell, gate, role)
    ]


def _of_gate(study: StudyData, cell: str, gate: str, role: Role) -> Iterator[Measurement]:
    decides = is_needed_on(study, role.part)
    numbers: tuple[tuple[str, Interval, Claimed], ...] = (
        (RATIOS[gate], role_ratio(study, cell, gate, role.role, role.other), role.claimed),
        (FALLS[gate], clamp_fall(study, cell, gate), Claimed(low=LEAST_FALL)),
    )
    for quantity, interval, claimed in numbers:
        if interval.middle == interval.middle:  # not NaN: it was measured
            name, range_ = (quantity, claimed) if decides else (f"{quantity}{BESIDE}", None)
            yield Measurement(place_of(study), cell, name, interval, range_, f"gate {gate}", alone=True)


def refined(numbers: Sequence[Measurement]) -> str:
    """Return for each gate in how many trained LSTMs it does what is claimed, and in how many that matters."""
    sentences = [_of_kind(numbers, gate) for gate in ROLES]
    return " ".join(filter(None, sentences))


def _of_kind(numbers: Sequence[Measurement], gate: str) -> str:
    """Return "i at a cue over i at a blank is 2.1 to 9.8, as claimed in 3 of 4 and share of the score lost ..."."""
    clauses = [_clause(quantity, numbers) for quantity in (RATIOS[gate], FALLS[gate])]
    known = list(filter(None, clauses))
    return f"{listed(known)}." if known else ""


def _clause(quantity: str, numbers: Sequence[Measurement]) -> str:
    chosen = [number for number in numbers if number.quantity == quantity]
    if not chosen:
        return ""
    low, high = (choose(chosen, key=lambda number: number.interval.middle) for choose in (min, max))
    texts = " to ".join(dict.fromkeys((low.text, high.text)))
    agreeing = sum(number.agrees is True for number in chosen)
    return f"{quantity} is {texts}, as claimed in {agreeing} of {len(chosen)}"
