"""The comparison: one row a cell, with its span, its costs and its other measures."""

import math
from collections import Counter
from typing import Any

import pandas as pd

from lstm_bench.analysis.distance import held_ratio, spans_in_distance
from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.gradients import ONE_OVER_E, decay_per_step, horizon, longest_lag_with_flow
from lstm_bench.analysis.learning import final_loss
from lstm_bench.analysis.matching import Matching, matchings
from lstm_bench.analysis.memory_horizons import CAPACITY, HALF_LIFE, LYAPUNOV, WINDOW, horizon_estimates
from lstm_bench.analysis.memory_span import MemorySpan
from lstm_bench.analysis.solving import (
    is_budget_limited,
    longest_mostly_solved,
    solve_rates,
    spans,
    steps_to_solve,
    times_to_solve,
    was_trained,
)
from lstm_bench.analysis.speed import longest_measured_lag, speed_ratio, speed_row, stock_ratio
from lstm_bench.analysis.statistics import interval_columns
from lstm_bench.analysis.survival import restricted_mean
from lstm_bench.metrics import FINAL, INITIAL
from lstm_bench.records.plan import JobPlan

MEMORY_COLUMNS = {
    "capacity_initial": (CAPACITY, INITIAL),
    "capacity_final": (CAPACITY, FINAL),
    "half_life": (HALF_LIFE, FINAL),
    "lyapunov_horizon_initial": (LYAPUNOV, INITIAL),
    "lyapunov_horizon_final": (LYAPUNOV, FINAL),
    "implied_window": (WINDOW, FINAL),
}
GRADIENT_COLUMNS = tuple(
    f"{name}_initial{end}" for name in ("decay", "horizon", "horizon_e") for end in ("", "_low", "_high")
)
STEPS_COLUMNS = (
    *("steps_to_solve", "steps_to_solve_low", "steps_to_solve_high"),
    *("steps_mean", "steps_mean_low", "steps_mean_high"),
    "steps_lag",
)
RATIO_COLUMNS = ("span_ratio", "span_ratio_low", "span_ratio_high", "span_ratio_text")
SPEED_VALUES = (
    "sequences_per_s",
    "sequences_per_s_q25",
    "sequences_per_s_q75",
    "ms_per_time_step",
    "peak_memory_bytes",
)


@cache_per_study
def matched_studies(study: StudyData) -> list[tuple[Matching, StudyData]]:
    """Return the comparisons within a study narrowed to one task, each with the study of its cells alone."""
    return [
        (match, study if set(match.cells) == set(study.cells) else study.of_cells(match.cells))
        for match in matchings(study.plan.jobs)
    ]


@cache_per_study
def comparison(study: StudyData) -> pd.DataFrame:
    """Return one row a (task, variant, cell), with NaN or None where something was not measured.

    matching: the comparisons that the cell is part of, see `matchings`.
    span .. span_none_solved: the learned span T50, its text, numbers and bracket (steps of lag).
    span_distance, _low, _high, _text: the same in steps held, empty where the task does not say how long that is.
    span_budget_limited: whether T50 still grows with the budget, so that it is a lower bound.
    span_ratio, _low, _high, _text: the span over that of the task's first cell, in steps held where these are known.
    n_parameters, n_parameters_core, core_ratio: with and without read-out; over the core of the task's first cell.
    sequences_per_s .. peak_memory_bytes, speed_lag, speed_kernel, speed_members: by the kernel that trained the cell,
    so many members together, at the longest lag timed for all cells of the task; sequences and memory are those of all
    members, the time is one member's.
    speed_ratio, _kernel, _lag, _trained: over the task's first cell, both by this kernel at this lag, and whether it is
    the one that trained both, see `speed.speed_ratio`; speed_ratio_stock: the same between layers of torch.nn.
    steps_to_solve, _low, _high, steps_lag: Kaplan-Meier median at the longest lag that most members solved.
    steps_mean, _low, _high: mean steps to solve at that lag, counted up to the budget, see `restricted_mean`.
    score_iqm, _low, _high, score_n, score_lags: the normalised loss at the end, see `final_loss`, with how many members
    it is over and at how many lags.
    decay_initial, horizon_initial, horizon_e_initial, each with _low, _high, decay_lag: gradient decay per step at
    initialisation, geometric mean, and steps until the gradient falls below 1e-3 and 1/e, Kaplan-Meier medians, at the
    longest lag measured for all.
    capacity_initial, capacity_final (inputs), half_life, lyapunov_horizon_initial, lyapunov_horizon_final,
    implied_window (steps), each with _low, _high and _censored: memory horizons, see `horizon_estimates`; where
    _censored is "above" the number is a bound.
    learning_rates: the rates chosen, with the number of lags where they differ.
    solved_at_<lag>: "4/5", members that solved of those that ran to their end.
    """
    return pd.DataFrame(
        [_row(one_task, cell, span) for one_task in study.by_task() for cell, span in spans(one_task).items()]
    )


def _row(study: StudyData, cell: str, span: MemorySpan) -> dict[str, Any]:
    job = _longest_job(study, cell)
    return {
        **study.labels,
        "cell": cell,
        "matching": "; ".join(match.text for match in matchings(study.plan.jobs) if cell in match.cells),
        **_span_columns(span),
        **_held_columns(study, cell),
        **_size_columns(job, _longest_job(study, study.cells[0])),
        **_speed_columns(study, cell),
        **_steps_columns(study, cell),
        **_score_columns(study, cell),
        **_gradient_columns(study, cell),
        **_memory_columns(study, cell),
        "learning_rates": _learning_rates(study, cell),
        **_solved_columns(study, cell),
    }


