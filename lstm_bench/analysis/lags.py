"""The lag at which cells are compared, and the lag that represents one cell."""

from collections.abc import Iterable

import pandas as pd

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.solving import longest_mostly_solved


def shared_lags(rows: pd.DataFrame) -> list[int]:
    """Return the lags at which every cell of these rows has a row, ascending."""
    cells_at = rows.groupby("lag")["cell"].nunique()
    return sorted(int(lag) for lag in cells_at.index[cells_at == rows["cell"].nunique()])


def shared_lag(rows: pd.DataFrame) -> int | None:
    """Return the longest lag at which every cell of these rows has a row.

    Where the cells have no lag in common it is the longest of any; None without rows.
    """
    lags = shared_lags(rows) or [int(lag) for lag in rows["lag"]]
    return max(lags, default=None)


def representative_lag(study: StudyData, cell: str, lags: Iterable[int]) -> int | None:
    """Return the longest of these lags that most of a cell's members solved, since it shows how they solve the task.

    For a cell that solved none of them it is the shortest, where its chance is best. None without lags.
    """
    measured = set(lags)
    solved = longest_mostly_solved(study, cell, measured)
    return solved if solved is not None else min(measured, default=None)
