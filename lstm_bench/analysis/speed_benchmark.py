"""The records of a speed study as frames: every round, and every implementation at every job."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lstm_bench.analysis.statistics import quartiles
from lstm_bench.records.plan import StudyPlan
from lstm_bench.records.speed import OURS, PLAIN_LOOP, STOCK_THREADS, STOCK_WORKERS, BenchmarkRow, MachineLimit
from lstm_bench.records.store import StudyRecords

IMPLEMENTATIONS = (OURS, STOCK_WORKERS, STOCK_THREADS, PLAIN_LOOP)
LABELS = (
    "job", "task", "cell", "hidden_size", "batch_size", "lag", "length", "implementation", "kernel", "processes",
    "threads", "members", "peak_memory_mib", "steps",
)  # fmt: skip
VALUES = ("steps_per_s", "sequences_per_s", "ms_per_time_step", "gflops_per_s", "limit_share", "speedup")
ROUND_COLUMNS = (*LABELS, "round", "round_s", "step_s", "step_s_of_ours", *VALUES)


@dataclass(frozen=True)
class SpeedBenchmark:
    """A speed study in memory.

    rounds: one row a job, implementation and round, see `round_frame`.
    rows: one row a job and implementation, see `implementation_frame`.
    """

    plan: StudyPlan
    limit: MachineLimit
    rounds: pd.DataFrame
    rows: pd.DataFrame

    @property
    def implementations(self) -> list[str]:
        """The implementations that were timed: ours first, the others in the order in which the page names them."""
        measured = list(dict.fromkeys(self.rows["implementation"]))
        return [name for name in IMPLEMENTATIONS if name in measured] + [
            name for name in measured if name not in IMPLEMENTATIONS
        ]

    @property
    def cells(self) -> list[str]:
        """The cells that were timed, in the order of the records."""
        return list(dict.fromkeys(self.rows["cell"]))


def load_benchmark(folder: Path) -> SpeedBenchmark:
    """Return the speed study whose records lie in `folder`.

    Raises: RecordError where there is no plan, nothing was measured, or it cannot be read.
    """
    records = StudyRecords(folder)
    plan = records.read_plan()
    limit, rows = records.read_benchmark()
    rounds = round_frame(rows)
    return SpeedBenchmark(plan, limit, rounds, implementation_frame(rounds))


def round_frame(rows: Iterable[BenchmarkRow]) -> pd.DataFrame:
    """Return every round, with the speed that follows from it.

    A round of `round_s` seconds does `steps` member-steps of B sequences of T time steps, in all processes together.

    step_s: round_s / steps, seconds of the whole machine for one member-step; step_s_of_ours: that of the engine in the
    same round of the same job.
    steps_per_s, sequences_per_s: 1 / step_s and B / step_s, of the whole machine.
    ms_per_time_step: 1000 round_s processes / (steps T), wall milliseconds that one process is busy for one time step
    of one model: of one core where each process has one thread, of all its cores where a process has them all.
    gflops_per_s: flops / step_s / 1e9, operations by formula, of the whole machine.
    limit_share: limit_s / (step_s processes threads), 1 where every core that the implementation has runs at the
    limit; NaN where the limit is not known.
    speedup: step_s / step_s_of_ours, member-steps that the engine takes while this implementation takes one; NaN for
    the engine itself, and where it has no such round.
    """
    table = [round for row in rows for round in _rounds(row)]
    frame = pd.DataFrame(table, columns=list(ROUND_COLUMNS)).astype({"peak_memory_mib": "float64"})
    ours = frame.loc[frame["implementation"] == OURS].set_index(["job", "round"])["step_s"]
    keys = pd.MultiIndex.from_frame(frame[["job", "round"]])
    frame["step_s_of_ours"] = ours.reindex(keys).astype("float64").to_numpy()
    frame["speedup"] = (frame["step_s"] / frame["step_s_of_ours"]).where(frame["implementation"] != OURS)
    return frame


def _rounds(row: BenchmarkRow) -> list[dict[str, Any]]:
    size = math.nan if row.peak_memory_bytes is None else row.peak_memory_bytes / 2**20
    facts = {name: value for name, value in asdict(row).items() if name in LABELS} | {"peak_memory_mib": size}
    return [facts | {"round": place} | _values(row, round_s) for place, round_s in enumerate(row.rounds_s)]


def _values(row: BenchmarkRow, round_s: float) -> dict[str, float]:
    step_s = round_s / row.steps
    return {
        "round_s": round_s,
        "step_s": step_s,
        "steps_per_s": 1 / step_s,
        "sequences_per_s": row.batch_size / step_s,
        "ms_per_time_step": 1e3 * step_s * row.processes / row.length,
        "gflops_per_s": row.flops / step_s / 1e9,
        "limit_share": math.nan if row.limit_s is None else row.limit_s / (step_s * row.processes * row.threads),
    }


def implementation_frame(rounds: pd.DataFrame) -> pd.DataFrame:
    """Return one row a job and implementation: its labels, how many rounds, and median and quartiles of each value.

    Median and quartiles (`<value>_q25`, `<value>_q75`) are over rounds. `speedup` is the median of the ratios within
    each round, whose timings were taken next to each other, and not the ratio of two medians.
    """
    groups = rounds.groupby(["job", "implementation"], sort=False)
    columns = [*LABELS, "rounds", *(f"{name}{end}" for name in VALUES for end in ("", "_q25", "_q75"))]
    return pd.DataFrame([_summary(group) for _, group in groups], columns=columns)


def _summary(rounds: pd.DataFrame) -> dict[str, Any]:
    first = rounds.iloc[0]
    row = {name: first[name] for name in LABELS} | {"rounds": len(rounds)}
    for name in VALUES:
        row |= with_quartiles(name, rounds[name])
    return row


def with_quartiles(name: str, values: Iterable[float]) -> dict[str, float]:
    """Return the median under a name, and the quartiles under the name with _q25 and _q75."""
    middle, low, high = quartiles(list(values))
    return {name: middle, f"{name}_q25": low, f"{name}_q75": high}


def reference_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the reference rows: at the batch size of most rows, the largest hidden size, its longest length.

    Of batch sizes with as many rows it is the smallest.
    """
    counts = rows["batch_size"].value_counts()
    chosen: pd.DataFrame = rows.loc[rows["batch_size"] == counts.index[counts == counts.max()].min()]
    for name in ("hidden_size", "length"):
        chosen = chosen.loc[chosen[name] == chosen[name].max()]
    return chosen


