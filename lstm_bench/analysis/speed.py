"""Speed rows looked up by cell."""

from typing import Any

import pandas as pd

from lstm_bench.analysis.frames import Study
from lstm_bench.records.schema import OURS


def speed_row(study: Study, cell: str, lag: int | None, implementation: str = OURS) -> dict[str, Any] | None:
    """Return the speed of one implementation of a cell at a lag, None where it was not measured.

    A value that the system could not tell is None.
    """
    s = study.speed
    rows = s.loc[(s["cell"] == cell) & (s["lag"] == lag) & (s["implementation"] == implementation)]
    if rows.empty:
        return None
    return {str(key): None if pd.isna(value) else value for key, value in rows.iloc[0].items()}


def longest_measured_lag(study: Study, *cells: str) -> int | None:
    """Return the longest lag at which our implementation of all these cells was timed, None where there is none."""
    ours = study.speed.loc[study.speed["implementation"] == OURS]
    measured = [set(ours.loc[ours["cell"] == cell, "lag"]) for cell in cells]
    shared = set.intersection(*measured) if measured else set()
    return int(max(shared)) if shared else None


def speed_ratio(study: Study, a: str, b: str) -> float:
    """Return how many sequences `a` trains while `b` trains one, at the longest lag where both were timed; or NaN."""
    lag = longest_measured_lag(study, a, b)
    first, second = ((speed_row(study, cell, lag) or {}).get("sequences_per_s") for cell in (a, b))
    return float("nan") if first is None or second is None else float(first / second)


def shared_speed_rows(study: Study) -> pd.DataFrame:
    """Return every implementation at the longest lag that all timed cells share, or else at each cell's own longest."""
    timed = [cell for cell in study.cells if (study.speed["cell"] == cell).any()]
    lag = longest_measured_lag(study, *timed)
    if lag is not None:
        return study.speed.loc[study.speed["lag"] == lag]
    return study.speed.loc[study.speed["lag"] == study.speed.groupby("cell")["lag"].transform("max")]
