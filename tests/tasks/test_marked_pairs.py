"""Adding and multiplication of 1997: marks, lengths, answers, and what is reached without memory."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import Generator, Tensor

from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.dialects import adding
from lstm_bench.tasks.marked_pairs import MarkedPairsTask

OPERATIONS = pytest.mark.parametrize("operation", ["sum", "product"])


def draw(task: MarkedPairsTask, size: int = 4000, seed: int = 0) -> Batch:
    return task.sample(size, Generator().manual_seed(seed))


def sequences(batch: Batch) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Return values and markers of each sequence up to its end, and its target."""
    rows = []
    for b, length in enumerate(batch.lengths.tolist()):
        values, markers = batch.inputs[:length, b].double().numpy().T
        (answer,) = [float(t) for t in batch.targets[:, b] if not t.isnan()]
        rows.append((values, markers, answer))
    return rows


def test_the_papers_sizes() -> None:
    task = MarkedPairsTask(lag=50)
    assert (task.shortest, task.length, task.predicted_steps) == (100, 110, 11)
    assert MarkedPairsTask(lag=500).length == 1100


@OPERATIONS
@pytest.mark.parametrize("lag", [3, 8, 50])
def test_every_sequence_is_as_the_paper_says(operation: str, lag: int) -> None:
    low, neutral = (-1.0, 0.0) if operation == "sum" else (0.0, 1.0)
    for values, markers, answer in sequences(draw(MarkedPairsTask(lag, operation), 500)):
        assert low <= values.min() and values.max() <= 1
        assert markers[0] == markers[-1] == -1
        marked = np.flatnonzero(markers == 1)
        assert set(markers[1:-1]) <= {0.0, 1.0}
        assert 1 <= len(marked) <= 2  # one where the other is covered by the first pair's -1
        assert marked[-1] < lag - 1 and (len(marked) == 1 or marked[0] < 10)
        x1, x2 = np.append(values[marked], [neutral] * (2 - len(marked)))
        expected = 0.5 + (x1 + x2) / 4 if operation == "sum" else x1 * x2
        assert answer == pytest.approx(expected, abs=1e-6)


def test_the_first_mark_is_uniform_over_ten_pairs_and_the_second_over_those_left() -> None:
    """Second: of the 49 pairs of T/2 - 1 at T = 100, one is taken; positions beyond ten belong to it alone."""
    marks = [np.flatnonzero(m == 1) for _, m, _ in sequences(draw(MarkedPairsTask(50), 20_000))]
    alone = np.array([m[-1] for m in marks if m[-1] >= 10])
    assert stats.chisquare(np.bincount(alone, minlength=49)[10:49]).pvalue > 0.001
    among_ten = np.array([m[0] for m in marks if len(m) == 2 and m[-1] >= 10])
    assert stats.chisquare(np.bincount(among_ten, minlength=10)[1:10]).pvalue > 0.001


@OPERATIONS
@pytest.mark.parametrize("lag", [4, 12, 50])
def test_the_first_pair_is_marked_as_often_as_the_baselines_assume(operation: str, lag: int) -> None:
    window = min(10, lag - 1)
    q = 1 / window + (1 - 1 / window) / (lag - 2)
    covered = [(m == 1).sum() == 1 for _, m, _ in sequences(draw(MarkedPairsTask(lag, operation), 10_000))]
    assert np.mean(covered) == pytest.approx(q, abs=5 * math.sqrt(q * (1 - q) / 10_000))


def test_baselines_are_integrals_over_the_answers_density() -> None:
    """By quadrature: |X1 + X2| < 0.16 for two U[-1, 1]; X1 X2 < 0.08 for two U[0, 1]; and both variances."""
    q = 1 / 10 + 9 / 10 / 48
    within = integrate.quad(lambda s: (2 - abs(s)) / 4, -0.16, 0.16)[0]
    summed = MarkedPairsTask(50, "sum").baselines
    assert summed["correct"] == pytest.approx((1 - q) * within + q * 0.16, rel=1e-9)
    assert summed["loss"] == pytest.approx(((1 - q) * 2 / 3 + q / 3) / 16, rel=1e-12)
    small = integrate.quad(lambda p: -math.log(p), 0, 0.08)[0]
    product = MarkedPairsTask(50, "product").baselines
    assert product["correct"] == pytest.approx((1 - q) * small + q * 0.08, rel=1e-9)
    mean = (1 - q) / 4 + q / 2
    variance = (1 - q) * integrate.quad(lambda p: (p - mean) ** 2 * -math.log(p), 0, 1)[0]
    variance += q * integrate.quad(lambda p: (p - mean) ** 2, 0, 1)[0]
    assert product["loss"] == pytest.approx(variance, rel=1e-9)


