"""The claim about the output at the same word a second time."""

from collections.abc import Iterator, Sequence

import pandas as pd

from lstm_bench.analysis.forgetting import same_word_summary
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.solving import longest_mostly_solved
from lstm_bench.analysis.statistics import Interval
from lstm_bench.analysis.wording import listed
from lstm_bench.claims.cells import lstms, place_of, vanilla_rnns
from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.metrics import FINAL

TEXT = "At the same word a second time the RNN gives the same output, the LSTM a different one."
SOURCE = 'The explainer, the walk through "Deep learning is fun. I love learning".'
APART = 0.01  # bits; certain answers that differ in one of a hundred pairs
RULE = (
    "Two contexts differ in one word, as many steps back as the lag trained on. Their answers are the same where the "
    f"Jensen-Shannon divergence is below {APART:g} bits, and different from there on, for both cells. The claim holds "
    "where the RNN's are the same and the LSTM's different, by the whole 95% interval. It is tested twice on a task: "
    "at the longest lag that most members of every cell solve (inside the RNN's span), and at the longest that most "
    "members of every LSTM solve and that is beyond every RNN's longest (beyond the RNN's span). Beyond its own span "
    "any cell may give the same output, so the LSTM's answers there decide nothing."
)
NEEDS = ("anatomy",)
RNN_APART, LSTM_APART = "divergence of the RNN's answers", "divergence of the LSTM's answers"
DECIDED_BY = (RNN_APART, LSTM_APART)
LSTM_BEYOND = "divergence of the LSTM's answers beyond its own span"


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return how far apart two answers of trained cells are, inside the RNN's span and beyond it."""
    return [number for study in studies for number in _answers(study)]


def _answers(study: StudyData) -> Iterator[Measurement]:
    rows = same_word_summary(study)
    rows = rows.loc[(rows["moment"] == FINAL) & (rows["at"] == rows["lag"])]
    rnns, all_lstms = vanilla_rnns(study), lstms(study)
    for case, lag in _cases(study, rnns, all_lstms, sorted(set(rows["lag"]))).items():
        at_lag = rows.loc[rows["lag"] == lag]
        place = f"{case}, lag {lag}"
        yield from _divergences(study, at_lag, rnns, RNN_APART, Claimed(high=APART), place)
        yield from _divergences(study, at_lag, all_lstms, LSTM_APART, Claimed(low=APART), place)
    for cell in all_lstms:
        beyond = rows.loc[(rows["cell"] == cell) & (rows["lag"] > (longest_mostly_solved(study, cell) or 0))]
        nearest = beyond.loc[beyond["lag"] == beyond["lag"].min()]
        yield from _divergences(study, nearest, [cell], LSTM_BEYOND, None, f"lag {beyond['lag'].min()}")


def _cases(study: StudyData, rnns: Sequence[str], all_lstms: Sequence[str], lags: Sequence[int]) -> dict[str, int]:
    """Return the lag at which both cells are compared, by case; a case without such a lag is left out."""

    def solve(cells: Sequence[str], lag: int) -> bool:
        return all(longest_mostly_solved(study, cell, {lag}) is not None for cell in cells)

    reached = max((longest_mostly_solved(study, cell) or 0 for cell in rnns), default=0)
    inside = [lag for lag in lags if solve([*rnns, *all_lstms], lag)]
    beyond = [lag for lag in lags if all_lstms and rnns and lag > reached and solve(all_lstms, lag)]
    cases = {"inside the RNN's span": inside, "beyond the RNN's span": beyond}
    return {case: max(of_case) for case, of_case in cases.items() if of_case}


def _divergences(
    study: StudyData, rows: pd.DataFrame, cells: Sequence[str], quantity: str, claimed: Claimed | None, case: str
) -> Iterator[Measurement]:
    for row in rows.loc[rows["cell"].isin(list(cells))].to_dict("records"):
        interval = Interval(float(row["middle"]), float(row["low"]), float(row["high"]))
        yield Measurement(place_of(study), str(row["cell"]), quantity, interval, claimed, case, unit="bits")


def refined(numbers: Sequence[Measurement]) -> str:
    """Return how far apart two answers of either cell are, wherever it was measured."""
    apart = listed([f"{number.text} ({number.where})" for number in numbers])
    return f"The answers of a cell depend on a word as far back as it remembers. Two answers diverge by {apart}."
