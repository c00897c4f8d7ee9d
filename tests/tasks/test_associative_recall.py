"""Associative recall: which key is asked when, and what must be said of it."""

from statistics import median

import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Generator

from lstm_bench.tasks.associative_recall import AssociativeRecallTask


def symbols(text: str) -> torch.Tensor:
    """Return one sequence, one-hot: A is key 0, 1 is value 0, `_` is blank."""
    codes = {"_": 24} | {"ABCD"[k]: k for k in range(4)} | {"12345678"[v]: 16 + v for v in range(8)}
    return F.one_hot(torch.tensor([codes[c] for c in text]), 25).unsqueeze(1).float()


def test_a_sequence_worked_by_hand() -> None:
    predictions = AssociativeRecallTask(4, 2).oracle(symbols("A2B1_B___A"))
    assert predictions.shape == (6, 1, 8)
    assert predictions[1, 0].argmax() == 0 and predictions[5, 0].argmax() == 1
    assert predictions[[0, 2, 3, 4]].abs().sum() == 0


def test_every_question_has_the_value_that_stood_behind_its_key() -> None:
    n, lag = 5, 7
    batch = AssociativeRecallTask(lag, n).sample(200, Generator().manual_seed(0))
    for b in range(200):
        sequence = batch.inputs[:, b].argmax(dim=-1).tolist()
        value_of = dict(zip(sequence[: 2 * n : 2], sequence[1 : 2 * n : 2], strict=True))
        assert len(value_of) == n and max(value_of) < 16 <= min(value_of.values())
        later = sequence[2 * n :]
        assert sorted(s for s in later if s != 24) == sorted(value_of) and later.count(24) == lag
        assert batch.targets[:, b].tolist() == [-1 if s == 24 else value_of[s] - 16 for s in later]
        assert later[-1] != 24


def test_keys_values_places_and_pairs_are_uniform() -> None:
    n, lag = 3, 4
    batch = AssociativeRecallTask(lag, n).sample(12_000, Generator().manual_seed(1))
    sequence = batch.inputs.argmax(dim=-1)
    assert stats.chisquare(sequence[0].bincount(minlength=16)[:16]).pvalue > 0.001
    assert stats.chisquare(sequence[1].bincount(minlength=24)[16:24]).pvalue > 0.001
    assert stats.chisquare((batch.targets[:-1] >= 0).sum(dim=1)).pvalue > 0.001
    asked_last = (sequence[[0, 2, 4]] == sequence[-1]).int().argmax(dim=0)
    assert stats.chisquare(asked_last.bincount()).pvalue > 0.001


@pytest.mark.parametrize(("lag", "n"), [(1, 2), (4, 2), (5, 4), (20, 3)])
def test_the_distance_is_the_median_over_places_and_pairs_listed_one_by_one(lag: int, n: int) -> None:
    """One question is at the last step, and n - 1 are spread evenly over the T + n - 1 steps before it."""
    last = 3 * n + lag - 1
    gaps = [last - key for key in range(0, 2 * n, 2) for _ in range(lag + n - 1)]
    gaps += [step - key for key in range(0, 2 * n, 2) for step in range(2 * n, last) for _ in range(n - 1)]
    assert AssociativeRecallTask(lag, n).distance == median(gaps)


def test_the_first_key_is_asked_for_at_its_distance() -> None:
    task = AssociativeRecallTask(9, 3)
    assert (task.cue_distances[0], task.cue_distances[-1]) == (6, 17)
    for distance in task.cue_distances:
        batch = task.at_distance(distance).sample(100, Generator().manual_seed(distance))
        sequence = batch.inputs.argmax(dim=-1)
        assert torch.equal(sequence[distance], sequence[0])
        assert ((sequence == sequence[0]).sum(dim=0) == 2).all()
        assert ((batch.targets >= 0).sum(dim=0) == 3).all() and (batch.targets[-1] >= 0).all()


def test_recall_is_that_of_the_first_pair() -> None:
    task = AssociativeRecallTask(9, 3)
    batch = task.sample(400, Generator().manual_seed(3))
    others = task.oracle(batch.inputs.index_fill(0, torch.tensor([0, 1]), 0.0))
    only_others = float(task.recall(others, batch))
    assert only_others == pytest.approx(0.0, abs=0.1)  # without the first pair its value is guessed: always class 0
    assert task.recall(task.oracle(batch.inputs), batch).tolist() == [1.0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lag": 0}, "lag=0: allowed: an integer of at least 1"),
        ({"lag": 4, "n_pairs": 17}, "n_pairs=17: allowed: 2 to 16"),
        ({"lag": 4, "n_pairs": 2, "cue_distance": 3}, "cue_distance=3: allowed: 4 to 9 at this lag, or null"),
        ({"lag": 4, "n_pairs": 2, "cue_distance": 10}, "cue_distance=10: allowed: 4 to 9 at this lag, or null"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        AssociativeRecallTask(**settings)
    assert str(refused.value) == message
