"""What the gates are, and whether each is needed."""

import math
from collections.abc import Iterator, Sequence

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gates import curves_of, gates_of
from lstm_bench.analysis.gradients import part_of, paths
from lstm_bench.analysis.statistics import Interval
from lstm_bench.analysis.wording import listed
from lstm_bench.claims.cells import lstms, lstms_without, place_of, vanilla_rnns
from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.claims.spans import FEWEST, tried_spans

TEXT = "A vanilla RNN has no gates, an LSTM three gates and a cell state, and they do the remembering."
SOURCE = 'The explainer, table "vanilla RNN against LSTM", row "gates".'
RULE = (
    "Holds for the structure where no gate is seen in the RNN, and in the LSTM three and a state c beside h; holds for "
    "a gate where the LSTM with that gate held open (f, i or o = 1) has a T50 below that of the whole one, the whole "
    "95% interval of the ratio being at most 1. A ratio decides where the lags tried bracket T50 on the side that "
    f"matters, with at least {FEWEST} members each and a budget within which some were solved."
)
NEEDS = ("copy_task", "ablation")
RNN_GATES, LSTM_GATES, LSTM_STATES = "gates of the RNN", "gates of the LSTM", "parts of the LSTM's state"
GATES = {
    "forget_gate": "T50 with f = 1, over that of the whole LSTM",
    "input_gate": "T50 with i = 1, over that of the whole LSTM",
    "output_gate": "T50 with o = 1, over that of the whole LSTM",
}
DECIDED_BY = (RNN_GATES, LSTM_GATES, LSTM_STATES, *GATES.values())


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return the gates and states that probes saw, and the span without each gate over that with all."""
    structure = [number for study in studies for number in _structure(study)]
    return [*structure, *(number for study in studies for number in _ablations(study))]


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
    return Measurement(place, cell, quantity, Interval(n, n, n), Claimed(claimed, claimed), "structure", told=text)


def _ablations(study: StudyData) -> Iterator[Measurement]:
    tried, sizes = tried_spans(study), {job.cell: job.hidden_size for job in study.plan.jobs}
    for cell, missing in lstms_without(study).items():
        wholes = [whole for whole in lstms(study) if sizes[whole] == sizes[cell]]
        if missing in GATES and wholes:
            without, whole = tried[cell], tried[wholes[0]]
            interval, case = without.ratio_to(whole), f"over {wholes[0]}"
            if not math.isnan(interval.middle):
                text, reach = without.ratio_text(whole), without.ratio_reach(whole)
                yield Measurement(
                    place_of(study), cell, GATES[missing], interval, Claimed(high=1), case, True, told=text, reach=reach
                )


def refined(numbers: Sequence[Measurement]) -> str:
    """Return which gate shortens the span when it is missing."""
    gates = [number for number in numbers if number.quantity in GATES.values()]
    needed = [_in_words(number) for number in gates if number.agrees]
    others = [_in_words(number) for number in gates if number.agrees is False]
    undecided = [_in_words(number) for number in gates if number.agrees is None]
    parts = [
        "An LSTM has three gates and a state c, a vanilla RNN none.",
        f"What shortens the span when it is missing: {listed(needed)}." if needed else "",
        f"What does not, at this start: {listed(others)}." if others else "",
        f"What these numbers leave open: {listed(undecided)}." if undecided else "",
    ]
    return " ".join(filter(None, parts))


def _in_words(number: Measurement) -> str:
    return f"{number.cell} {number.text}"
