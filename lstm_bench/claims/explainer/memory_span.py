"""The claim about how many steps each cell remembers."""

import math
from collections.abc import Iterator, Sequence

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.memory_span import KNOWN
from lstm_bench.analysis.wording import listed
from lstm_bench.claims.cells import lstms, matched_pairs, place_of, vanilla_rnns
from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.claims.spans import FEWEST, tried_spans

TEXT = "A vanilla RNN remembers 3-5 steps, an LSTM 100 and more."
SOURCE = 'The explainer, table "vanilla RNN against LSTM", row "memory".'
RULE = (
    "Holds on a task where the whole 95% interval of the span is at most 5 steps for every vanilla RNN and at least "
    "100 for every LSTM. The span is in distance: the steps from a cue to its answer at T50, the lag that half of the "
    "members solve. On a task that does not state this distance it is T50 itself. It decides where lags on either "
    f"side of the claimed one were tried, with at least {FEWEST} members each and a budget within which some were "
    "solved; where it still grows with the budget it is a lower bound."
)
NEEDS = ("copy_task", "adding_task", "initialisation")
RNN_SPAN, LSTM_SPAN, RATIO = "span of the RNN", "span of the LSTM", "span of the LSTM over the RNN's, same H"
DECIDED_BY = (RNN_SPAN, LSTM_SPAN)


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return the span of every vanilla RNN and LSTM on every task, and the ratio of each pair of the same size."""
    return [number for study in studies for number in (*_spans(study), *_ratios(study))]


def _spans(study: StudyData) -> Iterator[Measurement]:
    tried = tried_spans(study)
    kinds = ((RNN_SPAN, vanilla_rnns(study), Claimed(high=5)), (LSTM_SPAN, lstms(study), Claimed(low=100)))
    for quantity, cells, claimed in kinds:
        for cell in cells:
            span = tried[cell]
            if span.span.outcome in KNOWN:
                yield Measurement(
                    place_of(study),
                    cell,
                    quantity,
                    span.interval,
                    claimed,
                    unit=span.unit,
                    wording=span.text,
                    reach=span.reach,
                )


def _ratios(study: StudyData) -> Iterator[Measurement]:
    tried = tried_spans(study)
    for lstm, rnn in matched_pairs(study):
        ours, theirs = tried[lstm.cell], tried[rnn.cell]
        interval, text = ours.ratio_to(theirs), ours.ratio_text(theirs)
        if not math.isnan(interval.middle):
            yield Measurement(place_of(study), f"{lstm.cell} over {rnn.cell}", RATIO, interval, None, wording=text)


def refined(numbers: Sequence[Measurement]) -> str:
    """Return each task's spans, and how many times as long the LSTM's is."""
    places = dict.fromkeys(number.place for number in numbers)
    sentences = [f"{place}: {_in_words([number for number in numbers if number.place == place])}" for place in places]
    return f"How long either cell holds a memory depends on the task and on how it starts. {'. '.join(sentences)}."


def _in_words(numbers: Sequence[Measurement]) -> str:
    cells = [f"{number.cell} {number.text}" for number in numbers if number.claimed is not None]
    ratios = [f"{number.cell} {number.text}" for number in numbers if number.claimed is None]
    return listed(cells) + (f" ({'; '.join(ratios)})" if ratios else "")
