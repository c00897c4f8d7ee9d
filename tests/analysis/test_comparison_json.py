"""The cells side by side in a few columns: as the comparison has them, readable, and valid as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synthetic_study import make_study

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.comparison_table import comparison_table
from lstm_bench.analysis.frames import StudyData, load_study

Make = Callable[..., StudyData]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(**choices: Any) -> StudyData:
        folder = tmp_path / "study"
        make_study(folder, **choices)
        return load_study(folder)

    return make


def rows(study: StudyData) -> dict[str, dict[str, Any]]:
    table = comparison_table(study)
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    named = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    return {row["cell"]: row for row in named}


def test_each_cell_has_a_row_with_its_span_its_cost_and_what_it_solved(sample: StudyData) -> None:
    table, truth = rows(sample), comparison(sample).set_index("cell")
    assert list(table) == list(truth.index)
    for cell, row in table.items():
        known = truth.loc[cell]
        assert known["span"] in row["T50, lag (95%)"]
        assert row["parameters, core"] == known["n_parameters_core"]
        assert row["sequences/s"] == pytest.approx(known["sequences_per_s"], rel=5e-3)
        assert row["gradient decay"] == pytest.approx(known["decay_initial"], rel=5e-3)
        solved = {name: row[f"solved at lag {name.removeprefix('solved_at_')}"] for name in truth if "d_at_" in name}
        assert solved == {name: known[name] for name in solved}
        assert len(solved) == len(sample.lags)


def test_a_horizon_beyond_the_sequence_is_empty_and_a_censored_half_life_a_bound(sample: StudyData) -> None:
    table, truth = rows(sample), comparison(sample).set_index("cell")
    assert (table["rnn"]["gradient horizon"], table["lstm"]["gradient horizon"]) == (14, "")
    for cell, row in table.items():
        bound = truth.loc[cell, "half_life_censored"]
        assert str(row["half-life"]).startswith({"above": ">= ", "below": "< "}.get(bound, ""))


def test_what_nobody_measured_has_no_column(make: Make) -> None:
    table = rows(make(lags=(8,), trained=False, probed=False))
    assert not {"steps to solve", "gradient decay", "half-life"} & set(table["lstm"])
    assert table["lstm"]["parameters, core"] > table["rnn"]["parameters, core"]


def test_only_a_fitted_span_that_the_budget_limits_is_told_as_at_least(make: Make, monkeypatch) -> None:
    study = make(lags=(8, 16))
    limited = comparison(study).assign(span_budget_limited=True)
    monkeypatch.setattr("lstm_bench.analysis.comparison_table.comparison", lambda _: limited)
    for cell, row in rows(study).items():
        known = limited.set_index("cell").loc[cell]
        expected = f"at least {known['span']}" if known["span_outcome"] == "fitted" else known["span"]
        assert row["T50, lag (95%)"] == expected
