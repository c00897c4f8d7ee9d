"""What members say of earlier inputs: recall and score against distance, repeated words, sentence boundaries."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from lstm_bench.analysis.caching import cache_per_study
from lstm_bench.analysis.frames import StudyData, of_all_tasks
from lstm_bench.analysis.statistics import geometric_mean, interquartile_mean
from lstm_bench.analysis.summary import summarise
from lstm_bench.records.schema import JobPlan

HALF = 0.5
POINT_KEYS = ("task", "variant", "cell", "lag", "moment", "quantity", "at")


@cache_per_study
def recall_summary(study: StudyData) -> pd.DataFrame:
    """Return recall of all cues together against distance: interquartile mean over members with its bootstrap interval.

    Columns: task, variant, cell, lag, distance, middle, low, high, n.
    """
    return of_all_tasks(study, _recall)


@cache_per_study
def _recall(study: StudyData) -> pd.DataFrame:
    p = study.probes
    curves = p.loc[(p["probe"] == "forgetting") & (p["quantity"] == "recall")].rename(columns={"at": "distance"})
    return summarise(curves, ["task", "variant", "cell", "lag", "distance"], interquartile_mean)


@cache_per_study
def score_by_multiple(study: StudyData) -> pd.DataFrame:
    """Return the score of members that solved their lag, at multiples of it: interquartile mean over all their lags.

    The interval is a bootstrap whose strata are the lags.
    Columns: task, variant, cell, multiple, middle, low, high, n.
    """
    return of_all_tasks(study, _scores)


@cache_per_study
def _scores(study: StudyData) -> pd.DataFrame:
    p = study.probes
    is_score = (p["probe"] == "length_generalisation") & (p["quantity"] == "score")
    scores = p.loc[is_score & (p["status"] == "solved")].rename(columns={"at": "multiple"})
    return summarise(scores, ["task", "variant", "cell", "multiple"], interquartile_mean, strata="lag")


def trained_distance(job: JobPlan) -> int | None:
    """Return the distance of every cue while training, None for a task whose cues may be anywhere in the sequence.

    On copy, the lag and the n letters that follow the first: its sequence has n letters more than that.
    """
    beyond = job.length - job.lag
    return job.lag + beyond // 2 if beyond else None


def recalling_lags(summary: pd.DataFrame, most: int) -> list[int]:
    """Return the lags at which the members of some cell recall one half at some distance, thinned to so many.

    The shortest and the longest of them are kept, and others evenly between; of a study in which none recalls that
    much, the shortest lag.
    """
    recalled = summary.loc[summary["middle"] >= HALF, "lag"]
    lags: list[int] = sorted(set(recalled) or set(summary["lag"].nsmallest(1)))
    return _thinned(lags, most)


def _thinned(values: Sequence[Any], most: int) -> list[Any]:
    if len(values) <= most:
        return list(values)
    return [values[round(place * (len(values) - 1) / (most - 1))] for place in range(most)]


@cache_per_study
def same_word_summary(study: StudyData) -> pd.DataFrame:
    """Return divergence (bits) and share of identical answers against the distance of the word that differs.

    One row a (task, variant, cell, lag, moment, quantity, at): interquartile mean over members with its 95% bootstrap
    interval, and n.
    """
    return summarise(study.probes.loc[study.probes["probe"] == "same_word"], POINT_KEYS, interquartile_mean)


@cache_per_study
def boundary_summary(study: StudyData) -> pd.DataFrame:
    """Return, against steps since the boundary: "carry-over" and "accuracy".

    Carry-over is the norm of what is left of a state with a boundary over that without one, a ratio in each member,
    geometric mean over members with a 95% interval (Student's t on the logarithm); accuracy as in `same_word_summary`.
    """
    curves = study.probes.loc[study.probes["probe"] == "boundary"]
    wide = curves.pivot_table(
        index=["task", "variant", "cell", "lag", "seed", "moment", "at"],
        columns="quantity",
        values="value",
        observed=True,
    )
    if not {"with boundary", "without boundary"} <= set(wide.columns):
        return summarise(curves, POINT_KEYS, interquartile_mean)
    ratio = (wide["with boundary"] / wide["without boundary"]).dropna().rename("value").reset_index()
    carry_over = summarise(ratio.assign(quantity="carry-over"), POINT_KEYS, geometric_mean)
    accuracy = summarise(curves.loc[curves["quantity"] == "accuracy"], POINT_KEYS, interquartile_mean)
    return pd.concat([carry_over, accuracy], ignore_index=True)
