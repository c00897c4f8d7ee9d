"""The comparison of cells and the solve-rate curve, as plain text for the terminal."""

import math
from collections.abc import Sequence
from typing import Any

from lstm_bench.analysis.comparison import comparison, matched_studies
from lstm_bench.analysis.distance import held_spans, spans_in_distance
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.memory_span import MemorySpan
from lstm_bench.analysis.solving import is_budget_limited, solve_rates, spans, was_trained
from lstm_bench.analysis.wording import significant
from lstm_bench.report.document import DASH
from lstm_bench.report.text_table import text_table

BARS = "▁▂▃▄▅▆▇█"  # the share of members that solve, none to all
NOTE = f"Solved: members that solve of those that ran to their end; {BARS[0]} none, {BARS[-1]} all."
LAGS_A_LINE = 10  # of the solve-rate curve, so that it stays within 100 columns
LEFT_ALIGNED = ("cell", "holds for, steps (95%)", "T50, lag (95%)")


def comparison_text(study: StudyData) -> str:
    """Return, for each task, its cells side by side and the share that solves at each lag; "" where nothing trained."""
    tasks = [task for task in study.by_task() if was_trained(task) and task.lags]
    return "\n\n".join([*map(_task, tasks), NOTE]) if tasks else ""


def _task(study: StudyData) -> str:
    tables = [
        f"{study.task}, {matching.text}\n{text_table(_columns(matched), LEFT_ALIGNED)}"
        for matching, matched in matched_studies(study)
    ]
    return "\n\n".join([*tables, *_curve(study)])


def _columns(study: StudyData) -> list[tuple[str, list[str]]]:
    rows = [{str(key): value for key, value in row.items()} for row in comparison(study).to_dict("records")]
    cells = [str(row["cell"]) for row in rows]
    held = held_spans(study) if spans_in_distance(study) else {}
    columns = [
        ("cell", cells),
        ("holds for, steps (95%)", [_extent(study, cell, held[cell]) for cell in cells if held]),
        ("T50, lag (95%)", [_extent(study, cell, spans(study)[cell]) for cell in cells]),
        ("parameters", [f"{row['n_parameters_core']:,}" for row in rows]),
        ("sequences/s", [_known(row["sequences_per_s"]) for row in rows]),
        ("steps to solve", [_steps(row) for row in rows]),
    ]
    return [(heading, texts) for heading, texts in columns if texts]


def _extent(study: StudyData, cell: str, span: MemorySpan) -> str:
    """Return a span with its interval: "at least 26.1 (21.6-30.3)", ">= 64"."""
    is_open = span.outcome == "fitted" and is_budget_limited(study, cell)
    return f"{'at least ' if is_open else ''}{span.text}"


def _known(value: Any) -> str:
    return DASH if value is None or math.isnan(float(value)) else significant(float(value))


def _steps(row: dict[str, Any]) -> str:
    steps = _known(row["steps_to_solve"])
    return steps if steps == DASH else f"{float(row['steps_to_solve']):,.0f} (lag {row['steps_lag']:.0f})"


def _curve(study: StudyData) -> list[str]:
    """Return tables of the members that solve, a row per cell and a column per lag, with the lags that fit a line."""
    rates = {(row.cell, row.lag): row for row in solve_rates(study).itertuples()}
    return [
        text_table(
            [
                ("solved at lag", study.cells),
                *((str(lag), [_solved(rates.get((cell, lag))) for cell in study.cells]) for lag in lags),
            ],
            ("solved at lag",),
        )
        for lags in _lines(study.lags)
    ]


def _lines(lags: Sequence[int]) -> list[Sequence[int]]:
    return [lags[start : start + LAGS_A_LINE] for start in range(0, len(lags), LAGS_A_LINE)]


def _solved(row: Any) -> str:
    if row is None or not row.attempts:
        return DASH
    return f"{BARS[round(row.rate * (len(BARS) - 1))]} {row.solved}/{row.attempts}"
