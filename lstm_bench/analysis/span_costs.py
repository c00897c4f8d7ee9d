"""What each cell's span costs: one row a cell with its span, sizes, speed and cost of solving."""

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.distance import held_spans, spans_in_distance
from lstm_bench.analysis.frames import StudyData, cache_per_study, of_all_tasks
from lstm_bench.analysis.gradients import measured_state_sizes
from lstm_bench.analysis.memory_horizons import CAPACITY, GRADIENT, estimate_of
from lstm_bench.analysis.solving import is_budget_limited, spans
from lstm_bench.analysis.solving_cost import Cost, Tried, tried_lags
from lstm_bench.analysis.statistics import UNKNOWN, interval_columns
from lstm_bench.analysis.tuning import fixed_rate_spans
from lstm_bench.analysis.unmeasured import why_no_reading, why_no_speed
from lstm_bench.metrics import FINAL, INITIAL

Price = Literal["flops", "state_size"]  # the costs that a span is compared with
LEAST_CELLS = 4  # on a task: fewer need no front
MEASURES = {"horizon": (GRADIENT, "gradient_flow"), "capacity": (CAPACITY, "memory_capacity")}  # and their probes
WHEN = {INITIAL: "at the start", FINAL: "after training"}
SPEED_COLUMNS = ("ms_per_time_step", "speed_lag", "speed_kernel", "speed_members")


def span_costs(study: StudyData) -> pd.DataFrame:
    """Return one row a (task, variant, cell), of tasks on which at least LEAST_CELLS cells were trained.

    span, span_outcome, and span_median with _low and _high: T50 in lag, the learning rate tuned; see `learned_span`.
    distance, distance_low, distance_high, distance_text: the same in steps held, or in lag where `held` is false
    because the task does not say how long a memory is held; budget_limited: whether it still grows with the budget.
    fixed_rate_span, and fixed_rate_span_median with _low and _high: T50 in lag with the rate of `shared_rate`, which is
    fixed_rate, at every lag.
    horizon_initial, horizon_final, capacity_initial, capacity_final, each with _low, _high and _text: the gradient
    horizon in steps and the linear capacity in inputs, see `horizon_estimates`.
    hidden_size, n_parameters; state_size: real numbers that a cell hands to its next step, of one sequence.
    ms_per_time_step, speed_lag, speed_kernel, speed_members: those of `comparison`.
    cost_lag: that of `cost_lag`. steps, flops: what solving it takes, Kaplan-Meier median with _low and _high, inf
    where half do not solve it; steps_budget, flops_budget: what a member could spend. solved_lag: the lag of these
    numbers: cost_lag, or, for a cell not trained there, the shortest longer lag that it solves, so that they are upper
    bounds.
    front_flops, front_state_size: whether the cell is on the Pareto front of span against each, see `pareto_front`.
    not_measured: what is missing, each with its reason.
    """
    return of_all_tasks(study, _of_task)


@cache_per_study
def _of_task(study: StudyData) -> pd.DataFrame:
    lag, rate = cost_lag(study), shared_rate(study)
    compared = {row["cell"]: row for row in comparison(study).to_dict("records")}
    rows = [
        {
            **study.labels,
            "cell": cell,
            **_span(study, cell),
            **_fixed_rate(study, cell, rate),
            **_memory(study, cell),
            **{name: compared[cell][name] for name in ("hidden_size", "n_parameters")},
            "state_size": measured_state_sizes(study).get(cell, math.nan),
            **{name: compared[cell][name] for name in SPEED_COLUMNS},
            **_costs(study, cell, lag),
        }
        for cell in study.cells
    ]
    table = pd.DataFrame(rows)
    table = table.assign(
        **{f"front_{price}": on_front(table, price) for price in get_args(Price)},
        not_measured=["; ".join(_reasons(study, row)) for row in rows],
    )
    return table if (table["span_outcome"] != "unmeasured").sum() >= LEAST_CELLS else table.iloc[:0]


def _span(study: StudyData, cell: str) -> dict[str, Any]:
    span, held = spans(study)[cell], held_spans(study)[cell]
    return {
        "span": span.text,
        **interval_columns("span_median", (span.median, span.low, span.high)),
        "span_outcome": span.outcome,
        "held": spans_in_distance(study) is not None,
        **interval_columns("distance", (held.median, held.low, held.high)),
        "distance_text": held.text,
        "budget_limited": is_budget_limited(study, cell),
    }


@cache_per_study
def shared_rate(study: StudyData) -> float | None:
    """Return the learning rate that is best for all cells of a task together, of those that all of them tried.

    It has the highest geometric mean of T50 over the cells, each from its tuning members at that rate; a bound counts
    as its value. None where no rate was tried by all, or none gives every cell a number. Adkins et al. 2024, "A method
    for evaluating hyperparameter sensitivity in reinforcement learning", compare tuned and shared settings in this way.
    """
    table = fixed_rate_spans(study)
    if table.empty:
        return None
    by_rate = table.pivot(index="cell", columns="learning_rate", values="span_median").dropna(axis="columns")
    if by_rate.empty or len(by_rate) < len(study.cells):
        return None
    means = np.log2(by_rate).mean()
    return float(means.idxmax())


