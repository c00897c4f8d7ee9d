"""The claim about how many gates each cell has, which are counted."""

from collections.abc import Iterator, Sequence

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gates import curves_of, gates_of
from lstm_bench.analysis.gradients import part_of, paths
from lstm_bench.analysis.statistics import Interval
from lstm_bench.claims.cells import lstms, place_of, vanilla_rnns
from lstm_bench.claims.contract import Claimed, Measurement

TEXT = "A vanilla RNN has no gates, an LSTM three gates and a cell state."
SOURCE = 'The explainer, table "vanilla RNN against LSTM", row "gates".'
RULE = (
    "Holds where probes find no gate in the RNN, and three gates and a state c in addition to h in the LSTM. This is "
    "so by construction; it says nothing about what the gates do."
)
NEEDS = ("copy_task", "ablation")
RNN_GATES, LSTM_GATES, LSTM_STATES = "gates of the RNN", "gates of the LSTM", "parts of the LSTM's state"
DECIDED_BY = (RNN_GATES, LSTM_GATES, LSTM_STATES)


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return the gates and the parts of the state that probes met."""
    return [number for study in studies for number in _structure(study)]


def _structure(study: StudyData) -> Iterator[Measurement]:
    for quantity, cells, n in ((RNN_GATES, vanilla_rnns(study), 0), (LSTM_GATES, lstms(study), 3)):
        for cell in cells:
            curves = curves_of(study, cell)
            if len(curves):
                yield _counted(place_of(study), quantity, gates_of(curves), n, cell)
    for cell in lstms(study):
        if parts := [part_of(path) for path in paths(study, cell)]:
            yield _counted(place_of(study), LSTM_STATES, parts, 2, cell)


def _counted(place: str, quantity: str, names: Sequence[str], claimed: int, cell: str) -> Measurement:
    n = float(len(names))
    text = f"{len(names)} ({', '.join(names)})" if names else "0"
    return Measurement(place, cell, quantity, Interval(n, n, n), Claimed(claimed, claimed), "structure", wording=text)


def refined(numbers: Sequence[Measurement]) -> str:
    """Return the counts."""
    counts = dict.fromkeys(f"{number.quantity}: {number.text}" for number in numbers)
    return f"Counted: {'; '.join(counts)}."