@OPERATIONS
def test_no_other_constant_is_correct_more_often(operation: str) -> None:
    task = MarkedPairsTask(50, operation)
    answers = np.array([answer for _, _, answer in sequences(draw(task, 20_000))])
    best = max(np.mean(np.abs(answers - c) < 0.04) for c in np.linspace(0, 1, 101))
    standard_error = math.sqrt(0.3 * 0.7 / 20_000)
    assert best == pytest.approx(task.baselines["correct"], abs=5 * standard_error)


def metrics_of(task: MarkedPairsTask, batch: Batch, error: Tensor) -> dict[str, float]:
    predictions = task.oracle(batch.inputs) + error.reshape(1, -1, 1)
    return {name: float(value) for name, value in task.metrics(predictions, batch.targets).items()}


@OPERATIONS
def test_an_answer_off_by_less_than_a_twenty_fifth_is_correct(operation: str) -> None:
    task, errors = MarkedPairsTask(8, operation), torch.tensor([0.039, -0.039, 0.041, -0.041])
    metrics = metrics_of(task, draw(task, 4), errors)
    assert metrics["correct"] == 0.5
    assert metrics["loss"] == pytest.approx(float(errors.square().mean()), rel=1e-4)


@pytest.mark.parametrize(
    ("correct", "loss", "solved"), [(1.0, 0.0, True), (0.994, 0.01, True), (0.993, 0.0, False), (1.0, 0.0101, False)]
)
def test_solved_asks_for_both_of_the_papers_rules(correct: float, loss: float, solved: bool) -> None:
    assert MarkedPairsTask(8, may_fail=13).solved({"correct": correct, "loss": loss}) is solved


@OPERATIONS
def test_a_cue_stands_at_its_distance_from_each_end_and_the_other_among_the_first_ten(operation: str) -> None:
    task = MarkedPairsTask(20, operation)
    for distance in task.cue_distances:
        for _, markers, _ in sequences(draw(task.at_distance(distance), 300)):
            cue = len(markers) - 1 - distance
            assert markers[cue] == 1
            others = set(np.flatnonzero(markers == 1)) - {cue}
            assert others <= set(range(10))


@OPERATIONS
def test_an_answer_that_knows_the_other_value_alone_recalls_nothing(operation: str) -> None:
    task = MarkedPairsTask(20, operation).at_distance(25)
    batch = draw(task, 500)
    pairs = [(np.delete(v, len(v) - 26), np.delete(m, len(m) - 26)) for v, m, _ in sequences(batch)]
    combine = np.sum if operation == "sum" else np.prod
    other = torch.tensor(np.array([combine(v[m == 1]) for v, m in pairs]))
    predictions = other.expand(task.predicted_steps, -1).unsqueeze(-1)
    assert float(task.recall(predictions, batch)) < 0.03  # rounding is left, and correlates by chance: 15/n at most
    bent = predictions + 0.3 * task.oracle(batch.inputs)
    assert float(task.recall(bent, batch)) == pytest.approx(1.0, abs=1e-6)


def test_where_no_distance_is_set_the_cue_is_the_later_value() -> None:
    task = MarkedPairsTask(20)
    batch = draw(task, 800)
    later = torch.tensor([float(v[np.flatnonzero(m == 1)[-1]]) for v, m, _ in sequences(batch)])
    predictions = later.expand(task.predicted_steps, -1).unsqueeze(-1)
    assert float(task.recall(predictions, batch)) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lag": 2}, "lag=2: allowed: an integer of at least 3"),
        ({"lag": 5, "operation": "quotient"}, "operation=quotient: allowed: sum, product"),
        ({"lag": 5, "may_fail": 2001}, "may_fail=2001: allowed: 0 to 2000"),
        ({"lag": 5, "cue_distance": 9}, "cue_distance=9: allowed: 1 to 8 at this lag, or null"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        MarkedPairsTask(**settings)
    assert str(refused.value) == message


def test_adding_in_the_papers_dialect_is_the_sum() -> None:
    assert adding(50, "hochreiter") == MarkedPairsTask(50, "sum")
    assert adding(50).variant == "half"
    with pytest.raises(ValueError, match="dialect=both: allowed: half, anywhere, hochreiter"):
        adding(50, "both")
