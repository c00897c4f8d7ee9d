"""The additive path through the cell state."""

from collections.abc import Iterator, Sequence

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import WHEN, decay_per_step, decay_ratio, longest_lag_with_flow
from lstm_bench.analysis.wording import with_range
from lstm_bench.claims.cells import lstms, place_of
from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.metrics import FINAL, INITIAL

TEXT = "The additive path through the cell state lets gradients flow."
SOURCE = "The explainer, the cell state as a conveyor belt."
RULE = (
    "Holds for a start of the LSTM and a moment where the gradient keeps more a step through c alone than through h "
    "alone: the whole 95% interval of the ratio of both factors is at least 1."
)
NEEDS = ("initialisation", "copy_task", "adding_task")
RATIO, C_ALONE, H_ALONE = "factor a step through c, over that through h", "rho through c alone", "rho through h alone"
DECIDED_BY = (RATIO,)
C_PATH, H_PATH = "c path", "h path"


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return the ratio of both paths' factors in every LSTM, at the start and trained, and the factors themselves."""
    return [number for study in studies for number in _ratios(study)]


def _ratios(study: StudyData) -> Iterator[Measurement]:
    lag = longest_lag_with_flow(study)
    if lag is None:
        return
    for cell in lstms(study):
        for moment in (INITIAL, FINAL):
            ratio = decay_ratio(study, cell, lag, moment, C_PATH, H_PATH)
            if ratio.middle == ratio.middle:  # not NaN: it was measured
                place, case = place_of(study), WHEN[moment]
                yield Measurement(place, cell, RATIO, ratio, Claimed(low=1), case, alone=True)
                for quantity, path in ((C_ALONE, C_PATH), (H_ALONE, H_PATH)):
                    rho = decay_per_step(study, cell, lag, moment, path)
                    yield Measurement(place, cell, quantity, rho, None, case, alone=True, unit="a step")


def refined(numbers: Sequence[Measurement]) -> str:
    """Return by what factor c keeps more, least and most."""
    ratios, factors = _ends(numbers, RATIO), _ends(numbers, C_ALONE)
    return (
        f"Each step back, the gradient through c alone keeps {ratios} times what it keeps through h alone "
        f"(the factor through c itself: {factors})."
    )


def _ends(numbers: Sequence[Measurement], quantity: str) -> str:
    of_quantity = [number for number in numbers if number.quantity == quantity]
    low, high = (choose(of_quantity, key=lambda number: number.found.middle) for choose in (min, max))
    ends = [f"{with_range(*number.found)} ({number.cell} {number.case})" for number in dict.fromkeys((low, high))]
    return " to ".join(ends)
