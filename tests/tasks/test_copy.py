"""Copy, token by token against the diagram of its docstring, and its baselines against independent predictors."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Generator, Tensor

from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.copy import CopyTask

# The diagram for n = 3 letters at lag 4; `_` blank, `>` marker, `.` a step that the loss does not read.
DIAGRAM = {
    "arjovsky": ("abc___>___", "_______abc"),
    "bai": ("abc___>>>>", "_______abc"),
    "s4": ("abc____>>>", ".......abc"),
}
DIALECTS = pytest.mark.parametrize("dialect", DIAGRAM)
LETTERS, BLANK, MARKER = range(8), 8, 9


def draw(task: CopyTask, batch_size: int, seed: int = 0) -> Batch:
    return task.sample(batch_size, Generator().manual_seed(seed))


def stretched(dialect: str, lag: int, n: int) -> tuple[str, str]:
    """Return the diagram's two rows for any lag and any n up to 26."""
    word = "abcdefghijklmnopqrstuvwxyz"[:n]
    if dialect == "arjovsky":
        return word + "_" * (lag - 1) + ">" + "_" * n, "_" * (lag + n) + word
    if dialect == "bai":
        return word + "_" * (lag - 1) + ">" * (n + 1), "_" * (lag + n) + word
    return word + "_" * lag + ">" * n, "." * (lag + n) + word


def spelled(row: str, letters: np.ndarray) -> np.ndarray:
    """Put the drawn letters in the place of a, b, c, ..."""
    known = {"_": BLANK, ">": MARKER} | {chr(ord("a") + k): letter for k, letter in enumerate(letters)}
    return np.array([known[token] for token in row if token != "."])


@DIALECTS
def test_the_rule_below_draws_the_diagram(dialect: str) -> None:
    assert stretched(dialect, lag=4, n=3) == DIAGRAM[dialect]


@DIALECTS
@pytest.mark.parametrize(("lag", "n"), [(4, 3), (1, 1), (1, 5), (9, 1), (20, 10)])
def test_every_token_stands_where_the_diagram_says(dialect: str, lag: int, n: int) -> None:
    batch = draw(CopyTask(lag, n, dialect), 5)
    shown, asked = stretched(dialect, lag, n)
    tokens, one_hot = batch.inputs.argmax(dim=-1).numpy(), batch.inputs.numpy()
    assert set(np.unique(one_hot)) == {0.0, 1.0}
    assert (one_hot.sum(axis=-1) == 1).all()
    for b in range(5):
        letters = tokens[:n, b]
        assert set(letters) <= set(LETTERS)
        assert tokens[:, b].tolist() == spelled(shown, letters).tolist()
        assert batch.targets[:, b].tolist() == spelled(asked, letters).tolist()


@DIALECTS
@pytest.mark.parametrize("n", [1, 4])
def test_lag_counts_the_steps_between_the_last_letter_and_the_first_recall(dialect: str, n: int) -> None:
    batch = draw(CopyTask(lag=7, n_symbols=n, dialect=dialect), 3)
    last_shown, first_said = n - 1, len(batch.inputs) - n
    assert first_said - last_shown - 1 == 7
    assert torch.equal(batch.targets[-n:], batch.inputs[:n].argmax(dim=-1))


@pytest.mark.parametrize(("dialect", "classes"), [("arjovsky", 9), ("bai", 10), ("s4", 10)])
def test_number_of_classes(dialect: str, classes: int) -> None:
    task = CopyTask(lag=5, dialect=dialect)
    assert (task.input_size, task.output_size) == (10, classes)


def test_letters_are_uniform_and_independent_from_place_to_place() -> None:
    letters = draw(CopyTask(lag=1, n_symbols=2), 16_000).targets[-2:].numpy()
    for place in letters:
        assert stats.chisquare(np.bincount(place, minlength=8)).pvalue > 0.001
    assert stats.chisquare(np.bincount(letters[0] * 8 + letters[1], minlength=64)).pvalue > 0.001


def memoryless(task: CopyTask, batch_size: int) -> Tensor:
    """Return certain blanks, and at the recall one chance in eight for each letter."""
    nothing = torch.full((task.predicted_steps, batch_size, task.output_size), -1000.0)
    nothing[: task.predicted_steps - task.n_symbols, :, BLANK] = 0
    nothing[task.predicted_steps - task.n_symbols :, :, :8] = 0
    return nothing


@DIALECTS
@pytest.mark.parametrize(("lag", "n"), [(100, 10), (5, 3), (1, 1)])
def test_the_memoryless_predictor_reaches_the_baselines(dialect: str, lag: int, n: int) -> None:
    task, size = CopyTask(lag, n, dialect), 2000
    metrics = task.metrics(memoryless(task, size), draw(task, size).targets)
    assert float(metrics["loss"]) == pytest.approx(task.baselines["loss"], rel=1e-5)
    assert float(metrics["recall_ce"]) == pytest.approx(task.baselines["recall_ce"], rel=1e-5)
    standard_error = math.sqrt(7 / 64 / (n * size))
    assert float(metrics["recall_accuracy"]) == pytest.approx(1 / 8, abs=4 * standard_error)


