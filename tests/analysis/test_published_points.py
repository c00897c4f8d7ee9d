"""Published numbers in the units of a study's figures."""

import math
from pathlib import Path

import pytest
from published_study import Told, study_of

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.published_points import published_outcomes, published_scores, published_shares

MEMBERS = [Told("plateau", 4000, {"eval/loss": 0.1})] * 3


def study(folder: Path, task: str, *cells: str, lag: int) -> StudyData:
    return study_of(folder, {(task, cell, lag): MEMBERS for cell in cells})


def test_what_the_source_says_of_the_outcome_is_a_one_or_a_zero_with_our_cell_of_its_kind(tmp_path: Path) -> None:
    points = published_outcomes(study(tmp_path / "s", "adding", "lstm", "rnn", lag=600))
    assert {(point.published.cell, point.cell, point.lag, point.value) for point in points} == {
        ("lstm", "lstm", 600, 0.0), ("rnn", "rnn", 600, 0.0), ("gru", "", 600, 1.0), ("tcn", "", 600, 1.0),
    }  # fmt: skip


def test_two_numbers_of_one_published_cell_are_one_outcome(tmp_path: Path) -> None:
    (point,) = published_outcomes(study(tmp_path / "s", "temporal_order", "rnn", lag=40))
    assert (point.cell, point.value, point.multiple) == ("", 1.0, 1.0)


def test_errors_become_the_share_explained_at_their_multiple_of_the_lag(tmp_path: Path) -> None:
    points = published_scores(study(tmp_path / "s", "adding in halves", "lstm", lag=100))
    values = {(point.published.cell, point.multiple): point.value for point in points}
    assert len(values) == 9
    assert values["lstm", 2.0] == pytest.approx(1 - 6 * 0.0381**2, abs=1e-6)
    assert values["gru", 4.0] == pytest.approx(1 - 6 * 0.4264**2, abs=1e-6)


def test_a_loss_over_all_positions_becomes_a_share_of_the_recall_of_chance(tmp_path: Path) -> None:
    """0.0204 over 1,020 steps, all of it in 10 letters: 2.081 nats a letter of ln 8 = 2.079."""
    points = published_shares(study(tmp_path / "s", "copy", "lstm", lag=1000))
    values = {point.published.cell: point.value for point in points}
    assert values["lstm"] == pytest.approx(0.0204 * 1020 / 10 / math.log(8), rel=1e-9)
    assert values["tcn"] == pytest.approx(3.5e-5 * 102 / math.log(8), rel=1e-9)


def test_shares_are_of_the_length_trained_at(tmp_path: Path) -> None:
    points = published_shares(study(tmp_path / "s", "adding in halves", "rnn", lag=100))
    assert sorted(point.value for point in points) == pytest.approx([6 * v**2 for v in (0.0105, 0.0129, 0.3855)])


def test_a_share_of_letters_is_a_score_as_it_is(tmp_path: Path) -> None:
    (point,) = published_scores(study(tmp_path / "s", "copy", "lstm", lag=50))
    assert (point.value, point.multiple, point.cell) == (0.2, 1.0, "lstm")


def test_lags_that_were_not_run_have_no_points(tmp_path: Path) -> None:
    adding = study(tmp_path / "s", "adding of 1997", "lstm", lag=7)
    assert published_outcomes(adding) == published_scores(adding) == published_shares(adding) == []
