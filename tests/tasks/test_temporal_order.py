"""Temporal order: where the marks stand, and what is asked of them."""

import math

import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Generator, Tensor

from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.temporal_order import SYMBOLS, TemporalOrderTask

DIALECTS = pytest.mark.parametrize(("dialect", "lag"), [("6a", 40), ("6b", 24)])


def draw(task: TemporalOrderTask, size: int = 4000, seed: int = 0) -> Batch:
    return task.sample(size, Generator().manual_seed(seed))


def text(inputs: Tensor) -> str:
    """Return one sequence [T, 8] as letters, filling as dots."""
    return "".join(SYMBOLS[int(x.argmax())] if x.any() else "." for x in inputs)


def one_hot(letters: str) -> Tensor:
    return F.one_hot(torch.tensor([SYMBOLS.index(c) for c in letters]), 8).unsqueeze(1).float()


@DIALECTS
def test_at_the_papers_lag_the_lengths_and_windows_are_the_papers(dialect: str, lag: int) -> None:
    task = TemporalOrderTask(lag, dialect)
    assert (task.shortest, task.length) == (100, 110)
    expected = {"6a": [(10, 20), (50, 60)], "6b": [(10, 20), (33, 43), (66, 76)]}
    assert task.windows == expected[dialect]


@DIALECTS
def test_every_sequence_is_as_the_paper_says(dialect: str, lag: int) -> None:
    task = TemporalOrderTask(lag, dialect)
    batch = draw(task, 300)
    for b, length in enumerate(batch.lengths.tolist()):
        letters = text(batch.inputs[:, b])
        assert letters[0] == "E" and letters[length - 1] == "B" and set(letters[length:]) <= {"."}
        marks = [(t, c) for t, c in enumerate(letters, start=1) if c in "XY"]
        assert all(first <= t <= last for (t, _), (first, last) in zip(marks, task.windows, strict=True))
        assert set(letters[1 : length - 1]) - set("XY") <= set("abcd")
        (answer,) = [int(target) for target in batch.targets[:, b] if target >= 0]
        names = [a + c for a in "XY" for c in "XY"] if dialect == "6a" else None
        names = names or [a + c + d for a in "XY" for c in "XY" for d in "XY"]
        assert names[answer] == "".join(c for _, c in marks)


@DIALECTS
def test_positions_letters_and_classes_are_uniform(dialect: str, lag: int) -> None:
    task = TemporalOrderTask(lag, dialect)
    batch = draw(task, 8000)
    letters = batch.inputs.argmax(dim=-1)
    is_mark = (letters == 4) | (letters == 5)
    for first, last in task.windows:
        counts = is_mark[first - 1 : last].sum(dim=1)
        assert int(counts.sum()) == 8000
        assert stats.chisquare(counts).pvalue > 0.001
    assert stats.chisquare(batch.targets.amax(dim=0).bincount()).pvalue > 0.001
    noise = letters[1 : task.shortest - 1][~is_mark[1 : task.shortest - 1]].bincount(minlength=4)
    assert stats.chisquare(noise).pvalue > 0.001


def test_a_sequence_worked_by_hand() -> None:
    task = TemporalOrderTask(6, "6a")
    assert (task.shortest, task.length, task.windows) == (15, 16, [(2, 3), (8, 9)])
    predictions = task.oracle(one_hot("EcXaddbYcabbdaB") if task.length == 15 else one_hot("EcXaddbYcabbdaBa"))
    assert predictions[:, 0].argmax(dim=-1).tolist() == [1, 1]  # XX, XY, YX, YY


@pytest.mark.parametrize(("probability", "correct"), [(0.71, 1.0), (0.69, 0.0)])
def test_an_answer_is_correct_if_no_output_is_off_by_more_than_three_tenths(probability: float, correct: float) -> None:
    task = TemporalOrderTask(40)
    batch = draw(task, 50)
    others = math.log((1 - probability) / 3)
    truth = F.one_hot(batch.targets.amax(dim=0), 4).expand(task.predicted_steps, -1, -1)
    predictions = torch.where(truth == 1, math.log(probability), others)
    means = {name: float(value) for name, value in task.metrics(predictions, batch.targets).items()}
    assert means == pytest.approx({"loss": -math.log(probability), "correct": correct, "accuracy": 1.0}, rel=1e-5)


@pytest.mark.parametrize(
    ("correct", "loss", "solved"), [(1.0, 0.0, True), (0.9991, 0.138, True), (0.998, 0.0, False), (1.0, 0.139, False)]
)
def test_solved_asks_for_both(correct: float, loss: float, solved: bool) -> None:
    assert TemporalOrderTask(40).solved({"correct": correct, "loss": loss, "accuracy": 1.0}) is solved


def test_each_mark_is_recalled_for_itself() -> None:
    """Who knows the first of three and guesses X for the others recalls the first, and of the others nothing."""
    task = TemporalOrderTask(24, "6b")
    batch = draw(task, 4000)
    first = batch.targets.amax(dim=0) // 4
    predictions = F.one_hot(4 * first, 8).float().expand(task.predicted_steps, -1, -1)
    recalls = task.recall(predictions, batch).tolist()
    assert recalls[0] == 1.0
    assert recalls[1:] == pytest.approx([0.0, 0.0], abs=5 / math.sqrt(4000))


@DIALECTS
def test_the_last_mark_stands_at_its_distance_from_each_end(dialect: str, lag: int) -> None:
    task = TemporalOrderTask(lag, dialect)
    for distance in task.cue_distances:
        batch = draw(task.at_distance(distance), 100)
        letters = batch.inputs.argmax(dim=-1)
        cue = letters.gather(0, batch.lengths.unsqueeze(0) - 1 - distance)
        assert ((cue == 4) | (cue == 5)).all()
        assert (((letters == 4) | (letters == 5)).sum(dim=0) == len(task.windows)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lag": 1}, "lag=1: allowed: an integer of at least 2"),
        ({"lag": 40, "dialect": "6c"}, "dialect=6c: allowed: 6a, 6b"),
        ({"lag": 40, "cue_distance": 80}, "cue_distance=80: allowed: 1 to 79 at this lag, or null"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        TemporalOrderTask(**settings)
    assert str(refused.value) == message


@pytest.mark.parametrize("dialect", ["6a", "6b"])
@pytest.mark.parametrize("lag", [2, 3, 5, 7, 11, 100])
def test_at_any_lag_the_windows_follow_each_other_within_the_sequence(dialect: str, lag: int) -> None:
    task = TemporalOrderTask(lag, dialect)
    edges = [edge for window in task.windows for edge in window]
    assert edges[0] >= 2 and edges[-1] == task.shortest - lag
    assert all(last < first for (_, last), (first, _) in zip(task.windows, task.windows[1:], strict=False))
