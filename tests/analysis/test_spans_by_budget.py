"""Spans within parts of the budget, what solving costs, and spans by softer criteria, of members set by hand."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic_study import BUDGET, maker

from lstm_bench.analysis.budgets import FRACTIONS, budget_shares, spans_by_budget
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.memory_span import learned_span
from lstm_bench.analysis.power_law import Attempt, fit_power_law
from lstm_bench.analysis.softer_criteria import softer_criteria, softer_spans
from lstm_bench.analysis.solving import growth_of_span, is_budget_limited, lags_tried, spans
from lstm_bench.analysis.solving_cost import cost_law, costs_to_solve

LAGS = (2, 4, 8, 16)
Steps = Mapping[int, list[int]]  # of the members that solved, by lag
Make = Callable[..., StudyData]
SLOWING: Steps = {2: [400] * 5, 4: [800] * 5, 8: [1600] * 5, 16: [3200] * 5}
STOPPED: Steps = {2: [400] * 5, 4: [800] * 3}


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return maker(tmp_path)


@pytest.fixture
def study(make: Make) -> StudyData:
    """An LSTM whose members need 200 steps a step of lag, and an RNN that solves soon or never."""
    return with_steps(make(lags=LAGS), {"lstm": SLOWING, "rnn": STOPPED})


def with_steps(study: StudyData, by_cell: Mapping[str, Steps]) -> StudyData:
    """Return a study in which these members solved after these steps, and no others; the lowest seeds solved."""
    members = study.members.copy()
    members["status"], members["steps_to_solve"] = "learning", np.nan
    for cell, by_lag in by_cell.items():
        for lag, steps in by_lag.items():
            is_theirs = (members["cell"] == cell) & (members["lag"] == lag) & (members["seed"] < len(steps))
            members.loc[is_theirs, "status"] = "solved"
            members.loc[is_theirs, "steps_to_solve"] = steps
    return replace(study, members=members)


def test_the_spans_are_those_of_the_members_that_solved_in_time(study: StudyData) -> None:
    table = spans_by_budget(study)
    lstm = table.loc[table["cell"] == "lstm"].set_index("budget_share")
    solved_within = {1 / 4: [5, 5, 0, 0], 1 / 2: [5, 5, 5, 0], 0.8: [5, 5, 5, 5]}
    for share, solved in solved_within.items():
        span = learned_span(LAGS, solved, [5] * 4)
        assert lstm.loc[share, ["outcome", "t50", "t50_low", "t50_high"]].tolist() == [
            span.outcome, span.median, span.low, span.high,
        ]  # fmt: skip
        assert lstm.loc[share, "steps"] == share * BUDGET
    assert lstm.loc[1.0, "t50"] == spans(study)["lstm"].median


def test_the_parts_are_evaluations_from_the_second_to_the_last(study: StudyData) -> None:
    shares = budget_shares(study)
    assert set(FRACTIONS) <= set(shares)
    assert (shares[0], shares[-1]) == (400 / BUDGET, 1.0)
    others = [share * BUDGET for share in shares if share not in FRACTIONS]
    assert all(steps % 200 == pytest.approx(0) for steps in others)
    assert shares == sorted(shares)
    assert 10 <= len(shares) <= 24


def test_a_cell_that_solves_late_is_limited_by_the_budget_and_one_that_has_stopped_is_not(study: StudyData) -> None:
    growth = growth_of_span(study, "lstm")
    assert growth.bound == ">="
    assert growth.low > 1
    assert is_budget_limited(study, "lstm")
    assert (growth_of_span(study, "rnn").low, growth_of_span(study, "rnn").high) == (1, 1)
    assert not is_budget_limited(study, "rnn")
    table = spans_by_budget(study).drop_duplicates("cell").set_index("cell")
    assert table["budget_limited"].to_dict() == {"lstm": True, "rnn": False}


def test_growth_that_few_members_show_is_no_limit(study: StudyData) -> None:
    lucky = with_steps(study, {"rnn": {2: [400] * 5, 4: [800, 800, 3600, 3600]}})
    growth = growth_of_span(lucky, "rnn")
    assert growth.median > 1.1
    assert growth.low == 1
    assert not is_budget_limited(lucky, "rnn")


def test_one_lag_and_no_training_have_no_rows(make: Make) -> None:
    for settings in ({"lags": (4,)}, {"lags": LAGS, "trained": False}, {"lags": LAGS, "outcome": lambda *_: "missing"}):
        without = make(**settings)
        assert lags_tried(without) < 2
        assert spans_by_budget(without).empty
        assert costs_to_solve(without).empty


def test_costs_are_medians_in_steps_and_in_flops(study: StudyData) -> None:
    table = costs_to_solve(study).set_index(["cell", "cost", "lag"]).sort_index()
    assert table.loc[("lstm", "steps"), "median"].tolist() == [400, 800, 1600, 3200]
    flops = {job.lag: job.flops for job in study.plan.jobs if job.cell == "lstm"}
    assert table.loc[("lstm", "flops"), "median"].tolist() == [200 * lag * flops[lag] for lag in LAGS]
    assert table.loc[("rnn", "steps"), "median"].tolist() == [400, 800, math.inf, math.inf]
    assert table.loc[("rnn", "steps"), "solved"].tolist() == [5, 3, 0, 0]
    assert (table.xs("steps", level="cost")["budget"] == BUDGET).all()


def test_the_exponent_is_of_times_between_two_evaluations(study: StudyData) -> None:
    """Steps are 200 times the lag; an evaluation every 200 steps leaves each time open by as much."""
    law = cost_law(study, "lstm", "steps")
    assert law == fit_power_law([Attempt(lag, 200 * lag - 200, 200 * lag) for lag in LAGS for _ in range(5)])
    assert law.exponent.middle == pytest.approx(1.0, abs=0.25)
    flops = {job.lag: job.flops for job in study.plan.jobs if job.cell == "lstm"}
    times = [Attempt(lag, (200 * lag - 200) * flops[lag], 200 * lag * flops[lag]) for lag in LAGS for _ in range(5)]
    assert cost_law(study, "lstm", "flops") == fit_power_law(times)


def test_members_without_a_solution_are_slower_than_the_budget(study: StudyData) -> None:
    attempts = [Attempt(2, 200, 400)] * 5 + [Attempt(4, 600, 800)] * 3
    attempts += [Attempt(lag, BUDGET, math.inf) for lag, n in {4: 2, 8: 5, 16: 5}.items() for _ in range(n)]
    assert cost_law(study, "rnn", "steps") == fit_power_law(attempts)


def test_members_that_failed_or_are_missing_have_no_say(study: StudyData) -> None:
    members = study.members.copy()
    members.loc[(members["cell"] == "rnn") & (members["lag"] == 16), "status"] = "failed"
    table = costs_to_solve(replace(study, members=members))
    assert table.loc[(table["cell"] == "rnn") & (table["cost"] == "steps"), "lag"].tolist() == [2, 4, 8]


def scored(study: StudyData, scores: Mapping[int, list[float]]) -> StudyData:
    """Return a study with softer criteria in which the RNN's members at each lag, all alike, had these scores."""
    rows = [
        {"task": "copy", "variant": study.plan.jobs[0].variant, "cell": "rnn", "lag": lag, "seed": seed,
         "status": "learning", "step": 200 * place, "metric": "eval/recall_accuracy", "value": value}
        for lag, values in scores.items() for seed in range(5) for place, value in enumerate(values)
    ]  # fmt: skip
    jobs = [replace(job, softer={"recall_accuracy": [0.9, 0.95]}) for job in study.plan.jobs]
    return replace(study, curves=pd.DataFrame(rows), plan=replace(study.plan, jobs=jobs))


def test_a_softer_criterion_needs_two_evaluations_in_a_row(study: StudyData) -> None:
    """Lag 2 was solved, lag 4 by three; lag 8 meets 0.9 twice in a row and 0.95 never so, lag 16 never in a row."""
    relaxed = scored(study, {4: [0.2, 0.3], 8: [0.92, 0.96, 0.93, 0.96], 16: [0.96, 0.2, 0.96, 0.89]})
    assert [criterion.text for criterion in softer_criteria(relaxed)] == [
        "recall accuracy at least 0.95", "recall accuracy at least 0.9",
    ]  # fmt: skip
    table = softer_spans(relaxed).set_index(["cell", "criterion"])
    for criterion, solved in {"0.95": [5, 3, 0, 0], "0.9": [5, 3, 5, 0]}.items():
        span = learned_span(LAGS, solved, [5] * 4)
        assert table.loc[("rnn", f"recall accuracy at least {criterion}"), "span"] == span.text
    assert table.loc[("lstm", "recall accuracy at least 0.95"), "span"] == ">= 16"


def test_records_of_earlier_versions_have_no_softer_criteria(study: StudyData) -> None:
    assert softer_criteria(study) == []
    assert softer_spans(study).empty
