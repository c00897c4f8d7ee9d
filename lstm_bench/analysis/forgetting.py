"""How answers depend on earlier inputs: recall and score against distance, and the effect of one word."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study, of_all_tasks
from lstm_bench.analysis.statistics import interquartile_mean
from lstm_bench.analysis.summary import summarise
from lstm_bench.records.plan import JobPlan

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

    The interval is a bootstrap with the lags as strata.
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

    On copy with n letters it is lag + n steps, in a sequence of lag + 2n.
    """
    beyond = job.length - job.lag
    return job.lag + beyond // 2 if beyond else None


def recalling_lags(summary: pd.DataFrame, most: int) -> list[int]:
    """Return the lags at which the members of some cell recall one half at some distance, thinned to `most` of them.

    The shortest and the longest are kept, and others evenly between. Where no cell recalls one half anywhere, it is the
    shortest lag.
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
    """Return the divergence of two answers (bits) against the distance of the word that differs.

    One row a (task, variant, cell, lag, moment, quantity, at): middle, low, high, the interquartile mean over members
    with its 95% bootstrap interval, and n.
    """
    is_divergence = (study.probes["probe"] == "same_word") & (study.probes["quantity"] == "divergence")
    return summarise(study.probes.loc[is_divergence], POINT_KEYS, interquartile_mean)
