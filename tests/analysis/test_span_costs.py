"""What a span costs, against small studies whose numbers are known."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pandas as pd
import pytest
import synthetic_study
from synthetic_study import BUDGET, RATES, SyntheticCell, make_study

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.distance import spans_in_distance
from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.solving import spans
from lstm_bench.analysis.solving_cost import costs_to_solve
from lstm_bench.analysis.span_costs import cost_lag, shared_rate, span_costs
from lstm_bench.analysis.tuning import fixed_rate_spans
from lstm_bench.report.figures import pareto_flops

REACH = {"lstm_far": 40.0, "lstm_near": 6.0, "rnn_small": 12.0, "rnn_lost": 0.5}
WIDTHS = {"lstm_far": 64, "lstm_near": 32, "rnn_small": 16, "rnn_lost": 8}
Make = Callable[..., StudyData]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Return a function that makes a study, each once."""
    with pytest.MonkeyPatch.context() as patched:
        for name, reach in REACH.items():
            patched.setitem(synthetic_study.CELLS, name, SyntheticCell(4, reach, 0.6, 0.9, 9e4, WIDTHS[name]))

        @cache
        def made(cells: tuple[str, ...] = tuple(REACH), **settings: Any) -> StudyData:
            place = tmp_path_factory.mktemp("runs") / "zoo"
            make_study(place, cells=cells, lags=(2, 4, 8, 16), n_seeds=3, held=True, **settings)
            return load_study(place)

        yield made


def by_cell(table: pd.DataFrame) -> dict[str, dict[str, object]]:
    return {str(row["cell"]): {str(k): v for k, v in row.items()} for row in table.to_dict("records")}


def test_every_number_is_that_of_the_analysis_it_comes_from(make: Make) -> None:
    study = make()
    rows, held = by_cell(span_costs(study)), spans_in_distance(study)
    compared, costs = by_cell(comparison(study)), costs_to_solve(study)
    assert held is not None
    assert list(rows) == list(REACH)
    for cell, row in rows.items():
        assert (row["span"], row["distance_text"]) == (spans(study)[cell].text, held[cell].text)
        for name in ("n_parameters", "ms_per_time_step", "capacity_initial"):
            assert row[name] == compared[cell][name]
        at_lag = costs.loc[(costs["cell"] == cell) & (costs["lag"] == row["cost_lag"])].set_index("cost")
        for cost in ("steps", "flops"):
            assert (row[cost], row[f"{cost}_budget"]) == tuple(at_lag.loc[cost, ["median", "budget"]])


def test_state_is_two_vectors_of_a_gated_cell_and_one_of_another(make: Make) -> None:
    sizes = {cell: row["state_size"] for cell, row in by_cell(span_costs(make())).items()}
    assert sizes == {"lstm_far": 128, "lstm_near": 64, "rnn_small": 16, "rnn_lost": 8}


def test_cost_is_at_the_longest_of_the_lags_that_most_cells_solve(make: Make) -> None:
    study = make()
    rows = by_cell(span_costs(study))
    assert cost_lag(study) == 4  # three cells solve 2 and 4, two solve 8
    assert math.isinf(rows["rnn_lost"]["steps"])  # type: ignore[arg-type]
    assert rows["rnn_lost"]["steps_budget"] == BUDGET
    assert "cost of solving: half of the members do not solve lag 4" in str(rows["rnn_lost"]["not_measured"])


def test_of_a_cell_that_was_not_trained_at_that_lag_the_cost_is_at_most_that_of_a_longer_one_it_solves(
    make: Make,
) -> None:
    study = make()
    members = study.members
    ragged = replace(study, members=members.loc[(members["cell"] != "lstm_far") | (members["lag"] == 16)])
    row, whole = by_cell(span_costs(ragged))["lstm_far"], costs_to_solve(study)
    at_16 = by_cell(whole.loc[(whole["lag"] == 16) & (whole["cost"] == "steps")])["lstm_far"]
    assert (row["cost_lag"], row["solved_lag"], row["steps"]) == (4, 16, at_16["median"])
    assert row["front_flops"]
    (point,) = pareto_flops.rows(ragged).query("cell == 'lstm_far'").to_dict("records")
    assert point["is_at_most"]
    assert not pareto_flops.rows(study)["is_at_most"].any()


def test_the_front_has_what_nothing_cheaper_outlasts(make: Make) -> None:
    rows = by_cell(span_costs(make()))
    assert [cell for cell, row in rows.items() if row["front_state_size"]] == ["lstm_far", "rnn_small"]
    assert not rows["rnn_lost"]["front_state_size"]  # smallest, but a span that is below all lags is on no front


def test_the_shared_rate_has_the_highest_geometric_mean(make: Make) -> None:
    study = make()
    table = fixed_rate_spans(study)
    means = {rate: table.loc[table["learning_rate"] == rate, "span_median"].map(math.log).mean() for rate in RATES}
    rate = shared_rate(study)
    assert rate is not None
    assert means[rate] == max(means.values())
    for cell, row in by_cell(span_costs(study)).items():
        fixed = table.loc[(table["cell"] == cell) & (table["learning_rate"] == rate)].iloc[0]
        assert (row["fixed_rate"], row["fixed_rate_span"]) == (rate, fixed["span"])


def test_the_shared_rate_is_one_that_every_cell_tried(make: Make) -> None:
    study = make()
    rate = shared_rate(study)
    is_missing = (study.tuning["cell"] == "lstm_near") & (study.tuning["learning_rate"] == rate)
    assert shared_rate(replace(study, tuning=study.tuning.loc[~is_missing])) not in (rate, None)
    assert shared_rate(replace(study, tuning=study.tuning.loc[study.tuning["cell"] != "lstm_near"])) is None


def test_what_was_not_measured_says_why(make: Make) -> None:
    rows = by_cell(span_costs(make(probed=False, timed=False, tuned=False)))
    reasons = str(rows["lstm_far"]["not_measured"]).split("; ")
    assert reasons == [
        "gradient horizon at the start: probe gradient_flow is off",
        "gradient horizon after training: probe gradient_flow is off",
        "linear capacity at the start: probe memory_capacity is off",
        "linear capacity after training: probe memory_capacity is off",
        "state size: no reading of the probe memory_capacity, which counts it",
        "ms a step: speed=off, or it failed",
        "T50 at one rate: no rate was tried by every cell with a number for each",
    ]


def test_fewer_than_four_trained_cells_have_no_rows(make: Make) -> None:
    assert span_costs(make(cells=("lstm_far", "rnn_small", "rnn_lost"))).empty
    assert span_costs(make(outcome=lambda cell, *_: "missing" if cell == "rnn_lost" else "solved", timed=False)).empty


def test_each_task_has_rows_and_a_front_of_its_own(make: Make) -> None:
    table = span_costs(make(tasks=("copy", "adding")))
    assert table.groupby("task").size().to_dict() == {"copy": 4, "adding": 4}
    for _, rows in table.groupby("task"):
        best = rows.loc[rows["distance"].idxmax()]
        assert best["front_flops"] or rows["flops"].min() < best["flops"]
        assert best["cell"] == "lstm_far"
