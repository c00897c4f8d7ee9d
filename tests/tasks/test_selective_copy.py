"""Selective copy: where the letters stand, and that only their order counts."""

from collections import Counter
from itertools import combinations
from math import comb
from statistics import median

import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Generator, Tensor

from lstm_bench.tasks.selective_copy import SelectiveCopyTask


def one_hot(text: str) -> Tensor:
    return F.one_hot(torch.tensor(["abcdefgh_>".index(c) for c in text]), 10).unsqueeze(1).float()


def text(inputs: Tensor) -> str:
    return "".join("abcdefgh_>"[int(x.argmax())] for x in inputs)


def test_a_sequence_worked_by_hand() -> None:
    predictions = SelectiveCopyTask(5, 3).oracle(one_hot("_a__bc__>>>"))
    assert predictions[:, 0].argmax(dim=-1).tolist() == [0, 1, 2]


def test_the_targets_are_the_letters_in_the_order_in_which_they_stand() -> None:
    batch = SelectiveCopyTask(7, 4).sample(200, Generator().manual_seed(0))
    for b in range(200):
        shown = text(batch.inputs[:, b])
        assert shown[-4:] == ">>>>" and shown.count("_") == 7
        assert shown[:-4].replace("_", "") == "".join("abcdefgh"[int(letter)] for letter in batch.targets[:, b])


def test_every_set_of_places_is_equally_likely() -> None:
    batch = SelectiveCopyTask(3, 2).sample(8000, Generator().manual_seed(0))
    is_letter = batch.inputs[:5, :, :8].sum(dim=-1).long()
    counts = Counter(map(tuple, is_letter.T.tolist()))
    assert len(counts) == comb(5, 2)
    assert stats.chisquare(list(counts.values())).pvalue > 0.001
    assert stats.chisquare(batch.targets.flatten().bincount()).pvalue > 0.001


@pytest.mark.parametrize(("lag", "n"), [(1, 1), (1, 3), (4, 2), (6, 3), (9, 4)])
def test_the_distance_is_the_median_over_all_sets_of_places(lag: int, n: int) -> None:
    shown = lag + n
    steps = [shown + k - p for places in combinations(range(shown), n) for k, p in enumerate(places)]
    assert SelectiveCopyTask(lag, n).distance == median(steps)


def test_the_first_letter_stands_at_its_distance_from_its_recall() -> None:
    task = SelectiveCopyTask(9, 3)
    assert (task.cue_distances[0], task.cue_distances[-1]) == (3, 12)
    for distance in task.cue_distances:
        batch = task.at_distance(distance).sample(100, Generator().manual_seed(distance))
        is_letter = batch.inputs[..., :8].sum(dim=-1)
        assert (12 - is_letter.argmax(dim=0) == distance).all()
        assert (is_letter.sum(dim=0) == 3).all()


def test_the_last_n_inputs_before_the_marker_are_often_not_the_letters() -> None:
    """What solves copy by counting steps alone fails here."""
    task = SelectiveCopyTask(8, 2)
    batch = task.sample(4000, Generator().manual_seed(1))
    last = batch.inputs[8:10, ..., :8] * 1000.0
    assert float(task.metrics(last, batch.targets)["accuracy"]) < 0.5


def test_recall_is_that_of_the_first_letter() -> None:
    task = SelectiveCopyTask(8, 3)
    batch = task.sample(500, Generator().manual_seed(1))
    predictions = task.oracle(batch.inputs)
    predictions[1:] = 0.0
    assert task.recall(predictions, batch).tolist() == [1.0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lag": 0}, "lag=0: allowed: an integer of at least 1"),
        ({"lag": 4, "n_symbols": 0}, "n_symbols=0: allowed: an integer of at least 1"),
        ({"lag": 4, "cue_distance": 8}, "cue_distance=8: allowed: 3 to 7 at this lag, or null"),
        ({"lag": 4, "cue_distance": 2}, "cue_distance=2: allowed: 3 to 7 at this lag, or null"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        SelectiveCopyTask(**settings)
    assert str(refused.value) == message