def _fixed_rate(study: StudyData, cell: str, rate: float | None) -> dict[str, Any]:
    table = fixed_rate_spans(study)
    names = ("fixed_rate_span", *interval_columns("fixed_rate_span_median", UNKNOWN))
    if rate is None:
        return {"fixed_rate": math.nan, **dict.fromkeys(names, math.nan), "fixed_rate_span": None}
    row = table.loc[(table["cell"] == cell) & (table["learning_rate"] == rate)].iloc[0]
    values = (row[name] for name in ("span", "span_median", "span_low", "span_high"))
    return {"fixed_rate": rate, **dict(zip(names, values, strict=True))}


def _memory(study: StudyData, cell: str) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, (horizon, _) in MEASURES.items():
        for moment in WHEN:
            estimate = estimate_of(study, cell, horizon, moment)
            interval = UNKNOWN if estimate is None else (estimate.middle, estimate.low, estimate.high)
            columns |= interval_columns(f"{name}_{moment}", interval)
            columns[f"{name}_{moment}_text"] = None if estimate is None else estimate.text
    return columns


@cache_per_study
def cost_lag(study: StudyData) -> int | None:
    """Return the lag at which the cost of solving is compared: the one that the most cells solve.

    A cell solves a lag where half of its members do. Of several such lags it is the longest; None where no cell solves
    any.
    """
    solvers: dict[int, int] = {}
    for cell in study.cells:
        for tried in tried_lags(study, cell, "steps"):
            solvers[tried.lag] = solvers.get(tried.lag, 0) + math.isfinite(tried.median.middle)
    most = max(solvers.values(), default=0)
    return max((lag for lag, n in solvers.items() if n == most), default=None) if most else None


def _costs(study: StudyData, cell: str, lag: int | None) -> dict[str, Any]:
    columns: dict[str, Any] = {"cost_lag": lag, "solved_lag": None}
    for cost in get_args(Cost):
        tried = _tried_at(study, cell, cost, lag)
        columns["solved_lag"] = tried.lag if tried else None
        columns |= interval_columns(cost, tried.median if tried else UNKNOWN)
        columns[f"{cost}_budget"] = tried.budget if tried else math.nan
    return columns


def _tried_at(study: StudyData, cell: str, cost: Cost, lag: int | None) -> Tried | None:
    """Return the attempts at a lag, else those at the shortest longer one that half of the members solve."""
    if lag is None:
        return None
    by_lag = {tried.lag: tried for tried in tried_lags(study, cell, cost)}
    longer = sorted(other for other, tried in by_lag.items() if other > lag and math.isfinite(tried.median.middle))
    return by_lag.get(lag) or (by_lag[longer[0]] if longer else None)


def on_front(table: pd.DataFrame, price: Price) -> list[bool]:
    """Return which cells of a task are on the Pareto front of span against a price.

    A span counts as its value, a lower bound as the bound. A cell whose span is unknown or only bounded from above is
    not on it, and neither is one without a finite price, such as one of which fewer than half of the members solve the
    lag that the price is for.
    """
    is_known = (table["span_outcome"].isin(("fitted", "above")) & np.isfinite(table[price].astype(float))).tolist()
    points = table.loc[is_known, [price, "distance"]]
    front = iter(pareto_front(points[price].tolist(), points["distance"].tolist()))
    return [known and next(front) for known in is_known]


def _reasons(study: StudyData, row: dict[str, Any]) -> list[str]:
    """Return each number that a row lacks, with the reason."""
    cell = row["cell"]
    reasons = [
        f"{horizon} {when}: {why_no_reading(study, cell, probe, moment) or 'no reading'}"
        for name, (horizon, probe) in MEASURES.items()
        for moment, when in WHEN.items()
        if row[f"{name}_{moment}_text"] is None
    ]
    if math.isnan(row["state_size"]):
        reasons.append("state size: no reading of the probe memory_capacity, which counts it")
    if pd.isna(row["ms_per_time_step"]):
        reasons.append(f"ms a step: {why_no_speed(study)}")
    if row["cost_lag"] is None:
        reasons.append("cost of solving: no cell solves any lag")
    elif math.isnan(row["steps"]):
        reasons.append(f"cost of solving: not trained at lag {row['cost_lag']}, and no longer lag is solved")
    elif math.isinf(row["steps"]):
        reasons.append(f"cost of solving: half of the members do not solve lag {row['cost_lag']}")
    if row["fixed_rate_span"] is None:
        reasons.append("T50 at one rate: no rate was tried by every cell with a number for each")
    return reasons


def pareto_front(costs: Sequence[float], spans: Sequence[float]) -> list[bool]:
    """Return for each point whether no other dominates it.

    A point is dominated where another costs as little or less and spans as much or more, and is better in one of
    the two. Points that are equal in both do not dominate each other.
    """
    points = list(zip(costs, spans, strict=True))
    return [not any(_dominates(other, point) for other in points) for point in points]


def _dominates(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a != b and a[0] <= b[0] and a[1] >= b[1]
