"""The loss over its memoryless baseline, while members train and at their end."""

from typing import NamedTuple

import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.lags import shared_lags
from lstm_bench.analysis.solving import ATTEMPTS
from lstm_bench.analysis.statistics import UNKNOWN, Interval, interquartile_mean
from lstm_bench.metrics import normalised_loss

NO_MEMORY = 1.0


def solved_share(study: StudyData) -> float:
    """Return the normalised loss that the task's rule asks for before a member counts as solved."""
    return study.plan.jobs[0].solved_share


@cache_per_study
def learning_curves(study: StudyData) -> pd.DataFrame:
    """Return the normalised loss at every evaluation of every member: the labels, step, metric and value."""
    metrics = {(job.task, job.variant): normalised_loss(job.criterion) for job in study.plan.jobs}
    c = study.curves
    curves = [
        c.loc[(c["task"] == task) & (c["variant"] == variant) & (c["metric"] == metric)]
        for (task, variant), metric in metrics.items()
    ]
    return pd.concat(curves, ignore_index=True).assign(study=study.plan.study)


def median_curve(curves: pd.DataFrame) -> pd.Series:
    """Return the median over members at each step, from the learning curves of one cell at one lag.

    A member that ended early keeps its last finite value: leaving out the solved ones would make the rest look typical.
    """
    by_member = curves.pivot(index="step", columns="seed", values="value")
    finite = by_member.where(by_member.abs() != float("inf"))
    return finite.ffill().median(axis=1)


class FinalLoss(NamedTuple):
    """Interquartile mean of the normalised loss, with how many members it is over and at how many lags."""

    loss: Interval
    n: int
    lags: int


@cache_per_study
def final_losses(study: StudyData) -> pd.DataFrame:
    """Return the normalised loss at the last evaluation, of a study narrowed to one task.

    A row an attempt, with cell, lag, seed and loss: 1 is no memory, 0 perfect. The loss is that of the solving
    criterion; a member that solved was stopped there. One that diverged counts as no better than no memory, and one
    without a number is left out.
    """
    last = study.final(normalised_loss(study.plan.jobs[0].criterion))[["cell", "lag", "seed", "value"]]
    attempts = study.members.loc[study.members["status"].isin(ATTEMPTS), ["cell", "lag", "seed", "status"]]
    rows = attempts.merge(last.rename(columns={"value": "loss"}), how="left", on=["cell", "lag", "seed"])
    diverged = rows["status"] == "diverged"
    rows.loc[diverged, "loss"] = rows.loc[diverged, "loss"].fillna(NO_MEMORY).clip(lower=NO_MEMORY)
    return rows.dropna(subset="loss")[["cell", "lag", "seed", "loss"]]


def final_loss(study: StudyData, cell: str) -> FinalLoss:
    """Return a cell's final normalised loss, interquartile mean over members with its bootstrap interval.

    Over the lags, which are the strata, that every cell with attempts has some at, since longer ones are harder.
    """
    losses = final_losses(study)
    rows = losses.loc[(losses["cell"] == cell) & losses["lag"].isin(shared_lags(losses))]
    if rows.empty:
        return FinalLoss(UNKNOWN, 0, 0)
    interval = interquartile_mean(rows["loss"].tolist(), rows["lag"].tolist())
    return FinalLoss(interval, len(rows), rows["lag"].nunique())
