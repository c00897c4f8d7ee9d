"""Whose gradient vanishes."""

from collections.abc import Iterator, Sequence

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import decays_while_learning, moment_label
from lstm_bench.analysis.statistics import Interval
from lstm_bench.claims.cells import lstms, place_of, vanilla_rnns
from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.metrics import INITIAL

TEXT = "The vanishing gradient is severe in a vanilla RNN and largely solved in an LSTM."
SOURCE = 'The explainer, table "vanilla RNN against LSTM", row "vanishing gradient".'
STEPS, LEFT = 100, 1e-3
FACTOR = LEFT ** (1 / STEPS)  # 0.933 a step
RULE = (
    f"Severe where the gradient at the joint state falls below 1e-3 within {STEPS} steps, that is where the whole 95% "
    f"interval of the factor a step, rho, is at most {FACTOR:.3f}; largely solved where it is at least that. Each "
    "start of a cell and each moment of its training is a setting of its own."
)
NEEDS = ("initialisation", "copy_task", "adding_task")
RNN_DECAY, LSTM_DECAY = "gradient factor rho of the RNN", "gradient factor rho of the LSTM"
DECIDED_BY = (RNN_DECAY, LSTM_DECAY)
AT_START = "at the start"


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return the decay per step of every vanilla RNN and LSTM, at the start and at every milestone."""
    return [number for study in studies for number in _decays(study)]


def _decays(study: StudyData) -> Iterator[Measurement]:
    rows = decays_while_learning(study)
    kinds = ((RNN_DECAY, vanilla_rnns(study), Claimed(high=FACTOR)), (LSTM_DECAY, lstms(study), Claimed(low=FACTOR)))
    for quantity, cells, claimed in kinds:
        for row in rows.loc[rows["cell"].isin(cells)].itertuples():
            interval = Interval(float(row.decay), float(row.decay_low), float(row.decay_high))  # type: ignore[arg-type]
            case = _moment(str(row.moment))
            yield Measurement(
                place_of(study), str(row.cell), quantity, interval, claimed, case, alone=True, unit="a step"
            )


def _moment(moment: str) -> str:
    if moment == INITIAL:
        return AT_START
    label = moment_label(moment)
    return "trained" if label == "end" else f"at {label} of the baseline"


def refined(numbers: Sequence[Measurement]) -> str:
    """Return the range of both cells at the start: the same start decides for either."""
    sentences = [
        _range(name, [number for number in numbers if number.quantity == name]) for name in (RNN_DECAY, LSTM_DECAY)
    ]
    return f"Whether a gradient vanishes is decided by how a cell starts. {' '.join(filter(None, sentences))}"


def _range(quantity: str, numbers: Sequence[Measurement]) -> str:
    starts = [number for number in numbers if number.case == AT_START]
    if not starts:
        return ""
    kind = quantity.removeprefix("gradient factor rho of ")
    low, high = (choose(starts, key=lambda number: number.found.middle) for choose in (min, max))
    if low is high:
        return f"At its start {kind} multiplies its gradient by {low.text} ({low.cell})."
    return f"At its start {kind} multiplies its gradient by {low.text} ({low.cell}) to {high.text} ({high.cell})."
