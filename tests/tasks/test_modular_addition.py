"""Modular addition and parity: every symbol counts, at every length."""

import math
from statistics import median
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Generator

from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.modular_addition import ModularAdditionTask


def draw(task: ModularAdditionTask, size: int = 2000, seed: int = 0) -> Batch:
    return task.sample(size, Generator().manual_seed(seed))


@pytest.mark.parametrize("modulus", [2, 3, 5])
def test_every_answer_is_the_remainder_of_the_sum(modulus: int) -> None:
    told = {asked: draw(ModularAdditionTask(12, modulus, asked), 300) for asked in ("each_step", "last_step")}
    for b, length in enumerate(told["each_step"].lengths.tolist()):
        symbols = [int(x.argmax()) for x in told["each_step"].inputs[:length, b]]
        sums = [sum(symbols[: t + 1]) % modulus for t in range(length)]
        padding = [-1] * (12 - length)
        assert told["each_step"].targets[:, b].tolist() == sums[1:] + padding
        assert told["last_step"].targets[:, b].tolist() == [-1] * (length - 3) + sums[-1:] + padding


def test_a_sequence_worked_by_hand() -> None:
    inputs = F.one_hot(torch.tensor([3, 1, 4, 4, 0, 2, 3]), 5).unsqueeze(1).float()
    assert ModularAdditionTask(7, 5).oracle(inputs).argmax(dim=-1).flatten().tolist() == [4, 3, 2, 2, 4, 2]
    assert ModularAdditionTask(7, 5, "last_step").oracle(inputs).argmax(dim=-1).flatten().tolist() == [3, 2, 2, 4, 2]


@pytest.mark.parametrize("asked", ["each_step", "last_step"])
def test_the_distance_is_the_median_over_lengths_and_answers(asked: str) -> None:
    steps = [t for length in range(3, 12) for t in (range(1, length) if asked == "each_step" else [length - 1])]
    assert ModularAdditionTask(11, 2, asked).distance == median(steps)  # type: ignore[arg-type]


def test_lengths_are_those_of_the_papers_and_symbols_are_uniform() -> None:
    batch = draw(ModularAdditionTask(40, 5), 8000)
    counts = batch.lengths.bincount()
    assert len(counts) == 41 and counts[:3].sum() == 0
    assert stats.chisquare(counts[3:]).pvalue > 0.001
    assert stats.chisquare(batch.inputs.sum(dim=(0, 1))).pvalue > 0.001


def test_one_symbol_that_is_changed_changes_the_answer() -> None:
    task = ModularAdditionTask(10)
    batch = draw(task, 200)
    answers = task.oracle(batch.inputs)[1:].argmax(dim=-1)
    for step in range(3):
        inputs = batch.inputs.clone()
        inputs[step] = inputs[step].flip(-1)
        assert torch.equal(task.oracle(inputs)[1:].argmax(dim=-1), 1 - answers)


def test_trained_at_40_it_is_tested_up_to_256_steps_of_one_length() -> None:
    task = ModularAdditionTask(40)
    assert task.cue_distances[0] == 1 and task.cue_distances[-1] == 255 and 39 in task.cue_distances
    batch = draw(task.at_distance(255), 50)
    assert batch.inputs.shape == (256, 50, 2)
    assert batch.lengths.tolist() == [256] * 50


def test_recall_is_the_scaled_accuracy() -> None:
    """Who is right in three of four sequences at random has (3/4 - 1/2) / (1 - 1/2)."""
    task = ModularAdditionTask(40).at_distance(99)
    batch = draw(task, 400)
    answers = task.oracle(batch.inputs)
    answers[:, ::4] = answers[:, ::4].flip(-1)
    assert task.recall(answers, batch).tolist() == pytest.approx([0.5])


def test_a_window_of_the_last_symbols_is_worth_nothing() -> None:
    """All but the first symbol are summed: right as often as by chance."""
    task = ModularAdditionTask(20, 3, "last_step")
    batch = draw(task, 9000)
    inputs = batch.inputs.clone()
    inputs[0] = 0
    accuracy = float(task.metrics(task.oracle(inputs), batch.targets)["accuracy"])
    assert accuracy == pytest.approx(1 / 3, abs=5 * math.sqrt(2 / 9 / 9000))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lag": 2}, "lag=2: allowed: an integer of at least 3"),
        ({"lag": 9, "modulus": 1}, "modulus=1: allowed: an integer of at least 2"),
        ({"lag": 9, "asked": "first"}, "asked=first: allowed: each_step, last_step"),
        ({"lag": 9, "cue_distance": 0}, "cue_distance=0: allowed: an integer of at least 1"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        ModularAdditionTask(**settings)
    assert str(refused.value) == message