def _longest_job(study: StudyData, cell: str) -> JobPlan:
    return max((job for job in study.plan.jobs if job.cell == cell), key=lambda job: job.lag)


def _span_columns(span: MemorySpan) -> dict[str, Any]:
    return {
        "span": span.text,
        "span_outcome": span.outcome,
        "span_cut_off": span.cut_off,
        "span_median": span.median,
        "span_low": span.low,
        "span_high": span.high,
        "span_all_solved": span.all_solved,
        "span_none_solved": span.none_solved,
    }


def _held_columns(study: StudyData, cell: str) -> dict[str, Any]:
    """Return the span in steps held, and its ratio to that of the first cell, None for the first cell itself."""
    held = (spans_in_distance(study) or {}).get(cell, MemorySpan("unmeasured"))
    columns = {
        "span_distance": held.median,
        "span_distance_low": held.low,
        "span_distance_high": held.high,
        "span_distance_text": None if math.isnan(held.median) else held.text,
        "span_budget_limited": is_budget_limited(study, cell),
    }
    if cell == study.cells[0]:
        return columns | dict.fromkeys(RATIO_COLUMNS)
    ratio = held_ratio(study, cell, study.cells[0])
    text = None if ratio.bound == "?" else ratio.text
    return columns | dict(zip(RATIO_COLUMNS, (ratio.median, ratio.low, ratio.high, text), strict=True))


def _size_columns(job: JobPlan, first: JobPlan) -> dict[str, Any]:
    return {
        "hidden_size": job.hidden_size,
        "n_parameters": job.n_parameters,
        "n_parameters_core": job.n_parameters_core,
        "core_ratio": job.n_parameters_core / first.n_parameters_core,
    }


def _speed_columns(study: StudyData, cell: str) -> dict[str, Any]:
    timed = [name for name in study.cells if longest_measured_lag(study, name) is not None]
    row = speed_row(study, cell, longest_measured_lag(study, *{cell, *timed})) or {}
    ratio, stock = (compare(study, cell, study.cells[0]) for compare in (speed_ratio, stock_ratio))
    return {
        **{name: row.get(name) for name in SPEED_VALUES},
        "speed_lag": row.get("lag"),
        "speed_kernel": row.get("kernel"),
        "speed_members": row.get("members"),
        "speed_ratio": ratio.value if ratio else math.nan,
        "speed_ratio_kernel": ratio.kernel if ratio else None,
        "speed_ratio_lag": ratio.lag if ratio else None,
        "speed_ratio_trained": ratio.is_trained if ratio else None,
        "speed_ratio_stock": stock.value if stock else math.nan,
    }


def _steps_columns(study: StudyData, cell: str) -> dict[str, Any]:
    lag = longest_mostly_solved(study, cell)
    if lag is None:
        return dict.fromkeys(STEPS_COLUMNS)
    budget = max(job.steps for job in study.plan.jobs if (job.cell, job.lag) == (cell, lag))
    mean = restricted_mean(*times_to_solve(study, cell, lag), budget)
    return dict(zip(STEPS_COLUMNS, (*steps_to_solve(study, cell, lag), *mean, lag), strict=True))


def _score_columns(study: StudyData, cell: str) -> dict[str, Any]:
    loss, n, lags = final_loss(study, cell)
    return {**interval_columns("score_iqm", loss), "score_n": n, "score_lags": lags}


def _gradient_columns(study: StudyData, cell: str) -> dict[str, Any]:
    lag = longest_lag_with_flow(study)
    if lag is None:
        return dict.fromkeys((*GRADIENT_COLUMNS, "decay_lag"))
    horizons = (*horizon(study, cell, lag), *horizon(study, cell, lag, name=ONE_OVER_E))
    numbers = (*decay_per_step(study, cell, lag), *horizons)
    return {**dict(zip(GRADIENT_COLUMNS, numbers, strict=True)), "decay_lag": lag}


def _memory_columns(study: StudyData, cell: str) -> dict[str, Any]:
    estimates = {(estimate.horizon, estimate.moment): estimate for estimate in horizon_estimates(study)[cell]}
    columns: dict[str, Any] = {}
    for name, key in MEMORY_COLUMNS.items():
        estimate = estimates.get(key)
        columns |= dict.fromkeys((name, f"{name}_low", f"{name}_high", f"{name}_censored"))
        if estimate is not None:
            columns |= interval_columns(name, (estimate.middle, estimate.low, estimate.high))
            columns[f"{name}_censored"] = estimate.censored
    return columns


def chosen_rates(study: StudyData, cell: str) -> dict[int, float]:
    """Return the learning rate of a cell's reported members at each lag that has one."""
    known = study.members.loc[(study.members["cell"] == cell) & study.members["learning_rate"].notna()]
    return {int(lag): float(rate) for lag, rate in zip(known["lag"], known["learning_rate"], strict=True)}


def _learning_rates(study: StudyData, cell: str) -> str | None:
    if not was_trained(study):
        return None
    lags_with = Counter(chosen_rates(study, cell).values())
    if len(lags_with) <= 1:
        return f"{next(iter(lags_with)):g}" if lags_with else None
    return ", ".join(f"{rate:g} ({n} lag{'s' * (n > 1)})" for rate, n in sorted(lags_with.items()))


def _solved_columns(study: StudyData, cell: str) -> dict[str, str]:
    rates = solve_rates(study)
    rows = rates.loc[rates["cell"] == cell]
    return {f"solved_at_{row.lag}": f"{row.solved}/{row.attempts}" for row in rows.itertuples()}


def core_ratio(study: StudyData, a: str, b: str) -> float:
    """Return how many core parameters `a` has for each one of `b`."""
    return _longest_job(study, a).n_parameters_core / _longest_job(study, b).n_parameters_core
