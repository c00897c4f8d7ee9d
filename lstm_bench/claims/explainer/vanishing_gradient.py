"""The claim about which cell's gradient vanishes, with cells of the same start compared."""

import math
from collections.abc import Iterator, Sequence

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import WHEN, decay_per_step, followed, horizon_range, longest_lag_with_flow
from lstm_bench.analysis.statistics import Interval
from lstm_bench.analysis.wording import listed
from lstm_bench.claims.cells import place_of
from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.claims.deciding import holds_in
from lstm_bench.claims.starts import SharedStart, shared_starts, without_partner
from lstm_bench.metrics import FINAL, INITIAL

TEXT = "The vanishing gradient is severe in a vanilla RNN and largely solved in an LSTM."
SOURCE = 'The explainer, table "vanilla RNN against LSTM", row "vanishing gradient".'
STEPS, TIMES = 100, 10
RULE = (
    "K is the gradient horizon: steps back until the gradient at the joint state is below 1e-3 of its value at the "
    f"read-out. Severe where K of the RNN is below {STEPS}, largely solved where K of the LSTM at the same start is at "
    f"least {STEPS}, or {TIMES} times the RNN's median. K's interval runs from the shortest to the longest of at least "
    "5 members, which holds the median in 94% of draws of 5 and in 99.8% of 10. One setting is one start on one task; "
    "initialisation and the trained cell are separate settings. Sequences have to be long enough for either answer. "
    "The factor a step, rho, and cells without a partner of their start decide nothing."
)
NEEDS = ("initialisation", "copy_task", "adding_task")
RNN_HORIZON, LSTM_HORIZON = "K of the RNN", "K of the LSTM"
RHO, ALONE = "rho (decides nothing)", "K of a cell without a partner"
DECIDED_BY = (RNN_HORIZON, LSTM_HORIZON)


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return K of the RNN and of the LSTM for every start that they share, with rho, and K of every other cell."""
    paired = [number for shared in shared_starts(studies) for number in _contrast(shared)]
    return [*paired, *(number for study in studies for number in _unpaired(study))]


def _contrast(shared: SharedStart) -> Iterator[Measurement]:
    rnn = horizon_range(shared.study, shared.rnn, shared.lag, shared.moment)
    lstm = horizon_range(shared.study, shared.lstm, shared.lag, shared.moment)
    for cell, quantity, interval, claimed in (
        (shared.rnn, RNN_HORIZON, rnn, Claimed(high=STEPS - 1)),
        (shared.lstm, LSTM_HORIZON, lstm, Claimed(low=min(STEPS, TIMES * rnn.middle))),
    ):
        text, reach = _in_words(interval, shared.reach), Claimed(1, shared.reach)
        yield Measurement(
            shared.place, cell, quantity, interval, claimed, shared.case, unit="steps", wording=text, reach=reach
        )
        rho = decay_per_step(shared.study, cell, shared.lag, shared.moment)
        unit = f"a step, over steps 0 to {shared.reach}"
        yield Measurement(shared.place, cell, RHO, rho, None, shared.case, unit=unit)


def _unpaired(study: StudyData) -> Iterator[Measurement]:
    lag = longest_lag_with_flow(study)
    for cell in without_partner(study) if lag is not None else ():
        for moment in (INITIAL, FINAL):
            if lag is not None and len(followed(study, cell, lag, moment)):
                interval = horizon_range(study, cell, lag, moment)
                case, text = WHEN[moment], _in_words(interval, followed(study, cell, lag, moment).min())
                yield Measurement(place_of(study), cell, ALONE, interval, None, case, unit="steps", wording=text)


def _in_words(interval: Interval, reach: float) -> str:
    """Return "13 (12-14) steps", "40 (31 or more) steps", "more than 206 steps", "13 steps, of too few members ..."."""
    if math.isnan(interval.low):
        least = "at least " if interval.middle >= reach else ""
        return f"{least}{interval.middle:.0f} steps, of too few members for a range"
    if math.isinf(interval.high) and interval.low >= reach:
        return f"more than {reach:.0f} steps"
    ends = f"{interval.low:.0f} or more" if math.isinf(interval.high) else f"{interval.low:.0f}-{interval.high:.0f}"
    return f"{interval.middle:.0f} ({ends}) steps"


def refined(numbers: Sequence[Measurement]) -> str:
    """Return at how many starts the contrast holds, before training and after it."""
    sentences = [_of_moment(numbers, moment) for moment in (INITIAL, FINAL)]
    return f"Whether a gradient vanishes depends on how a cell starts. {' '.join(filter(None, sentences))}"


def _of_moment(numbers: Sequence[Measurement], moment: str) -> str:
    """Return "At initialisation the contrast holds at 2 of 9 starts and tasks: K of the RNN is 13 (12-14) ..."."""
    of_moment = [number for number in numbers if number.case.endswith(WHEN[moment])]
    answers = list(holds_in(of_moment).values())
    if not answers:
        return ""
    ranges = [text for name in DECIDED_BY if (text := _range(name, of_moment))]
    holding = f"{answers.count(True)} of {len(answers)} starts and tasks"
    return f"{WHEN[moment].capitalize()} the contrast holds at {holding}: {listed(ranges)}."


def _range(quantity: str, numbers: Sequence[Measurement]) -> str:
    chosen = [number for number in numbers if number.quantity == quantity and number.decides]
    if not chosen:
        return ""
    low, high = (choose(chosen, key=lambda number: number.interval.middle) for choose in (min, max))
    texts = dict.fromkeys((f"{low.text} ({low.cell})", f"{high.text} ({high.cell})"))
    return f"{quantity} is {' to '.join(texts)}"