WHOLE_COLUMNS = (
    "task", "batch_size", "hidden_size", "cells", "lags", "implementation", "speedup", "speedup_q25", "speedup_q75",
)  # fmt: skip


def whole_study(rounds: pd.DataFrame, cells: Sequence[str]) -> pd.DataFrame:
    """Return how many times as long as the engine each implementation needs for a study of these cells over the lags.

    One row a task, batch size, hidden size and other implementation; `cells` and `lags` are tuples. In each round,
    seconds a member-step are summed over the cells and lags, the other's and the engine's, and divided: median and
    quartiles of that over rounds. A lag that any of the cells lacks, for either of the two, is left out for all, and so
    is a round that some job lacks. Where no lag remains there is no row.
    """
    shown = rounds.loc[rounds["cell"].isin(cells) & rounds["speedup"].notna()]
    groups = shown.groupby(["task", "batch_size", "hidden_size", "implementation"], sort=False)
    rows = [
        {
            "task": task,
            "batch_size": batch,
            "hidden_size": hidden,
            "implementation": implementation,
            "cells": tuple(cells),
        }
        | summed
        for (task, batch, hidden, implementation), group in ((key, part) for key, part in groups)
        if (summed := _summed(group, len(cells)))
    ]
    return pd.DataFrame(rows, columns=list(WHOLE_COLUMNS))


def _summed(rounds: pd.DataFrame, n_cells: int) -> dict[str, Any]:
    """Return the columns of the lags that all cells have and of the ratio of sums; {} where there is no such lag."""
    shared = rounds.loc[rounds.groupby("lag")["cell"].transform("nunique") == n_cells]
    if shared.empty:
        return {}
    by_round = shared.groupby("round")
    whole = by_round.size() == shared["job"].nunique()
    ratios = (by_round["step_s"].sum() / by_round["step_s_of_ours"].sum())[whole]
    return {"lags": tuple(sorted(set(shared["lag"].tolist()))), **with_quartiles("speedup", ratios)}


PAIR = ("rnn", "lstm")


def cell_sets(cells: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the sets of cells to report a whole study of: the RNN with the LSTM, and all cells."""
    pair = [PAIR] if set(PAIR) <= set(cells) else []
    return list(dict.fromkeys([*pair, *([] if set(PAIR) == set(cells) else [tuple(cells)])]))
