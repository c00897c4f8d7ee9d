"""The end of a sentence."""

from collections.abc import Iterator, Sequence

from lstm_bench.analysis.forgetting import boundary_summary
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gates import BOUNDARY_DIFFERENCE, gate_metric
from lstm_bench.analysis.statistics import Interval
from lstm_bench.analysis.wording import listed
from lstm_bench.claims.cells import lstms, place_of, vanilla_rnns
from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.metrics import FINAL

TEXT = "At the end of a sentence the RNN has no mechanism; the LSTM's forget gate resets the memory."
SOURCE = 'The explainer, the walk through "Deep learning is fun. I love learning".'
KEPT, RESET = (0.9, 1.1), 0.5
RULE = (
    "What is carried over a boundary, over what is carried past an ordinary word, trained: the RNN has no mechanism "
    f"where the whole 95% interval lies within {KEPT[0]:g} to {KEPT[1]:g}, the LSTM resets where it is at most "
    f"{RESET:g}. Holds on a task where both do, at its longest lag."
)
NEEDS = ("anatomy",)
RNN_CARRY, LSTM_CARRY = "carry-over of the RNN", "carry-over of the LSTM"
DECIDED_BY = (RNN_CARRY, LSTM_CARRY)
GATE, RIGHT = "forget gate at the boundary less elsewhere", "right answers just after the boundary"


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return carry-over at the boundary of trained cells, the forget gate there, and the answers just after."""
    return [number for study in studies for number in (*_carried(study), *_beside(study))]


def _carried(study: StudyData) -> Iterator[Measurement]:
    kinds = ((RNN_CARRY, vanilla_rnns(study), Claimed(*KEPT)), (LSTM_CARRY, lstms(study), Claimed(high=RESET)))
    for quantity, cells, claimed in kinds:
        yield from _numbers(study, "carry-over", quantity, cells, claimed)


def _beside(study: StudyData) -> Iterator[Measurement]:
    """Yield what decides nothing: how far the forget gate moves, and how right the cells are there."""
    for cell in lstms(study):
        gate = gate_metric(study, cell, BOUNDARY_DIFFERENCE, FINAL)
        if gate.middle == gate.middle:  # not NaN: it was measured
            yield Measurement(place_of(study), cell, GATE, gate, None)
    yield from _numbers(study, "accuracy", RIGHT, [*lstms(study), *vanilla_rnns(study)], None)


def _numbers(
    study: StudyData, name: str, quantity: str, cells: Sequence[str], claimed: Claimed | None
) -> Iterator[Measurement]:
    """Yield a quantity at the longest lag, as close to the boundary as it was measured."""
    rows = boundary_summary(study)
    rows = rows.loc[(rows["moment"] == FINAL) & (rows["quantity"] == name) & rows["cell"].isin(cells)]
    rows = rows.loc[rows["lag"] == rows["lag"].max()]
    for row in rows.loc[rows["at"] == rows["at"].min()].to_dict("records"):
        interval = Interval(float(row["middle"]), float(row["low"]), float(row["high"]))
        yield Measurement(place_of(study), str(row["cell"]), quantity, interval, claimed, f"lag {row['lag']}")


def refined(numbers: Sequence[Measurement]) -> str:
    """Return what is carried over by either, and by how much the gate moves."""
    carried = [f"{number.text} ({number.where})" for number in numbers if number.quantity in (RNN_CARRY, LSTM_CARRY)]
    moved = [f"{number.text} ({number.where})" for number in numbers if number.quantity == GATE]
    gate = f" The forget gate moves there by {listed(moved)}." if moved else ""
    return f"A boundary carries over, of what an ordinary word does: {listed(carried)}.{gate}"
