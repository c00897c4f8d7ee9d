"""What is recorded while members train: the normalised loss, at every evaluation and at the end, and gradients."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.lags import shared_lags
from lstm_bench.analysis.solving import ATTEMPTS, was_trained
from lstm_bench.analysis.statistics import UNKNOWN, Interval, interquartile_mean
from lstm_bench.metrics import normalised_loss

NO_MEMORY = 1.0
NORM, CLIPPED = "grad/norm", "grad/clipped_share"
GRADIENT_COLUMNS = (
    "task", "variant", "cell", "lag", "quantity", "step", "steps_back", "median", "q25", "q75", "n",
)  # fmt: skip


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

    It is over the lags that all cells with attempts have in common, since longer ones are harder. Lags are strata.
    """
    losses = final_losses(study)
    rows = losses.loc[(losses["cell"] == cell) & losses["lag"].isin(shared_lags(losses))]
    if rows.empty:
        return FinalLoss(UNKNOWN, 0, 0)
    interval = interquartile_mean(rows["loss"].tolist(), rows["lag"].tolist())
    return FinalLoss(interval, len(rows), rows["lag"].nunique())


@cache_per_study
def training_gradients(study: StudyData) -> pd.DataFrame:
    """Return the gradients at every evaluation, at the longest lag of each cell, over its members.

    Quantities: "dL/dh" and the like, the norm over batch and units at each of the `steps_back`; "grad/norm", the global
    norm before clipping; "grad/clipped_share", the share of steps clipped so far; the latter two have no steps back.
    Members that have ended are left out, so `n` falls. There are no rows where no member was trained.
    Columns: task, variant, cell, lag, quantity, step, steps_back, median, q25, q75, n.
    """
    trained = [one_task for one_task in study.by_task() if was_trained(one_task)]
    quartiles = [_quartiles(rows) for one_task in trained for rows in _gradient_rows(one_task)]
    filled = [frame for frame in quartiles if len(frame)]
    columns = list(GRADIENT_COLUMNS)
    return pd.concat(filled, ignore_index=True)[columns] if filled else pd.DataFrame(columns=columns)


def _gradient_rows(study: StudyData) -> tuple[pd.DataFrame, pd.DataFrame]:
    norms = study.gradients.rename(columns={"norm": "value"})
    c = study.curves
    longest = {job.cell: job.lag for job in sorted(study.plan.jobs, key=lambda job: job.lag)}
    whole = c.loc[(c["lag"] == c["cell"].astype(object).map(longest)) & c["metric"].isin((NORM, CLIPPED))]
    return norms, whole.rename(columns={"metric": "quantity"}).assign(steps_back=-1)


def _quartiles(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the quartiles and the number of the values in each group of rows."""
    if rows.empty:
        return pd.DataFrame(columns=list(GRADIENT_COLUMNS))
    keys = [name for name in GRADIENT_COLUMNS if name in rows.columns]
    values = rows.astype({"value": float}).groupby(keys, observed=True, sort=False)["value"]
    quartiles = values.quantile(np.array([0.25, 0.5, 0.75])).unstack()
    quartiles.columns = pd.Index(["q25", "median", "q75"])
    table = quartiles.assign(n=values.size()).reset_index()
    return table.assign(steps_back=table["steps_back"].astype(float).where(table["steps_back"] >= 0))


def clipping_norm(study: StudyData, cell: str) -> float | None:
    """Return the global norm to which a cell's gradients are clipped, None where they are not."""
    trainer = next(job.config.get("trainer", {}) for job in study.plan.jobs if job.cell == cell)
    return float(trainer["clip"]) if trainer.get("clip") else None