def test_baselines_of_ten_symbols_at_lag_100() -> None:
    assert CopyTask(100, 10).baselines == pytest.approx(
        {"loss": 0.173287, "recall_ce": 2.079442, "recall_accuracy": 0.125}, abs=1e-6
    )
    assert CopyTask(100, 10, "bai").baselines["loss"] == pytest.approx(0.173287, abs=1e-6)
    assert CopyTask(100, 10, "s4").baselines["loss"] == pytest.approx(2.079442, abs=1e-6)


def test_no_metric_can_be_had_by_saying_blank() -> None:
    """At lag 1000 blanks alone are right at 99% of all steps; no metric of the task says so."""
    task = CopyTask(lag=1000, n_symbols=10)
    targets = draw(task, 4).targets
    blanks = F.one_hot(torch.full_like(targets, BLANK), task.output_size) * 1000.0
    assert (blanks.argmax(dim=-1) == targets).float().mean() == pytest.approx(1010 / 1020)
    metrics = task.metrics(blanks, targets)
    assert set(metrics) == {"loss", "recall_ce", "recall_accuracy"}
    assert metrics["recall_accuracy"] == 0


@DIALECTS
def test_loss_and_metrics_equal_their_definition(dialect: str) -> None:
    task = CopyTask(lag=3, n_symbols=2, dialect=dialect)
    targets = draw(task, 6).targets
    shape = (task.predicted_steps, 6, task.output_size)
    predictions = torch.randn(shape, generator=Generator().manual_seed(4), dtype=torch.float64)
    metrics = task.metrics(predictions, targets)
    every_step = F.cross_entropy(predictions.flatten(0, 1), targets.flatten())
    recalled = F.cross_entropy(predictions[-2:].flatten(0, 1), targets[-2:].flatten())
    right = np.mean(predictions[-2:].argmax(-1).numpy() == targets[-2:].numpy())
    assert float(metrics["loss"]) == pytest.approx(float(every_step), abs=1e-12)
    assert float(metrics["recall_ce"]) == pytest.approx(float(recalled), abs=1e-12)
    assert float(metrics["recall_accuracy"]) == pytest.approx(right, abs=1e-12)


@pytest.mark.parametrize(
    ("accuracy", "cross_entropy", "solved"),
    [(0.99, 0.2079, True), (1.0, 0.0, True), (0.9899, 0.1, False), (1.0, 0.2080, False), (math.nan, math.nan, False)],
)
def test_solved_asks_for_accuracy_and_for_certainty(accuracy: float, cross_entropy: float, solved: bool) -> None:
    metrics = {"loss": 0.0, "recall_accuracy": accuracy, "recall_ce": cross_entropy}
    assert CopyTask(lag=10).solved(metrics) is solved


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lag": 0}, "lag=0: .*at least 1"),
        ({"lag": 5, "n_symbols": 0}, "n_symbols=0: .*at least 1"),
        ({"lag": 5, "dialect": "graves"}, "dialect=graves: allowed: arjovsky, bai, s4"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CopyTask(**settings)


@DIALECTS
def test_recall_is_the_accuracy_of_each_letter_above_chance(dialect: str) -> None:
    """Of 8 sequences the first letter is right in all, the second in 4, the third in 1, which is chance."""
    task = CopyTask(lag=4, n_symbols=3, dialect=dialect)
    batch = draw(task, 8)
    predictions = task.oracle(batch.inputs)
    for place, right in ((-2, 4), (-1, 1)):
        wrong = (batch.targets[place, right:] + 1) % 8
        predictions[place, right:] = F.one_hot(wrong, task.output_size).float()
    recalls = task.recall(predictions, batch)
    assert recalls.tolist() == pytest.approx([1.0, (1 / 2 - 1 / 8) / (7 / 8), 0.0], abs=1e-12)


@DIALECTS
def test_blanks_recall_less_than_chance_does(dialect: str) -> None:
    task = CopyTask(lag=4, n_symbols=2, dialect=dialect)
    batch = draw(task, 8)
    blanks = F.one_hot(torch.full((task.predicted_steps, 8), BLANK), task.output_size).float()
    assert task.recall(blanks, batch).tolist() == pytest.approx([-1 / 7] * 2)


@DIALECTS
def test_a_letter_is_asked_for_as_many_steps_after_it_was_shown_as_the_distance_says(dialect: str) -> None:
    task = CopyTask(lag=8, n_symbols=3, dialect=dialect)
    assert task.cue_distances == [2 + 3, 4 + 3, 6 + 3, 8 + 3, 12 + 3, 16 + 3, 24 + 3, 32 + 3]
    for distance in task.cue_distances:
        moved = task.at_distance(distance)
        assert moved == CopyTask(distance - 3, 3, dialect)
        batch = draw(moved, 5)
        asked = range(moved.length - 3, moved.length)
        for place, step in enumerate(asked):
            shown = batch.inputs[step - distance].argmax(dim=-1)
            assert torch.equal(shown, batch.targets[place - 3])


def test_short_lags_have_as_many_distances_as_there_are_whole_lags() -> None:
    assert CopyTask(lag=1, n_symbols=1).cue_distances == [2, 3, 4, 5]  # lags 1, 2, 3, 4


@pytest.mark.parametrize("distance", [-1, 0, 3])
def test_a_distance_within_the_letters_is_named_with_what_is_allowed(distance: int) -> None:
    with pytest.raises(ValueError) as refused:
        CopyTask(lag=5, n_symbols=3).at_distance(distance)
    assert str(refused.value) == f"distance={distance}: allowed: an integer above n_symbols, which is 3"
