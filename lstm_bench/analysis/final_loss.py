"""What is left of the loss at the end of training, as a share of the memoryless baseline."""

from typing import NamedTuple

import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.solving import ATTEMPTS
from lstm_bench.analysis.statistics import UNKNOWN, Interval, interquartile_mean

NO_MEMORY = 1.0


class FinalShare(NamedTuple):
    """Interquartile mean of the share left, with how many members it is over and at how many lags."""

    share: Interval
    n: int
    lags: int


@cache_per_study
def final_shares(study: StudyData) -> pd.DataFrame:
    """Return the loss at the last evaluation over the memoryless baseline, of a study narrowed to one task.

    A row an attempt, with cell, lag, seed and share: 1 is no memory, 0 perfect. The loss is that of the solving
    criterion; a member that solved was stopped there. One that diverged counts as no better than no memory, and one
    without a number is left out.
    """
    name = f"eval/{study.plan.jobs[0].criterion}_share"
    found = study.results.loc[study.results["metric"] == name, ["cell", "lag", "seed", "value"]]
    attempts = study.members.loc[study.members["status"].isin(ATTEMPTS), ["cell", "lag", "seed", "status"]]
    rows = attempts.merge(found.rename(columns={"value": "share"}), how="left", on=["cell", "lag", "seed"])
    diverged = rows["status"] == "diverged"
    rows.loc[diverged, "share"] = rows.loc[diverged, "share"].fillna(NO_MEMORY).clip(lower=NO_MEMORY)
    return rows.dropna(subset="share")[["cell", "lag", "seed", "share"]]


def final_share(study: StudyData, cell: str) -> FinalShare:
    """Return a cell's share left, interquartile mean over members with its bootstrap interval (strata: lags).

    Over the lags that every cell with attempts has some at, since longer ones are harder.
    """
    shares = final_shares(study)
    cells_at = shares.groupby("lag")["cell"].nunique()
    shared = cells_at.index[cells_at == shares["cell"].nunique()]
    own = shares.loc[(shares["cell"] == cell) & shares["lag"].isin(shared)]
    if own.empty:
        return FinalShare(UNKNOWN, 0, 0)
    return FinalShare(interquartile_mean(own["share"].tolist(), own["lag"].tolist()), len(own), own["lag"].nunique())
