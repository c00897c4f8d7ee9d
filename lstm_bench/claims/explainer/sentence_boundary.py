"""The claim about the end of a sentence."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from lstm_bench.analysis.boundary import (
    BOUNDARY,
    GATE_AT,
    LEFT,
    NEEDED,
    READABLE,
    STRENGTH,
    WORD,
    boundary_numbers,
    judged_lag,
)
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.statistics import Interval
from lstm_bench.analysis.wording import listed
from lstm_bench.claims.cells import lstms, place_of, vanilla_rnns
from lstm_bench.claims.contract import ANYWHERE, NOWHERE, Claimed, Measurement
from lstm_bench.metrics import FINAL

TEXT = "At the end of a sentence the RNN has no mechanism; the LSTM's forget gate resets the memory."
SOURCE = 'The explainer, the walk through "Deep learning is fun. I love learning".'
HALF = 0.5  # of the content, and of a gate
UNUSED = 0.01  # of the answers: a task counts as solved with this share of wrong ones
RULE = (
    "The content of a sentence is read from the state by linear regression, one step after its boundary and, in the "
    "same sequences, one step after an ordinary word in the boundary's place. The LSTM's forget gate resets where at "
    f"most {HALF:.0%} of what can be read after the word (r^2) is left after the boundary, and the gate's mean there, "
    f"over the units that carry the content, is at most {HALF:g}. The RNN has no mechanism where at least {HALF:.0%} "
    f"is left, and at most {UNUSED:.0%} of its right answers are lost when a word replaces the boundary. The claim "
    "holds on a task where all of these hold after training, by the whole 95% interval, at the longest lag that most "
    f"members of every cell solve, else the shortest. Where less than {HALF:g} can be read after a word there is "
    "nothing to reset, and nothing is decided."
)
NEEDS = ("anatomy",)
RNN_LEFT, LSTM_LEFT = "content of the sentence left to the RNN", "content of the sentence left to the LSTM"
LSTM_GATE = "forget gate at the boundary, on the units with the content"
RNN_NEEDED = "right answers that the RNN loses without the boundary"
DECIDED_BY = (RNN_LEFT, RNN_NEEDED, LSTM_LEFT, LSTM_GATE)
LSTM_NEEDED = "right answers that the LSTM loses without the boundary"
GATE_AT_WORD = "forget gate at an ordinary word, on the same units"
STRENGTH_LEFT = "variance of the state due to the content, left"


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return what is left of a sentence after its boundary, the gate there, and the answers that need the boundary."""
    return [number for study in studies for number in _numbers(study)]


def _numbers(study: StudyData) -> Iterator[Measurement]:
    rows = boundary_numbers(study)
    rows = rows.loc[(rows["moment"] == FINAL) & (rows["lag"] == judged_lag(study))]
    rnns, all_lstms = vanilla_rnns(study), lstms(study)
    kinds: tuple[tuple[str, str, list[str], Claimed | None], ...] = (
        (RNN_LEFT, LEFT, rnns, Claimed(low=HALF)),
        (RNN_NEEDED, NEEDED, rnns, Claimed(high=UNUSED)),
        (LSTM_LEFT, LEFT, all_lstms, Claimed(high=HALF)),
        (LSTM_GATE, GATE_AT[BOUNDARY], all_lstms, Claimed(high=HALF)),
        (GATE_AT_WORD, GATE_AT[WORD], all_lstms, None),
        (LSTM_NEEDED, NEEDED, all_lstms, None),
        (STRENGTH_LEFT, STRENGTH, [*all_lstms, *rnns], None),
    )
    for quantity, name, cells, claimed in kinds:
        for row in rows.loc[(rows["quantity"] == name) & rows["cell"].isin(cells)].to_dict("records"):
            reach = ANYWHERE if name == NEEDED or _holds_content(rows, row["cell"]) else NOWHERE
            interval = Interval(float(row["middle"]), float(row["low"]), float(row["high"]))
            yield Measurement(
                place_of(study), str(row["cell"]), quantity, interval, claimed, f"lag {row['lag']}", reach=reach
            )


def _holds_content(rows: pd.DataFrame, cell: Any) -> bool:
    """Return whether a cell still has the content one step after an ordinary word, so that there is some to erase."""
    readable = rows.loc[(rows["quantity"] == READABLE) & (rows["cell"] == cell), "low"]
    return bool((readable >= HALF).all())


def refined(numbers: Sequence[Measurement]) -> str:
    """Return what is left to either cell, how many answers need the boundary, and what the gate does there."""

    def numbers_of(*quantities: str) -> str:
        return listed([f"{number.text} ({number.where})" for number in numbers if number.quantity in quantities])

    sentences = [
        f"Of the content of a sentence that can be read after an ordinary word, the share left after its end is "
        f"{numbers_of(RNN_LEFT, LSTM_LEFT)}.",
        f"Right answers lost where a word replaces the boundary: {numbers_of(RNN_NEEDED, LSTM_NEEDED)}.",
    ]
    if gate := numbers_of(LSTM_GATE):
        sentences.append(f"On the units that carry the content the forget gate is at {gate}.")
    return " ".join(sentences)
