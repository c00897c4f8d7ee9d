"""Learning curves: the criterion as a share of its memoryless baseline, against training steps."""

import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study


def solved_share(study: StudyData) -> float:
    """Return the share of the baseline that the task's rule asks of the criterion before a member counts as solved."""
    return study.plan.jobs[0].solved_share


@cache_per_study
def learning_curves(study: StudyData) -> pd.DataFrame:
    """Return the share of the baseline at every evaluation of every member: the labels, step, metric and value."""
    metrics = {(job.task, job.variant): f"eval/{job.criterion}_share" for job in study.plan.jobs}
    kept = [
        study.curves.loc[
            (study.curves["task"] == task) & (study.curves["variant"] == variant) & (study.curves["metric"] == metric)
        ]
        for (task, variant), metric in metrics.items()
    ]
    return pd.concat(kept, ignore_index=True).assign(study=study.plan.study)


def median_curve(curves: pd.DataFrame) -> pd.Series:
    """Return the median over members at each step, from the learning curves of one cell at one lag.

    A member that ended early keeps its last finite value: leaving out the solved ones would make the rest look typical.
    """
    by_member = curves.pivot(index="step", columns="seed", values="value")
    finite = by_member.where(by_member.abs() != float("inf"))
    return finite.ffill().median(axis=1)
