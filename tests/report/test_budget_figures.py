"""The figures and the table of spans by budget: what they say, and that they can be drawn of broken studies."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from synthetic_study import maker

from lstm_bench.analysis.frames import StudyData
from lstm_bench.report import style
from lstm_bench.report.figures import solving_cost, span_budgets
from lstm_bench.report.pages.span_conditions import span_condition_blocks

BOTH: Any = (span_budgets, solving_cost)
Make = Callable[..., StudyData]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return maker(tmp_path)


@pytest.fixture
def late(make: Make) -> StudyData:
    """An LSTM that solves its longest lags in the second half of the budget, and an RNN that solves one lag alone."""
    study = make(lags=(2, 4, 8, 16), outcome=lambda cell, lag, _: "solved" if cell == "lstm" or lag == 2 else "plateau")
    members = study.members.copy()
    members.loc[members["status"] == "solved", "steps_to_solve"] = 200.0 * members["lag"]
    return replace(study, members=members)


def test_the_findings_are_stated_in_numbers(late: StudyData) -> None:
    text = span_budgets.finding(late)
    assert "lstm still grows, at least 1." in text
    assert "A span that still grows is a lower bound (1 of 2 cells)." in text
    assert "rnn has not grown, 1.0x (95% 1.0-1.0)" in text
    text = solving_cost.finding(late)
    assert text.startswith("Steps to solve grow as the lag to the power of ")
    assert text.endswith("No exponent of rnn: too few members solved at two lags or more.")


def test_steps_that_do_not_grow_have_an_exponent_of_zero(late: StudyData) -> None:
    members = late.members.assign(
        steps_to_solve=late.members["steps_to_solve"].where(late.members["steps_to_solve"].isna(), 400.0)
    )
    text = solving_cost.finding(replace(late, members=members))
    assert text.startswith("Steps to solve grow as the lag to the power of 0 (")


@pytest.mark.parametrize("figure", BOTH)
@pytest.mark.parametrize(
    "outcome",
    [
        lambda *_: "plateau",
        lambda *_: "solved",
        lambda cell, lag, _: "missing" if cell == "rnn" else "solved" if lag == 2 else "diverged",
        lambda _, lag, seed: "failed" if seed else "solved" if lag == 2 else "missing",
    ],
)
def test_studies_with_gaps_are_drawn(figure: Any, make: Make, outcome: Any, tmp_path: Path) -> None:
    study = make(lags=(2, 8), n_seeds=2, outcome=outcome)
    text = figure.finding(study)
    assert "nan" not in text
    assert "inf" not in text
    assert bool(text) == bool(len(figure.rows(study)))
    if text:
        assert style.save(figure.draw(study), tmp_path, "figure").startswith("<?xml")


@pytest.mark.parametrize("figure", BOTH)
def test_twelve_cells_fit(figure: Any, twelve_cells: StudyData, tmp_path: Path) -> None:
    assert len(figure.finding(twelve_cells)) < 1000
    assert style.save(figure.draw(twelve_cells), tmp_path, "figure").startswith("<?xml")


@pytest.mark.parametrize("figure", BOTH)
def test_one_lag_has_no_such_figure(figure: Any, make: Make) -> None:
    study = make(lags=(4,), n_seeds=2)
    assert figure.finding(study) == ""
    assert figure.rows(study).empty


@pytest.mark.parametrize("figure", BOTH)
def test_rows_are_those_of_all_tasks(figure: Any, make: Make) -> None:
    table = figure.rows(make(lags=(2, 8), n_seeds=2, tasks=("copy", "adding")))
    assert set(table["task"]) == {"copy", "adding"}


def test_the_table_has_the_spans_in_parts_of_the_budget_and_the_growth(late: StudyData) -> None:
    table: Any = span_condition_blocks(late)[0]
    rows = {row[0].text: row[1:] for row in table.rows}
    assert rows["rnn"][0].text == rows["rnn"][3].text
    assert float(rows["rnn"][0].text) == pytest.approx(
        2.83, abs=0.02
    )  # halfway between the lags 2 and 4, on a log axis
    assert rows["lstm"][3].text == ">= 16"
    assert rows["lstm"][4].below[-1] == "budget-limited"
    assert "budget-limited" not in rows["rnn"][4].below
    assert [heading for heading, _ in table.headings] == [
        "Cell", "1/8 of the budget", "1/4", "1/2", "whole", "Growth",
    ]  # fmt: skip


def test_a_study_with_one_lag_has_no_table(make: Make) -> None:
    assert span_condition_blocks(make(lags=(4,), n_seeds=2)) == []
