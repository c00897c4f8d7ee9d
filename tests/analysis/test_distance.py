"""Spans in steps held: the mapping from lag, and the numbers of a published study derived again with numpy alone."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_study import maker

from lstm_bench.analysis.distance import DistanceScale, held_ratio, held_spans, in_distance, spans_in_distance
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.memory_span import learned_span, span_ratio
from lstm_bench.analysis.solving import spans
from lstm_bench.tasks.adding import AddingTask

Make = Callable[..., StudyData]
LAGS = (2, 3, 4, 6, 8, 16, 32, 48)
SOLVED = {"lstm": (5, 5, 5, 5, 5, 5, 3, 0), "rnn": (4, 1, 0, 0, 0, 0, 0, 0), "rnn H=131": (5, 4, 1, 0, 1, 0, 1, 0)}
TEXTS = ["35.8 (28.0-45.2)", "5.37 (4.66-5.99)", "6.52 (5.47-7.87)"]
RATIOS = {"rnn": "6.7x (95% 5.1-8.7)", "rnn H=131": "5.5x (95% 4.1-7.3)"}  # in lag 14x and 9.3x


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return maker(tmp_path)


def scale(*pairs: tuple[float, float]) -> DistanceScale:
    lags, distances = np.array(pairs, dtype=float).T
    return DistanceScale(lags, distances)


def test_a_distance_lies_on_the_line_between_its_neighbours_and_beyond_the_ends_on_theirs() -> None:
    bent = scale((2, 5), (4, 7), (10, 25))
    lags = np.array([1.0, 2.0, 3.0, 4.0, 7.0, 10.0, 12.0])
    assert bent.at(lags).tolist() == [4, 5, 6, 7, 16, 25, 31]


def test_open_ends_and_what_is_unknown_stay_as_they_are() -> None:
    for some in (scale((2, 5), (4, 7)), scale((2, 5), (4, 5)), scale((8, 11))):
        assert some.at(np.array([0.0, math.inf])).tolist() == [0.0, math.inf]
        assert np.isnan(some.at(np.array([math.nan])))


def test_one_lag_alone_is_at_its_own_distance() -> None:
    assert scale((8, 11)).at(np.array([8.0])).tolist() == [11]


def test_between_the_lags_of_a_study_adding_is_never_half_a_step_off_its_line() -> None:
    lags = (5, 10, 15, 20, 30, 60, 120)
    line = scale(*((lag, AddingTask(lag).distance) for lag in lags))
    between = range(5, 121)
    true = np.array([AddingTask(lag).distance for lag in between])
    assert np.abs(line.at(np.array(between, dtype=float)) - true).max() < 0.5


def test_a_span_in_distance_has_its_numbers_bracket_and_text_there() -> None:
    span = learned_span(LAGS, SOLVED["lstm"], [5] * 8)
    held = in_distance(span, scale(*((lag, lag + 3) for lag in LAGS)))
    assert (held.median, held.low, held.high) == pytest.approx((span.median + 3, span.low + 3, span.high + 3))
    assert (held.outcome, held.cut_off, held.bracket) == ("fitted", None, "[19, 51]")
    assert held.text == f"{span.median + 3:.1f} ({span.low + 3:.1f}-{span.high + 3:.1f})"


@pytest.mark.parametrize(("solved", "text", "low", "high"), [(5, ">= 51", 51, math.inf), (0, "< 5", 0, 5)])
def test_a_bound_in_distance_stays_open(solved: int, text: str, low: float, high: float) -> None:
    held = in_distance(learned_span(LAGS, [solved] * 8, [5] * 8), scale(*((lag, lag + 3) for lag in LAGS)))
    assert (held.text, held.low, held.high) == (text, low, high)


def draws_by_hand(solved: tuple[int, ...]) -> np.ndarray:
    """Return draws of T50 in steps of lag: flat over log2 T50 and ln s, by the sum of cells."""
    t50 = 2 ** np.linspace(0.5, np.log2(48) + 0.5, 3001)
    width = np.exp(np.linspace(np.log(0.05), np.log(2.0), 301))
    likelihood = np.ones((3001, 301))
    for lag, k in zip(LAGS, solved, strict=True):
        p = 0.01 + 0.98 / (1 + (lag / t50[:, None]) ** (1 / (np.log(2) * width)))
        likelihood *= p**k * (1 - p) ** (5 - k)
    weights = likelihood.sum(axis=1)
    return np.random.default_rng(sum(solved)).choice(t50, 200_000, p=weights / weights.sum())


def test_a_published_comparison_in_steps_held_is_that_of_draws_from_both_posteriors() -> None:
    """Copy with three letters, each held for lag + 3 steps: the numbers, and the same by numpy alone."""
    held = {
        cell: in_distance(learned_span(LAGS, solved, [5] * 8), scale(*((T, T + 3) for T in LAGS)))
        for cell, solved in SOLVED.items()
    }
    draws = {cell: draws_by_hand(solved) + 3 for cell, solved in SOLVED.items()}
    for cell, span in held.items():
        assert (span.low, span.median, span.high) == pytest.approx(middle_95(draws[cell]), rel=0.01)
    assert [span.text for span in held.values()] == TEXTS
    for cell, text in RATIOS.items():
        ratio = span_ratio(held["lstm"], held[cell])
        assert (ratio.low, ratio.median, ratio.high) == pytest.approx(middle_95(draws["lstm"] / draws[cell]), rel=0.01)
        assert ratio.text == text


def middle_95(draws: np.ndarray) -> list[float]:
    return np.quantile(draws, (0.025, 0.5, 0.975)).tolist()


def test_spans_of_a_study_are_held_for_what_its_plan_says(make: Make) -> None:
    study = make(held=True)
    held = spans_in_distance(study)
    assert held == held_spans(study)
    assert held is not None
    for cell, span in spans(study).items():
        assert held[cell].median == pytest.approx(span.median + 3)
    assert held_ratio(study, "lstm", "rnn").median == span_ratio(held["lstm"], held["rnn"]).median


def test_a_study_of_which_one_distance_is_unknown_has_none(make: Make) -> None:
    study = make(held=True)
    jobs = [job if job.lag != 8 else replace(job, distance=None) for job in study.plan.jobs]
    partly = replace(study, plan=replace(study.plan, jobs=jobs))
    assert spans_in_distance(partly) is None
    assert held_spans(partly) == spans(partly)
