"""The claim about how many parameters each cell has."""

from collections.abc import Iterator, Sequence

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.statistics import Interval
from lstm_bench.analysis.wording import significant
from lstm_bench.claims.cells import matched_pairs, place_of
from lstm_bench.claims.contract import Claimed, Measurement

TEXT = "An LSTM has about 4 times the parameters of a vanilla RNN."
SOURCE = 'The explainer, table "vanilla RNN against LSTM", row "parameters".'
RULE = (
    "Counted, so without an interval: holds where the ratio at the same hidden size rounds to 4 (3.5 to 4.5), for the "
    "core, G(H^2 + H I + 2H) with G = 4 against 1, and with the read-out."
)
NEEDS = ("copy_task",)
CORE, TOTAL = "core parameters, LSTM over RNN", "all parameters, LSTM over RNN"
DECIDED_BY = (CORE, TOTAL)


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return both ratios for each LSTM and vanilla RNN of the same hidden size."""
    return [number for study in studies for number in _ratios(study)]


def _ratios(study: StudyData) -> Iterator[Measurement]:
    pairs = {(lstm.n_parameters, rnn.n_parameters): (lstm, rnn) for lstm, rnn in reversed(list(matched_pairs(study)))}
    for lstm, rnn in pairs.values():  # pairs that differ only in their start have the same counts
        cell, case = f"{lstm.cell} over {rnn.cell}", f"H = {lstm.hidden_size}"
        counts = {CORE: (lstm.n_parameters_core, rnn.n_parameters_core), TOTAL: (lstm.n_parameters, rnn.n_parameters)}
        for quantity, (a, b) in counts.items():
            ratio = a / b
            yield Measurement(place_of(study), cell, quantity, Interval(ratio, ratio, ratio), Claimed(3.5, 4.5), case)


def refined(numbers: Sequence[Measurement]) -> str:
    """Return both ratios: the read-out is the same for both cells and dilutes the factor."""
    core, total = (
        _range([number.interval.middle for number in numbers if number.quantity == name]) for name in (CORE, TOTAL)
    )
    return f"At the same hidden size an LSTM has {core} times the core parameters, and {total} times with the read-out."


def _range(ratios: Sequence[float]) -> str:
    return " to ".join(dict.fromkeys(significant(end) for end in (min(ratios), max(ratios))))
