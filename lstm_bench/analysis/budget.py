"""Whether a span would grow if members had more steps."""

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.memory_span import MemorySpan, learned_span, span_ratio
from lstm_bench.analysis.solving import solve_rates, spans

HALF, GROWTH = 0.5, 1.1


@cache_per_study
def spans_within(study: StudyData, share: float) -> dict[str, MemorySpan]:
    """Return each cell's learned span within a share of the budget, of a study narrowed to one task.

    A member that solved later than that counts as an attempt that did not.
    """
    members, rates = study.members, solve_rates(study)
    in_time = members.loc[(members["status"] == "solved") & (members["steps_to_solve"] <= share * members["budget"])]
    solved = in_time.groupby(["cell", "lag"]).size().to_dict()
    found = {}
    for cell in study.cells:
        rows = rates.loc[rates["cell"] == cell]
        lags = rows["lag"].tolist()
        found[cell] = learned_span(lags, [int(solved.get((cell, lag), 0)) for lag in lags], rows["attempts"].tolist())
    return found


def is_budget_limited(study: StudyData, cell: str) -> bool:
    """Tell whether T50 of a cell still grows with the budget, of a study narrowed to one task.

    It does where T50 within the whole budget is more than 10% above that within the half, and the 95% interval of
    their ratio lies above 1.
    """
    ratio = span_ratio(spans(study)[cell], spans_within(study, HALF)[cell])
    return ratio.median > GROWTH and ratio.low > 1
