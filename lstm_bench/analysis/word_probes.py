"""The probes of repeated words and of sentence boundaries, summarised over members."""

from collections.abc import Callable

import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.statistics import Interval, geometric_mean, interquartile_mean

KEYS = ("task", "variant", "cell", "lag", "moment", "quantity", "at")


@cache_per_study
def same_word_summary(study: StudyData) -> pd.DataFrame:
    """Return divergence (bits) and share of identical answers against the distance of the word that differs.

    One row a (task, variant, cell, lag, moment, quantity, at): interquartile mean over members with its 95% bootstrap
    interval, and n.
    """
    return _summary(study, "same_word", interquartile_mean)


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
        return _summary(study, "boundary", interquartile_mean)
    ratio = (wide["with boundary"] / wide["without boundary"]).dropna().rename("value").reset_index()
    ratios = _grouped(ratio.assign(quantity="carry-over"), geometric_mean)
    accuracy = curves.loc[curves["quantity"] == "accuracy"]
    return pd.concat([ratios, _grouped(accuracy, interquartile_mean)], ignore_index=True)


def _summary(study: StudyData, probe: str, summarise: Callable[[list[float]], Interval]) -> pd.DataFrame:
    return _grouped(study.probes.loc[study.probes["probe"] == probe], summarise)


def _grouped(rows: pd.DataFrame, summarise: Callable[[list[float]], Interval]) -> pd.DataFrame:
    summaries = [
        dict(zip(KEYS, key, strict=True)) | summarise(group["value"].tolist())._asdict() | {"n": len(group)}
        for key, group in rows.groupby(list(KEYS), observed=True, sort=False)
    ]
    return pd.DataFrame(summaries, columns=[*KEYS, *Interval._fields, "n"])
