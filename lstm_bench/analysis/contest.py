"""The records of a speed study as frames: every turn, and every contender at every job."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lstm_bench.analysis.statistics import quartiles
from lstm_bench.records.schema import (
    OURS,
    PLAIN_LOOP,
    STOCK_THREADS,
    STOCK_WORKERS,
    ContestRow,
    MachineLimit,
    StudyPlan,
)
from lstm_bench.records.store import StudyRecords

CONTENDERS = (OURS, STOCK_WORKERS, STOCK_THREADS, PLAIN_LOOP)
LABELS = (
    "job", "task", "cell", "hidden_size", "batch_size", "lag", "length", "contender", "kernel", "processes", "threads",
    "members", "peak_memory_mib", "steps",
)  # fmt: skip
VALUES = ("steps_per_s", "sequences_per_s", "ms_per_time_step", "gflops_per_s", "limit_share", "speedup")
TURN_COLUMNS = (*LABELS, "turn", "turn_s", "step_s", "step_s_of_ours", *VALUES)


@dataclass(frozen=True)
class Contest:
    """A speed study in memory.

    turns: one row a job, contender and turn, see `turn_frame`.
    rows: one row a job and contender, see `contest_frame`.
    """

    plan: StudyPlan
    limit: MachineLimit
    turns: pd.DataFrame
    rows: pd.DataFrame

    @property
    def contenders(self) -> list[str]:
        """Who took part anywhere: ours first, the others in the order in which the page names them."""
        found = list(dict.fromkeys(self.rows["contender"]))
        return [name for name in CONTENDERS if name in found] + [name for name in found if name not in CONTENDERS]

    @property
    def cells(self) -> list[str]:
        """The cells that were timed, in the order of the records."""
        return list(dict.fromkeys(self.rows["cell"]))


def load_contest(folder: Path) -> Contest:
    """Return the speed study whose records lie in `folder`.

    Raises: RecordError where there is no plan, nothing was measured, or it cannot be read.
    """
    records = StudyRecords(folder)
    plan = records.read_plan()
    limit, rows = records.read_contest()
    turns = turn_frame(rows)
    return Contest(plan, limit, turns, contest_frame(turns))


def turn_frame(rows: Iterable[ContestRow]) -> pd.DataFrame:
    """Return every turn, with what it says of its contender.

    A turn of `turn_s` seconds does `steps` member-steps of B sequences of T time steps, in all processes together.

    step_s: turn_s / steps, seconds of the whole machine for one member-step; step_s_of_ours: that of our contender in
    the same round of the same job.
    steps_per_s, sequences_per_s: 1 / step_s and B / step_s, of the whole machine.
    ms_per_time_step: 1000 turn_s processes / (steps T), wall milliseconds that one process is busy for one time step of
    one model: of one core where each process has one thread, of all its cores where a process has them all.
    gflops_per_s: flops / step_s / 1e9, operations by formula, of the whole machine.
    limit_share: limit_s / (step_s processes threads), 1 where every core that the contender has would run at the limit;
    NaN where the limit is not known.
    speedup: step_s / step_s_of_ours, member-steps that ours takes while this contender takes one; NaN for ours itself,
    and where ours has no such turn.
    """
    table = [turn for row in rows for turn in _turns(row)]
    frame = pd.DataFrame(table, columns=list(TURN_COLUMNS)).astype({"peak_memory_mib": "float64"})
    ours = frame.loc[frame["contender"] == OURS].set_index(["job", "turn"])["step_s"]
    keys = pd.MultiIndex.from_frame(frame[["job", "turn"]])
    frame["step_s_of_ours"] = ours.reindex(keys).astype("float64").to_numpy()
    frame["speedup"] = (frame["step_s"] / frame["step_s_of_ours"]).where(frame["contender"] != OURS)
    return frame


def _turns(row: ContestRow) -> list[dict[str, Any]]:
    size = math.nan if row.peak_memory_bytes is None else row.peak_memory_bytes / 2**20
    facts = {name: value for name, value in asdict(row).items() if name in LABELS} | {"peak_memory_mib": size}
    return [facts | {"turn": place} | _values(row, turn_s) for place, turn_s in enumerate(row.turns_s)]


def _values(row: ContestRow, turn_s: float) -> dict[str, float]:
    step_s = turn_s / row.steps
    return {
        "turn_s": turn_s,
        "step_s": step_s,
        "steps_per_s": 1 / step_s,
        "sequences_per_s": row.batch_size / step_s,
        "ms_per_time_step": 1e3 * step_s * row.processes / row.length,
        "gflops_per_s": row.flops / step_s / 1e9,
        "limit_share": math.nan if row.limit_s is None else row.limit_s / (step_s * row.processes * row.threads),
    }


def contest_frame(turns: pd.DataFrame) -> pd.DataFrame:
    """Return one row a job and contender: its labels, its number of turns, and median and quartiles of each value.

    They are over turns (`<value>_q25`, `<value>_q75`). `speedup` is the median of the ratios of turns of the same
    round, which were taken next to each other, and not the ratio of two medians.
    """
    groups = turns.groupby(["job", "contender"], sort=False)
    columns = [*LABELS, "turns", *(f"{name}{end}" for name in VALUES for end in ("", "_q25", "_q75"))]
    return pd.DataFrame([_summary(group) for _, group in groups], columns=columns)


def _summary(turns: pd.DataFrame) -> dict[str, Any]:
    first = turns.iloc[0]
    row = {name: first[name] for name in LABELS} | {"turns": len(turns)}
    for name in VALUES:
        row |= with_quartiles(name, turns[name])
    return row


def with_quartiles(name: str, values: Iterable[float]) -> dict[str, float]:
    """Return the median under a name, and the quartiles under the name with _q25 and _q75."""
    middle, low, high = quartiles(list(values))
    return {name: middle, f"{name}_q25": low, f"{name}_q75": high}


def reference_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows to speak of first: at the batch size of most rows, the largest hidden size, its longest length.

    Of batch sizes with as many rows it is the smallest.
    """
    counts = rows["batch_size"].value_counts()
    chosen: pd.DataFrame = rows.loc[rows["batch_size"] == counts.index[counts == counts.max()].min()]
    for name in ("hidden_size", "length"):
        chosen = chosen.loc[chosen[name] == chosen[name].max()]
    return chosen


