"""The learning rate is chosen by the area under the learning curve: numbers worked by hand."""

import math

import pytest

from lstm_bench.engine.run import Run, Status
from lstm_bench.engine.seeds import Member
from lstm_bench.engine.tuning import choose_learning_rate, tuning_score


def run(status: Status, shares: list[float]) -> Run:
    curves = [(200 * k, "eval/recall_ce_share", share) for k, share in enumerate(shares)]
    noise = [(200 * k, name, 77.0) for k in range(9) for name in ("eval/loss_share", "eval/recall_ce", "grad/norm")]
    return Run(Member("tuning", 0, 1e-3), status=status, curves=noise + curves)


@pytest.mark.parametrize(
    ("status", "shares", "evaluations", "score"),
    [
        ("learning", [1.0, 0.8, 0.6, 0.4], 4, 0.7),
        ("plateau", [1.0, 1.0, 1.0, 1.0], 4, 1.0),
        ("plateau", [1.5, 3.0, 1.0, 0.96], 4, (1 + 1 + 1 + 0.96) / 4),  # worse than the baseline counts as the baseline
        ("solved", [1.0, 0.1, 0.1], 6, 1.2 / 6),  # after solving 0
        ("solved", [1.0, 0.1, 0.1], 3, 0.4),
        ("diverged", [1.0, 0.5], 5, (1.5 + 3) / 5),  # after diverging 1
        ("diverged", [1.0, 0.5, math.nan, math.inf], 4, 3.5 / 4),
        ("diverged", [math.nan], 4, 1.0),
        ("diverged", [1.0], 4, 1.0),
    ],
)
def test_tuning_score_worked_by_hand(status: Status, shares: list[float], evaluations: int, score: float) -> None:
    assert tuning_score(run(status, shares), "recall_ce", evaluations) == pytest.approx(score, abs=1e-12)


def test_solving_sooner_scores_better() -> None:
    sooner, later = run("solved", [1.0, 0.1, 0.1]), run("solved", [1.0, 1.0, 0.1, 0.1])
    assert tuning_score(sooner, "recall_ce", 10) < tuning_score(later, "recall_ce", 10)


def test_diverging_never_beats_learning() -> None:
    diverged, slow = run("diverged", [1.0, 0.9]), run("learning", [1.0, 0.9, 0.9, 0.9])
    assert tuning_score(slow, "recall_ce", 4) < tuning_score(diverged, "recall_ce", 4)


@pytest.mark.parametrize(
    ("scores", "rate"),
    [
        ([(1e-2, 0.4), (1e-3, 0.5)], 1e-2),
        ([(1e-2, 0.4), (1e-2, 0.8), (1e-3, 0.5), (1e-3, 0.5)], 1e-3),  # means 0.6 and 0.5
        ([(1e-2, 0.4), (3e-3, 0.4), (3e-2, 0.4)], 3e-3),  # a tie: the smaller
        ([(1e-2, 1.0), (1e-3, 1.0)], 1e-3),
        ([(1e-2, 0.9)], 1e-2),
        ([(1e-3, 0.0), (1e-2, 0.3), (1e-3, 1.0), (1e-2, 0.3)], 1e-2),  # one lucky seed does not decide
    ],
)
def test_the_rate_with_the_lowest_mean_score_is_chosen(scores: list[tuple[float, float]], rate: float) -> None:
    assert choose_learning_rate(scores) == rate
    assert choose_learning_rate(scores[::-1]) == rate
