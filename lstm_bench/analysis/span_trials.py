"""The packs that searches for spans trained, in order, and the result and cost of each search."""

from typing import Any

import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.solving import ATTEMPTS, members_at
from lstm_bench.records.plan import JobPlan, PackPlan, SpanPlan

TRIAL_COLUMNS = (
    "study", "task", "variant", "cell", "pack", "lag", "solved", "attempts", "reason", "learning_rate", "tuned_at",
    "tuned_also_at", "t50", "t50_low", "t50_high",
)  # fmt: skip
SEARCH_COLUMNS = (
    "study", "task", "variant", "cell", "t50", "t50_low", "t50_high", "members", "tuning_members", "core_s", "ended",
)  # fmt: skip


def candidate(study: StudyData, job: JobPlan) -> JobPlan:
    """Return the job that a search planned at the lag of `job`, with the rates it tuned; without a search, `job`."""
    search = search_of(study, job.contestant)
    return next((other for other in search.candidates if other.lag == job.lag), job) if search else job


def search_of(study: StudyData, contestant: tuple[str, str, str]) -> SpanPlan | None:
    """Return the search for the span of a task, variant and cell, None where its lags were given."""
    return next((search for search in study.plan.searches if search.contestant == contestant), None)


@cache_per_study
def trials(study: StudyData) -> pd.DataFrame:
    """Return the packs of each search in the order in which they began, a row a (task, variant, cell, pack).

    `solved` of `attempts` members; `reason` for the lag; `learning_rate`, and the lags at which it was chosen,
    `tuned_at` and, between octaves, `tuned_also_at`; `t50`, `t50_low` and `t50_high`: the estimate when the pack began,
    in steps. The last row of a search that has ended has no lag, but the estimate and the reason of the end.
    """
    rows = [row for one_task in study.by_task() for search in _searches(one_task) for row in _trials(one_task, search)]
    return pd.DataFrame(rows, columns=list(TRIAL_COLUMNS))


@cache_per_study
def searches(study: StudyData) -> pd.DataFrame:
    """Return the result and the cost of each search, a row a (task, variant, cell).

    `t50`, `t50_low`, `t50_high`: T50 with its 95% interval as the search knows them, in steps; `core_s`: core-seconds
    of training, tuning included; `ended`: the reason, "" for a search that has not ended.
    """
    rows = [_search(one_task, search) for one_task in study.by_task() for search in _searches(one_task)]
    return pd.DataFrame(rows, columns=list(SEARCH_COLUMNS))


def _searches(study: StudyData) -> list[SpanPlan]:
    """Return the searches of a study narrowed to one task, for cells that it holds."""
    contestants = dict.fromkeys(job.contestant for job in study.plan.jobs)
    searches_of_all = (search_of(study, contestant) for contestant in contestants)
    return [search for search in searches_of_all if search is not None]


def _trials(study: StudyData, search: SpanPlan) -> list[dict[str, Any]]:
    labels = {**study.labels, "cell": search.candidates[0].cell}
    rows = [
        {**labels, "pack": number, **_outcome(study, labels["cell"], pack), **_known(pack), "lag": pack.lag}
        | {"reason": pack.reason, "learning_rate": pack.learning_rate, "tuned_at": pack.tuned_at}
        | {"tuned_also_at": pack.tuned_also_at}
        for number, pack in enumerate(search.packs)
    ]
    end = {**labels, "pack": len(rows), **_known(search), "reason": search.ended}
    return [*rows, end] if search.ended else rows


def _outcome(study: StudyData, cell: str, pack: PackPlan) -> dict[str, int]:
    members = members_at(study, cell, pack.lag)
    statuses = members.loc[members["seed"].isin(pack.seeds), "status"]
    return {"solved": int((statuses == "solved").sum()), "attempts": int(statuses.isin(ATTEMPTS).sum())}


def _known(plan: PackPlan | SpanPlan) -> dict[str, float]:
    return {"t50": plan.median, "t50_low": plan.low, "t50_high": plan.high}


def _search(study: StudyData, search: SpanPlan) -> dict[str, Any]:
    cell = search.candidates[0].cell
    known = _known(search if search.ended else search.packs[-1])
    members, tuning = (int((frame["cell"] == cell).sum()) for frame in (study.members, study.tuning))
    counts = {
        "members": members,
        "tuning_members": tuning,
        "core_s": study.training_seconds(cell),
        "ended": search.ended,
    }
    return {**study.labels, "cell": cell, **known, **counts}
