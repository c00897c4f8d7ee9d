"""Delayed recall: one symbol is held, and those that pass by do not matter."""

import torch
from scipy import stats
from torch import Generator

from lstm_bench.tasks.delayed_recall import DelayedRecallTask
from lstm_bench.tasks.roles import roles_of


def test_a_sequence_is_a_marked_symbol_then_distractors_then_the_question() -> None:
    batch = DelayedRecallTask(6).sample(4000, Generator().manual_seed(0))
    symbols, shown, asked = batch.inputs[..., :8], batch.inputs[..., 8], batch.inputs[..., 9]
    assert shown.sum(dim=1).tolist() == [4000] + [0] * 6
    assert asked.sum(dim=1).tolist() == [0] * 6 + [4000]
    assert symbols.sum(dim=-1).sum(dim=1).tolist() == [4000] * 6 + [0]
    assert torch.equal(symbols[0].argmax(dim=-1), batch.targets[0])
    for step in range(6):
        assert stats.chisquare(symbols[step].sum(dim=0)).pvalue > 0.001


def test_distractors_tell_nothing_of_the_symbol() -> None:
    task = DelayedRecallTask(3)
    batch = task.sample(8000, Generator().manual_seed(1))
    for step in (1, 2):
        pairs = batch.targets[0] * 8 + batch.inputs[step, :, :8].argmax(dim=-1)
        assert stats.chisquare(pairs.bincount(minlength=64)).pvalue > 0.001


def test_the_answer_does_not_depend_on_what_passes_by() -> None:
    task = DelayedRecallTask(5)
    batch = task.sample(50, Generator().manual_seed(2))
    other = batch.inputs.clone()
    other[1:-1] = other[1:-1].roll(1, dims=1)
    assert torch.equal(task.oracle(other), task.oracle(batch.inputs))


def test_the_roles_follow_each_other() -> None:
    task = DelayedRecallTask(3)
    roles = roles_of(task, task.sample(1, Generator().manual_seed(0)))
    assert {role: steps.flatten().tolist() for role, steps in roles.items()} == {
        "cue": [True, False, False, False],
        "blank": [False, True, True, False],
        "recall": [False, False, False, True],
    }
