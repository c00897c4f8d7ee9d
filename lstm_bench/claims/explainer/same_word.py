"""The same word a second time."""

from collections.abc import Iterator, Sequence

from lstm_bench.analysis.forgetting import same_word_summary
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.statistics import Interval
from lstm_bench.analysis.wording import listed
from lstm_bench.claims.cells import lstms, place_of, vanilla_rnns
from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.metrics import FINAL

TEXT = "At the same word a second time the RNN gives the same output, the LSTM a different one."
SOURCE = 'The explainer, the walk through "Deep learning is fun. I love learning".'
ALIKE, APART = 0.5, 0.01
RULE = (
    "After contexts that differ in one word, as many steps back as the task's lag, trained: the RNN's answers are the "
    f"same where at least {ALIKE:.0%} of pairs agree to the last bit; the LSTM's are different where their "
    f"Jensen-Shannon divergence is at least {APART:g} bits. By the whole 95% interval; holds on a task where both do, "
    "at its longest lag."
)
NEEDS = ("anatomy",)
SAME, DIFFERENT = "share of the RNN's answers alike to the last bit", "divergence of the LSTM's answers"
DECIDED_BY = (SAME, DIFFERENT)
BESIDE = "divergence of the RNN's answers"


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return how alike the answers of trained cells are, at each task's longest lag, d = lag steps back."""
    return [number for study in studies for number in _answers(study)]


def _answers(study: StudyData) -> Iterator[Measurement]:
    rows = same_word_summary(study)
    rows = rows.loc[(rows["moment"] == FINAL) & (rows["at"] == rows["lag"])]
    rows = rows.loc[rows["lag"] == rows["lag"].max()]
    kinds = (
        (SAME, "identical", vanilla_rnns(study), Claimed(low=ALIKE), ""),
        (BESIDE, "divergence", vanilla_rnns(study), None, "bits"),
        (DIFFERENT, "divergence", lstms(study), Claimed(low=APART), "bits"),
    )
    for quantity, name, cells, claimed, unit in kinds:
        rows_of_quantity = rows.loc[(rows["quantity"] == name) & rows["cell"].isin(cells)]
        for row in rows_of_quantity.to_dict("records"):
            interval = Interval(float(row["middle"]), float(row["low"]), float(row["high"]))
            case = f"lag {row['lag']}"
            yield Measurement(place_of(study), str(row["cell"]), quantity, interval, claimed, case, unit=unit)


def refined(numbers: Sequence[Measurement]) -> str:
    """Return what both cells do: the answer of either depends on what came before."""
    divergences = [f"{number.text} ({number.where})" for number in numbers if number.quantity in (BESIDE, DIFFERENT)]
    text = listed(divergences)
    return f"The answer of either cell depends on what stood before the word. Two answers are apart by {text}."
