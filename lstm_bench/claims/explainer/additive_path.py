"""The claim about the additive path through the cell state, against the repeated multiplication of an RNN."""

from collections.abc import Iterator, Sequence

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import decay_per_step, decay_ratio, rho_ratio
from lstm_bench.analysis.wording import with_range
from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.claims.starts import SharedStart, shared_starts

TEXT = "The additive path through the cell state lets gradients flow, unlike the repeated multiplication of an RNN."
SOURCE = "The explainer, the cell state as a conveyor belt."
RULE = (
    "Holds for a start and a moment where the gradient keeps at least as much a step through the LSTM's c alone as "
    "through the RNN with the same start: the whole 95% interval of the ratio of their factors rho is at least 1. The "
    "LSTM's own path through h is measured too and decides nothing."
)
NEEDS = ("initialisation", "copy_task", "adding_task")
RATIO, OWN_RATIO = "factor a step through c, over the RNN's", "factor a step through c, over that through h"
C_ALONE, RNN_ALONE = "rho through c alone", "rho of the RNN"
DECIDED_BY = (RATIO,)
C_PATH, H_PATH = "c path", "h path"


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return c against the RNN for each start that they share, before and after training, with the factors."""
    return [number for shared in shared_starts(studies) for number in _ratios(shared)]


def _ratios(shared: SharedStart) -> Iterator[Measurement]:
    study, lag, moment = shared.study, shared.lag, shared.moment
    ratio = rho_ratio(study, shared.lstm, C_PATH, shared.rnn, lag, moment)
    if ratio.middle != ratio.middle:  # NaN: not measured
        return
    yield Measurement(shared.place, shared.lstm, RATIO, ratio, Claimed(low=1), shared.case)
    decay_in_lstm = decay_ratio(study, shared.lstm, lag, moment, C_PATH, H_PATH)
    yield Measurement(shared.place, shared.lstm, OWN_RATIO, decay_in_lstm, None, shared.case)
    unit = f"a step, over steps 0 to {shared.reach}"
    for quantity, cell, path in ((C_ALONE, shared.lstm, C_PATH), (RNN_ALONE, shared.rnn, "")):
        rho = decay_per_step(study, cell, lag, moment, path)
        yield Measurement(shared.place, cell, quantity, rho, None, shared.case, unit=unit)


def refined(numbers: Sequence[Measurement]) -> str:
    """Return the least and the greatest factor of c over that of the RNN, and over that of h."""
    return (
        f"Each step back, the gradient through c alone keeps {_ends(numbers, RATIO)} times what it keeps in an RNN "
        f"with the same start, and {_ends(numbers, OWN_RATIO)} times what it keeps through the LSTM's own h."
    )


def _ends(numbers: Sequence[Measurement], quantity: str) -> str:
    of_quantity = [number for number in numbers if number.quantity == quantity]
    low, high = (choose(of_quantity, key=lambda number: number.interval.middle) for choose in (min, max))
    ends = [f"{with_range(*number.interval)} ({number.cell}, {number.case})" for number in dict.fromkeys((low, high))]
    return " to ".join(ends)
