"""Same word and boundary over members, from probes whose truth is known."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from synthetic_study import make_study

from lstm_bench.analysis.boundary import GATE_AT, LEFT, NEEDED, STRENGTH, boundary_numbers, boundary_summary, judged_lag
from lstm_bench.analysis.forgetting import same_word_summary
from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.report.figures import boundary, same_word

LAGS, SEEDS = (2, 8), 5  # the LSTM solves both, the RNN the first
AFTER = {"boundary": 0.5, "word": 0.8}  # of the content
RIGHT = {"boundary": 1.0, "word": 0.9}
GATE = {"boundary": 0.6, "word": 0.9}


def with_probes(study: StudyData) -> StudyData:
    """Return a study whose answers are 2^-d bits apart, and whose boundary leaves 0.5 - seed/100 of 0.8."""
    curves, results = [], []
    for cell in ("lstm", "rnn"):
        for lag in LAGS:
            for seed in range(SEEDS):
                labels = {**study.labels, "cell": cell, "lag": lag, "seed": seed, "moment": "final"}
                at = labels | {"status": "solved", "step": 100}
                curves += [
                    at | {"probe": "same_word", "quantity": "divergence", "at": d, "value": 2.0**-d}
                    for d in range(1, 9)
                ]
                for word in ("boundary", "word"):
                    left = AFTER[word] - (seed / 100 if word == "boundary" else 0)
                    points = {f"content after {word}": left, f"right answers after {word}": RIGHT[word]}
                    curves += [
                        at | {"probe": "boundary", "quantity": quantity, "at": k, "value": value * 0.9**k}
                        for quantity, value in points.items()
                        for k in (1, 2)
                    ]
                    numbers = {
                        "memory/content_after_{path}": left,
                        "memory/content_variance_after_{path}": left**2,
                        "memory/right_answers_after_{path}": RIGHT[word],
                    } | ({"gates/content_kept_at_{path}": GATE[word]} if cell == "lstm" else {})
                    results += [labels | {"name": n, "path": word, "value": value} for n, value in numbers.items()]
    return replace(study, probes=pd.DataFrame(curves), results=pd.DataFrame(results))


@pytest.fixture
def study(tmp_path: Path) -> StudyData:
    make_study(tmp_path / "s", lags=LAGS, probed=False)
    return with_probes(load_study(tmp_path / "s"))


def test_the_divergence_is_told_at_each_distance(study: StudyData) -> None:
    summary = same_word_summary(study)
    of_cell = summary.loc[(summary["cell"] == "rnn") & (summary["lag"] == 8)].set_index("at")
    assert of_cell["middle"].to_dict() == {d: 2.0**-d for d in range(1, 9)}
    assert set(of_cell["n"]) == {SEEDS}


def test_the_divergence_is_told_inside_and_beyond_the_span_of_each_cell(study: StudyData) -> None:
    found = same_word.finding(study)
    inside = "rnn 0.250 (0.250-0.250) bits at lag 2, which most members solve"
    beyond = "and 0.00391 (0.00391-0.00391) bits at lag 8, which most do not"
    assert f"{inside} {beyond}" in found
    assert "lstm 0.00391 (0.00391-0.00391) bits at lag 8, which most members solve;" in found


def test_what_is_left_is_a_ratio_and_what_is_lost_a_difference_in_each_member(study: StudyData) -> None:
    numbers = boundary_numbers(study)
    of_cell = numbers.loc[(numbers["cell"] == "lstm") & (numbers["lag"] == 2)].set_index("quantity")
    middles = of_cell["middle"].to_dict()
    assert middles[LEFT] == pytest.approx(0.48 / 0.8)  # the middle three of 0.50, 0.49, ... 0.46
    assert of_cell.loc[LEFT, "low"] >= 0.46 / 0.8
    assert middles[STRENGTH] == pytest.approx((0.49**2 + 0.48**2 + 0.47**2) / 3 / 0.8**2)
    assert middles[NEEDED] == pytest.approx(0.1)
    assert [middles[GATE_AT[word]] for word in ("boundary", "word")] == [0.6, 0.9]
    assert set(of_cell["n"]) == {SEEDS}
    assert not set(GATE_AT.values()) & set(numbers.loc[numbers["cell"] == "rnn", "quantity"])


def test_a_boundary_is_judged_at_the_longest_lag_that_every_cell_solves(study: StudyData) -> None:
    assert judged_lag(study) == 2
    assert judged_lag(study.of_cells(["lstm"])) == 8
    found = boundary.finding(study)
    assert found.startswith("After training, at lag 2, one step after the end of a sentence, against")
    assert "lstm keeps 0.600 (0.5" in found
    assert "and has its gate at 0.600 (0.600-0.600), and at 0.900 (0.900-0.900) at the word; rnn" in found


def test_of_a_state_that_holds_nothing_no_share_is_left(study: StudyData) -> None:
    is_content = study.results["name"].str.startswith("memory/content")
    empty = replace(study, results=study.results.assign(value=study.results["value"].where(~is_content, 0.0)))
    assert LEFT not in set(boundary_numbers(empty)["quantity"])
    assert "rnn keeps n/a of what can be read of it" in boundary.finding(empty)


def test_curves_stand_against_the_steps_since_the_boundary(study: StudyData) -> None:
    summary = boundary_summary(study)
    of_cell = summary.loc[(summary["cell"] == "rnn") & (summary["lag"] == 2)].set_index(["quantity", "at"])["middle"]
    assert of_cell["right answers after word", 2] == pytest.approx(0.9**3)
    assert of_cell["content after boundary", 1] == pytest.approx(0.48 * 0.9)


def test_figures_are_drawn_and_left_out_where_there_is_nothing(study: StudyData, tmp_path: Path) -> None:
    for figure in (same_word, boundary):
        assert figure.draw(study).axes
        assert len(figure.rows(study))
    make_study(tmp_path / "none", lags=LAGS, probed=False)
    empty = load_study(tmp_path / "none")
    assert [figure.finding(empty) for figure in (same_word, boundary)] == ["", ""]
    assert judged_lag(empty) is None
