"""The probes of repeated words and of sentence boundaries, summarised over members."""

import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.statistics import geometric_mean, interquartile_mean
from lstm_bench.analysis.summary import summarise

KEYS = ("task", "variant", "cell", "lag", "moment", "quantity", "at")


@cache_per_study
def same_word_summary(study: StudyData) -> pd.DataFrame:
    """Return divergence (bits) and share of identical answers against the distance of the word that differs.

    One row a (task, variant, cell, lag, moment, quantity, at): interquartile mean over members with its 95% bootstrap
    interval, and n.
    """
    return summarise(study.probes.loc[study.probes["probe"] == "same_word"], KEYS, interquartile_mean)


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
        return summarise(curves, KEYS, interquartile_mean)
    ratio = (wide["with boundary"] / wide["without boundary"]).dropna().rename("value").reset_index()
    carry_over = summarise(ratio.assign(quantity="carry-over"), KEYS, geometric_mean)
    accuracy = summarise(curves.loc[curves["quantity"] == "accuracy"], KEYS, interquartile_mean)
    return pd.concat([carry_over, accuracy], ignore_index=True)
