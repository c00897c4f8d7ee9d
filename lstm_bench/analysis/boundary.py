"""The end of a sentence: the content left after it, whether answers need the boundary, and the gate there."""

import pandas as pd

from lstm_bench.analysis.forgetting import POINT_KEYS
from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.lags import representative_lag
from lstm_bench.analysis.statistics import interquartile_mean
from lstm_bench.analysis.summary import summarise

CONTENT, RIGHT, GATE = (
    "memory/content_after_{path}",
    "memory/right_answers_after_{path}",
    "gates/content_kept_at_{path}",
)
VARIANCE = "memory/content_variance_after_{path}"
BOUNDARY, WORD = "boundary", "word"  # paths: with a boundary, and with an ordinary word in its place
LEFT = "share of the content left"
STRENGTH = "share of the content's variance left"
READABLE = "content readable without a boundary"
NEEDED = "right answers lost without the boundary"
GATE_AT = {BOUNDARY: "gate at the boundary", WORD: "gate at a word"}
MEMBER = ["task", "variant", "cell", "lag", "seed", "moment"]


@cache_per_study
def boundary_summary(study: StudyData) -> pd.DataFrame:
    """Return content (r^2) and right answers after a boundary, and after an ordinary word, against the steps since.

    Interquartile mean over members with its 95% bootstrap interval. Columns: task, variant, cell, lag, moment,
    quantity, at, middle, low, high, n.
    """
    curves = study.probes.loc[study.probes["probe"] == "boundary"]
    named = curves["quantity"].astype(str).str.contains(" after ")
    return summarise(curves.loc[named], POINT_KEYS, interquartile_mean)


@cache_per_study
def boundary_numbers(study: StudyData) -> pd.DataFrame:
    """Return the numbers of a boundary: LEFT, STRENGTH, READABLE, NEEDED, and the gate on the units with the content.

    LEFT is the content that is read one step after a boundary over that after an ordinary word in its place, STRENGTH
    the same for the variance of the state that the content explains, READABLE the content read after the word, NEEDED
    the share of right answers with the boundary less that without; differences and ratios are taken in each member.
    Interquartile means over members with 95% bootstrap intervals. Columns: task, variant, cell, lag, moment, quantity,
    middle, low, high, n.
    """
    rows = study.results.loc[study.results["name"].isin([CONTENT, VARIANCE, RIGHT, GATE])]
    wide = rows.pivot_table(index=MEMBER, columns=["name", "path"], values="value", observed=True)
    keys = [*(key for key in MEMBER if key != "seed"), "quantity"]
    if not {(name, path) for name in (CONTENT, VARIANCE, RIGHT) for path in (BOUNDARY, WORD)} <= set(wide.columns):
        return summarise(rows.assign(quantity=""), keys, interquartile_mean).iloc[:0]
    numbers = {
        LEFT: wide[CONTENT, BOUNDARY] / wide[CONTENT, WORD],
        STRENGTH: wide[VARIANCE, BOUNDARY] / wide[VARIANCE, WORD],
        READABLE: wide[CONTENT, WORD],
        NEEDED: wide[RIGHT, BOUNDARY] - wide[RIGHT, WORD],
        **{name: wide[GATE, path] for path, name in GATE_AT.items() if (GATE, path) in wide.columns},
    }
    values = pd.concat({name: of_members.dropna() for name, of_members in numbers.items()}, names=["quantity"])
    return summarise(values.rename("value").reset_index(), keys, interquartile_mean)


def judged_lag(study: StudyData) -> int | None:
    """Return the longest lag that most members of every measured cell solve, or else the shortest.

    Of a study narrowed to one task; None where no boundary was measured. A cell that has not learned the task says
    nothing about how it treats a boundary; one that learns it at no lag is judged at the shortest all the same.
    """
    numbers = boundary_numbers(study)
    by_cell = {str(cell): set(rows["lag"]) for cell, rows in numbers.groupby("cell", observed=True)}
    shared = set.intersection(*by_cell.values()) if by_cell else set()
    lags = [representative_lag(study, cell, shared) for cell in by_cell]
    return min((lag for lag in lags if lag is not None), default=None)
