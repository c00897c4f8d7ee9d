"""Speed looked up by cell, and compared where two cells ran the same class of implementation."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.records.speed import OURS, STOCK

CONDITIONS = ["lag", "batch_size", "members", "device", "threads", "dtype"]  # the same on both sides of a ratio


@dataclass(frozen=True)
class SpeedRatio:
    """How many sequences one cell trains while another trains one, both by kernels of one class at one lag.

    `is_trained` is whether that kernel trained both.
    """

    value: float
    kernel: str
    lag: int
    is_trained: bool


@cache_per_study
def trained_rows(study: StudyData) -> pd.DataFrame:
    """Return the speed of every cell and lag by the kernel that trained it, of a study narrowed to one task."""
    kernels = {(job.cell, job.lag): job.kernel for job in study.plan.jobs}
    ours = study.speed.loc[study.speed["implementation"] == OURS]
    planned = [kernels.get(place) for place in zip(ours["cell"], ours["lag"], strict=True)]
    return ours.loc[ours["kernel"] == pd.Series(planned, ours.index, dtype=object)]


def speed_row(study: StudyData, cell: str, lag: int | None) -> dict[str, Any] | None:
    """Return the speed of a cell at a lag by the kernel that trained it, None where it was not measured.

    A value that was not measured is None.
    """
    trained = trained_rows(study)
    rows = trained.loc[(trained["cell"] == cell) & (trained["lag"] == lag)]
    if rows.empty:
        return None
    return {str(key): None if pd.isna(value) else value for key, value in rows.iloc[0].items()}


def longest_measured_lag(study: StudyData, *cells: str) -> int | None:
    """Return the longest lag at which all these cells were timed by what trained them, None where there is none."""
    trained = trained_rows(study)
    measured = [set(trained.loc[trained["cell"] == cell, "lag"]) for cell in cells]
    shared = set.intersection(*measured) if measured else set()
    return int(max(shared)) if shared else None


def speed_ratio(study: StudyData, a: str, b: str) -> SpeedRatio | None:
    """Return the speed of cell `a` over that of `b` under equal conditions; None where no such pair was timed.

    Both ran one kernel under the same CONDITIONS: the one that trained both, else one that both were timed by. Of
    several lags with such a pair it is the longest.
    """
    pairs = _pairs(study.speed.loc[study.speed["implementation"] == OURS], a, b)
    pairs = pairs.loc[pairs["kernel"] == pairs["kernel_b"]]
    trained = _pairs(trained_rows(study), a, b)
    trained = trained.loc[trained["kernel"] == trained["kernel_b"]]
    return _longest(trained, is_trained=True) or _longest(pairs, is_trained=False)


def stock_ratio(study: StudyData, a: str, b: str) -> SpeedRatio | None:
    """Return the same ratio for the layers of torch.nn that compute what the cells do; None unless both have one."""
    return _longest(_pairs(study.speed.loc[study.speed["implementation"] == STOCK], a, b), is_trained=False)


def _pairs(rows: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    return rows.loc[rows["cell"] == a].merge(rows.loc[rows["cell"] == b], on=CONDITIONS, suffixes=("", "_b"))


def _longest(pairs: pd.DataFrame, is_trained: bool) -> SpeedRatio | None:
    if pairs.empty:
        return None
    pair = pairs.sort_values(["lag", "kernel"]).iloc[-1]
    value = float(pair["sequences_per_s"] / pair["sequences_per_s_b"])
    return SpeedRatio(value, str(pair["kernel"]), int(pair["lag"]), is_trained)


def shared_speed_rows(study: StudyData) -> pd.DataFrame:
    """Return every row at the longest lag that all timed cells share, or else at each cell's own longest."""
    timed = [cell for cell in study.cells if (study.speed["cell"] == cell).any()]
    lag = longest_measured_lag(study, *timed)
    if lag is not None:
        return study.speed.loc[study.speed["lag"] == lag]
    return study.speed.loc[study.speed["lag"] == study.speed.groupby("cell")["lag"].transform("max")]