WHOLE_COLUMNS = (
    "task", "batch_size", "hidden_size", "cells", "lags", "contender", "speedup", "speedup_q25", "speedup_q75",
)  # fmt: skip


def whole_study(turns: pd.DataFrame, cells: Sequence[str]) -> pd.DataFrame:
    """Return how many times as long as ours each contender would need for a study of these cells over the lags.

    One row a task, batch size, hidden size and other contender. In each round, seconds a member-step are summed over
    the cells and lags, theirs and ours, and divided: median and quartiles of that over rounds. A lag that any of the
    cells lacks, for ours or for the contender, is left out for all. Where no lag remains there is no row.
    """
    shown = turns.loc[turns["cell"].isin(cells) & turns["speedup"].notna()]
    groups = shown.groupby(["task", "batch_size", "hidden_size", "contender"], sort=False)
    rows = [
        {"task": task, "batch_size": batch, "hidden_size": hidden, "contender": contender, "cells": ", ".join(cells)}
        | summed
        for (task, batch, hidden, contender), group in ((key, part) for key, part in groups)
        if (summed := _summed(group, len(cells)))
    ]
    return pd.DataFrame(rows, columns=list(WHOLE_COLUMNS))


def _summed(turns: pd.DataFrame, n_cells: int) -> dict[str, Any]:
    """Return the lags that all cells have, and the ratio of their sums; nothing where there is no such lag."""
    shared = turns.loc[turns.groupby("lag")["cell"].transform("nunique") == n_cells]
    if shared.empty:
        return {}
    rounds = shared.groupby("turn")
    whole = rounds.size() == shared["job"].nunique()
    ratios = (rounds["step_s"].sum() / rounds["step_s_of_ours"].sum())[whole]
    lags = ", ".join(str(lag) for lag in sorted(set(shared["lag"])))
    return {"lags": lags, **with_quartiles("speedup", ratios)}


PAIR = ("rnn", "lstm")


def cell_sets(cells: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the sets of cells whose whole study is worth a number: the pair of the house's own studies, and all."""
    pair = [PAIR] if set(PAIR) <= set(cells) else []
    return list(dict.fromkeys([*pair, *([] if set(PAIR) == set(cells) else [tuple(cells)])]))
