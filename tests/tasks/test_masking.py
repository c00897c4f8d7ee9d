"""Ignored targets count in no mean, no gradient and no length."""

import math

import pytest
import torch

from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.masking import IGNORE_INDEX, answer_predictions, last_step_targets, masked_mean, valid_mask

NAN = math.nan


def test_nan_and_the_ignored_class_are_no_valid_targets() -> None:
    assert valid_mask(torch.tensor([[0.0, NAN], [-1.0, 2.0]])).tolist() == [[True, False], [True, True]]
    assert valid_mask(torch.tensor([[0, IGNORE_INDEX], [3, 1]])).tolist() == [[True, False], [True, True]]


def test_means_are_over_valid_targets_member_by_member() -> None:
    targets = torch.tensor([[[1.0, NAN], [NAN, NAN]], [[NAN, 1.0], [1.0, NAN]]])  # [S, M, B]
    values = torch.tensor([[[2.0, NAN], [5.0, 6.0]], [[1e9, 4.0], [7.0, math.inf]]])
    assert masked_mean(values, targets).tolist() == [3.0, 7.0]


def test_no_gradient_arrives_at_ignored_targets_whatever_is_predicted_there() -> None:
    targets = torch.tensor([[1.0, NAN], [NAN, 2.0]])
    predictions = torch.tensor([[3.0, 1e30], [-1e30, 4.0]], requires_grad=True)
    masked_mean((predictions - targets.nan_to_num()).square(), targets).backward()
    assert predictions.grad is not None
    assert predictions.grad.tolist() == [[2.0, 0.0], [0.0, 2.0]]


def test_one_answer_stands_at_the_last_step_of_each_sequence() -> None:
    """Batches of T = 6 steps, of which the last S = 3 may be a sequence's last."""
    answers = torch.tensor([0.5, 0.25, 0.75])
    targets = last_step_targets(answers, torch.tensor([6, 4, 5]), length=6, predicted_steps=3)
    expected = torch.tensor([[NAN, 0.25, NAN], [NAN, NAN, 0.75], [0.5, NAN, NAN]])
    assert torch.equal(targets.nan_to_num(-9), expected.nan_to_num(-9))
    classes = last_step_targets(torch.tensor([2, 0]), torch.tensor([5, 6]), length=6, predicted_steps=2)
    assert classes.tolist() == [[2, IGNORE_INDEX], [IGNORE_INDEX, 0]]


def test_a_sequence_ends_with_its_last_valid_target() -> None:
    targets = torch.tensor([[NAN, 0.25, 1.0, 3.0], [NAN, NAN, 0.75, NAN], [0.5, NAN, NAN, 1.0]])
    assert Batch(torch.zeros(6, 4, 2), targets).lengths.tolist() == [6, 4, 5, 6]
    assert Batch(torch.zeros(4, 2, 1), torch.zeros(4, 2, dtype=torch.int64)).lengths.tolist() == [4, 4]


def test_the_answer_of_a_sequence_is_the_prediction_at_its_valid_target() -> None:
    predictions = torch.arange(12.0).reshape(3, 2, 2)
    targets = torch.tensor([[IGNORE_INDEX, 1], [IGNORE_INDEX, IGNORE_INDEX], [0, IGNORE_INDEX]])
    assert answer_predictions(predictions, targets).tolist() == [[8.0, 9.0], [2.0, 3.0]]


@pytest.mark.parametrize("none", [torch.tensor([[NAN]]), torch.tensor([[IGNORE_INDEX]])])
def test_a_mean_over_nothing_is_no_number(none: torch.Tensor) -> None:
    assert masked_mean(torch.tensor([[1.0]]), none).isnan()
