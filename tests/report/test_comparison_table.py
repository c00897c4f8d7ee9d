"""The span in the comparison's table: in steps held first, then in lag."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from synthetic_study import maker

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.distance import held_ratio, spans_in_distance
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.solving import is_budget_limited, spans
from lstm_bench.analysis.wording import range_of, significant
from lstm_bench.report.figures import solve_rate
from lstm_bench.report.pages.comparison import comparison_table

Make = Callable[..., StudyData]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return maker(tmp_path)


def test_steps_held_stand_before_the_lag_and_at_least_where_the_budget_limits_them(make: Make) -> None:
    study = make(held=True)
    table, held, in_lag = comparison_table(study, comparison(study)), spans_in_distance(study), spans(study)
    assert held is not None
    assert [heading for heading, _ in table.headings[:3]] == ["Cell", "Holds for", "T50"]
    lstm, rnn = table.rows
    assert is_budget_limited(study, "lstm")
    assert [lstm[1].text, lstm[2].text] == [f"at least {significant(span['lstm'].median)}" for span in (held, in_lag)]
    assert lstm[1].below == (range_of(held["lstm"].low, held["lstm"].high),)
    assert rnn[1].text == significant(in_lag["rnn"].median + 3)
    assert rnn[1].below[1] == held_ratio(study, "rnn", "lstm").text
    assert rnn[1].below[1].startswith("at most ")
    assert rnn[2].below == (range_of(in_lag["rnn"].low, in_lag["rnn"].high), in_lag["rnn"].bracket)


def test_without_a_distance_the_lag_stands_alone_with_the_ratio(make: Make) -> None:
    study = make()
    table = comparison_table(study, comparison(study))
    assert [heading for heading, _ in table.headings[:2]] == ["Cell", "T50"]
    assert "Holds for" not in dict(table.headings)
    assert table.rows[1][1].below[1] == held_ratio(study, "rnn", "lstm").text


def test_the_caption_of_the_solve_rates_has_the_ratio_in_steps_held(make: Make) -> None:
    study = make(held=True)
    expected = f"In steps held, the span of lstm is {held_ratio(study, 'lstm', 'rnn').text} that of rnn."
    assert expected in solve_rate.finding(study)


@pytest.mark.parametrize(("longest", "place"), [(2, 2 * 2**solve_rate.ARROW), (16, 16)])
def test_a_bound_is_written_beside_its_arrow_whatever_other_cells_reach(make: Make, longest: int, place: float) -> None:
    def outcome(cell: str, lag: int, _: int) -> str:
        return "solved" if cell == "rnn" or lag <= longest else "missing"

    above = solve_rate.draw(make(lags=(2, 16, 32), outcome=outcome)).axes[0]
    (bound,) = [text for text in above.texts if text.get_text() == f"≥ {longest}"]
    assert bound.xy == (place, 0), "beyond its end where there is more room to the right, else before its begin"


def test_beside_not_measured_stands_why(make: Make) -> None:
    study = make()
    flow = study.results["metric"].str.startswith("grad/")
    failed = {"cell": "rnn", "probe": "gradient_flow", "moment": "initial", "reason": "gradient_flow: not finite"}
    blank = replace(
        study, results=study.results.loc[~flow], speed=study.speed.iloc[:0], unmeasured=pd.DataFrame([failed])
    )
    lstm, rnn = comparison_table(blank, comparison(blank)).rows
    assert [entry.below for entry in lstm if entry.text == "not measured"] == [
        ("speed=off, or it failed",),
        ("probe gradient_flow is off",),
    ]
    assert [entry.below for entry in rnn if entry.text == "not measured"][1] == ("not finite",)
